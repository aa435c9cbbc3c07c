"""How far the run of a box may be trusted: temperatures, pressure, mixing, sampled ranges."""

from typing import NamedTuple

import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.diagnostics import (
    MOST_FRAMES,
    NUDGE,
    Diagnostics,
    Source,
    temperature_from_forces,
    temperature_from_motion,
)
from autograin_cli.simulation.disagreement import Disagreement
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.simulation.evaluation import Evaluator
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.simulation import Convergence, Simulation
from autograin_cli.simulation.system_start import is_isolated
from autograin_cli.statistics import effective_samples, split_r_hat, standard_error
from autograin_cli.units import bar_from_kj_per_cubic_angstrom, thermal_energy

_MOST_NUMBERS = 2**22  # kept in all


class _Row(NamedTuple):
    """What is kept of a snapshot.

    kinetic: mean since the row before, kJ/mol, (replicas,).
    energy: kJ/mol, (replicas,).
    virial: kJ/mol, (replicas,).
    squares: of the forces, (kJ/(mol Å))², (replicas,).
    curvatures: estimates of the Laplacian of the energy, kJ/(mol Å²), (replicas,).
    means: of the coordinates of each bonded term over its instances, (replicas, bonded terms).
    """

    kinetic: Tensor
    energy: Tensor
    virial: Tensor
    squares: Tensor
    curvatures: Tensor
    means: Tensor


class SystemDiagnostics:
    """Adds up snapshots of any system, of any engine, in bounded memory.

    Of every so many snapshots a row is kept, at most 2000, the number doubling as the run goes
    on; kinetic energies are means over so many.
    """

    def __init__(self, source: Source) -> None:
        """Prepare for the first snapshot."""
        self._source = source
        self._evaluate = Evaluator(source.force_field, source.start.box)
        self._random = generator(source.settings.seed, Use.PROBES)
        self._n_bonded = sum(len(one.terms) for one in source.force_field.potentials)
        self._most = _rows_kept(len(source.start.positions), self._n_bonded)
        self._stride, self._n_frames, self._n_evaluated = 1, 0, 0
        self._rows: list[_Row] = []
        self._kinetic: list[Tensor] = []
        n_terms = len(source.force_field.term_names)
        self._disagreement = Disagreement(source.force_field.neural)
        self._outside = torch.zeros(n_terms, dtype=torch.float64)
        self._near = torch.zeros(n_terms, dtype=torch.float64)

    def add(self, snapshot: Snapshot) -> None:
        """Add one snapshot."""
        self._n_frames += 1
        self._outside = self._outside + snapshot.outside
        self._kinetic.append(snapshot.kinetic_energy)
        if self._n_frames % self._stride == 0:
            kinetic = torch.stack(self._kinetic).mean(0)
            self._rows.append(self._row(snapshot, kinetic))
            self._kinetic = []
        if len(self._rows) == self._most:
            self._stride *= 2
            pairs = zip(self._rows[::2], self._rows[1::2], strict=True)
            self._rows = [
                late._replace(kinetic=(early.kinetic + late.kinetic) / 2) for early, late in pairs
            ]

    def _row(self, snapshot: Snapshot, kinetic: Tensor) -> _Row:
        columns = [self._probe(positions) for positions in snapshot.positions.double()]
        virial, squares, curvatures = torch.tensor(columns, dtype=torch.float64).T
        means = _means(self._source.force_field, snapshot.positions.double())
        return _Row(kinetic, snapshot.potential_energy, virial, squares, curvatures, means)

    def _probe(self, positions: Tensor) -> tuple[float, float, float]:
        """Virial, squared forces, and curvature along a random vector, of a frame (beads, 3).

        As `diagnostics.forces_and_curvature` has it for molecules.
        """
        signs = 2.0 * torch.randint(0, 2, positions.shape, generator=self._random).double() - 1.0
        here = self._evaluate(positions)
        ahead = self._evaluate(positions + NUDGE * signs).forces
        behind = self._evaluate(positions - NUDGE * signs).forces
        self._disagreement.add(here.spread)
        self._near, self._n_evaluated = self._near + here.outside, self._n_evaluated + 1
        curvature = (signs * (behind - ahead)).sum() / (2 * NUDGE)
        return here.virial, float(here.forces.square().sum()), float(curvature)

    def result(self) -> Simulation:
        """Give the record of the snapshots added so far; at least one row."""
        source, system = self._source, self._source.force_field.system
        columns = [torch.stack(column, dim=1) for column in zip(*self._rows, strict=True)]
        kept = _Row(*columns)
        kinetic = temperature_from_motion(kept.kinetic, source.start)
        configurational = temperature_from_forces(torch.stack((kept.squares, kept.curvatures)))
        pressures = _pressures(source, kept.virial)
        outside = self._outside / self._n_frames
        outside[self._n_bonded :] = (self._near / self._n_evaluated)[self._n_bonded :]
        return Simulation(
            molecules=tuple(part.name for part in system.components),
            copies=torch.tensor([part.n_copies for part in system.components]),
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
            pressure=None if pressures is None else float(pressures.mean()),
            pressure_error=None if pressures is None else standard_error(pressures),
            outside=outside,
            convergence=_convergence(source.force_field, kept, pressures),
            spread=self._disagreement.spread,
            extrapolated=self._disagreement.extrapolated,
        )


def diagnostics_of(source: Source) -> Diagnostics | SystemDiagnostics:
    """Diagnostics for one molecule, of which every instance counts, or for a system."""
    if is_isolated(source.force_field, source.start.box):
        return Diagnostics(source)
    return SystemDiagnostics(source)


def _rows_kept(n_replicas: int, n_terms: int) -> int:
    """Even number of rows to keep at most."""
    return max(32, min(MOST_FRAMES, _MOST_NUMBERS // (n_replicas * (5 + n_terms)))) // 2 * 2


def _means(force_field: ForceField, positions: Tensor) -> Tensor:
    """Means of bond lengths, angles and dihedrals, Å or radians, (replicas, bonded terms).

    Of a dihedral the mean cosine, as it lies on a circle.
    """
    system, means = force_field.system, []
    for potential, part, where in zip(
        force_field.potentials, system.components, system.slices, strict=True
    ):
        copies = positions[:, where].reshape(-1, part.n_beads, 3)
        for term in potential.terms:
            q = coordinates(term.coordinate, copies, term.beads)
            q = q.cos() if term.table.periodic else q
            means.append(q.reshape(len(positions), -1).mean(1))
    return torch.stack(means, dim=1) if means else positions.new_zeros(len(positions), 0)


def _pressures(source: Source, virials: Tensor) -> Tensor | None:
    """Pressure of each row, bar, (replicas, rows): (N kT + W/3) / V; None in vacuum.

    The momenta have the temperature of the bath, which has less noise than the velocities.
    """
    if source.start.box is None:
        return None
    volume = abs(float(torch.linalg.det(source.start.box.double())))
    ideal = len(source.start.masses) * thermal_energy(source.start.temperature)
    return bar_from_kj_per_cubic_angstrom((ideal + virials / 3) / volume)


def _convergence(
    force_field: ForceField, kept: _Row, pressures: Tensor | None
) -> tuple[Convergence, ...]:
    """Mixing of the energy, the pressure and the mean of each bonded term, over replicas."""
    n_bonded = kept.means.shape[2]
    names = force_field.term_names[:n_bonded]
    series = {"potential energy": kept.energy}
    if pressures is not None:
        series["pressure"] = pressures
    series |= {name: kept.means[:, :, k] for k, name in enumerate(names)}
    return tuple(
        Convergence(name, split_r_hat(values), effective_samples(values))
        for name, values in series.items()
    )
