from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path

import pytest
import torch
from MDAnalysis.lib.formats.libdcd import DCDFile
from torch import Tensor

from autograin_cli.mapping.force_maps import (
    crossed_maps,
    force_covariance,
    projected_map,
    sum_map,
)
from autograin_cli.potential.fit import fit_potential
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Term
from autograin_cli.settings import PotentialSettings
from autograin_cli.trajectory import Chunk, Keeper, StoredTrajectory, take_frames
from autograin_cli.units import thermal_energy
from chains import Chain
from systems import springs

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
CLASSICAL = PotentialSettings(bond="harmonic", angle="cosine", dihedral="fourier")
SPLINES = PotentialSettings()


@dataclass(frozen=True)
class Pieces:
    """A trajectory in chunks of a given length."""

    whole: StoredTrajectory
    size: int

    @property
    def n_frames(self) -> int:
        return self.whole.n_frames

    @property
    def n_atoms(self) -> int:
        return self.whole.n_atoms

    @property
    def has_forces(self) -> bool:
        return True

    @property
    def keeper(self) -> Keeper | None:
        return None

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        for rows in torch.arange(first, self.n_frames).split(self.size):
            yield take_frames(self.whole.chunk, rows)


def fit(chain: Chain, trajectory: StoredTrajectory, settings: PotentialSettings) -> Potential:
    return fit_potential(trajectory, chain.bonds, chain.types, settings, "chain")[0]


def value(term: Term, name: str) -> tuple[float, float]:
    """A parameter and its standard error."""
    index = term.parameter_names.index(name)
    return float(term.parameters[index]), float(term.parameter_errors[index])


def truth(chain: Chain, term: Term, q: Tensor) -> Tensor:
    energy: Tensor = getattr(chain, f"{term.coordinate}_energy")(q)
    return energy


def test_noiseless_forces_give_back_every_classical_parameter() -> None:
    chain = Chain(5)
    potential = fit(chain, chain.trajectory(60, seed=1), CLASSICAL)
    assert len(potential.terms) == 9
    for term in potential.terms:
        if term.coordinate == "bond":
            expected = {"k": chain.bond[0], "r0": chain.bond[1]}
        elif term.coordinate == "angle":
            expected = {"k": chain.angle[0], "cos theta0": chain.angle[1]}
        else:
            waves = [*chain.dihedral, 0.0, 0.0, 0.0]
            expected = {f"cos {n}": a for n, a in enumerate(waves, start=1)}
            expected |= {f"sin {n}": 0.0 for n in range(1, 7)}
        for name, exact in expected.items():
            assert value(term, name)[0] == pytest.approx(exact, rel=1e-7, abs=1e-6)


def test_noiseless_forces_are_given_back_by_the_tables_and_their_walls() -> None:
    chain = Chain(4)
    trajectory = chain.trajectory(200, seed=2)
    potential = fit(chain, trajectory, CLASSICAL)
    fresh = chain.draw(500, seed=3)
    exact = chain.forces(fresh)
    largest = float(exact.abs().max())
    assert torch.allclose(potential.forces(fresh), exact, rtol=0, atol=1e-5 * largest)


def test_a_known_potential_is_recovered_within_its_errors() -> None:
    chain = Chain(4)
    settings = replace(CLASSICAL, blocks=40, harmonics=3)
    potential = fit(chain, chain.trajectory(4000, seed=4, noise=5.0), settings)
    for term in potential.terms:
        exact = {
            "bond": {"k": chain.bond[0], "r0": chain.bond[1]},
            "angle": {"k": chain.angle[0], "cos theta0": chain.angle[1]},
            "dihedral": {f"cos {n}": a for n, a in enumerate(chain.dihedral, start=1)},
        }[term.coordinate]
        for name, expected in exact.items():
            found, error = value(term, name)
            assert abs(found - expected) < 4 * error
            assert 0 < error < 0.2 * max(abs(expected), 1)


def test_standard_errors_are_the_spread_over_independent_runs() -> None:
    chain, runs = Chain(2), 40
    settings = replace(CLASSICAL, blocks=20)
    fits = [fit(chain, chain.trajectory(300, seed=n, noise=40.0), settings) for n in range(runs)]
    for name in ("k", "r0"):
        found = torch.tensor([value(potential.terms[0], name) for potential in fits])
        ratio = found[:, 1].square().mean() / found[:, 0].var()
        assert abs(float(ratio) - 1) < 4 * (2 / (runs - 1)) ** 0.5


@pytest.mark.parametrize("noise", [0.0, 10.0])
def test_splines_recover_a_known_potential_within_their_errors(noise: float) -> None:
    """Where at least 1 in 1000 samples is nearby, and up to the constant, which is free."""
    chain = Chain(4)
    settings = replace(SPLINES, blocks=40)
    potential = fit(chain, chain.trajectory(4000, seed=5, noise=noise), settings)
    for term in potential.terms:
        table = term.table
        near = term.counts.double().unfold(0, 41, 1).sum(1) > 1e-3 * term.counts.sum()
        near = torch.cat((torch.zeros(20), near, torch.zeros(20))).bool()
        exact = truth(chain, term, table.points)
        error = table.energy - exact
        error = error - (error * term.counts).sum() / term.counts.sum()
        interpolation = 0.02  # kJ/mol: a cubic between knots 15 degrees apart
        assert (error.abs() < 4 * term.energy_errors + interpolation)[near].all()
        assert float(term.energy_errors[near].max()) < thermal_energy(300.0)


def test_a_spline_table_is_the_spline_of_its_parameters() -> None:
    chain = Chain(3)
    potential = fit(chain, chain.trajectory(500, seed=6, noise=20.0), SPLINES)
    scipy = pytest.importorskip("scipy.interpolate")
    for term in potential.terms:
        spline = scipy.BSpline(term.knots.numpy(), term.parameters.numpy(), 3)
        energy = torch.from_numpy(spline(term.table.points.numpy()))
        assert torch.allclose(term.table.energy, energy, rtol=0, atol=1e-9)
        assert float(term.table.energy.min()) == 0.0
        assert int(term.counts.sum()) == 500 * len(term.beads)
        assert term.sampled_low == pytest.approx(term.table.low)


@pytest.mark.parametrize("kind", ["sum", "projected", "optimal"])
def test_atoms_on_springs_are_beads_on_springs_for_every_force_map(kind: str) -> None:
    """K_beads = inv(C inv(K) Cᵀ); k (r - 0)² of a pair has k = -K_IJ / 2."""
    bonds = torch.tensor([[i, i + 1] for i in range(8)])
    system, free = springs(bonds, 9, seed=1), torch.full((9,), -1)
    assignment = torch.arange(9) // 3
    weights = torch.tensor([12.0, 1, 14, 12, 12, 1, 16, 1, 1]).double()
    encoder = torch.nn.functional.one_hot(assignment).T * weights
    encoder = encoder / encoder.sum(1, keepdim=True)
    atoms = system.draw(8000, seed=2)
    forces = system.forces(atoms)
    run = StoredTrajectory(Chunk(atoms, torch.arange(8000).double(), None, forces))
    maps = {
        "sum": sum_map(assignment, free)[None],
        "projected": projected_map(encoder, free)[None],
        "optimal": crossed_maps(encoder, force_covariance(run, torch.arange(9)[None], 4), free),
    }[kind].repeat_interleave(8000 // (4 if kind == "optimal" else 1), dim=0)
    beads = Chunk(
        torch.einsum("ba,fad->fbd", encoder, atoms),
        torch.arange(8000).double(),
        None,
        torch.einsum("fba,fad->fbd", maps, forces),
    )
    pairs = torch.tensor([[0, 1], [1, 2], [0, 2]])
    settings = PotentialSettings(bond="harmonic", angle="none", blocks=40)
    potential, _ = fit_potential(StoredTrajectory(beads), pairs, ("A", "B", "C"), settings, "x")
    exact = system.bead_stiffness(encoder)
    for term in potential.terms:
        ((i, j),) = term.beads.tolist()
        k, error = value(term, "k")
        assert abs(k + float(exact[i, j]) / 2) < 4 * error
        least, uncertainty = value(term, "r0")
        assert abs(least) < 4 * uncertainty
    if kind == "optimal":
        assert all(value(t, "k")[1] < 0.02 * float(exact.diagonal().max()) for t in potential.terms)


def test_chunks_and_copies_do_not_change_the_fit() -> None:
    chain = Chain(4)
    whole = chain.trajectory(240, seed=7, noise=10.0)
    reference = fit(chain, whole, SPLINES)
    forces = whole.chunk.forces
    assert forces is not None
    pairs = StoredTrajectory(
        Chunk(
            whole.chunk.positions.reshape(120, 8, 3),
            torch.arange(120).double(),
            None,
            forces.reshape(120, 8, 3),
        )
    )
    others = [
        fit_potential(pieces, chain.bonds, chain.types, SPLINES, "chain")[0]
        for pieces in (Pieces(whole, 7), Pieces(whole, 100), pairs)
    ]
    for other in others:
        assert other.n_frames == 240
        for a, b in zip(reference.terms, other.terms, strict=True):
            assert torch.allclose(a.table.energy, b.table.energy, rtol=0, atol=1e-7)
            assert torch.equal(a.counts, b.counts)
        for one, two in zip(reference.channels, other.channels, strict=True):
            assert one.r_squared == pytest.approx(two.r_squared, abs=1e-9)


def test_knots_that_no_frame_visited_leave_a_finite_restoring_force() -> None:
    chain = Chain(4)
    settings = replace(SPLINES, knots=60)
    potential = fit(chain, chain.trajectory(40, seed=8, noise=30.0), settings)
    far = torch.linspace(0.2, 3.0, 50)[:, None, None] * chain.draw(1, seed=9)
    assert potential.forces(far).isfinite().all()
    for term in potential.terms[:3]:
        _, slope = term.table.evaluate(torch.tensor([1.0, 5.0]).double())
        assert slope[0] < 0 < slope[1]


def test_a_dihedral_held_in_one_well_does_not_leave_it_for_free() -> None:
    chain = Chain(4, dihedral=(-25.0,))
    potential = fit(chain, chain.trajectory(1000, seed=10, noise=20.0), SPLINES)
    (term,) = (term for term in potential.terms if term.coordinate == "dihedral")
    assert -2 < term.sampled_low < 0 < term.sampled_high < 2
    across, _ = term.table.evaluate(torch.tensor(pi).double())
    edges, _ = term.table.evaluate(torch.tensor([term.sampled_low, term.sampled_high]).double())
    assert float(across) > float(edges.min())


def test_a_term_that_does_not_confine_is_reported_and_held_by_walls() -> None:
    chain = Chain(2)
    chunk = chain.trajectory(200, seed=11).chunk
    assert chunk.forces is not None
    pushed = StoredTrajectory(replace(chunk, forces=-chunk.forces))
    potential, warnings = fit_potential(pushed, chain.bonds, chain.types, CLASSICAL, "chain")
    assert any("k = -300" in w and "does not confine" in w for w in warnings)
    energy, _ = potential.terms[0].table.evaluate(torch.tensor([1.0, 5.0]).double())
    assert (energy > 100).all()


@pytest.mark.parametrize("form", ["spline", "harmonic"])
def test_a_constant_bond_is_reported_and_held_by_walls_a_simulation_can_follow(form: str) -> None:
    chain = Chain(3)
    positions = chain.draw(200, seed=14)
    along = positions[:, :1] - positions[:, 1:2]
    positions[:, :1] = positions[:, 1:2] + 3.1 * along / along.norm(dim=-1, keepdim=True)
    rigid = StoredTrajectory(
        Chunk(positions, torch.arange(200).double(), None, chain.forces(positions))
    )
    settings = replace(CLASSICAL, bond=form)
    potential, warnings = fit_potential(rigid, chain.bonds, chain.types, settings, "chain")
    assert any("bond A-B is constant (3.100 Å)" in warning for warning in warnings)
    table = potential.terms[0].table
    energy, _ = table.evaluate(torch.tensor([2.9, 3.3]).double())
    assert float(energy.min()) > thermal_energy(300.0)
    assert table.wall_stiffness < 1e6
    assert potential.terms[1].table.energy.isfinite().all()


@pytest.mark.parametrize("form", ["spline", "cosine"])
def test_a_triple_that_is_always_straight_is_reported_and_not_fatal(form: str) -> None:
    chain = Chain(3)
    lengths = 3 + 0.06 * torch.randn(100, 2, generator=torch.Generator().manual_seed(15)).double()
    positions = torch.zeros(100, 3, 3).double()
    positions[:, 1, 0], positions[:, 2, 0] = lengths[:, 0], lengths.sum(1)
    forces = torch.zeros(100, 3, 3).double()
    pull = 2 * chain.bond[0] * (lengths - chain.bond[1])
    forces[:, 0, 0], forces[:, 2, 0] = pull[:, 0], -pull[:, 1]
    forces[:, 1, 0] = pull[:, 1] - pull[:, 0]
    straight = StoredTrajectory(Chunk(positions, torch.arange(100).double(), None, forces))
    settings = replace(CLASSICAL, angle=form)
    potential, warnings = fit_potential(straight, chain.bonds, chain.types, settings, "chain")
    assert any("angle A-B-C is constant (180.0 degrees)" in warning for warning in warnings)
    assert value(potential.terms[0], "k")[0] == pytest.approx(chain.bond[0], rel=1e-6)
    assert torch.allclose(potential.forces(positions), forces, rtol=0, atol=1e-5)


def test_a_molecule_without_bonds_has_no_terms_and_says_so() -> None:
    lone = StoredTrajectory(
        Chunk(
            torch.zeros(4, 3, 3).double(),
            torch.arange(4).double(),
            None,
            torch.zeros(4, 3, 3).double(),
        )
    )
    none = torch.empty(0, 2, dtype=torch.int64)
    potential, warnings = fit_potential(lone, none, ("A",), SPLINES, "methane")
    assert potential.terms == () and potential.channels == ()
    assert potential.n_frames == 12
    assert "no bonded term" in warnings[0]


def test_terms_that_are_not_wanted_are_left_out() -> None:
    chain = Chain(4)
    settings = replace(CLASSICAL, angle="none", dihedral="none")
    potential = fit(chain, chain.trajectory(50, seed=12), settings)
    assert {term.coordinate for term in potential.terms} == {"bond"}


def test_the_same_input_gives_the_same_bits() -> None:
    chain = Chain(4)
    trajectory = chain.trajectory(300, seed=13, noise=20.0)
    one, two = fit(chain, trajectory, SPLINES), fit(chain, trajectory, SPLINES)
    for a, b in zip(one.terms, two.terms, strict=True):
        assert torch.equal(a.table.energy, b.table.energy)
        assert torch.equal(a.energy_errors, b.energy_errors)
    assert one.channels == two.channels


def terphenyl(kind: str) -> StoredTrajectory:
    """Geometric centres of the rings of the sample's ortho-terphenyl."""
    positions, forces = (
        torch.from_numpy(DCDFile(str(SAMPLES / name)).readframes().xyz).double()
        for name in ("otp.dcd", "otp_forces.dcd")
    )
    assignment, free = torch.tensor([0] * 10 + [1] * 11 + [2] * 11), torch.full((32,), -1)
    encoder = torch.nn.functional.one_hot(assignment).T.double()
    encoder = encoder / encoder.sum(1, keepdim=True)
    run = StoredTrajectory(Chunk(positions, torch.arange(3000).double(), None, forces))
    maps = sum_map(assignment, free).expand(4, -1, -1)
    if kind == "optimal":
        maps = crossed_maps(encoder, force_covariance(run, torch.arange(32)[None], 4), free)
    mapped = torch.einsum("fba,fad->fbd", maps.repeat_interleave(750, dim=0), forces)
    beads = torch.einsum("ba,fad->fbd", encoder, positions)
    return StoredTrajectory(Chunk(beads, run.chunk.times, None, mapped))


def test_optimal_forces_of_terphenyl_agree_with_boltzmann_and_with_plain_sums() -> None:
    """Over nanoseconds force matching and Boltzmann inversion see the same bond."""
    bonds, types = torch.tensor([[0, 1], [0, 2]]), ("A", "B", "B")
    fits = {
        kind: fit_potential(terphenyl(kind), bonds, types, CLASSICAL, "OTP")[0]
        for kind in ("sum", "optimal")
    }
    (k_sum, error_sum), (k, error) = (value(fits[m].terms[0], "k") for m in ("sum", "optimal"))
    assert abs(k - k_sum) < 4 * error_sum
    assert error < error_sum
    r = terphenyl("sum").chunk.positions[:, [1, 2]] - terphenyl("sum").chunk.positions[:, [0, 0]]
    lengths = r.norm(dim=-1)
    boltzmann = thermal_energy(300.0) / (2 * lengths.var())
    spread = lengths.reshape(30, 100, 2).var(dim=(1, 2)).std() / 30**0.5 / lengths.var()
    assert abs(k / float(boltzmann) - 1) < 4 * ((error / k) ** 2 + float(spread) ** 2) ** 0.5
    bond, bond_sum = fits["optimal"].channels[0], fits["sum"].channels[0]
    assert bond.r_squared > 0.6 and bond_sum.r_squared < 0.3
