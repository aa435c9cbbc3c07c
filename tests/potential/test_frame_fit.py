"""Force fields fitted to whole frames: known potentials come back, what is not known is said."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError, SettingError
from autograin_cli.potential import regression
from autograin_cli.potential.fit import fit_force_field, fit_potential
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.frame_equations import accumulate_frames
from autograin_cli.potential.frame_layout import FrameModel
from autograin_cli.potential.pair import PairTerm
from autograin_cli.potential.pair_forms import LennardJones, PairSpline, mie
from autograin_cli.potential.pair_tables import pair_grid
from autograin_cli.settings import PotentialSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory
from chains import Chain
from fluids import PAIR, Energy, Fluid, component, cube

BOX, CUTOFF, SWITCH = 16.0, 7.5, 6.0
BEADS = System((component("bead", "A", 64),))
LJ = PotentialSettings(pair="lj-12-6", cutoff=CUTOFF, switch=SWITCH, bond="harmonic")
SPLINE = PotentialSettings(pair="spline", cutoff=CUTOFF)


def lennard_jones(n: int, epsilon: float, sigma: float) -> Energy:
    """Switched as the form is, from SWITCH to CUTOFF, and 0 beyond."""
    form = LennardJones(n, sigma, SWITCH, CUTOFF)
    depths = mie(n) * epsilon * torch.ones(2).double()

    def energy(r: Tensor) -> Tensor:
        inside = r < CUTOFF
        return evaluate(form, depths, torch.where(inside, r, CUTOFF))[0] * inside

    return energy


def fluid(**energies: Energy) -> Fluid:
    """64 beads of one type in a cube."""
    return Fluid(BEADS, cube(BOX), energies)


def value(term: PairTerm, name: str) -> tuple[float, float]:
    """A parameter and its standard error."""
    index = term.parameter_names.index(name)
    return float(term.parameters[index]), float(term.parameter_errors[index])


def pair_terms(force_field: ForceField) -> tuple[PairTerm, ...]:
    assert force_field.nonbonded is not None
    return force_field.nonbonded.terms


@pytest.mark.parametrize(("form", "n"), [("lj-12-6", 12), ("lj-9-6", 9)])
def test_noiseless_forces_give_back_lennard_jones(form: str, n: int) -> None:
    frames = fluid(AA=lennard_jones(n, 0.7, 3.6)).trajectory(20, seed=1)
    found, told = fit_force_field(frames, BEADS, replace(LJ, pair=form))
    (term,) = pair_terms(found)
    assert told == () and term.on_bounds == ()
    assert value(term, "epsilon")[0] == pytest.approx(0.7, rel=1e-8)
    assert value(term, "sigma")[0] == pytest.approx(3.6, rel=1e-8)
    assert value(term, "epsilon")[1] < 1e-8
    assert found.nonbonded is not None
    assert [c.name for c in found.nonbonded.channels] == ["pair", "all"]
    assert all(c.r_squared == pytest.approx(1) for c in found.nonbonded.channels)
    fresh = fluid(AA=lennard_jones(n, 0.7, 3.6))
    z = fresh.draw(3, seed=2)
    exact = fresh.forces(z)
    largest = float(exact.abs().max())
    assert torch.allclose(found.forces(z, cube(BOX)), exact, rtol=0, atol=1e-5 * largest)
    energies = found.energy(z, cube(BOX))
    assert torch.allclose(energies, fresh.energy(z), rtol=1e-7, atol=1e-5)


def test_noiseless_forces_give_back_a_spline_of_the_same_knots() -> None:
    form = PairSpline(3.2, CUTOFF, 12)
    exact = torch.randn(12, generator=torch.Generator().manual_seed(1)).double()

    def energy(r: Tensor) -> Tensor:
        inside = r < CUTOFF
        return evaluate(form, exact, torch.where(inside, r, CUTOFF))[0] * inside

    frames = fluid(AA=energy).trajectory(30, seed=3)
    grid = pair_grid(3.2, CUTOFF, 12)
    model = FrameModel(BEADS, (), (), (), (form,), (grid,), ((0, 0),), 2, CUTOFF)
    sums = accumulate_frames(frames, model, 2)
    found = torch.linalg.solve(sums.matrices.sum(0), sums.vectors.sum(0))
    assert torch.allclose(found, exact, rtol=1e-8, atol=1e-8)


def test_several_components_are_fitted_together() -> None:
    """Bonded forces of the dimers and pair forces of all overlap; both come back."""
    system = System((component("dimer", "AB", 20, PAIR), component("ion", "C", 24)))
    box = torch.tensor([[16.0, 0, 0], [3.0, 16.5, 0], [-2.0, 1.0, 17.0]]).double()
    exact = {
        "AA": (0.5, 3.2),
        "AB": (0.6, 3.0),
        "AC": (0.7, 3.1),
        "BB": (0.4, 2.9),
        "BC": (0.8, 3.3),
        "CC": (0.3, 3.5),
    }
    energies = {kinds: lennard_jones(12, *values) for kinds, values in exact.items()}
    truth = Fluid(system, box, energies)
    frames = truth.trajectory(40, seed=4)
    found, told = fit_force_field(frames, system, LJ)
    assert told == ()
    assert found.term_names == ("bond A-B", *(f"pair {kinds[0]}-{kinds[1]}" for kinds in exact))
    for term in pair_terms(found):
        epsilon, sigma = exact["".join(term.types)]
        assert value(term, "epsilon")[0] == pytest.approx(epsilon, rel=1e-7)
        assert value(term, "sigma")[0] == pytest.approx(sigma, rel=1e-8)
    (bond,) = found.potentials[0].terms
    assert bond.parameters.tolist() == pytest.approx([300.0, 1.5], rel=1e-8)
    assert found.potentials[1].terms == ()
    assert [p.n_frames for p in found.potentials] == [800, 960]
    channels = found.potentials[0].channels
    assert [c.name for c in channels] == ["bond", "all"]
    assert all(c.r_squared == pytest.approx(1) and c.ceiling is None for c in channels)


def test_excluded_pairs_are_neither_fitted_nor_felt() -> None:
    """The pairs along a chain would feel forces of a millionfold."""
    bonds = torch.tensor([[0, 1], [1, 2]])
    system = System((component("chain", "AAA", 16, bonds),))
    truth = Fluid(system, cube(BOX), {"AA": lennard_jones(12, 0.7, 3.6)})
    frames = truth.trajectory(20, seed=5)
    found, _ = fit_force_field(frames, system, replace(LJ, angle="none"))
    (term,) = pair_terms(found)
    assert value(term, "epsilon")[0] == pytest.approx(0.7, rel=1e-7)
    assert term.sampled_low > 1.7
    assert found.nonbonded is not None and found.nonbonded.excluded_bonds == 2
    assert torch.allclose(
        found.forces(frames.chunk.positions[:2], cube(BOX)),
        truth.forces(frames.chunk.positions[:2]),
        rtol=1e-5,
        atol=1e-3,
    )
    nearer, _ = fit_force_field(frames, system, replace(LJ, angle="none", excluded_bonds=0))
    assert pair_terms(nearer)[0].sampled_low < 1.5


def test_a_negative_repulsion_is_held_at_zero_and_said_loudly() -> None:
    frames = fluid(AA=lennard_jones(12, -0.7, 3.0)).trajectory(10, seed=6)
    found, told = fit_force_field(frames, BEADS, LJ)
    (term,) = pair_terms(found)
    assert "A" in term.on_bounds
    assert term.parameters.min() == 0 and "sigma" not in term.parameter_names
    assert any("pair A-A is on its bound, A = 0" in caution for caution in told)
    energy, slope = term.evaluate(torch.linspace(0.05, 0.9 * term.sampled_low, 50).double())
    assert (energy.diff() < 0).all() and (slope < 0).all()


def test_the_best_bounded_fit_is_the_best_of_all_on_the_bound() -> None:
    """With A = 0 what is left is least squares in B alone, and A would better be negative."""

    def energy(r: Tensor) -> Tensor:
        soft, hard = lennard_jones(9, 1.0, 3.0)(r), lennard_jones(12, 1.0, 3.0)(r)
        return -0.5 * hard + 0.1 * soft

    frames = fluid(AA=energy).trajectory(10, seed=7)
    found, _ = fit_force_field(frames, BEADS, LJ)
    (term,) = pair_terms(found)
    form = LennardJones(12, 3.0, SWITCH, CUTOFF)
    grid = pair_grid(3.0, CUTOFF, None)
    model = FrameModel(BEADS, (), (), (), (form,), (grid,), ((0, 0),), 2, CUTOFF)
    sums = accumulate_frames(frames, model, 1)
    candidates = [torch.zeros(2).double()]
    for column in range(2):
        alone = sums.vectors[0, column] / sums.matrices[0, column, column]
        candidates.append(torch.eye(2).double()[column] * alone.clamp(min=0))
    lost = [c @ sums.matrices[0] @ c - 2 * c @ sums.vectors[0] for c in candidates]
    best = candidates[int(torch.stack(lost).argmin())]
    assert term.on_bounds
    plain = best * torch.tensor([3.0**12, 3.0**6]).double()
    assert torch.allclose(term.parameters, plain, rtol=1e-8, atol=1e-8)


def test_noisy_lennard_jones_is_recovered_within_its_errors() -> None:
    frames = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(200, seed=8, noise=3.0)
    found, _ = fit_force_field(frames, BEADS, replace(LJ, blocks=40))
    (term,) = pair_terms(found)
    for name, exact in (("epsilon", 0.7), ("sigma", 3.6)):
        estimate, error = value(term, name)
        assert abs(estimate - exact) < 4 * error
        assert 0 < error < 0.1 * exact


def test_a_spline_recovers_a_noisy_force_within_its_errors() -> None:
    exact = lennard_jones(12, 0.7, 3.0)
    frames = fluid(AA=exact).trajectory(150, seed=9, noise=2.0)
    found, told = fit_force_field(frames, BEADS, replace(SPLINE, blocks=30, pair_knots=30))
    (term,) = pair_terms(found)
    r = term.table.points
    inside = r > 3.0
    error = (term.table.energy - exact(r))[inside]
    spread = term.energy_errors[inside]
    assert (error.abs() < 4 * spread + 0.02).all()  # kJ/mol: a cubic between knots 0.2 Å apart
    assert float(spread.max()) < 0.3
    assert told == ()


def test_the_smoothing_chosen_is_near_the_best_one_for_the_true_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = lennard_jones(12, 0.7, 3.6)
    frames = fluid(AA=exact).trajectory(60, seed=10, noise=3.0)
    settings = replace(SPLINE, pair_knots=80)

    def error(found: ForceField) -> float:
        """Mean square of the error of the force over all pairs."""
        (term,) = pair_terms(found)
        r = term.table.points.clone().requires_grad_()
        (slope,) = torch.autograd.grad(exact(r).sum(), r)
        return float((term.counts * (term.table.slope - slope).square()).sum() / term.counts.sum())

    chosen = error(fit_force_field(frames, BEADS, settings)[0])
    errors = []
    for weight in regression._SMOOTHING:
        monkeypatch.setattr(regression, "_SMOOTHING", weight[None])
        errors.append(error(fit_force_field(frames, BEADS, settings)[0]))
    assert chosen < 1.3 * min(errors)
    assert min(errors) < 0.6 * errors[0] and min(errors) < 0.1 * errors[-1]


def test_unvisited_knots_are_named_and_leave_no_zero_force() -> None:
    """Two shells of distances with nothing between them, and nothing below."""
    random = torch.Generator().manual_seed(1)
    r = torch.cat(
        (3.0 + torch.rand(200, generator=random), 6.0 + torch.rand(200, generator=random))
    )
    z = torch.zeros(400, 2, 3).double()
    z[:, 1, 0] = r.double()
    pull = 5.0 * (4.0 - z[:, 1, 0])
    forces = torch.zeros(400, 2, 3).double()
    forces[:, 0, 0], forces[:, 1, 0] = -pull, pull
    order = torch.randperm(400, generator=random)
    boxes = cube(40.0).expand(400, 3, 3)
    frames = StoredTrajectory(Chunk(z[order], torch.arange(400).double(), boxes, forces[order]))
    system = System((component("bead", "A", 2),))
    found, told = fit_force_field(frames, system, replace(SPLINE, cutoff=8.0))
    (term,) = pair_terms(found)
    assert any("pair A-A was never seen between 4." in c and "and 6.00" in c for c in told)
    assert any("rests on 400 pairs" in c for c in told)
    near, slope = term.evaluate(torch.linspace(0.01, term.sampled_low, 200).double())
    assert (slope < 0).all() and (near.diff() < 0).all() and near.isfinite().all()
    assert term.table.energy.isfinite().all()


def test_types_that_never_meet_are_left_out_and_named() -> None:
    system = System((component("dimer", "AB", 1, PAIR), component("ion", "C", 1)))
    z = torch.tensor([[0.0, 0, 0], [0, 0, 1.5], [0, 3.0, 0]]).double().repeat(30, 1, 1)
    z = z + 0.1 * torch.randn(z.shape, generator=torch.Generator().manual_seed(2)).double()
    z[:, 2, 1] = z[:, 2, 1] + 20.0
    truth = Fluid(system, cube(60.0), {})
    boxes = cube(60.0).expand(30, 3, 3)
    frames = StoredTrajectory(Chunk(z, torch.arange(30).double(), boxes, truth.forces(z)))
    found, told = fit_force_field(frames, system, replace(LJ, cutoff=10.0, switch=None))
    assert pair_terms(found) == ()
    assert any("pair A-C was left out" in caution for caution in told)
    assert any("pair B-C was left out" in caution for caution in told)
    assert found.potentials[0].terms[0].parameters.tolist() == pytest.approx([300.0, 1.5])


def test_the_cutoff_is_half_of_the_thinnest_box_of_all_frames() -> None:
    chunk = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(8, seed=11).chunk
    assert chunk.boxes is not None
    boxes = chunk.boxes.clone()
    boxes[5] = torch.tensor([[16.0, 0, 0], [0, 14.6573, 0], [0, 0, 16.0]]).double()
    frames = StoredTrajectory(replace(chunk, boxes=boxes))
    found, _ = fit_force_field(frames, BEADS, replace(LJ, cutoff=None, switch=None))
    assert found.nonbonded is not None
    assert found.nonbonded.cutoff == 7.32
    assert found.nonbonded.switch == pytest.approx(6.32)
    with pytest.raises(SettingError, match=r"14\.66 Å high at its thinnest and a cutoff of 7.5 Å"):
        fit_force_field(frames, BEADS, LJ)
    wide = StoredTrajectory(replace(chunk, boxes=2 * boxes))
    found, _ = fit_force_field(wide, BEADS, replace(LJ, cutoff=None, switch=None))
    assert found.nonbonded is not None and found.nonbonded.cutoff == 12.0


def test_a_switch_beyond_the_cutoff_is_refused() -> None:
    frames = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(4, seed=12)
    with pytest.raises(SettingError, match="a switch from 8 Å"):
        fit_force_field(frames, BEADS, replace(LJ, switch=8.0))


def test_pair_terms_between_molecules_need_a_box() -> None:
    chunk = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(4, seed=13).chunk
    frames = StoredTrajectory(replace(chunk, boxes=None))
    with pytest.raises(SettingError, match="64 molecules and no box"):
        fit_force_field(frames, BEADS, LJ)
    found, told = fit_force_field(frames, BEADS, PotentialSettings())
    assert found.nonbonded is None and "no bonded term" in told[0]


def test_frames_that_cannot_be_fitted_are_refused() -> None:
    chunk = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(4, seed=14).chunk
    with pytest.raises(InputError, match="without forces"):
        fit_force_field(StoredTrajectory(replace(chunk, forces=None)), BEADS, LJ)
    broken = chunk.positions.clone()
    broken[2, 3, 1] = torch.nan
    with pytest.raises(DivergenceError, match="frame 2"):
        fit_force_field(StoredTrajectory(replace(chunk, positions=broken)), BEADS, LJ)
    for n_copies in (63, 32):
        other = System((component("x", "A", n_copies),))
        with pytest.raises(InputError, match="frames of 64 beads"):
            fit_force_field(StoredTrajectory(chunk), other, LJ)


def chain_system(chain: Chain, n_copies: int = 1, name: str = "chain") -> System:
    return System((component(name, "".join(chain.types), n_copies, chain.bonds),))


def test_without_pair_terms_the_numbers_are_those_of_each_molecule_alone() -> None:
    chain = Chain(4)
    frames = chain.trajectory(100, seed=15, noise=10.0)
    found, told = fit_force_field(frames, chain_system(chain), PotentialSettings())
    alone, expected = fit_potential(frames, chain.bonds, chain.types, PotentialSettings(), "chain")
    assert found.nonbonded is None and told == expected
    assert found.potentials[0].channels == alone.channels
    for one, two in zip(found.potentials[0].terms, alone.terms, strict=True):
        assert torch.equal(one.table.energy, two.table.energy)


def test_components_in_vacuum_are_fitted_each_to_its_own_beads() -> None:
    one, two = Chain(2), Chain(3)
    system = System((*chain_system(one, 1, "a").components, *chain_system(two, 1, "b").components))
    parts = [one.trajectory(50, seed=16), two.trajectory(50, seed=17)]
    chunk = Chunk(
        torch.cat([part.chunk.positions for part in parts], dim=1),
        torch.arange(50).double(),
        None,
        torch.cat([f for part in parts if (f := part.chunk.forces) is not None], dim=1),
    )
    settings = PotentialSettings(bond="harmonic", angle="cosine")
    found, _ = fit_force_field(StoredTrajectory(chunk), system, settings)
    assert [p.molecule for p in found.potentials] == ["a", "b"]
    for potential in found.potentials:
        assert potential.terms[0].parameters.tolist() == pytest.approx([300.0, 3.0], rel=1e-7)


def test_one_molecule_in_vacuum_may_have_pair_terms_beyond_the_exclusions() -> None:
    chain = Chain(5)
    free = PotentialSettings(pair="lj-12-6", bond="harmonic", angle="cosine", dihedral="fourier")
    found, _ = fit_force_field(chain.trajectory(300, seed=18), chain_system(chain), free)
    (term,) = pair_terms(found)
    assert term.name == "pair A-E"
    assert found.nonbonded is not None
    assert (found.nonbonded.excluded_bonds, found.nonbonded.cutoff) == (3, 12.0)
    assert [c.name for c in found.nonbonded.channels] == ["all"]
    assert abs(value(term, "A")[0]) * 3.0**-12 < 1e-4
    quiet, _ = fit_force_field(
        chain.trajectory(30, seed=18), chain_system(chain), PotentialSettings()
    )
    assert quiet.nonbonded is None


@pytest.mark.parametrize("pair", ["lj-9-6", "spline"])
def test_the_fitted_forces_are_minus_the_gradient_of_the_fitted_energy(pair: str) -> None:
    system = System((component("dimer", "AB", 12, PAIR),))
    energies = {k: lennard_jones(12, 0.5, 3.0) for k in ("AA", "AB", "BB")}
    truth = Fluid(system, cube(BOX), energies)
    settings = replace(LJ, pair=pair, switch=None)
    found, _ = fit_force_field(truth.trajectory(20, seed=19), system, settings)
    z = truth.draw(1, seed=20)
    forces = found.forces(z, cube(BOX))
    step = 1e-5
    for bead, direction in ((0, 0), (5, 1), (23, 2)):
        moved = z.repeat(2, 1, 1)
        moved[:, bead, direction] += torch.tensor([step, -step]).double()
        energy = found.energy(moved, cube(BOX))
        slope = float(energy[1] - energy[0]) / (2 * step)
        assert float(forces[0, bead, direction]) == pytest.approx(slope, rel=1e-5, abs=1e-5)


def test_the_same_input_gives_the_same_bits() -> None:
    frames = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(20, seed=21, noise=1.0)
    one, two = (fit_force_field(frames, BEADS, SPLINE)[0] for _ in range(2))
    assert torch.equal(pair_terms(one)[0].table.energy, pair_terms(two)[0].table.energy)
    assert one.nonbonded is not None and two.nonbonded is not None
    assert one.nonbonded.channels == two.nonbonded.channels


def test_a_switch_of_a_spline_is_refused() -> None:
    frames = fluid(AA=lennard_jones(12, 0.7, 3.6)).trajectory(4, seed=12)
    with pytest.raises(SettingError, match="--switch 6 with pair splines"):
        fit_force_field(frames, BEADS, replace(SPLINE, switch=6.0))
