"""Records as named arrays: whatever is in a record comes back."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.storage.records import Flat, build, flatten
from example_artifacts import bits


@dataclass(frozen=True)
class Leaf:
    name: str
    number: float
    array: Tensor


@dataclass(frozen=True)
class Tree:
    text: str
    words: tuple[str, ...]
    count: int
    flag: bool
    maybe: float | None
    leaf: Leaf | None
    leaves: tuple[Leaf, ...]


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=8)
FLOATS = st.floats(allow_nan=False)
LEAVES = st.builds(
    Leaf,
    TEXT,
    FLOATS,
    st.lists(FLOATS, max_size=4).map(lambda numbers: torch.tensor(numbers, dtype=torch.float64)),
)
TREES = st.builds(
    Tree,
    TEXT,
    st.lists(TEXT, max_size=3).map(tuple),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none() | FLOATS,
    st.none() | LEAVES,
    st.lists(LEAVES, max_size=4).map(tuple),
)


def same(path: str) -> str:
    return path


def surrogates_are_bytes(text: str) -> bool:
    """Whether a text can be the name of a file: no lone surrogates but those of single bytes."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


def texts(tree: Tree) -> list[str]:
    leaves = [*tree.leaves, *([tree.leaf] if tree.leaf else [])]
    return [tree.text, *tree.words, *(leaf.name for leaf in leaves)]


@given(TREES)
def test_any_record_comes_back_with_every_bit(tree: Tree) -> None:
    if all(map(surrogates_are_bytes, texts(tree))):
        assert bits(build(Tree, flatten(tree, same), same)) == bits(tree)


@given(st.lists(TEXT, max_size=5))
def test_members_have_names_that_hdf5_takes_and_none_twice(names: list[str]) -> None:
    leaves = tuple(Leaf(name, 0.0, torch.zeros(0)) for name in names)
    tree = Tree("", (), 0, False, None, None, leaves)
    if all(map(surrogates_are_bytes, names)):
        (order,) = flatten(tree, same).orders.values()
        assert len(set(order)) == len(names)
        for key in order:
            assert key
            assert key.strip(".")
            assert not set(key) & {"/", "\0", "*"}
            key.encode("utf-8")


def test_a_null_character_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\\x00b"):
        flatten(Leaf("a\0b", 1.0, torch.zeros(1)), same)


def test_a_missing_array_is_named() -> None:
    flat = flatten(Leaf("a", 1.0, torch.zeros(1)), same)
    del flat.arrays["number"]
    with pytest.raises(InputError, match="no number in the file"):
        build(Leaf, flat, same)
    with pytest.raises(InputError, match="no name in the file"):
        build(Leaf, Flat(), same)
