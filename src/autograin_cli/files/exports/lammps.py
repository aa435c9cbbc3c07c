"""A model in the files of LAMMPS, in its units real; the input runs as it is."""

from pathlib import Path

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.model import Model, model_of
from autograin_cli.simulation.lammps_model import LammpsModel
from autograin_cli.simulation.lammps_text import files, movement, set_up
from autograin_cli.units import fs_from_ps

_FRICTION = 1.0  # 1/ps
_SEED = 1
_LENGTH = 100.0  # ps
_INTERVAL = 1.0  # ps
_FRAME_OPTIONS = {"xtc": "unwrap yes precision 10000", "xyz": "sort id"}


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write the data file, the tables and an input that runs them.

    Raises:
        InputError: the artifact has no potential.
        SettingError: masses are unknown, or LAMMPS cannot leave out the excluded pairs.
    """
    model = model_of(artifact)
    told = LammpsModel(
        model.force_field, model.configuration, model.masses, velocities=None, isolated=False
    )
    texts = {"in.lammps": "\n".join([*_head(), *set_up(told), *_run(model), ""])} | files(told)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    notes = [
        "run it with: lmp -in in.lammps, or mpiexec -n 4 lmp -in in.lammps",
        f"then compare it with: autograin compare POTENTIAL.h5 TRAJ... --model {_frames(model)}",
    ]
    if model.is_turned:
        notes.append("the box and all positions are turned so that LAMMPS takes the box")
    return tuple(notes)


def _head() -> list[str]:
    return [
        "# A coarse-grained model: kcal/mol, Angstrom, fs, K, atm.",
        "# It needs the packages MOLECULE, EXTRA-DUMP, EXTRA-FIX and EXTRA-MOLECULE, of July 2025",
        "# or later.",
    ]


def _run(model: Model) -> list[str]:
    interval = max(round(_INTERVAL / model.timestep), 1)
    steps = interval * round(_LENGTH / _INTERVAL)
    kind = _frames(model).removeprefix("frames.")
    return [
        f"velocity all create {model.temperature:.15g} {_SEED} dist gaussian",
        *movement(
            temperature=model.temperature,
            friction=_FRICTION,
            timestep=model.timestep,
            seed=_SEED,
        ),
        f"# frames and a line every {interval} steps, {fs_from_ps(model.timestep):.4g} fs each",
        f"thermo {interval}",
        "thermo_style custom step temp pe press",
        "thermo_modify norm no",
        f"dump frames all {kind} {interval} {_frames(model)}",
        f"dump_modify frames {_FRAME_OPTIONS[kind]}",
        f"run {steps}",
    ]


def _frames(model: Model) -> str:
    """The file of frames: in vacuum one without a box.

    LAMMPS has a box even there, and a reader would take the beads for periodic.
    """
    return "frames.xyz" if model.configuration.box is None else "frames.xtc"
