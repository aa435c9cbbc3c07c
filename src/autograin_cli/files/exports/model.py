"""The model that an artifact holds: what is exported."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.visible import visible
from autograin_cli.mapping.components import system_of
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.simulation.timestep import fitting_timestep, system_timestep
from autograin_cli.system import Configuration, System

_INTERVAL = 1.0  # ps, between frames of what is exported


@dataclass(frozen=True)
class Model:
    """What another program needs to run a fitted model.

    force_field: of all beads of the configuration.
    configuration: where they are.
    masses: u, (beads,).
    temperature: of the reference, or of the run of a simulation artifact, K.
    timestep: of the run, or as simulate chooses it, ps.
    """

    force_field: ForceField
    configuration: Configuration
    masses: Tensor
    temperature: float
    timestep: float

    @property
    def is_turned(self) -> bool:
        """Whether programs that want a triangular box get it, and positions, turned."""
        turn = lattice_of(self.configuration.box).rotation
        return not torch.equal(turn, torch.eye(3, dtype=turn.dtype))


def model_of(artifact: Artifact) -> Model:
    """Give the force field, a frame and the masses of an artifact.

    Raises:
        InputError: the artifact comes before fit-potential.
        SettingError: the masses of the beads are not known, or a network is part of the potential.
    """
    check_classical(artifact)
    if not artifact.potentials or artifact.configuration is None:
        raise InputError(
            given=f"a {artifact.kind} artifact, without a potential",
            expected="one with a potential",
            remedy="give the file that fit-potential or simulate wrote",
        )
    run = artifact.simulation if artifact.kind == "simulation" else None
    system = system_of(artifact.mappings)
    if run is not None:
        system = system.with_copies(run.copies.tolist())
        _check_present(system)
    if system.masses is None:
        raise SettingError(
            given="beads of unknown masses: the atoms' masses were not known to fit-mapping",
            expected="a mass for every bead",
            remedy="simulate with --masses and export what it writes, or fit the mapping again "
            "with a --topology that has masses",
        )
    force_field = ForceField(system, artifact.potentials, artifact.nonbonded)
    where = artifact.configuration
    return Model(
        force_field=force_field,
        configuration=where,
        masses=system.masses,
        temperature=run.temperature if run else artifact.potentials[0].temperature,
        timestep=run.timestep if run else _timestep(force_field, where, system.masses),
    )


def _check_present(system: System) -> None:
    """Check that there is a molecule of each type: programs want beads of every type they know."""
    absent = [part.name for part in system.components if not part.n_copies]
    if absent:
        raise SettingError(
            given=f"a run without a molecule of type {visible(absent[0])}",
            expected="at least one of each type that was mapped",
            remedy="export the potential that was run, or simulate with --molecules",
        )


def check_classical(artifact: Artifact) -> None:
    """Check that files for other programs can hold all of a potential.

    Raises:
        SettingError: a network is part of it.
    """
    if artifact.neural is not None:
        raise SettingError(
            given="a potential with a network, which the files of other programs cannot hold",
            expected="classical terms alone: without the network they are another potential",
            remedy="run it with autograin simulate, also with --engine openmm; --to psf and pdb "
            "write the beads, and fit-potential without --neural a potential to export",
        )


def _timestep(force_field: ForceField, configuration: Configuration, masses: Tensor) -> float:
    """The time step that simulate would choose, ps, of which the interval is a whole number."""
    system = force_field.system
    structures = [
        configuration.positions[where][: part.n_beads].double()
        for part, where in zip(system.components, system.slices, strict=True)
    ]
    return fitting_timestep(system_timestep(force_field, structures, masses), _INTERVAL)
