"""Which forces fit which positions, where those of the same frame do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.checking.chance import chance_of
from autograin_cli.checking.probe import Probe, probes
from autograin_cli.checking.sample import Frames, Sample, take_sample
from autograin_cli.checking.thermometer import Fit, fit_of
from autograin_cli.molecules import Molecule

NEAR = 3  # frames by which a shift is looked for in every input
MATCHED = -0.2  # a correlation above it is none: sound forces have -0.5 and less
_CLEARLY = -0.3
_STANDARD_ERRORS = 5.0  # of independent frames; whether frames are is asked of the best alone
_LEAST_GAIN = 0.1
_BLOCK, _FARTHEST = 240, 100  # frames in which larger shifts are looked for, and the largest
_STRIDES = (*range(2, 11), 20, 25, 50, 100)
_PER_STRIDE = 48
_RATE = 1e-4  # at which forces of another run are taken for shifted ones, and the like
_WAYS = 2 * (NEAR + _FARTHEST + len(_STRIDES)) + 1  # to pair, of which the best is told


@dataclass(frozen=True)
class Pairing:
    """Forces paired with positions otherwise than frame by frame.

    kind: 'shift', 'stride' or 'reverse'.
    number: frames that the forces are behind; for a stride n, frames of the trajectory between
        two of the forces, or minus the frames of forces between two of the trajectory.
    fit: how well they fit.
    places: of the positions and of the forces in the sample, (pairs,) each.
    """

    kind: str
    number: int
    fit: Fit
    places: tuple[Tensor, Tensor]


def is_clear(fit: Fit) -> bool:
    """Whether forces pull back more than chance would have it, were all frames independent."""
    return fit.correlation < min(_CLEARLY, -_STANDARD_ERRORS * fit.noise)


def is_sure(found: Sequence[Probe], sample: Sample, own: Fit) -> bool:
    """Whether forces of another run hardly ever fit as well, or push as much.

    Args:
        found: from `probes`.
        sample: that they are of.
        own: how well forces fit the frames that they stand with.
    """
    everything = torch.arange(sample.n_frames)
    return chance_of(found, sample.frames, (everything, everything), own) < _RATE


def is_sure_pairing(found: Sequence[Probe], sample: Sample, best: Pairing) -> bool:
    """Whether the best of all ways to pair hardly ever fits as well with forces of another run."""
    return chance_of(found, sample.frames, best.places, best.fit) < _RATE / _WAYS


def near_shift(found: Sequence[Probe], sample: Sample, own: Fit) -> Pairing | None:
    """Find a shift by few frames that fits better than none; None where there is none.

    It is not asked here whether another run would fit as well: it would be as wrong.

    Args:
        found: from `probes`.
        sample: that they are of.
        own: how well forces fit the frames that they stand with.
    """
    shifts = [
        Pairing("shift", offset, fit_of(found, *places), places)
        for offset in range(-NEAR, NEAR + 1)
        if offset and len((places := sample.neighbours(offset))[0])
    ]
    best = min(shifts, key=lambda shift: shift.fit.correlation, default=None)
    if best is None or not is_clear(best.fit):
        return None
    gain = own.correlation - best.fit.correlation
    return best if gain > max(_LEAST_GAIN, _STANDARD_ERRORS * best.fit.noise) else None


def pairing(frames: Frames, molecules: Sequence[Molecule]) -> Pairing | None:
    """Find how forces and positions belong together: shifted far, at another stride, reversed.

    Args:
        frames: that do not fit as they are.
        molecules: types of molecules.

    Returns:
        None where nothing fits better than forces of another run would by chance.
    """
    sample = take_sample(frames, molecules, _looked_at(frames.n_frames))
    found = probes(sample)
    candidates = [
        Pairing(kind, number, fit_of(found, *places), places)
        for kind, number, places in _candidates(sample, frames.n_frames)
        if len(places[0])
    ]
    clear = [one for one in candidates if is_clear(one.fit)]
    best = min(clear, key=lambda one: one.fit.correlation, default=None)
    return best if best is not None and is_sure_pairing(found, sample, best) else None


def _looked_at(n_frames: int) -> Tensor:
    """Numbers of the frames that the candidates need: a block, and multiples, (frames,)."""
    numbers = [torch.arange(min(_BLOCK, n_frames)), n_frames - 1 - torch.arange(_PER_STRIDE)]
    numbers += [_counted() * stride for stride in _STRIDES]
    wanted = torch.cat(numbers).unique()
    return wanted[(wanted >= 0) & (wanted < n_frames)]


def _counted() -> Tensor:
    """Frames after the first, which every stride has in common."""
    return torch.arange(1, _PER_STRIDE + 1)


def _candidates(sample: Sample, n_frames: int) -> Iterator[tuple[str, int, tuple[Tensor, Tensor]]]:
    """Yield ways to pair: positions and forces by their places in the sample."""
    most = min(_FARTHEST, min(_BLOCK, n_frames) // 2)
    for offset in range(-most, most + 1):
        if offset:
            yield "shift", offset, sample.neighbours(offset)
    few = _counted()
    for stride in _STRIDES:
        yield "stride", stride, _places(sample, few * stride, few)
        yield "stride", -stride, _places(sample, few, few * stride)
    first = torch.arange(_PER_STRIDE)
    yield "reverse", 0, _places(sample, first, n_frames - 1 - first)


def _places(sample: Sample, frames: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
    """Places in the sample of pairs of frames that it holds both."""
    pairs = torch.stack([frames, partners])
    places = torch.searchsorted(sample.frames, pairs).clamp(max=sample.n_frames - 1)
    held = (sample.frames[places] == pairs).all(0)
    return places[0][held], places[1][held]
