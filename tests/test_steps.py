"""Searches and trainings that are stopped at any step and gone on with: nothing is different."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.joint import batches, structures
from autograin_cli.joint.fit import fit_jointly
from autograin_cli.mapping import certificate, partitions, scoring
from autograin_cli.mapping.enumeration import enumerate_mappings
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.topology import Units
from autograin_cli.passes import State
from autograin_cli.settings import (
    JointSettings,
    MappingSettings,
    NeuralSettings,
    PotentialSettings,
)
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Chunk, PassState, Trajectory
from example_artifacts import bits
from gases import ChunkedTrajectory
from spring_chains import spring_chain, spring_trajectory
from systems import alkane, springs
from test_passes import Keeper, Kept, with_breaks

QUICK = MappingSettings(beads=3, anneal_seeds=2, anneal_steps=60)
NETWORK = NeuralSettings(features=4, moments=2, interactions=1, rank=1, epochs=2, ensemble=2)
ACCEPTED = PotentialSettings(bond="harmonic", angle="none", dihedral="none")


def chain(n_carbons: int) -> Chunk:
    molecule = alkane(n_carbons)
    positions = springs(molecule.bonds, molecule.n_atoms, seed=2).draw(60, seed=3)
    return Chunk(positions, torch.arange(60).double())


@pytest.mark.parametrize(
    ("n_carbons", "patience", "settings"),
    [
        (7, 59, replace(QUICK, weights="learned")),
        (7, 7, replace(QUICK, noise="gumbel")),
        (24, 13, replace(QUICK, beads=8)),
        (24, 5, MappingSettings(beads=8, method="exact")),
    ],
)
def test_a_mapping_is_that_of_a_search_without_a_break(
    n_carbons: int, patience: int, settings: MappingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an annealing, the scores of all mappings or a search among them, and blocks."""
    monkeypatch.setattr(scoring, "_BATCH", 4)
    monkeypatch.setattr(certificate, "_ENUMERATION_LIMIT", 1000)
    monkeypatch.setattr(certificate, "_RANDOM_STARTS", 3)
    monkeypatch.setattr(certificate, "_SEARCH_ROUNDS", 6)
    chunk = chain(n_carbons)

    def work(atoms: Trajectory) -> Mapping:
        return fit_mapping(atoms, alkane(n_carbons), settings)

    again, n_breaks = with_breaks(work, chunk, 60, patience)
    assert n_breaks >= 5
    assert bits(again) == bits(work(ChunkedTrajectory(chunk, 60)))
    assert again.certificate is not None
    assert again.certificate.proved_optimal == (n_carbons == 7)


def ladder(n_rungs: int) -> Units:
    """Squares in a row: one block, whose connected partitions are found one by one."""
    edges = [(i, i + 1) for i in range(2 * n_rungs) if i % n_rungs < n_rungs - 1]
    edges += [(i, i + n_rungs) for i in range(n_rungs)]
    near = [
        frozenset({a + b - unit for a, b in edges if unit in (a, b)}) for unit in range(2 * n_rungs)
    ]
    return Units(torch.arange(2 * n_rungs), tuple(near))


@pytest.mark.parametrize("limit", [10**6, 100])
def test_mappings_are_listed_as_without_a_break(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a breath after every few subsets; also where there are more than are wanted."""
    whole = enumerate_mappings(ladder(5), 3, limit)
    assert (whole is None) == (limit == 100)
    monkeypatch.setattr(partitions, "_LOOKS", 20)

    def work(atoms: Trajectory) -> Tensor | None:
        return enumerate_mappings(ladder(5), 3, limit, atoms.keeper)

    again, n_breaks = with_breaks(work, chain(1), 60, 2)
    assert n_breaks >= 5
    assert bits(again) == bits(whole)


def test_sets_of_more_than_64_vertices_are_kept() -> None:
    near = [1 << (unit + 1) % 70 | 1 << (unit - 1) % 70 for unit in range(70)]
    first, second = partitions.Partitions(near, 2, 10**5), partitions.Partitions(near, 2, 10**5)
    take_steps(first, None)
    second.restore(1, first.state())
    assert len(second.found[1]) == 70 * 69 // 2
    assert second.found == first.found


@pytest.mark.parametrize(("neural", "patience"), [(None, 7), (NETWORK, 9)])
def test_a_joint_refinement_is_that_without_a_break(
    neural: NeuralSettings | None, patience: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a start with an atom on the wrong side, with several drawings of structures."""
    monkeypatch.setattr(structures, "_MOST", 160)
    monkeypatch.setattr(batches, "BATCH", 32)
    whole, (_, molecule) = spring_trajectory(2, 400), spring_chain(2)
    best = fit_mapping(whole, molecule, MappingSettings(beads=2, method="exact"))
    weights = torch.tensor([[0.5, 0.5, 0, 0, 0, 0], [0, 0, 0.25, 0.25, 0.25, 0.25]]).double()
    start = replace(best, assignment=torch.tensor([0, 0, 1, 1, 1, 1]), encoder=weights)
    joint = JointSettings(joint_steps=30)

    def work(atoms: Trajectory) -> object:
        mappings, report, _ = fit_jointly(atoms, [start], ACCEPTED, joint, neural)
        return mappings, report

    again, n_breaks = with_breaks(work, whole.chunk, 90, patience)
    assert n_breaks >= 4
    assert bits(again) == bits(work(ChunkedTrajectory(whole.chunk, 90, True)))


@dataclass
class Copies(Keeper):
    """Never ends the work; keeps the state of every piece of it."""

    def passed(self, n_frames: int, sums: Callable[[], State]) -> None:
        if n_frames == 2:
            self.ended(n_frames, sums)


def pieces() -> Sequence[tuple[Callable[[Keeper], object], list[PassState]]]:
    """All kinds of work in steps, with their states after two steps or at their end."""
    trajectory, (_, molecule) = spring_trajectory(2, 200), spring_chain(2)
    best = fit_mapping(trajectory, molecule, MappingSettings(beads=2, method="exact"))

    def mapped(keeper: Keeper) -> object:
        settings = MappingSettings(beads=5, weights="learned", anneal_seeds=1, anneal_steps=10)
        return fit_mapping(Kept(chain(24), 60, False, keeper), alkane(24), settings)

    def refined(keeper: Keeper) -> object:
        atoms, joint = Kept(trajectory.chunk, 200, True, keeper), JointSettings(joint_steps=10)
        return fit_jointly(atoms, [best], ACCEPTED, joint, NETWORK)

    def listed(keeper: Keeper) -> object:
        return enumerate_mappings(ladder(4), 3, 10**6, keeper)

    kinds = []
    for work in (mapped, refined, listed):
        keeper = Copies(0)
        work(keeper)
        kinds.append((work, keeper.kept))
    return kinds


def without(state: State, name: str) -> State:
    return {key: each for key, each in state.items() if key != name}


def test_a_state_of_other_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of each state in turn are taken away, or are of another shape and type."""
    monkeypatch.setattr(certificate, "_ENUMERATION_LIMIT", 10)
    monkeypatch.setattr(certificate, "_RANDOM_STARTS", 1)
    monkeypatch.setattr(certificate, "_SEARCH_ROUNDS", 2)
    n_tried = 0
    for work, kept in pieces():
        for number, piece in enumerate(kept):
            if "0/structures/000000" in piece.sums:
                continue  # a pass
            for name in list(piece.sums)[:: 1 + len(piece.sums) // 5]:
                wrong = [piece.sums | {name: torch.full((3, 7), -1.5)}]
                if not name.startswith("found"):  # what was found last may be found again
                    wrong.append(without(piece.sums, name))
                for sums in wrong:
                    with pytest.raises(InputError, match="not those of this pass"):
                        work(Keeper(1, [*kept[:number], replace(piece, sums=sums)]))
                    n_tried += 1
    assert n_tried > 60
