"""Whether forces stand in the order of the atoms, and in which order they stand if not."""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from scipy.special import stdtrit
from torch import Tensor

from autograin_cli.checking.probe import Probe
from autograin_cli.checking.sample import RUN

_LEAST_GAIN = 0.25  # of the correlation of each atom that is out of place, on average
_LEAST_FIT = 0.3  # correlation of an atom with the force that is its own
_STANDARD_ERRORS = 5.0  # by which it must be more than chance, were all samples independent
_RATE = 1e-4  # at which forces of another run are taken for permuted ones
_TURNS, _FEWEST_TURNS = 10, 4  # by which it is measured what fits by chance
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
    return _better(_pushes(probe), forces)


def order_among(probes: tuple[Probe, ...], forces: Tensor) -> Order | None:
    """Find a better order of the forces of all atoms, as `order_within` does.

    Args:
        probes: of bonds, of molecules whose copies index the atoms of the forces.
        forces: kJ/(mol Å), (frames, atoms, 3).
    """
    pushes = torch.zeros_like(forces)
    for probe in probes:
        pushes[:, probe.molecule.copies] = _pushes(probe)
    return _better(pushes[:, None], forces[:, None])


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
    """Find the order of the most correlation, (frames, copies, atoms, 3) both."""
    n_frames, n_copies = pushes.shape[:2]
    expected, given = _unit(pushes[:, :, :_MOST_ATOMS]), _unit(forces[:, :, :_MOST_ATOMS])
    fits = expected.T @ given
    known = expected.any(0)  # atoms without flexible bonds take what is left
    if bool((fits.argmax(1) == torch.arange(len(fits)))[known].all()):
        return None
    columns = _assigned(fits)
    moved = (columns != torch.arange(len(fits))).nonzero().flatten()
    places = columns[moved]
    told = known[moved]
    if not told.any():
        return None
    ours, theirs = fits[moved, moved][told], fits[moved, places][told]
    gain, fit = (theirs - ours).mean(), float(theirs.mean())
    chance = _STANDARD_ERRORS / (n_frames * n_copies) ** 0.5
    if gain <= _LEAST_GAIN or fit <= max(_LEAST_FIT, chance):
        return None
    turned = [expected[:, known].T @ given.roll(shift, 0) for shift in _turns(n_frames, n_copies)]
    return Order(moved, places) if fit > _by_chance(turned) else None


def _assigned(fits: Tensor) -> Tensor:
    """Column of each row, each once, so that the sum is the largest, (rows,)."""
    return torch.from_numpy(linear_sum_assignment(fits.numpy(), maximize=True)[1])


def _turns(n_frames: int, n_copies: int) -> list[int]:
    """Rows of `_unit` by which forces are turned against positions: by whole runs of frames."""
    runs = -(-n_frames // RUN)
    turns = {round(turn * runs / (_TURNS + 1)) for turn in range(1, _TURNS + 1)} - {0}
    return [3 * n_copies * RUN * turn for turn in sorted(turns)]


def _by_chance(turned: list[Tensor]) -> float:
    """Mean correlation that the best order has with forces of other frames, at the most.

    Those are like forces of another run, also in how much frames are like their neighbours. The
    bound is that of a prediction from so many normal values.
    """
    if len(turned) < _FEWEST_TURNS:
        return 0.0
    best = [fits.gather(1, _assigned(fits)[:, None]).mean() for fits in turned]
    values, count = torch.stack(best), len(best)
    error = float(values.std()) * (1 + 1 / count) ** 0.5
    return float(values.mean()) + float(stdtrit(count - 1, 1 - _RATE)) * error


def _unit(vectors: Tensor) -> Tensor:
    """Vectors of each atom in all samples, made one of length 1, (3 frames copies, atoms)."""
    flat = vectors.transpose(2, 3).flatten(0, 2)
    norms = flat.norm(dim=0)
    return flat / torch.where(norms > 0, norms, 1.0)
