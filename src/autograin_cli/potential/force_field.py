"""ForceField: all that the beads of a system feel; plain, every pair, the measure of any engine."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.geometry import minimum_image
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.potential import Potential
from autograin_cli.system import System


@dataclass(frozen=True)
class ForceField:
    """A system of beads with its bonded potentials and its pair terms.

    system: the beads.
    potentials: bonded, one for each component.
    nonbonded: pair terms; None where molecules do not feel one another.
    neural: what a network adds to them; None without.
    """

    system: System
    potentials: tuple[Potential, ...]
    nonbonded: Nonbonded | None
    neural: NeuralPotential | None = None

    def with_system(self, system: System) -> "ForceField":
        """The same terms for other numbers of copies."""
        return replace(self, system=system)

    @property
    def prior(self) -> "ForceField":
        """The classical terms alone."""
        return replace(self, neural=None)

    @property
    def cutoff(self) -> float:
        """Distance beyond which beads that no bonded term joins feel nothing, Å."""
        parts = [part for part in (self.nonbonded, self.neural) if part is not None]
        return max([0.0, *(part.cutoff for part in parts)])

    @property
    def term_names(self) -> tuple[str, ...]:
        """Of the bonded terms of each component, then of the pair terms."""
        pairs = self.nonbonded.terms if self.nonbonded else ()
        return (
            *(term.name for potential in self.potentials for term in potential.terms),
            *(term.name for term in pairs),
        )

    def energy(self, positions: Tensor, box: Tensor | None) -> Tensor:
        """Energy of whole frames; differentiable; of the order of beads² in memory.

        Args:
            positions: Å, (frames, beads, 3); molecules whole.
            box: Å, (3, 3), rows are the box vectors; None in vacuum.

        Returns:
            kJ/mol, (frames,).

        Raises:
            SettingError: the box is too small for the cutoff.
        """
        energy = positions.new_zeros(len(positions))
        for part, potential, where in zip(
            self.system.components, self.potentials, self.system.slices, strict=True
        ):
            copies = positions[:, where].reshape(-1, part.n_beads, 3)
            energy = energy + potential.energy(copies).reshape(len(positions), -1).sum(1)
        if self.nonbonded is not None:
            energy = energy + _pair_energy(self.system, self.nonbonded, positions, box)
        if self.neural is not None:
            # As trained: without pair terms a network sees each molecule alone.
            around = None if self.nonbonded is None else box
            energy = energy + self.neural.energy(positions, around, self.system)
        return energy

    def forces(self, positions: Tensor, box: Tensor | None) -> Tensor:
        """Minus the gradient of the energy, kJ/(mol Å), (frames, beads, 3)."""
        moved = positions.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.energy(moved, box).sum(), moved)
        return -gradient


def _pair_energy(
    system: System, nonbonded: Nonbonded, positions: Tensor, box: Tensor | None
) -> Tensor:
    if box is not None:
        check_box(box, nonbonded.cutoff)
    felt = torch.ones(system.n_beads, system.n_beads, dtype=torch.bool).triu(1)
    felt[tuple(system.exclusions(nonbonded.excluded_bonds).T)] = False
    first, second = felt.nonzero().T
    term_of = nonbonded.term_of(system.type_names)[system.types[first], system.types[second]]
    apart = positions[:, second] - positions[:, first]
    if box is not None:
        apart = minimum_image(apart, box.expand(len(positions), 3, 3).to(positions))
    distances = apart.norm(dim=-1)
    energy = positions.new_zeros(len(positions))
    for number, term in enumerate(nonbonded.terms):
        energy = energy + term.evaluate(distances[:, term_of == number])[0].sum(1)
    return energy


def heights(box: Tensor) -> Tensor:
    """Distances between the opposite faces of boxes (..., 3, 3), Å, (..., 3)."""
    found: Tensor = 1.0 / torch.linalg.inv(box).norm(dim=-2)
    return found


def check_box(box: Tensor, cutoff: float) -> None:
    """Check that no bead can meet another one twice.

    Raises:
        SettingError: a height of the box is less than twice the cutoff.
    """
    least = float(heights(box).min())
    if least < 2 * cutoff:
        raise SettingError(
            given=f"a box {least:.4g} Å high at its thinnest and a cutoff of {cutoff:.4g} Å",
            expected=f"a box of at least {2 * cutoff:.4g} Å, twice the cutoff, in every direction",
            remedy="simulate more molecules, or fit with a shorter --cutoff (and --neural-cutoff)",
        )
