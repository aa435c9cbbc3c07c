"""Where a run of a whole system begins: frame of the reference, copies of it, or a packed box."""

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.potential.force_field import ForceField, check_box
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.boxes import (
    Reference,
    asks_for_packing,
    contents,
    replicas_of_box,
)
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.neural_timestep import with_network
from autograin_cli.simulation.packing import packed, relaxed, replicated
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.start import prepare, start_positions
from autograin_cli.simulation.timestep import fitting_timestep, system_timestep
from autograin_cli.system import Configuration


def is_isolated(force_field: ForceField, box: Tensor | None) -> bool:
    """Whether it is one molecule of which replicas run that do not feel one another."""
    return force_field.nonbonded is None and force_field.system.n_molecules == 1 and box is None


def prepare_system(
    force_field: ForceField, reference: Reference, settings: SimulationSettings
) -> tuple[ForceField, Start]:
    """Choose molecules, box, positions, temperature and time step.

    Molecules of one type that do not feel one another run as replicas of one molecule in vacuum.

    Args:
        force_field: of the reference.
        reference: what a run may begin from.
        settings: of the run.

    Returns:
        The force field of the molecules of the run, and where it begins.

    Raises:
        SettingError: settings contradict one another or the force field, which has no term;
            masses are unknown, or the box is too small for the cutoff.
    """
    if not force_field.term_names:
        felt = "the beads feel nothing" if force_field.neural is None else "a network alone"
        raise SettingError(
            given=f"a potential without a term: {felt}",
            expected="a bond, angle, dihedral or pair term, which keeps beads where they were seen",
            remedy="fit the potential again, with --bond or --pair, or a longer --cutoff",
        )
    chosen, start = _prepared(force_field, reference, settings)
    if settings.timestep is None and chosen.neural is not None:
        start = with_network(chosen, start, settings.interval)
    return chosen, start


def _prepared(
    force_field: ForceField, reference: Reference, settings: SimulationSettings
) -> tuple[ForceField, Start]:
    """The molecules of the run, and where it begins, with the time step of the classical terms."""
    chosen, frame = _chosen(force_field, reference, settings)
    masses = _known(chosen.system.masses)
    if is_isolated(chosen, frame.box if frame else None):
        (potential,), (structure,) = chosen.potentials, reference.structures
        return chosen, prepare(potential, structure[None], masses, settings)
    temperature = settings.temperature
    if temperature is None:
        temperature = chosen.potentials[0].temperature
    frame = frame or _in_vacuum(chosen, reference, settings)
    longest = settings.timestep
    if longest is None:
        longest = system_timestep(chosen, reference.structures, masses)
    n_replicas = settings.replicas or 1
    return chosen, Start(
        positions=frame.positions.double().expand(n_replicas, -1, 3).contiguous(),
        masses=masses,
        temperature=temperature,
        timestep=fitting_timestep(longest, settings.interval),
        box=frame.box,
    )


def _chosen(
    force_field: ForceField, reference: Reference, settings: SimulationSettings
) -> tuple[ForceField, Configuration | None]:
    """The molecules of the run, and where they are, if in a box or in a frame of the reference."""
    system, box = force_field.system, reference.box
    if force_field.nonbonded is None:
        _refuse_boxes(settings)
        if len(system.components) == 1:
            return force_field.with_system(system.with_copies([1])), None
        return force_field, _unboxed(reference.configuration)
    if asks_for_packing(settings):
        return _packed(force_field, reference, settings)
    numbers = replicas_of_box(settings)
    if numbers != (1, 1, 1) and box is None:
        raise SettingError(
            given=f"--replicate {settings.replicate}, and a reference without a periodic box",
            expected="a box to copy",
            remedy="give --molecules and --density, or --box",
        )
    if reference.configuration is None or box is None:
        return force_field, reference.configuration
    copies = numbers[0] * numbers[1] * numbers[2]
    frame = replicated(system, reference.configuration, numbers)
    counts = [part.n_copies * copies for part in system.components]
    check_box(torch.as_tensor(frame.box), force_field.cutoff)
    return force_field.with_system(system.with_copies(counts)), frame


def _packed(
    force_field: ForceField, reference: Reference, settings: SimulationSettings
) -> tuple[ForceField, Configuration]:
    replicas_of_box(settings)
    inside = contents(force_field.system, reference, settings)
    check_box(inside.box, force_field.cutoff)
    chosen = force_field.with_system(force_field.system.with_copies(inside.copies))
    random = generator(settings.seed, Use.POSITIONS)
    positions = packed(chosen.system, reference.structures, inside.box, random)
    frame = Configuration(positions, inside.box)
    temperature = settings.temperature or chosen.potentials[0].temperature
    # The classical terms keep beads apart; a network knows nothing of places so unlikely.
    return chosen, Configuration(relaxed(chosen.prior, frame, temperature), inside.box)


def _in_vacuum(
    force_field: ForceField, reference: Reference, settings: SimulationSettings
) -> Configuration:
    """A molecule alone, where there is no frame to begin from.

    Raises:
        SettingError: there are several molecules.
    """
    if force_field.system.n_molecules > 1:
        raise SettingError(
            given="several molecules, and no frame of the reference to begin from",
            expected="a frame in the artifact, or a box",
            remedy="give --box, or --density, or fit the potential again",
        )
    (potential,), (structure,) = force_field.potentials, reference.structures
    return Configuration(start_positions(potential, structure[None], 1, settings.seed)[0], None)


def _unboxed(frame: Configuration | None) -> Configuration | None:
    """The same beads in vacuum: molecules that do not feel one another need no box."""
    return None if frame is None else Configuration(frame.positions, None)


def _refuse_boxes(settings: SimulationSettings) -> None:
    if asks_for_packing(settings) or settings.replicate is not None:
        raise SettingError(
            given="--molecules, --density, --box or --replicate without pair terms",
            expected="pair terms: without them molecules do not feel one another",
            remedy="fit the potential of a liquid with --pair, or use --replicas",
        )


def _known(masses: Tensor | None) -> Tensor:
    if masses is None:
        raise SettingError(
            given="beads of unknown masses: the atoms' masses were not known to fit-mapping",
            expected="a mass for every bead",
            remedy="give --masses, or fit the mapping again with a --topology that has masses",
        )
    return masses
