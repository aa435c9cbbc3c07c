"""Bonds, angles and dihedrals of beads: their values, bins, and distribution in a potential."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli import geometry
from autograin_cli.comparison.comparison import Quantity
from autograin_cli.system import System
from autograin_cli.units import thermal_energy

UNITS = {"bond": "Å", "angle": "degrees", "dihedral": "degrees"}
POINTS_IN_A_BIN = 32


@dataclass(frozen=True)
class Observable:
    """One kind of bond, angle or dihedral, observed in every copy of a molecule.

    name: of the term, such as 'angle A-B-C'.
    coordinate: 'bond', 'angle' or 'dihedral'.
    component: which type of molecule of the system.
    beads: bead indices within the molecule of each instance, (instances, 2 | 3 | 4), int64.
    energy: kJ/mol of the coordinate in Å or radians, of any shape; None where no term acts.
    """

    name: str
    coordinate: str
    component: int
    beads: Tensor
    energy: Callable[[Tensor], Tensor] | None

    @property
    def unit(self) -> str:
        """Unit of the values: 'Å' or 'degrees'."""
        return UNITS[self.coordinate]

    @property
    def periodic(self) -> bool:
        """Whether the values lie on a circle."""
        return self.coordinate == "dihedral"


@dataclass(frozen=True)
class Subject:
    """What is compared: the systems of both runs, of the same types of molecules.

    reference, model: beads of a frame; numbers of copies may differ.
    replicas: of the model's system; they stand one after the other in its frames.
    temperature: of the Boltzmann curves, K.
    observables: one for each kind of bond, angle and dihedral.
    known: quantities of the model that its trajectory does not tell, such as the pressure.
    timed: whether the times of the reference, and those of the model, are times.
    """

    reference: System
    model: System
    replicas: int
    temperature: float
    observables: tuple[Observable, ...]
    known: tuple[Quantity, ...] = ()
    timed: tuple[bool, bool] = (True, True)


def observe(observable: Observable, positions: Tensor) -> Tensor:
    """Values of an observable in every frame, copy and instance.

    Args:
        observable: which coordinate of which beads.
        positions: Å, (frames, copies, beads, 3).

    Returns:
        Å or degrees, (frames, copies, instances).
    """
    values = geometry.coordinates(observable.coordinate, positions, observable.beads)
    return values if observable.coordinate == "bond" else values.rad2deg()


def bin_edges(observable: Observable, low: float, high: float, n_bins: int) -> Tensor:
    """Edges of even bins from `low` to `high`, or around the circle for a dihedral.

    Args:
        observable: what is binned.
        low, high: smallest and largest value met, Å or degrees.
        n_bins: number of bins.

    Returns:
        Å or degrees, (bins + 1,).
    """
    if observable.periodic:
        low, high = -180.0, 180.0
    elif high - low < 1e-6 * max(abs(low), abs(high), 1.0):
        low, high = low - 1e-3, high + 1e-3
    return torch.linspace(low, high, n_bins + 1, dtype=torch.float64)


def boltzmann_density(observable: Observable, edges: Tensor, temperature: float) -> Tensor | None:
    """Density of a coordinate on which its own term acts and nothing else.

    r² exp(-U/kT) for a bond, sin(theta) exp(-U/kT) for an angle and exp(-U/kT) for a dihedral,
    integrated over each bin and normalised over all of them.

    Args:
        observable: with the energy of its term.
        edges: of the bins, Å or degrees, (bins + 1,).
        temperature: K.

    Returns:
        1/Å or 1/degrees, (bins,); None where the observable has no energy.

    Source: arXiv:1812.02706 prints exp(+beta k (r - r0)²) without the Jacobian.
    """
    if observable.energy is None:
        return None
    width = edges[1] - edges[0]
    offsets = (torch.arange(POINTS_IN_A_BIN, dtype=edges.dtype) + 0.5) / POINTS_IN_A_BIN
    points = edges[:-1, None] + width * offsets
    natural = points if observable.coordinate == "bond" else points.deg2rad()
    exponent = -observable.energy(natural) / thermal_energy(temperature)
    weights = _jacobian(observable.coordinate, natural) * (exponent - exponent.max()).exp()
    shares = weights.mean(1)
    return shares / (shares.sum() * width)


def _jacobian(coordinate: str, points: Tensor) -> Tensor:
    """Volume element of a coordinate in Å or radians, up to a factor."""
    if coordinate == "bond":
        return points**2
    return points.sin() if coordinate == "angle" else torch.ones_like(points)
