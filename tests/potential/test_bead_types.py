"""Types of beads that a user gives."""

import pytest

from autograin_cli.errors import SettingError
from autograin_cli.potential.bead_types import given_types

PROPANE = ("propane", ("A1", "B1", "A2"), ("A", "B", "A"))
WATER = ("water", ("A1",), ("A",))


def test_types_of_one_molecule_need_no_name() -> None:
    assert given_types("CH3,CH2,CH3", [PROPANE]) == (("CH3", "CH2", "CH3"),)
    assert given_types("propane=X,X,X", [PROPANE]) == (("X", "X", "X"),)


def test_molecules_that_are_not_named_keep_their_types() -> None:
    assert given_types("", [PROPANE, WATER]) == (("A", "B", "A"), ("A",))
    assert given_types("water=W", [PROPANE, WATER]) == (("A", "B", "A"), ("W",))
    assert given_types("water=W propane=a,b,c", [PROPANE, WATER]) == (("a", "b", "c"), ("W",))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("CH3,CH2", "2 types for the 3 beads of propane"),
        ("W", "without a molecule"),
        ("ethane=W", "ethane"),
        ("water=W/2", "W/2"),
        ("water=", "''"),
        ("propane=A,,B", "''"),
    ],
)
def test_types_that_do_not_fit_are_refused_with_the_beads(text: str, match: str) -> None:
    molecules = [PROPANE] if "CH3" in text else [PROPANE, WATER]
    with pytest.raises(SettingError, match=match) as error:
        given_types(text, molecules)
    assert "propane: A1, B1, A2" in str(error.value)
