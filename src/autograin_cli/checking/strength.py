"""How stiff bonds are, against how stiff bonds of such atoms and such a length are.

What the forces alone say of their own unit: the curvature along a bond does not depend on the
temperature. Badger's rule gives the stiffness of a bond of length r as C / (r - a)³, where a
depends on the rows of the periodic table that its atoms stand in. For bonds of H, C, N, O and F
the rule is within a factor 1.6 of measured stiffnesses and of those of force fields, and units
are a factor of four and more apart.

Source: R. M. Badger, J. Chem. Phys. 2, 128 (1934) and 3, 710 (1935).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import torch
from torch import Tensor

from autograin_cli.checking.probe import Probe
from autograin_cli.checking.thermometer import curvature
from autograin_cli.units import FORCE_UNITS

_CONSTANT = 1120.0  # kJ Å/mol, of the rule: 1.86 mdyn Å²
_HYDROGEN, _ROW = "H", ("C", "N", "O", "F")
_OFFSETS = 0.335, 0.680  # Å: a of a bond to hydrogen, and of one inside the row
_SPANS = 0.5, 1.0  # Å: r - a of single, double and aromatic bonds; others are left out
_USUAL = 1.2  # of the ratio: force fields make bonds stiffer than the rule
_WITHIN = log(2.0)  # units are more than twice as far apart
_FEWEST = 50  # values of bonds, which tell a stiffness within a tenth


@dataclass(frozen=True)
class Strength:
    """Stiffness of bonds as the forces say, over that of the rule, median over the bonds.

    ratio: in the unit that the forces were taken for.
    n_bonds: bonds of known elements.
    """

    ratio: float
    n_bonds: int

    @property
    def is_usual(self) -> bool:
        """Whether bonds are as stiff as chemical bonds are."""
        return abs(log(self.ratio / _USUAL)) < _WITHIN

    def unit(self, taken: str) -> str:
        """Unit in which bonds would be as stiff as they are; '' for none.

        Args:
            taken: unit that the numbers were taken for.
        """
        factors = {name: factor / FORCE_UNITS[taken] for name, factor in FORCE_UNITS.items()}
        fitting = [name for name, by in factors.items() if Strength(self.ratio * by, 1).is_usual]
        return fitting[0] if fitting else ""

    def __str__(self) -> str:
        """Write it for a person."""
        return f"bonds are {self.ratio:.2g} times as stiff as Badger's rule says"


USUAL = f"{_USUAL * exp(-_WITHIN):.1g} to {_USUAL * exp(_WITHIN):.2g} times"


def strength(probes: Sequence[Probe]) -> Strength | None:
    """Compare bonds with the rule; None where there are no bonds of known elements."""
    found = [torch.zeros(0, dtype=torch.float64)]
    n_values = 0
    for probe in probes:
        if probe.kind == "bond":
            spans = probe.means - _offsets(probe)
            known = (spans > _SPANS[0]) & (spans < _SPANS[1])
            everything = torch.arange(len(probe.deviations))
            found.append((curvature(probe, everything) * spans**3 / _CONSTANT)[known])
            n_values += int(known.sum()) * probe.deviations[:, :, 0].numel()
    ratios = torch.cat(found)
    if n_values < _FEWEST or not len(ratios) or ratios.median() <= 0:
        return None
    return Strength(float(ratios.median()), len(ratios))


def _offsets(probe: Probe) -> Tensor:
    """Length a of the rule for each bond, Å, (bonds,); not a number where elements have none."""
    elements = probe.molecule.elements
    pairs = [{elements[first], elements[second]} for first, second in probe.atoms.tolist()]
    return torch.tensor([_offset(pair) for pair in pairs], dtype=torch.float64)


def _offset(pair: set[str]) -> float:
    if not pair <= {_HYDROGEN, *_ROW} or pair == {_HYDROGEN}:
        return torch.nan
    return _OFFSETS[0] if _HYDROGEN in pair else _OFFSETS[1]
