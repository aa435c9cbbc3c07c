"""What beads feel that no bond, angle or dihedral joins: pair terms, and all of them together."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.potential.potential import Channel
from autograin_cli.potential.terms import Table


@dataclass(frozen=True)
class PairTerm:
    """The energy of two beads against their distance, zero from the cutoff on.

    name: of the term, such as 'pair A-B'.
    types: of the two beads.
    form: 'lj-12-6', 'lj-9-6' or 'spline'.
    parameter_names: one for each parameter.
    parameters: (parameters,); units in `parameter_units`.
    parameter_errors: standard errors from blocks, (parameters,).
    parameter_units: one for each parameter.
    on_bounds: names of the parameters that a physical bound holds where they are.
    knots: of the B-spline, Å, (knots,); empty for other forms.
    sampled_low: least distance in the reference, Å.
    cutoff: distance from which the energy is 0, Å.
    counts: pairs of the reference nearest to each point of the table, (points,), int64.
    energy_errors: standard error of the energy at the points of the table from blocks, kJ/mol.
    table: energy and slope up to the cutoff, where both are 0, with the switch; a wall below.
    """

    name: str
    types: tuple[str, ...]
    form: str
    parameter_names: tuple[str, ...]
    parameters: Tensor
    parameter_errors: Tensor
    parameter_units: tuple[str, ...]
    on_bounds: tuple[str, ...]
    knots: Tensor
    sampled_low: float
    cutoff: float
    counts: Tensor
    energy_errors: Tensor
    table: Table

    def evaluate(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and slope at any distances.

        Args:
            r: Å, (...).

        Returns:
            kJ/mol and dU/dr, kJ/(mol Å), both (...).
        """
        energy, slope = self.table.evaluate(r)
        inside = r < self.cutoff
        return energy * inside, slope * inside


@dataclass(frozen=True)
class Nonbonded:
    """All pair terms of a system.

    terms: at most one for each pair of types; types without one do not feel each other.
    excluded_bonds: beads of a molecule at most so many bonds apart feel no pair term.
    switch: distance from which the terms are switched off towards the cutoff, Å; the cutoff
        itself where there is no switch.
    channels: how well the forces are explained, 'pair' and 'all'.
    n_frames: frames that were fitted.
    """

    terms: tuple[PairTerm, ...]
    excluded_bonds: int
    switch: float
    channels: tuple[Channel, ...]
    n_frames: int

    @property
    def cutoff(self) -> float:
        """The longest cutoff of the terms, Å; 0 without terms."""
        return max((term.cutoff for term in self.terms), default=0.0)

    def term_of(self, type_names: tuple[str, ...]) -> Tensor:
        """Term of each pair of types, (types, types), int64; -1 for none."""
        numbers = {name: number for number, name in enumerate(type_names)}
        found = torch.full((len(numbers), len(numbers)), -1)
        for index, term in enumerate(self.terms):
            if all(name in numbers for name in term.types):
                first, second = (numbers[name] for name in term.types)
                found[first, second] = found[second, first] = index
        return found
