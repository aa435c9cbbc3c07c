"""How far a run may be trusted: temperatures, mixing, time beyond the sampled range."""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.kernel_arrays import Terms
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Term
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.compiled import energies_and_forces, terms_of
from autograin_cli.simulation.disagreement import Disagreement
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.neural_forces import NeuralForces
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.simulation import Convergence, Simulation
from autograin_cli.statistics import effective_samples, split_r_hat, standard_error
from autograin_cli.units import BOLTZMANN

MOST_FRAMES = 2000  # kept of each replica
_FEWEST_FRAMES = 32  # kept, however many replicas there are
_MOST_VALUES = 2**23  # kept in all
NUDGE = 1e-4  # Å, of a bead, to differentiate forces


@dataclass(frozen=True)
class Source:
    """What was run, and by what.

    force_field: of the system.
    start: where the run began.
    settings: of the run.
    engine: 'builtin' or the name of another program.
    device: 'cpu' or 'cuda'.
    """

    force_field: ForceField
    start: Start
    settings: SimulationSettings
    engine: str
    device: str

    @property
    def potential(self) -> Potential:
        """Of the first component."""
        return self.force_field.potentials[0]


class Diagnostics:
    """Adds up snapshots of replicas of one molecule, in bounded memory, into the record of a run.

    Coordinates, forces and curvatures are kept of every so many snapshots, at most 2000, the
    number doubling as the run goes on; kinetic energies as means over so many.
    """

    def __init__(self, source: Source) -> None:
        """Prepare for the first snapshot."""
        self._source = source
        self._terms = terms_of(source.potential)
        self._random = generator(source.settings.seed, Use.PROBES)
        self._most = _frames_kept(source)
        neural, self._networks = source.force_field.neural, None
        if neural is not None:
            n_structures = 3 * len(source.start.positions)
            self._networks = NeuralForces(neural, source.force_field.system, None, n_structures)
        self._disagreement = Disagreement(neural)
        self._stride = 1
        self._n_frames = 0
        self._outside = torch.zeros(len(source.potential.terms), dtype=torch.float64)
        self._kinetic_sum = torch.zeros(len(source.start.positions), dtype=torch.float64)
        self._kinetic: list[Tensor] = []
        self._coordinates: list[Tensor] = []
        self._forces: list[Tensor] = []

    def add(self, snapshot: Snapshot) -> None:
        """Add one snapshot."""
        if self._n_frames % self._stride == 0:
            self._coordinates.append(_coordinates(self._source.potential, snapshot.positions))
            self._forces.append(self._probed(snapshot.positions))
        self._n_frames += 1
        self._outside = self._outside + snapshot.outside
        self._kinetic_sum = self._kinetic_sum + snapshot.kinetic_energy
        if self._n_frames % self._stride == 0:
            self._kinetic.append(self._kinetic_sum / self._stride)
            self._kinetic_sum = torch.zeros_like(self._kinetic_sum)
        if len(self._kinetic) == self._most:
            self._thin()

    def _probed(self, positions: Tensor) -> Tensor:
        """Squared forces and curvatures of replicas, (2, replicas)."""
        if self._networks is None:
            return forces_and_curvature(self._terms, positions, self._random)
        signs, probes = probes_of(positions, self._random)
        _, forces = energies_and_forces(self._terms, probes)
        state = self._networks.in_full(probes)
        if state.spread is not None:
            self._disagreement.add(state.spread[: len(positions)])
        return curvature_of(signs, forces + state.forces)

    def _thin(self) -> None:
        """Keep every second row, and means of two kinetic energies, from now on."""
        self._stride *= 2
        self._coordinates = self._coordinates[::2]
        self._forces = self._forces[::2]
        pairs = zip(self._kinetic[::2], self._kinetic[1::2], strict=True)
        self._kinetic = [(first + second) / 2 for first, second in pairs]

    def result(self) -> Simulation:
        """Give the record of the snapshots added so far; at least one."""
        source = self._source
        kinetic = temperature_from_motion(torch.stack(self._kinetic, dim=1), source.start)
        configurational = temperature_from_forces(torch.stack(self._forces, dim=2))
        return Simulation(
            molecules=tuple(part.name for part in source.force_field.system.components),
            copies=torch.tensor([part.n_copies for part in source.force_field.system.components]),
            box=source.start.box,
            engine=source.engine,
            device=source.device,
            temperature=source.start.temperature,
            timestep=source.start.timestep,
            friction=source.settings.friction,
            replicas=len(source.start.positions),
            n_frames=self._n_frames,
            kinetic_temperature=kinetic[0],
            kinetic_temperature_error=kinetic[1],
            configurational_temperature=configurational[0],
            configurational_temperature_error=configurational[1],
            pressure=None,
            pressure_error=None,
            outside=self._outside / self._n_frames,
            convergence=_convergence(source.potential, torch.stack(self._coordinates, dim=1)),
            spread=self._disagreement.spread,
            extrapolated=self._disagreement.extrapolated,
        )


def _frames_kept(source: Source) -> int:
    """Even number of snapshots to keep at most."""
    n_columns = sum(len(term.beads) for term in source.potential.terms) + 3
    room = _MOST_VALUES // (n_columns * len(source.start.positions))
    return min(max(room, _FEWEST_FRAMES), MOST_FRAMES) // 2 * 2


def _coordinates(potential: Potential, positions: Tensor) -> Tensor:
    """Bond lengths, angles and dihedrals of all terms, (replicas, instances)."""
    values = [coordinates(term.coordinate, positions, term.beads) for term in potential.terms]
    return torch.cat([positions.new_zeros(len(positions), 0), *values], dim=1)


def forces_and_curvature(terms: Terms, positions: Tensor, random: torch.Generator) -> Tensor:
    """Sum of squared forces, and an unbiased estimate of the Laplacian of the energy.

    The estimate is the curvature along a random vector of components 1 and -1, from the forces
    at 1e-4 of it to both sides: two evaluations for a molecule of any size. Its own noise is
    part of the standard error of the temperature; that of the differences is a relative 1e-8.

    Args:
        terms: the potential as arrays.
        positions: Å, (structures, beads, 3).
        random: numbers for the vectors.

    Returns:
        (kJ/(mol Å))² and kJ/(mol Å²), (2, structures).

    Source: M. F. Hutchinson, Commun. Stat. Simul. Comput. 18, 1059 (1989).
    """
    signs, probes = probes_of(positions, random)
    return curvature_of(signs, energies_and_forces(terms, probes)[1])


def probes_of(positions: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random vectors of 1 and -1, and structures there and moved along them to both sides.

    Returns:
        (structures, beads, 3), and Å, (3 structures, beads, 3).
    """
    signs = 2.0 * torch.randint(0, 2, positions.shape, generator=random).double() - 1.0
    shifts = torch.stack((torch.zeros_like(signs), NUDGE * signs, -NUDGE * signs))
    return signs, (positions + shifts).flatten(0, 1)


def curvature_of(signs: Tensor, forces: Tensor) -> Tensor:
    """Squared forces, and curvatures along the vectors, (2, structures), of forces on probes."""
    here, ahead, behind = forces.reshape(3, *signs.shape)
    curvature = signs * (behind - ahead) / (2 * NUDGE)
    return torch.stack((here.square().sum((1, 2)), curvature.sum((1, 2))))


def temperature_from_motion(kinetic: Tensor, start: Start) -> tuple[float, float]:
    """Temperature and its standard error, K, of kinetic energies (replicas, frames)."""
    temperatures = kinetic / (1.5 * len(start.masses) * BOLTZMANN)
    return float(temperatures.mean()), standard_error(temperatures)


def temperature_from_forces(rows: Tensor) -> tuple[float, float]:
    """Temperature <|grad U|²> / <lap U> and its standard error, K, to first order.

    Args:
        rows: squared forces and estimates of the Laplacian, (2, replicas, frames).

    Source: H. H. Rugh, Phys. Rev. Lett. 78, 772 (1997); B. D. Butler et al., J. Chem. Phys. 109,
    6519 (1998).
    """
    squares, curvatures = rows
    mean_curvature = float(curvatures.mean())
    if mean_curvature == 0.0:
        return 0.0, inf
    heat = float(squares.mean()) / mean_curvature
    deviations = (squares - heat * curvatures) / mean_curvature
    return heat / BOLTZMANN, standard_error(deviations) / BOLTZMANN


def _convergence(potential: Potential, kept: Tensor) -> tuple[Convergence, ...]:
    """Mixing of each term from its coordinates, (replicas, frames, instances): the worst counts."""
    found, first = [], 0
    for term in potential.terms:
        series = [
            view
            for column in range(first, first + len(term.beads))
            for view in _views(term, kept[:, :, column])
        ]
        first += len(term.beads)
        r_hat = max(split_r_hat(view) for view in series)
        effective = min(effective_samples(view) for view in series)
        found.append(Convergence(term.name, r_hat, effective))
    return tuple(found)


def _views(term: Term, values: Tensor) -> tuple[Tensor, ...]:
    """Numbers on a line for values that may lie on a circle."""
    return (values.cos(), values.sin()) if term.table.periodic else (values,)
