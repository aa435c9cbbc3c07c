"""docs/extending.md says how a form is added; this adds one, and fits it."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from autograin_cli.potential import fitted_terms
from autograin_cli.potential.bonded_forms import BondedForm
from autograin_cli.potential.fit import fit_potential
from autograin_cli.potential.forms import Local
from autograin_cli.settings import PotentialSettings
from autograin_cli.trajectory import Chunk, StoredTrajectory

CONSTANTS = (900.0, -1400.0, 1300.0)  # kJ/mol per Å², Å³, Å⁴
LENGTH = 1.5  # Å, about which the form is written


@dataclass(frozen=True)
class Quartic:
    """c_0 s² + c_1 s³ + c_2 s⁴ of s = r - centre: the bonds of class 2 force fields."""

    centre: float
    name: str = "quartic"
    size: int = 3
    domain: None = None
    periodic: bool = False
    flexible: bool = False
    parameter_names: tuple[str, ...] = ("k2", "k3", "k4")
    parameter_units: tuple[str, ...] = ("kJ/(mol Å²)", "kJ/(mol Å³)", "kJ/(mol Å⁴)")

    def local(self, q: Tensor) -> Local:
        s = (q - self.centre)[..., None]
        powers = torch.arange(2, 5, dtype=q.dtype)
        columns = torch.arange(self.size).expand(*q.shape, self.size)
        return Local(columns, s**powers, powers * s ** (powers - 1))

    def penalty(self) -> Tensor:
        return torch.zeros(self.size, self.size, dtype=torch.float64)

    def parameters(self, coefficients: Tensor) -> Tensor:
        return coefficients

    def confines(self, coefficients: Tensor, /) -> bool:
        return float(coefficients[2]) > 0


def exact(r: Tensor) -> tuple[Tensor, Tensor]:
    """Energy and slope of the constants."""
    constants = torch.tensor(CONSTANTS, dtype=torch.float64)
    local = Quartic(LENGTH).local(r)
    return local.values @ constants, local.derivatives @ constants


def dimers() -> StoredTrajectory:
    """Pairs of beads of every length from 1.2 to 1.8 Å, with the forces of the constants."""
    lengths = torch.linspace(1.2, 1.8, 400, dtype=torch.float64)
    lengths = lengths[torch.randperm(400, generator=torch.Generator().manual_seed(1))]
    positions, forces = torch.zeros(2, 400, 2, 3, dtype=torch.float64)
    pull = -exact(lengths)[1]
    positions[:, 1, 0], forces[:, 1, 0], forces[:, 0, 0] = lengths, pull, -pull
    return StoredTrajectory(Chunk(positions, torch.arange(400).double(), None, forces))


def test_a_form_that_the_package_does_not_know_needs_nothing_but_its_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def chosen(*_: object, **__: object) -> BondedForm:
        return Quartic(LENGTH)

    monkeypatch.setattr(fitted_terms, "form_of", chosen)
    settings = PotentialSettings(bond="harmonic", blocks=4)
    bonds, types = torch.tensor([[0, 1]]), ("A", "A")
    (term,) = fit_potential(dimers(), bonds, types, settings, "dimer")[0].terms
    assert (term.form, term.parameter_names) == ("quartic", ("k2", "k3", "k4"))
    assert term.parameters.tolist() == pytest.approx(CONSTANTS, rel=1e-7)
    q = torch.tensor([1.3, 1.5, 1.7], dtype=torch.float64)
    energy, slope = term.table.evaluate(q)
    assert torch.allclose(energy, exact(q)[0], atol=1e-6)
    assert torch.allclose(slope, exact(q)[1], rtol=1e-5)
    outside, _ = term.table.evaluate(torch.tensor([1.0, 2.2], dtype=torch.float64))
    assert bool((outside > energy[[0, 2]]).all()), "walls confine where nothing was sampled"
