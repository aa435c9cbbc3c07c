"""All checks of the input, in the order in which they are told."""

from collections.abc import Callable, Collection, Sequence

import torch

from autograin_cli.checking.conditions import Conditions, Examined
from autograin_cli.checking.finding import FAILED, SKIPPED, Finding, unmeasured
from autograin_cli.checking.forces import (
    constant_forces,
    net_force,
    positions_as_forces,
    zero_forces,
)
from autograin_cli.checking.lengths import length_unit
from autograin_cli.checking.relation import CODES as RELATIONS
from autograin_cli.checking.relation import relation
from autograin_cli.checking.rigid import rigid_groups
from autograin_cli.checking.sample import Frames, spread_frames, take_sample
from autograin_cli.checking.structure import (
    broken_molecules,
    effective,
    repeated_frames,
    rigid_bonds,
)
from autograin_cli.molecules import Molecule
from autograin_cli.settings.checking import CHECKS

_OF_POSITIONS: dict[str, Callable[[Examined], Finding]] = {
    "length-unit": length_unit,
    "broken-molecules": broken_molecules,
    "repeated-frames": repeated_frames,
    "rigid-bonds": rigid_bonds,
    "effective-samples": effective,
}
_OF_FORCES: dict[str, Callable[[Examined], Finding]] = {
    "zero-forces": zero_forces,
    "constant-forces": constant_forces,
    "positions-as-forces": positions_as_forces,
}


def inspect_input(
    frames: Frames,
    molecules: Sequence[Molecule],
    conditions: Conditions,
    skipped: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Check frames of atoms, and forces on them where there are any.

    Args:
        frames: of all atoms, molecules whole.
        molecules: types of molecules; their copies hold every atom once.
        conditions: what is known beside the frames.
        skipped: codes of checks to leave out.

    Returns:
        What each check found, in the order of `CHECKS`.

    Raises:
        InputError: a frame that is looked at is damaged.
    """
    sample = take_sample(frames, molecules, spread_frames(frames.n_frames, molecules))
    rigid = tuple(rigid_groups(sample, molecule) for molecule in sample.molecules)
    examined = Examined(frames, molecules, sample, rigid, conditions)
    found = {code: Finding(code, SKIPPED, "left out with --skip-check") for code in skipped}
    for code, check in _OF_POSITIONS.items():
        if code not in found:
            found[code] = check(examined)
    for code, check in _OF_FORCES.items():
        if code not in found:
            found[code] = _unless_failed(found, code) or check(examined)
    if "net-force" not in found:
        found["net-force"] = _unless_failed(found, "net-force") or net_force(examined)
    left = [code for code in RELATIONS if code not in found]
    useless = [_unless_failed(found, code) for code in left]
    if left and useless[0] is None:
        found |= {one.name: one for one in relation(examined) if one.name in left}
    found |= {one.name: one for one in useless if one is not None}
    return tuple(found[code] for code in CHECKS)


def _unless_failed(found: dict[str, Finding], code: str) -> Finding | None:
    """Say that a check of forces is of no use where it is known already that they are none."""
    failed = [one for one in _OF_FORCES if one in found and found[one].outcome == FAILED]
    return unmeasured(code, f"{failed[0]} failed") if failed else None


def no_joins() -> torch.Tensor:
    """Joins of frames that come from one file, (0,)."""
    return torch.zeros(0, dtype=torch.int64)
