"""Checks of forces against positions: sign, frames, stride, atoms, unit, temperature.

At most one of them fails: which it is follows from how well the forces fit, and what fits better.
"""

from collections.abc import Callable

import torch

from autograin_cli.checking.conditions import Examined
from autograin_cli.checking.finding import FAILED, Finding, passed, unmeasured
from autograin_cli.checking.matching import (
    MATCHED,
    NEAR,
    Pairing,
    is_clear,
    is_sure,
    is_sure_pairing,
    near_shift,
    pairing,
)
from autograin_cli.checking.order import Order, order_among, order_within
from autograin_cli.checking.probe import Probe, probes
from autograin_cli.checking.sample import WIDE, take_sample
from autograin_cli.checking.strength import strength
from autograin_cli.checking.thermometer import Fit, fit_of, stiffness, temperature
from autograin_cli.checking.warmth import warmth

CODES = (
    "force-sign",
    "shifted-frames",
    "force-stride",
    "permuted-atoms",
    "mismatched-forces",
    "force-unit",
    "temperature",
)
_WEAK = -0.5  # a correlation above it may be that with another run
_LESS = -0.1  # gradients pull back half a vibration away, but no more than they push
_MOST_NOISE = 0.07  # of a correlation, for its absence to say anything
_N_PARTS = 8  # of the sample, that are compared
_LEAST_VALUES = 200  # in a part
_CHANGED = 2.0  # factor between stiffnesses of parts; a unit changes it by 4 and more
_WEAKER = 0.6  # of the correlation; a unit that changes in a part leaves more


def relation(examined: Examined) -> tuple[Finding, ...]:
    """Find out whether forces belong to positions, in which unit, and how warm they say it is."""
    sample = examined.sample
    found = probes(sample, examined.rigid)
    if not found:
        reason = "there are no forces" if sample.forces is None else _NOTHING
        return tuple(unmeasured(code, reason) for code in CODES)
    everything = torch.arange(sample.n_frames)
    own = fit_of(found, everything, everything)
    wrong = _mismatch(examined, found, own)
    if wrong is not None:
        return _with(wrong, lambda code: unmeasured(code, "the forces do not fit the positions"))
    if own.noise > _MOST_NOISE and not is_clear(own):
        return tuple(unmeasured(code, "there are too few frames to tell") for code in CODES)
    if own.correlation > _WEAK and not is_sure(found, sample, own):
        return tuple(unmeasured(code, _DOUBTFUL) for code in CODES)
    change = _change(found, examined)
    if change is not None:
        return _with(change, lambda code: _fits(code, own))
    warm = warmth(temperature(found, sample), strength(found), examined.conditions, found[0].kind)
    return (*(_fits(code, own) for code in CODES[:-2]), *warm)


_NOTHING = "no bond or angle is flexible and measured in enough frames"
_DOUBTFUL = (
    "the forces fit the bonds no better than those of another run may by chance: the frames "
    "are too few, or too much like their neighbours"
)


_WORDS = {
    "force-sign": "the forces pull back along bonds",
    "shifted-frames": f"no shift by up to {NEAR} frames fits better",
    "force-stride": "the forces fit the frames that they stand with",
    "permuted-atoms": "no other order of the atoms fits better",
    "mismatched-forces": "the forces belong to the positions",
    "force-unit": "bonds are as stiff all along",
    "temperature": "the forces belong to the positions",
}


def _fits(code: str, own: Fit) -> Finding:
    told = f"{_WORDS[code]}: correlation with the bonds {own.correlation:.2f}"
    return passed(code, told, own.correlation)


def _with(wrong: Finding, other: Callable[[str], Finding]) -> tuple[Finding, ...]:
    return tuple(wrong if code == wrong.name else other(code) for code in CODES)


def _mismatch(examined: Examined, found: tuple[Probe, ...], own: Fit) -> Finding | None:
    """Say what is wrong where forces are not those on these atoms in these frames."""
    enough = own.noise < _MOST_NOISE
    if -own.correlation < MATCHED and enough and is_sure(found, examined.sample, own):
        return _pushing(examined, own)
    shift = near_shift(found, examined.sample, own)
    if shift is not None:
        farther = pairing(examined.frames, examined.molecules)
        if farther and farther.kind == "shift":
            return _shifted(farther, own)
        sure = is_sure_pairing(found, examined.sample, shift)
        return _shifted(shift, own) if sure else _explained(examined, found, own)
    if own.correlation > MATCHED and enough:
        return _explained(examined, found, own)
    return _swapped(examined, found, own)


def _pushing(examined: Examined, own: Fit) -> Finding:
    """Tell gradients from forces that come half a vibration too late or so, which push too."""
    farther = pairing(examined.frames, examined.molecules)
    if farther is None or farther.kind != "shift":
        return _sign(own)
    better = farther.fit.correlation < _LESS - own.correlation
    return _shifted(farther, own) if better else _sign(own)


def _explained(examined: Examined, found: tuple[Probe, ...], own: Fit) -> Finding:
    """Look for what forces that do not fit at all belong to."""
    swapped = _swapped(examined, found, own) or _reordered(examined, own)
    if swapped is not None:
        return swapped
    better = pairing(examined.frames, examined.molecules)
    if better is None:
        return _of_another(own)
    return _shifted(better, own) if better.kind == "shift" else _strided(better, own)


def _sign(own: Fit) -> Finding:
    return Finding(
        name="force-sign",
        outcome=FAILED,
        measured=f"the forces push along bonds: correlation {own.correlation:+.2f}",
        value=own.correlation,
        expected="forces that pull back: a correlation near -0.9",
        cause="the file holds gradients of the energy, which are minus the forces",
        remedy="multiply the numbers by -1, and give them as .npy with --forces",
    )


def _shifted(shift: Pairing, own: Fit) -> Finding:
    number = abs(shift.number)
    plural = "frame" if number == 1 else "frames"
    first, last = ("frame", "one") if number == 1 else (f"{number} frames", f"{number}")
    late = shift.number > 0
    ahead, behind = ("force file", "trajectory") if late else ("trajectory", "force file")
    return Finding(
        name="shifted-frames",
        outcome=FAILED,
        measured=f"the forces come {number} {plural} too {'late' if late else 'early'}: there "
        f"their correlation with the bonds is {shift.fit.correlation:.2f}, here it is "
        f"{own.correlation:.2f}",
        value=float(shift.number),
        expected="forces of the frame that they stand with",
        cause="one of the files was written from another step on, or lacks a frame",
        remedy=f"leave out the first {first} of the {ahead}, and the last {last} of the {behind}",
    )


def _strided(better: Pairing, own: Fit) -> Finding:
    there = f"there their correlation with the bonds is {better.fit.correlation:.2f}"
    if better.kind == "reverse":
        told, remedy = "the forces stand in reverse order", "turn the order of the forces around"
    elif better.number > 0:
        told = f"the forces are those of every {better.number}th frame"
        remedy = f"give a trajectory of every {better.number}th frame, from the first one"
    else:
        told = f"the forces are those of {-better.number} frames for each one here"
        remedy = f"give forces of every {-better.number}th frame, from the first one"
    return Finding(
        name="force-stride",
        outcome=FAILED,
        measured=f"{told}: {there}, as they stand it is {own.correlation:.2f}",
        value=float(better.number),
        expected="forces of the frame that they stand with",
        cause="forces and positions were written at different intervals",
        remedy=f"{remedy}; or give files that hold times, by which they are paired",
    )


def _of_another(own: Fit) -> Finding:
    return Finding(
        name="mismatched-forces",
        outcome=FAILED,
        measured=f"the forces have nothing to do with the bonds: correlation {own.correlation:.2f}",
        value=own.correlation,
        expected="forces that pull back along bonds: a correlation near -0.9",
        cause="forces of another run, or velocities: no shift, stride or order of atoms fits",
        remedy="give the force file that the simulation of this trajectory wrote",
    )


def _swapped(examined: Examined, found: tuple[Probe, ...], own: Fit) -> Finding | None:
    """Say which atoms have the forces of others, if some have."""
    forces = examined.sample.forces
    if forces is None or found[0].kind != "bond":
        return None
    for probe in found:
        copies = probe.molecule.copies
        order = order_within(probe, forces[:, copies])
        if order is not None:
            return _permuted(order, examined.sample.atoms[copies[0]].tolist(), own)
    return None


def _reordered(examined: Examined, own: Fit) -> Finding | None:
    """Say which atoms have the forces of others, of other molecules too."""
    wide = take_sample(examined.frames, examined.molecules, examined.sample.frames, WIDE)
    found = probes(wide)
    if wide.forces is None or not found or found[0].kind != "bond":
        return None
    order = order_among(found, wide.forces)
    return None if order is None else _permuted(order, wide.atoms.tolist(), own)


def _permuted(order: Order, atoms: list[int], own: Fit) -> Finding:
    pairs = list(zip(order.moved.tolist(), order.places.tolist(), strict=True))
    some = ", ".join(f"that of atom {atoms[a]} at {atoms[b]}" for a, b in pairs[:4])
    more = ", …" if len(pairs) > 4 else ""
    return Finding(
        name="permuted-atoms",
        outcome=FAILED,
        measured=f"the forces of {len(pairs)} atoms stand at other atoms: {some}{more} (counted "
        f"from 0); correlation with the bonds {own.correlation:.2f}",
        value=float(len(pairs)),
        expected="forces in the order of the atoms of the trajectory",
        cause="forces and positions were written in different orders of atoms, or the topology "
        "names the atoms in another order",
        remedy="write both in one order (in LAMMPS: dump_modify sort id), and give the topology "
        "in that order",
    )


def _change(found: tuple[Probe, ...], examined: Examined) -> Finding | None:
    """Say where along the trajectory forces begin to have another unit, or no meaning."""
    sample = examined.sample
    n_values = sum(probe.deviations.numel() for probe in found)
    n_parts = min(_N_PARTS, n_values // _LEAST_VALUES, sample.n_frames // 2)
    if n_parts < 2:
        return None
    parts = torch.arange(sample.n_frames).tensor_split(n_parts)
    curvatures = [max(stiffness(found, part), 0.0) for part in parts]
    if max(curvatures) < _CHANGED * min(curvatures):
        return None
    fits = [fit_of(found, part, part) for part in parts]
    best = min(range(n_parts), key=lambda k: fits[k].correlation)
    values = [value / curvatures[best] for value in curvatures]
    changed = [k for k, value in enumerate(values) if not 1 / _CHANGED < value < _CHANGED]
    if not changed:
        return None
    first, last = int(parts[changed[0]][0]), int(parts[changed[-1]][-1])
    when = f"from about {examined.moment(first)} to {examined.moment(last)}"
    weakest = max((fits[k] for k in changed), key=lambda fit: fit.correlation)
    if weakest.correlation > _WEAKER * fits[best].correlation:
        return _lost(when, weakest, own=fits[best])
    return _other_unit(when, values[changed[-1]])


def _other_unit(when: str, ratio: float) -> Finding:
    return Finding(
        name="force-unit",
        outcome=FAILED,
        measured=f"{when} bonds are {ratio:.3g} times as stiff as at other times",
        value=ratio,
        expected="one stiffness along the trajectory",
        cause="force files in different units, or of different force fields",
        remedy="convert them to one unit, or fit to files of one simulation",
    )


def _lost(when: str, fit: Fit, own: Fit) -> Finding:
    return Finding(
        name="mismatched-forces",
        outcome=FAILED,
        measured=f"{when} the forces have nothing to do with the bonds: correlation "
        f"{fit.correlation:.2f}, at other times {own.correlation:.2f}",
        value=fit.correlation,
        expected="forces that pull back along bonds all along",
        cause="a frame is missing in one of the files, or files stand in another order",
        remedy="give the forces file by file in the order of the trajectories, with as many "
        "frames each, or leave these frames out with --begin and --end",
    )
