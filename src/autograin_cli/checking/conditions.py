"""What a check may know beside the frames."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from autograin_cli.checking.sample import Frames, Sample
from autograin_cli.molecules import Molecule


@dataclass(frozen=True)
class Beads:
    """How a mapping treats the atoms of one type of molecule.

    assignment: bead of each atom, (atoms,), int64; -1 where unmapped.
    rigid_groups: group of each atom that the mapping takes for rigid, (atoms,); -1 for none.
    equal_forces: whether all atoms of a bead share in its force alike, so that it does not matter
        which of them are rigid.
    """

    assignment: Tensor
    rigid_groups: Tensor
    equal_forces: bool


@dataclass(frozen=True)
class Conditions:
    """What the user said of the frames, and what is known of the files.

    temperature: K; None where it was not given.
    force_unit: unit that the numbers in the files were taken for; None where that is not known.
    unit_is_chosen: whether the user chose it.
    all_atoms: whether the frames hold all atoms of the files.
    joins: numbers of the frames that begin another file, (joins,), int64.
    clock: what the times of the frames count: 'ps', 'step' or 'frame'.
    beads: of each type of molecule; empty before there is a mapping.
    """

    temperature: float | None
    force_unit: str | None
    unit_is_chosen: bool
    all_atoms: bool
    joins: Tensor
    clock: str = "ps"
    beads: tuple[Beads, ...] = ()


@dataclass(frozen=True)
class Examined:
    """All that a check looks at.

    frames: to read more from.
    molecules: types of molecules; their copies index the atoms of the frames.
    sample: of the frames.
    rigid: group of each atom that constraints hold together, for each type, (atoms,), int64; an
        atom that is free is alone.
    conditions: what is known beside them.
    """

    frames: Frames
    molecules: Sequence[Molecule]
    sample: Sample
    rigid: tuple[Tensor, ...]
    conditions: Conditions

    def moment(self, place: int) -> str:
        """Say which frame stands at a place of the sample: by its time where it has one."""
        number, time = int(self.sample.frames[place]), float(self.sample.times[place])
        return moment(self.conditions.clock, number, time)


def moment(clock: str, number: int, time: float) -> str:
    """Say which frame is meant.

    Args:
        clock: what times count: 'ps', 'step' or 'frame'.
        number: of the frame among those read, from 0.
        time: of the frame, as the clock counts.
    """
    if clock == "ps":
        return f"{time:g} ps"
    return f"step {time:.0f}" if clock == "step" else f"frame {number} (counted from 0)"
