"""A trajectory of beads that another program wrote -> Trajectory, and the system in its frames."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory, has_box
from autograin_cli.files.fingerprints import input_file
from autograin_cli.files.formats.trajectories import open_frame_file
from autograin_cli.files.joins import drop_repeats
from autograin_cli.files.timeline import all_frames, with_times
from autograin_cli.files.visible import visible
from autograin_cli.molecules import Molecule, bond_tree
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Trajectory


@dataclass(frozen=True)
class BeadReading:
    """What was read of a coarse-grained simulation of another program.

    trajectory: of the beads, molecules whole.
    system: beads of a replica, in the numbers that the files hold.
    replicas: in a frame; 1 where there is a box.
    inputs: the files.
    assumptions: what had to be assumed, one line each.
    timed: whether times are known; else those of the frames count steps, or frames.
    """

    trajectory: Trajectory
    system: System
    replicas: int
    inputs: tuple[InputFile, ...]
    assumptions: tuple[str, ...]
    timed: bool


def read_beads(
    paths: Sequence[str | Path],
    system: System,
    step_time: float | None = None,
    option: str = "--step-time",
) -> BeadReading:
    """Open the trajectory of beads that files hold one after another.

    The beads are those of the system, component after component and copy after copy, in the same
    proportions but any number. A frame with a box is one system; without one its molecules are
    replicas that do not feel one another.

    Args:
        paths: of files of frames, in order.
        system: the types of molecules, and their proportions.
        step_time: of a step of the simulation, for files that count steps and hold no times, ps.
        option: that gave it.

    Raises:
        FileAccessError: a file is missing or cannot be read.
        InputError: a file is damaged or of an unknown format, or its beads are not a whole
            multiple of those of the system.
        SettingError: a step is given a time, and no file lacks times.
    """
    files = tuple(open_frame_file(Path(path)) for path in paths)
    if step_time is not None:
        files = with_times(files, step_time, option)
    n_times = [_multiple(file.path, file.n_atoms, system) for file in files]
    if len(set(n_times)) > 1:
        raise InputError(
            given=f"files of {', '.join(str(file.n_atoms) for file in files)} beads",
            expected="files of one simulation",
            remedy="compare them one at a time",
        )
    everything, lines = all_frames(files, own_forces=False)
    timeline, dropped = drop_repeats(everything, files)
    periodic = has_box(files[timeline.files[0]].read(timeline.rows[:1]).boxes)
    one = _smallest(system)
    whole = one.with_copies([part.n_copies * n_times[0] for part in one.components])
    trajectory = AtomisticTrajectory(
        files=files,
        forces=(),
        timeline=timeline,
        atoms=None,
        periodic=periodic,
        has_forces=False,
        tree=bond_tree(_molecules(whole)) if periodic else None,
    )
    return BeadReading(
        trajectory=trajectory,
        system=whole if periodic else one,
        replicas=1 if periodic else n_times[0],
        inputs=tuple(
            input_file(file.path, "model", timeline.times[timeline.files == number], 1)
            for number, file in enumerate(files)
        ),
        assumptions=(*(note for file in files for note in file.notes), *lines, *dropped),
        timed=all(file.timed for file in files),
    )


def _smallest(system: System) -> System:
    """The least numbers of molecules in the same proportions."""
    counts = [part.n_copies for part in system.components]
    return system.with_copies([count // gcd(*counts) for count in counts])


def _multiple(path: Path, n_beads: int, system: System) -> int:
    """How often a frame holds the smallest system in its proportions."""
    one = _smallest(system)
    n_times, rest = divmod(n_beads, one.n_beads)
    if rest or not n_times:
        names = " and ".join(f"{part.n_copies} {part.name}" for part in one.components)
        raise InputError(
            given=f"{visible(str(path))} with {n_beads} beads",
            expected=f"a whole multiple of {one.n_beads}, the beads of {names}, molecule after "
            "molecule",
            remedy="write all beads of the model and nothing else, or give the potential that "
            "was simulated",
        )
    return n_times


def _molecules(system: System) -> list[Molecule]:
    """The components as molecules whose atoms are beads."""
    return [
        Molecule(
            name=part.name,
            atom_names=part.bead_types,
            elements=("",) * part.n_beads,
            masses=None,
            bonds=_connecting(part),
            copies=system.members(number, torch.arange(part.n_beads)[None]).reshape(
                part.n_copies, part.n_beads
            ),
        )
        for number, part in enumerate(system.components)
    ]


def _connecting(part: Component) -> Tensor:
    """Bonds of a molecule, and one from its first bead to each that they do not reach."""
    one = System((replace(part, n_copies=1),))
    reached = one.exclusions(part.n_beads)
    near = {0, *reached[reached[:, 0] == 0, 1].tolist()}
    extra = [[0, bead] for bead in range(part.n_beads) if bead not in near]
    return torch.cat((part.bonds, torch.tensor(extra, dtype=torch.int64).reshape(-1, 2)))
