"""Whose positions the frames of an artifact hold."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.files.storage.artifact import Artifact
from autograin_cli.mapping.components import system_of
from autograin_cli.potential.potential import Potential
from autograin_cli.system import Configuration, System


@dataclass(frozen=True)
class Particles:
    """What the particles of a file are: the beads of all replicas, one replica after another.

    system: the beads of a replica.
    potentials: bonded, one for each component; none before fit-potential.
    replicas: how many there are.
    box: Å, (3, 3), of every frame; None in vacuum.
    """

    system: System
    potentials: tuple[Potential, ...]
    replicas: int
    box: Tensor | None


def particles_of(artifact: Artifact) -> Particles:
    """Give the particles of a run, else those of `frame_of`."""
    system, run = system_of(artifact.mappings), artifact.simulation
    if artifact.kind == "simulation" and run is not None:
        copies = system.with_copies(run.copies.tolist())
        return Particles(copies, artifact.potentials, run.replicas, run.box)
    if artifact.configuration is None:
        single = system.with_copies([1] * len(system.components))
        return Particles(single, artifact.potentials, 1, None)
    return Particles(system, artifact.potentials, 1, artifact.configuration.box)


def frame_of(artifact: Artifact) -> Configuration:
    """Give the only frame: that of the reference, else the mean structure of every molecule."""
    if artifact.configuration is not None:
        return artifact.configuration
    structures = [mapping.encoder @ mapping.mean_structure for mapping in artifact.mappings]
    return Configuration(torch.cat(structures), None)
