"""Checks of forces alone: zero, constant, positions in their place, a net force."""

import torch
from torch import Tensor

from autograin_cli.checking.conditions import Examined
from autograin_cli.checking.emptiness import MOST_EMPTY, emptiness
from autograin_cli.checking.finding import FAILED, WARNING, Finding, passed, unmeasured
from autograin_cli.checking.rigid import distances, some
from autograin_cli.checking.sample import Sample

_LEAST_SPREAD = 0.2  # of the lengths of differences, over their mean; of forces it is 0.4 and more
MOST_NET = 0.02  # of the root mean square force; an accurate simulation has 0.001 and less
_LEAST_DENSITY = 0.015  # atoms in Å³, where nothing was left out for sure
_BLOCK = 240  # frames in which it is counted how often forces change


def zero_forces(examined: Examined) -> Finding:
    """Find atoms, and frames, without any force."""
    name, sample = "zero-forces", examined.sample
    if sample.largest is None or sample.squares is None:
        return unmeasured(name, "there are no forces")
    atoms = (sample.largest == 0).nonzero().flatten().tolist()
    frames = (sample.squares == 0).nonzero().flatten()
    if not atoms and not len(frames):
        return passed(name, "every atom and every frame has forces", 0.0)
    if len(frames):
        told = f"{len(frames)} of {sample.n_frames} frames looked at hold no force on any atom, "
        told += f"first that at {examined.moment(int(frames[0]))}"
        remedy = "give only frames with forces, with --begin, --stride, or in files of their own"
    else:
        some = ", ".join(map(str, atoms[:5])) + (", …" if len(atoms) > 5 else "")
        told = f"{len(atoms)} of {examined.frames.n_atoms} atoms never feel a force: {some}"
        remedy = "leave these atoms out with --select, or write the forces on all atoms"
    return Finding(
        name=name,
        outcome=FAILED,
        measured=told,
        value=float(len(frames) or len(atoms)),
        expected="forces on every atom in every frame",
        cause="forces were written for some atoms or steps only, or set to zero (frozen atoms)",
        remedy=remedy,
    )


def constant_forces(examined: Examined) -> Finding:
    """Find forces that do not change although positions do."""
    name, sample = "constant-forces", examined.sample
    first, second = sample.neighbours(1)
    if sample.forces is None or not len(first):
        return unmeasured(name, "there are no forces" if sample.forces is None else "one frame")
    same = (sample.forces[first] == sample.forces[second]).flatten(1).all(1)
    moved = (sample.positions[first] != sample.positions[second]).flatten(1).any(1)
    stale = same & moved & sample.forces[first].flatten(1).any(1)
    share = float(stale.double().mean())
    if not stale.any():
        return passed(name, "forces change from frame to frame", share)
    stride, offset = _changes(examined)
    told = f"{share:.0%} of the frames looked at have the forces of the frame before"
    remedy = "give forces that were written in every frame"
    if stride:
        told += f": forces change every {stride} frames"
        remedy = f"read only the frames where forces are new: --stride {stride}"
        if offset:
            remedy += _from(examined, offset)
    return Finding(
        name=name,
        outcome=FAILED,
        measured=told,
        value=share,
        expected="forces of the frame itself, in every frame",
        cause="forces were written, or computed, less often than positions",
        remedy=remedy,
    )


def _from(examined: Examined, first: int) -> str:
    """Say how to leave out the frames before one."""
    if examined.conditions.clock != "ps":
        return f", with the first {first} of the frames taken out of the files"
    return f" --begin {float(examined.frames.at(torch.tensor([first])).times[0]):g}"


def _changes(examined: Examined) -> tuple[int, int]:
    """Frames between two changes of the forces, and the first change; 0 where irregular."""
    block = examined.frames.at(torch.arange(min(_BLOCK, examined.frames.n_frames)))
    if block.forces is None:
        return 0, 0
    changes = (block.forces[1:] != block.forces[:-1]).flatten(1).any(1).nonzero().flatten() + 1
    between = changes.diff()
    regular = len(between) > 0 and bool((between == between[0]).all()) and int(between[0]) > 1
    stride = int(between[0]) if regular else 0
    return stride, int(changes[0]) % stride if stride else 0


def positions_as_forces(examined: Examined) -> Finding:
    """Find positions where forces should be: their differences keep their lengths."""
    name, sample = "positions-as-forces", examined.sample
    spreads = _spreads(sample)
    if not len(spreads):
        return unmeasured(name, "there are no bonds, or too few frames with forces")
    spread = float(spreads.median())
    told = f"differences between the forces on bonded atoms vary by {spread:.0%}"
    if spread > _LEAST_SPREAD:
        return passed(name, told, spread)
    return Finding(
        name=name,
        outcome=FAILED,
        measured=told,
        value=spread,
        expected=f"more than {_LEAST_SPREAD:.0%}: only bonds keep their lengths",
        cause="the force file holds positions",
        remedy="give the file of the forces with --forces",
    )


def _spreads(sample: Sample) -> Tensor:
    """Spread of the size of the difference of the forces at the ends of bonds, over its mean.

    From quartiles, so that a few molecules broken by the box do not count; (bonds,).
    """
    found = [torch.zeros(0, dtype=torch.float64)]
    for molecule in sample.molecules:
        if sample.forces is None or sample.n_frames * molecule.n_copies < 10:
            continue
        sizes = some(distances(sample.forces, molecule, molecule.bonds))
        low, middle, high = sizes.sort(0).values[_quartiles(len(sizes))]
        found.append(((high - low) / 1.349 / middle)[middle > 0])
    return torch.cat(found)


def _quartiles(count: int) -> Tensor:
    return (torch.tensor([0.25, 0.5, 0.75]) * (count - 1)).round().long()


def net_force(examined: Examined) -> Finding:
    """Measure the force on the whole box, which forces between atoms do not give."""
    name, sample = "net-force", examined.sample
    if sample.net is None or sample.squares is None:
        return unmeasured(name, "there are no forces")
    if not examined.conditions.all_atoms:
        return unmeasured(name, "only some atoms are read")
    squares = float(sample.squares.mean())
    share = (float(sample.net.square().sum(1).mean()) / squares) ** 0.5 if squares else 0.0
    told = f"the forces on all atoms sum to {share:.2g} of what independent ones would"
    if share < MOST_NET:
        return passed(name, told, share)
    if sample.volumes is not None and _density(examined) < _LEAST_DENSITY:
        empty = emptiness(examined)
        if empty > MOST_EMPTY:
            room = f"{empty:.0%} of the box is empty, room for atoms that were not written"
            return unmeasured(name, f"{told}; {room}")
    return Finding(
        name=name,
        outcome=WARNING,
        measured=told,
        value=share,
        expected=f"less than {MOST_NET:g}: forces between atoms cancel",
        cause=f"noise of a thermostat in the forces, as in dumps of LAMMPS with fix langevin "
        f"({share:.0%} of the force), or atoms that were not written, or an outer field",
        remedy="write the forces before the thermostat adds to them (in LAMMPS: rerun, or fix "
        "store/force before fix langevin); such noise does not bias a fit, but enlarges its errors",
    )


def _density(examined: Examined) -> float:
    """Atoms in Å³."""
    volumes = examined.sample.volumes
    return examined.frames.n_atoms / float(volumes.mean()) if volumes is not None else 0.0
