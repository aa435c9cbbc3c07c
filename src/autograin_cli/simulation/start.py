"""Where a run begins: positions drawn from what the reference visited, masses, time step."""

from dataclasses import replace
from math import pi

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Term
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.timestep import default_timestep, fitting_timestep

REPLICAS = 64  # of a molecule, where the settings leave it open
_SWEEPS = 30
_PROBES = 16
_JITTER = 0.05  # Å, so that no two beads coincide and no angle is flat


def prepare(
    potential: Potential, structures: Tensor, masses: Tensor | None, settings: SimulationSettings
) -> Start:
    """Choose positions, temperature and time step, as far as the settings leave them open.

    Args:
        potential: of the molecule.
        structures: of the beads, Å, (structures, beads, 3); one is enough.
        masses: u, (beads,); None where unknown.
        settings: of the run.

    Raises:
        SettingError: masses are unknown, or the time step or the interval is 0.
    """
    if masses is None:
        raise SettingError(
            given="beads of unknown masses: the atoms' masses were not known to fit-mapping",
            expected="a mass for every bead",
            remedy="give --masses, or fit the mapping again with a --topology that has masses",
        )
    n_replicas = settings.replicas or REPLICAS
    positions = start_positions(potential, structures, n_replicas, settings.seed)
    longest = settings.timestep
    if longest is None:
        # The same structures whatever the settings: they must not change the time step.
        probes = start_positions(potential, structures, _PROBES, seed=0)
        longest = default_timestep(potential, probes, masses)
    given = settings.temperature
    return Start(
        positions=positions,
        masses=masses,
        temperature=potential.temperature if given is None else given,
        timestep=fitting_timestep(longest, settings.interval),
    )


def start_positions(potential: Potential, structures: Tensor, n_replicas: int, seed: int) -> Tensor:
    """Place replicas so that their bonds, angles and dihedrals spread as in the reference.

    Each instance of a term is given a value drawn from those that the reference visited,
    independently of the others, and the beads of a structure are moved until the values are
    met or nearly so: every well that the reference saw has replicas in it, so that R-hat can
    tell whether they mix. What the draws contradict one another in, the equilibration settles.

    Args:
        potential: of the molecule.
        structures: Å, (structures, beads, 3), taken in turn.
        n_replicas: how many.
        seed: of the draws.

    Returns:
        Å, (replicas, beads, 3).
    """
    random = generator(seed, Use.POSITIONS)
    positions = structures.double()[torch.arange(n_replicas) % len(structures)]
    noise = torch.randn(positions.shape, generator=random, dtype=torch.float64)
    positions = positions + _JITTER * noise
    targets = [_draw(term, n_replicas, random) for term in potential.terms]
    for _ in range(_SWEEPS):
        for term, target in zip(potential.terms, targets, strict=True):
            for instance in range(len(term.beads)):
                one = replace(term, beads=term.beads[instance : instance + 1])
                positions = _corrected(positions, one, target[:, instance])
    return positions


def _draw(term: Term, n_replicas: int, random: torch.Generator) -> Tensor:
    """Draw coordinates from the histogram of the reference, (replicas, instances)."""
    counts = term.counts.double()
    weights = counts if counts.sum() > 0 else torch.ones_like(counts)
    shape = (n_replicas, len(term.beads))
    drawn = torch.multinomial(weights, shape[0] * shape[1], replacement=True, generator=random)
    values = term.table.points.double()[drawn].reshape(shape)
    return values if term.table.periodic else values.clamp(term.sampled_low, term.sampled_high)


def _corrected(positions: Tensor, term: Term, target: Tensor) -> Tensor:
    """Move the beads of one instance along its gradient to where it has the target, (replicas,)."""
    q, gradients = coordinates_with_gradients(term.coordinate, positions, term.beads)
    miss = target - q[:, 0]
    if term.table.periodic:
        miss = torch.remainder(miss + pi, 2 * pi) - pi
    along = gradients[:, 0]
    share = miss / along.square().sum((1, 2)).clamp(min=1e-12)
    return positions.index_add(1, term.beads[0], share[:, None, None] * along)
