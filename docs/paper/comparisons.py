"""The comparisons that a figure is drawn from, and what it says of how they were made."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from autograin_cli.comparison.comparison import Comparison
from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import Artifact, InputFile, load
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.units import cubic_angstrom_of


@dataclass(frozen=True)
class Drawn:
    """What a figure of a liquid is drawn from.

    target: file to write.
    quick: whether it is drawn from the samples.
    models: comparisons with one reference, by the names of their models.
    lengths: of the run of each model, ps.
    """

    target: Path
    quick: bool
    models: dict[str, Artifact]
    lengths: dict[str, float]

    @property
    def first(self) -> Artifact:
        """The comparison of the first model, for what all have in common."""
        return next(iter(self.models.values()))


def read_arguments(description: str) -> Drawn:
    """Read the command line, OUT [--quick] NAME=COMPARISON ..., and the comparisons it names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("target", type=Path)
    parser.add_argument("named", nargs="+", metavar="NAME=COMPARISON")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    paths = {name: Path(path) for name, _, path in (text.partition("=") for text in given.named)}
    models = {name: load(path, ("comparison",)) for name, path in paths.items()}
    lengths = {name: run_length(path) for name, path in paths.items()}
    return Drawn(given.target, given.quick, models, lengths)


def run_length(comparison: Path) -> float:
    """Length in ps of the run that NAME.comparison.h5 judges: NAME.run.h5 beside it."""
    run = comparison.with_name(comparison.name.replace(".comparison.", ".run."))
    settings = json.loads(load(run, ("simulation",)).provenance.settings)
    return float(settings["time"])


def comparison_of(artifact: Artifact) -> Comparison:
    """The comparison in an artifact.

    Raises:
        InputError: there is none.
    """
    if artifact.comparison is None:
        raise InputError(
            given="an artifact without a comparison",
            expected="what autograin compare wrote",
            remedy="compare the simulation with its reference first",
        )
    return artifact.comparison


def run_of(artifact: Artifact) -> Simulation:
    """The simulation in an artifact.

    Raises:
        InputError: there is none.
    """
    if artifact.simulation is None:
        raise InputError(
            given="an artifact without a simulation",
            expected="what autograin compare wrote of one",
            remedy="simulate first",
        )
    return artifact.simulation


def conditions(drawn: Drawn) -> str:
    """Say what the state of the liquid is, and how large and long all runs are."""
    artifact = drawn.first
    training, judging = _frames(artifact.training), _frames(artifact.inputs)
    n_trained = artifact.mappings[0].molecule.n_copies
    n_judged = comparison_of(artifact).reference_frames // sum(file.n_frames for file in judging)
    lines = (
        f"{run_of(artifact).temperature:g} K, {density(artifact):.2f} g/cm³",
        f"training: {n_trained} molecules, {_extent(training)}",
        f"atoms: {n_judged} molecules, {_extent(judging)}",
        *_runs(drawn),
    )
    return "\n".join(lines)


def density(artifact: Artifact) -> float:
    """Density of the box of the beads, g/cm³; 0 where there is no box or no mass."""
    run = run_of(artifact)
    if run.box is None:
        return 0.0
    masses = [mapping.molecule.masses for mapping in artifact.mappings]
    total = sum(
        float(mass.sum()) * int(copies)
        for mass, copies in zip(masses, run.copies, strict=True)
        if mass is not None
    )
    return cubic_angstrom_of(total, 1.0) / float(torch.linalg.det(run.box).abs())


def _frames(files: tuple[InputFile, ...]) -> list[InputFile]:
    """The trajectories among files, each once: a mapping and a potential may share them."""
    found = {file.fingerprint: file for file in files if file.role == "trajectory"}
    return list(found.values())


def _extent(files: list[InputFile]) -> str:
    """Length and number of the frames of trajectories."""
    length = sum(file.last_time - file.first_time for file in files)
    return f"{length:.0f} ps, {sum(file.n_frames for file in files)} frames"


def _runs(drawn: Drawn) -> list[str]:
    """A line for the runs of the models that are of one length, one for each length."""
    names: dict[str, list[str]] = {}
    for name, artifact in drawn.models.items():
        extent = f"{int(run_of(artifact).copies.sum())} molecules, {drawn.lengths[name]:.0f} ps"
        names.setdefault(extent, []).append(name)
    if len(names) == 1:
        return [f"beads: {extent}" for extent in names]
    return [f"{' and '.join(of_extent)}: {extent}" for extent, of_extent in names.items()]
