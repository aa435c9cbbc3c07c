"""Whether forces stand in the order of the atoms, and in which order they stand if not."""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from autograin_cli.checking.probe import Probe

_LEAST_GAIN = 0.25  # of the correlation of each atom that is out of place, on average
_LEAST_FIT = 0.3  # correlation of an atom with the force that is its own
_STANDARD_ERRORS = 5.0  # by which it must be more than chance
_MOST_ATOMS = 1500  # the first of them, between which an order is sought


@dataclass(frozen=True)
class Order:
    """An order of the atoms that fits the forces better than the one they stand in.

    moved: atoms whose force stands elsewhere, (moved,), int64.
    places: where it stands, (moved,), int64.
    """

    moved: Tensor
    places: Tensor


def order_within(probe: Probe, forces: Tensor) -> Order | None:
    """Find a better order of the forces inside the molecules of one type, the same in all copies.

    Args:
        probe: of bonds.
        forces: kJ/(mol Å), (frames, copies, atoms, 3).

    Returns:
        None where the order is right, or nothing tells.
    """
    return _better(_pushes(probe).flatten(0, 1), forces.flatten(0, 1))


def order_among(probes: tuple[Probe, ...], forces: Tensor) -> Order | None:
    """Find a better order of the forces of all atoms, as `order_within` does.

    Args:
        probes: of bonds, of molecules whose copies index the atoms of the forces.
        forces: kJ/(mol Å), (frames, atoms, 3).
    """
    pushes = torch.zeros_like(forces)
    for probe in probes:
        pushes[:, probe.molecule.copies] = _pushes(probe)
    return _better(pushes, forces)


def _pushes(probe: Probe) -> Tensor:
    """Forces on the atoms if bonds were springs as stiff as their spread says.

    Returns:
        In units of k_B T over Å, (frames, copies, atoms, 3).
    """
    d = probe.deviations
    variances = d.square().mean((0, 1)).clamp(min=torch.finfo(d.dtype).tiny)
    pulls = -(d / variances)[..., None] * probe.directions * 2
    shape = (*d.shape[:2], probe.molecule.n_atoms, 3)
    pushes = torch.zeros(shape, dtype=d.dtype)
    return pushes.index_add(2, probe.atoms[:, 1], pulls).index_add(2, probe.atoms[:, 0], -pulls)


def _better(pushes: Tensor, forces: Tensor) -> Order | None:
    """Find the order of the most correlation, (samples, atoms, 3) both."""
    expected, given = _unit(pushes[:, :_MOST_ATOMS]), _unit(forces[:, :_MOST_ATOMS])
    fits = expected.T @ given
    known = expected.any(0)  # atoms without flexible bonds take what is left
    if bool((fits.argmax(1) == torch.arange(len(fits)))[known].all()):
        return None
    rows, columns = linear_sum_assignment(fits.numpy(), maximize=True)
    moved = torch.from_numpy((rows != columns).nonzero()[0])
    if not len(moved):
        return None
    places = torch.from_numpy(columns)[moved]
    ours, theirs = fits[moved, moved], fits[moved, places]
    told = known[moved]
    if not told.any():
        return None
    gain, fit = (theirs - ours)[told].mean(), theirs[told].mean()
    chance = _STANDARD_ERRORS / len(expected) ** 0.5
    return Order(moved, places) if gain > _LEAST_GAIN and fit > max(_LEAST_FIT, chance) else None


def _unit(vectors: Tensor) -> Tensor:
    """Vectors of each atom in all samples, made one of length 1, (3 samples, atoms)."""
    flat = vectors.transpose(1, 2).flatten(0, 1)
    norms = flat.norm(dim=0)
    return flat / torch.where(norms > 0, norms, 1.0)
