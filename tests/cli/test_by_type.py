"""Numbers for types of molecules: one for all, or each by name."""

import pytest

from autograin_cli.cli.by_type import counts
from autograin_cli.errors import SettingError

TYPES = ("ethane", "water", "NA+")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", (2, 2, 2)),
        (" 12 ", (12, 12, 12)),
        ("ethane=2,water=1,NA+=1", (2, 1, 1)),
        (" water = 3, NA+=1 ,ethane=10", (10, 3, 1)),
    ],
)
def test_one_number_is_for_all_types_and_names_may_stand_in_any_order(
    text: str, expected: tuple[int, ...]
) -> None:
    assert counts("--beads", text, TYPES) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ethane=2", "says nothing of water, NA"),
        ("ethane=2,water=1,NA+=1,oil=1", "oil' is no type of molecule"),
        ("ethane=2,water=1,NA+=1,water=2", "names water twice"),
        ("ethane=2,water=0,NA+=1", "where water is '0'"),
        ("ethane=2,water=,NA+=1", "where water is ''"),
        ("ethane=2,,water=1,NA+=1", "no type of molecule"),
        ("0", "--beads 0"),
        ("-1", "--beads -1"),
        ("2.5", "--beads 2.5"),
        ("", "--beads "),
        ("two", "--beads two"),
    ],
)
def test_anything_else_is_refused_and_the_types_are_listed(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as refused:
        counts("--beads", text, TYPES)
    assert "ethane, water, NA+" in refused.value.expected
    assert "ethane=1,water=1,NA+=1" in refused.value.remedy
