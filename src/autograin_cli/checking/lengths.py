"""Check of the lengths of bonds: their unit, and whether the topology is that of these atoms."""

from dataclasses import dataclass, replace
from math import log

import torch
from torch import Tensor

from autograin_cli.checking.conditions import Examined
from autograin_cli.checking.finding import FAILED, WARNING, Finding, passed, unmeasured
from autograin_cli.checking.rigid import distances, some
from autograin_cli.checking.sample import Sample

# Å, single bonds. Source: B. Cordero et al., Dalton Trans. 2832 (2008).
_RADII = {
    "H": 0.31,
    "Li": 1.28,
    "B": 0.84,
    "C": 0.76,
    "N": 0.71,
    "O": 0.66,
    "F": 0.57,
    "Na": 1.66,
    "Mg": 1.41,
    "Si": 1.11,
    "P": 1.07,
    "S": 1.05,
    "Cl": 1.02,
    "K": 2.03,
    "Ca": 1.76,
    "Mn": 1.39,
    "Fe": 1.32,
    "Cu": 1.32,
    "Zn": 1.22,
    "Se": 1.20,
    "Br": 1.20,
    "I": 1.39,
}
_RATIOS = 0.7, 1.4  # of lengths to sums of radii: double bonds and bonds to metals are within
_SHORT = 0.75  # of a single bond: triple ones have 0.77 and more, C-H taken for C-C has 0.72
_LENGTHS = 0.7, 7.0  # Å, where elements are unknown: from H2 to bonds of beads
_SHORTEST, _USUAL = 0.1, 1.1  # quantile of the lengths, and what it usually is, Å
_FACTORS = {0.1: "nm", 1.889726: "bohr", 100.0: "pm"}
_NEAR = log(1.35)  # how far a ratio may be from a factor, where elements are unknown
_EXPLAINED = log(1.12)  # the same of the median bond, where they are known
_MOST, _ALIKE = 0.75, log(1.3)  # share of the bonds that the factor explains too, and how well


@dataclass(frozen=True)
class _Bonds:
    """Bonds of each type of molecule.

    lengths: median of each, Å, (bonds,).
    sums: of the radii of both atoms, Å, (bonds,); 0 where unknown.
    elements: of both atoms, as in C-H.
    """

    lengths: Tensor
    sums: Tensor
    elements: tuple[str, ...]


def length_unit(examined: Examined) -> Finding:
    """Compare bonds with covalent radii: nm taken for Å are found, and atoms taken for others."""
    name, bonds = "length-unit", _bonds(examined.sample)
    if not len(bonds.lengths):
        return unmeasured(name, "there are no bonds")
    known = bonds.sums > 0
    if not known.any():
        return _of_unknown(bonds.lengths)
    ratios = bonds.lengths[known] / bonds.sums[known]
    ratio, (low, high) = float(ratios.median()), _RATIOS
    told = f"bonds are {ratio:.2f} times as long as the covalent radii of their atoms say"
    if not low <= ratio <= high:
        finding = Finding(name, FAILED, told, ratio, expected=f"{low:g} to {high:g} times")
        unit = _explains(ratios)
        return _in_unit(finding, unit) if unit else _of_others(finding, _alike(ratios, ratio))
    return _too_short(bonds) if float(ratios.min()) < _SHORT else passed(name, told, ratio)


def _of_unknown(lengths: Tensor) -> Finding:
    """Compare the shortest bonds with bonds as they are, where elements are unknown.

    Bonds that were inferred in a wrong unit are too many, but the shortest ones are bonds.
    """
    name, short = "length-unit", float(lengths.quantile(_SHORTEST))
    (low, high), ratio = _LENGTHS, short / _USUAL
    told = f"the shortest bonds are {short:.3g} Å long; elements are unknown"
    if low <= short <= high:
        return passed(name, told, ratio)
    finding = Finding(name, FAILED, told, ratio, expected=f"{low:g} to {high:g} Å")
    factor = _nearest(ratio)
    if abs(log(max(ratio, 1e-9) / factor)) < _NEAR:
        return _in_unit(finding, factor)
    return replace(
        finding,
        cause="positions in another unit, or bonds of another molecule",
        remedy="give the topology of this trajectory, and positions in Å",
    )


def _nearest(ratio: float) -> float:
    """Factor of the unit that comes nearest to explaining a ratio."""
    return min(_FACTORS, key=lambda factor: abs(log(max(ratio, 1e-9) / factor)))


def _explains(ratios: Tensor) -> float | None:
    """Factor of the unit that explains all of the median ratio, and nearly all of most others."""
    median = max(float(ratios.median()), 1e-9)
    factor = _nearest(median)
    return factor if abs(log(median / factor)) < _EXPLAINED and _alike(ratios, factor) else None


def _alike(ratios: Tensor, factor: float) -> bool:
    """Whether most bonds are about so many times too long."""
    off = (ratios.clamp(min=1e-9) / max(factor, 1e-9)).log().abs()
    return float((off < _ALIKE).double().mean()) >= _MOST


def _in_unit(finding: Finding, factor: float) -> Finding:
    return replace(
        finding,
        cause=f"positions in {_FACTORS[factor]}, read as Å",
        remedy=f"write the positions in Å: multiply them, and the box, by {1 / factor:.6g}",
    )


def _of_others(finding: Finding, alike: bool) -> Finding:
    """Say what is likely where no unit is: bonds that are all alike may be scaled."""
    scaled = ", or positions that were scaled" if alike else ""
    return replace(
        finding,
        cause=f"a topology of other atoms, or of the same in another order{scaled}: no unit "
        "explains it",
        remedy="give the topology that this trajectory was written with, its atoms in the same "
        "order" + (", and positions in Å" if alike else ""),
    )


def _too_short(bonds: _Bonds) -> Finding:
    """Warn of bonds that are shorter than any bond of such elements."""
    ratios = torch.where(bonds.sums > 0, bonds.lengths / bonds.sums, torch.inf)
    worst = int(ratios.argmin())
    count = int((ratios < _SHORT).sum())
    return Finding(
        name="length-unit",
        outcome=WARNING,
        measured=f"{count} of {len(ratios)} bonds are shorter than bonds of their elements are: "
        f"{bonds.elements[worst]} of {float(bonds.lengths[worst]):.2f} Å is "
        f"{float(ratios[worst]):.2f} times the sum of the covalent radii",
        value=float(ratios[worst]),
        expected=f"{_SHORT:g} times or more, as triple bonds have",
        cause="wrong elements in the topology, such as C for what is H, or its atoms in another "
        "order; masses that follow from them are wrong too",
        remedy="give a topology with the elements, and the masses, of these atoms in their order",
    )


def _bonds(sample: Sample) -> _Bonds:
    """Measure the bonds of each type of molecule."""
    lengths, sums = [torch.zeros(0, dtype=torch.float64)], [torch.zeros(0, dtype=torch.float64)]
    names: list[str] = []
    for molecule in sample.molecules:
        found = some(distances(sample.positions, molecule, molecule.bonds))
        lengths.append(found.median(0).values)
        radii = torch.tensor([_RADII.get(e, 0.0) for e in molecule.elements], dtype=torch.float64)
        both = radii[molecule.bonds]
        sums.append(torch.where((both > 0).all(1), both.sum(1), 0.0))
        elements = molecule.elements
        names += [f"{elements[first]}-{elements[last]}" for first, last in molecule.bonds.tolist()]
    return _Bonds(torch.cat(lengths), torch.cat(sums), tuple(names))
