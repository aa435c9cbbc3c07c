"""Artifact: what a file of autograin holds, as a record."""

from dataclasses import dataclass

from autograin_cli.checking.finding import Finding
from autograin_cli.comparison.comparison import Comparison
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.potential import Potential
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.system import Configuration


@dataclass(frozen=True)
class InputFile:
    """A file that went into an artifact.

    path: as the user gave it.
    role: 'trajectory', 'forces', 'topology', 'model' or 'artifact'.
    size: bytes.
    fingerprint: SHA-256 over the size and samples of the content (all of a small file).
    n_frames: frames that were used; 0 where the file has no frames.
    first_time, last_time: of the frames used, ps; 0 where there are none.
    stride: every so many frames.
    """

    path: str
    role: str
    size: int
    fingerprint: str
    n_frames: int
    first_time: float
    last_time: float
    stride: int


@dataclass(frozen=True)
class Provenance:
    """How an artifact came about; not part of the digest.

    command: the command line.
    settings: of the stage, JSON.
    versions: of the program and its libraries, JSON.
    device: 'cpu' or 'cuda'.
    created: UTC, ISO 8601.
    """

    command: str
    settings: str
    versions: str
    device: str
    created: str


@dataclass(frozen=True)
class Artifact:
    """What a file of autograin holds: the records of its stage and of all before it.

    kind: 'mapping', 'potential', 'simulation' or 'comparison'.
    mappings: one for each type of molecule.
    potentials: one for each type of molecule; empty before fit-potential.
    nonbonded: pair terms; None before fit-potential, and where there are none.
    configuration: a frame of the mapped reference; None before fit-potential.
    simulation: of `simulate`; None before.
    comparison: of `compare`; None before.
    training: the input files of fit-mapping and fit-potential.
    inputs: the input files of this stage.
    provenance: how it came about.
    warnings: what the user was warned of.
    neural: what networks add to the classical terms; None without.
    checks: what the checks of the input of the last fit found; None before schema 1.3.
    """

    kind: str
    mappings: tuple[Mapping, ...]
    potentials: tuple[Potential, ...]
    nonbonded: Nonbonded | None
    configuration: Configuration | None
    simulation: Simulation | None
    comparison: Comparison | None
    training: tuple[InputFile, ...]
    inputs: tuple[InputFile, ...]
    provenance: Provenance
    warnings: tuple[str, ...]
    neural: NeuralPotential | None = None
    checks: tuple[Finding, ...] | None = None


def term_names(artifact: Artifact) -> tuple[str, ...]:
    """Names of all terms, in the order of `Simulation.outside`: bonded ones, then pair terms."""
    mappings, potentials = artifact.mappings, artifact.potentials
    return ForceField(system_of(mappings), potentials, artifact.nonbonded).term_names
