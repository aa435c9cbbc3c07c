"""Numbers and lines of texts, against those of Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograin_cli.files.formats.text_lines import EndlessLineError, Lines, parse_columns


def _parse(text: str, places: list[int], n_lines: int) -> tuple[int, np.ndarray, np.ndarray]:
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    numbers = np.full((n_lines, max(places) + 1), -77.0)
    labels = np.zeros(n_lines, dtype=np.uint64)
    wrong = parse_columns(data, 0, len(data), np.array(places), numbers, labels)
    return wrong, numbers, labels


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    st.sampled_from(["%.17g", "%.6f", "%12.5e", "%g", "%.3f", "%+.10E"]),
)
@settings(deadline=None)
def test_numbers_are_those_of_python_to_the_last_digit(values: list[float], form: str) -> None:
    texts = [form % value for value in values]
    wrong, numbers, _ = _parse("\n".join(texts) + "\n", [0], len(texts))
    expected = np.array([float(text) for text in texts])
    assert wrong == -1
    huge = ~np.isfinite(expected) | (np.abs(expected) < 1e-300)
    # Rounded twice at most: once to 18 digits, once by a power of ten for each 22 of its exponent.
    np.testing.assert_allclose(numbers[~huge, 0], expected[~huge], rtol=2e-14 / 2, atol=0)


@given(st.integers(-(2**53), 2**53), st.integers(0, 15))
@settings(deadline=None)
def test_numbers_of_few_digits_are_exact(digits: int, n_behind: int) -> None:
    text = f"{digits:+017d}"
    text = text[: len(text) - n_behind] + "." + text[len(text) - n_behind :]
    assert _parse(text, [0], 1)[1][0, 0] == float(text)


@pytest.mark.parametrize("text", ["nan", "NaN", "-inf", "Infinity", "inf"])
def test_what_is_not_finite_is_told_as_such(text: str) -> None:
    wrong, numbers, _ = _parse(f"{text} 1\n", [0, 1], 1)
    assert wrong == -1 and not np.isfinite(numbers[0, 0]) and numbers[0, 1] == 1


@pytest.mark.parametrize(
    "text", ["abc", "1.2.3", "-", "1e", "1e+", "--1", "0x10", "1,5", "nanometre", ".", "1_0", "٣"]
)
def test_what_is_no_number_names_its_line(text: str) -> None:
    assert _parse(f"1\n2\n{text}\n", [0], 3)[0] == 2


def test_columns_go_where_they_are_wanted() -> None:
    wrong, numbers, labels = _parse(
        "C 1 2 x 3\n\tN  4\t5 y 6 7\r\nC 8 9 z 10", [-2, 1, -1, -1, 0], 3
    )
    assert wrong == -1
    assert numbers.tolist() == [[3, 1], [6, 4], [10, 8]]
    assert labels[0] == labels[2] != labels[1]


def test_a_line_with_too_few_columns_is_named() -> None:
    assert _parse("1 2\n3\n4 5\n", [0, 1], 3)[0] == 1
    assert _parse("1 2\n3 4\n", [0, 1], 3)[0] == 2


@given(
    st.lists(st.text("ab", max_size=5), max_size=12),
    st.lists(st.integers(1, 7), min_size=1),
    st.booleans(),
)
@settings(deadline=None)
def test_lines_are_found_however_the_text_is_cut(
    rows: list[str], cuts: list[int], ended: bool
) -> None:
    text = "\n".join(rows) + ("\n" if ended and rows else "")
    data, pieces = text.encode(), list[bytes]()
    while data:
        cut = cuts[len(pieces) % len(cuts)]
        pieces.append(data[:cut])
        data = data[cut:]
    lines, expected, place = Lines(iter(pieces)), text.splitlines(keepends=True), 0
    for number, row in enumerate(expected):
        assert lines.offset == place
        if number % 3 == 2:
            assert lines.skip(1) == 1
        else:
            assert lines.line() == row.rstrip("\n").encode()
        place += len(row)
        assert lines.whole == row.endswith("\n")
    assert lines.line() is None and lines.skip(2) == 0


def test_a_line_that_never_ends_is_refused() -> None:
    endless = [b"0" * 2**18] * 100
    with pytest.raises(EndlessLineError):
        Lines(iter(endless)).line()
    with pytest.raises(EndlessLineError):
        Lines(iter(endless)).skip(3)
