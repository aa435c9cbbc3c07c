"""Units as files write them, against constants of nature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograin_cli.files.formats.written_units import force_in, length_in, same_force, time_in


@pytest.mark.parametrize(
    ("text", "factor", "name"),
    [
        ("kJ mol-1 nm-1", 0.1, "kJ/mol/nm"),
        ("kJ/(mol*nm)", 0.1, "kJ/mol/nm"),
        ("kilojoule/(mole*nanometer)", 0.1, "kJ/mol/nm"),
        ("kJ mol-1 Angstrom-1", 1.0, "kJ/mol/A"),
        ("kilocalorie/mole/angstrom", 4.184, "kcal/mol/A"),
        ("kcal mol^-1 Å^-1", 4.184, "kcal/mol/A"),
        ("eV/Angstrom", 96.48533212, "eV/A"),
        ("Hartree/Bohr", 4961.4752589, "hartree/bohr"),
        ("hartree bohr**-1", 4961.4752589, "hartree/bohr"),
        ("amu*angstrom/picosecond^2", 0.01, None),
        ("u nm ps-2", 0.1, "kJ/mol/nm"),
    ],
)
def test_forces_are_understood(text: str, factor: float, name: str | None) -> None:
    assert force_in(text) == pytest.approx(factor, rel=1e-9)
    assert same_force(text) == name


@pytest.mark.parametrize(
    "text",
    ["", "kJ", "kJ/mol", "nm", "kJ mol-1 nm", "N", "furlong", "kJ//mol", "(", "kJ^99/nm/mol"],
)
def test_what_is_no_force_is_not_taken_for_one(text: str) -> None:
    assert force_in(text) is None and same_force(text) is None


def test_lengths_and_times_are_understood() -> None:
    assert [length_in(t) for t in ("nm", "Angstrom", "A", "bohr", "ps")] == [
        10.0,
        1.0,
        1.0,
        pytest.approx(0.529177210903),
        None,
    ]
    assert [time_in(t) for t in ("ps", "picosecond", "fs", "ns", "A")] == [1, 1, 1e-3, 1e3, None]


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    assert length_in(text) is None or length_in(text) > 0  # type: ignore[operator]
