"""Compiled sums and maps over copies against what they abbreviate."""

import pytest
import torch
from torch import Tensor

from autograin_cli.mapping.copies import map_copies, sum_products

# Atoms of a molecule and copies: compiled and not, one slice of copies and several.
SHAPES = [(1, 3), (5, 200), (8, 64), (8, 65), (32, 1), (33, 1), (40, 7)]


def _frames(n_atoms: int, n_copies: int, *, mixed: bool) -> tuple[Tensor, Tensor]:
    """Five frames, with two atoms that belong to no copy where the copies are mixed."""
    generator = torch.Generator().manual_seed(n_atoms)
    n_all = n_atoms * n_copies + 2 * mixed
    vectors = torch.randn(5, n_all, 3, generator=generator, dtype=torch.float64)
    order = torch.randperm(n_all, generator=generator) if mixed else torch.arange(n_all)
    return vectors, order[: n_atoms * n_copies].reshape(n_copies, n_atoms)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize(("n_atoms", "n_copies"), SHAPES)
def test_sums_are_those_of_the_plain_product(
    n_atoms: int, n_copies: int, mixed: bool, centred: bool
) -> None:
    vectors, copies = _frames(n_atoms, n_copies, mixed=mixed)
    molecules = vectors[:, copies]
    if centred:
        molecules = molecules - molecules.mean(2, keepdim=True)
    expected = torch.einsum("fcid,fcjd->ij", molecules, molecules)
    found = sum_products(vectors, copies, centred=centred)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize(("n_atoms", "n_copies"), SHAPES)
def test_far_from_the_origin_nothing_is_lost(n_atoms: int, n_copies: int) -> None:
    vectors, copies = _frames(n_atoms, n_copies, mixed=False)
    far = sum_products(vectors + 4096.0, copies, centred=True)  # Å, exact in binary but the tail
    near = sum_products((vectors + 4096.0) - 4096.0, copies, centred=True)
    torch.testing.assert_close(far, near, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize(("n_atoms", "n_copies"), SHAPES)
def test_beads_of_copies_are_those_of_the_plain_product(
    n_atoms: int, n_copies: int, mixed: bool
) -> None:
    vectors, copies = _frames(n_atoms, n_copies, mixed=mixed)
    matrix = torch.rand(2, n_atoms, generator=torch.Generator().manual_seed(1)).double()
    expected = torch.einsum("ba,fcad->fcbd", matrix, vectors[:, copies])
    found = map_copies(matrix, vectors, copies)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_value_that_is_not_finite_is_seen_in_the_sum() -> None:
    vectors, copies = _frames(8, 64, mixed=False)
    vectors[3, 100, 1] = float("nan")
    assert not sum_products(vectors, copies, centred=True).isfinite().all()
