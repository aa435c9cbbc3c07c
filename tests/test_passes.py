"""Passes that are stopped at any chunk and gone on with: the result of one without a break."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.observables import Observable, Subject
from autograin_cli.errors import InputError
from autograin_cli.mapping.force_maps import force_covariances
from autograin_cli.mapping.moments import surveys
from autograin_cli.passes import add_up, numbered, of_number
from autograin_cli.potential.fit import fit_force_field
from autograin_cli.settings import ComparisonSettings, PotentialSettings
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, PassState, Trajectory
from example_artifacts import bits
from gases import ChunkedTrajectory
from systems import alkane
from tabulated_liquids import cubic, dumbbells, placed

Result = TypeVar("Result")
State = dict[str, Tensor]


class StoppedError(Exception):
    """The keeper has ended the work."""


@dataclass
class Keeper:
    """Ends the work after so many chunks; keeps copies of the sums, as a file would."""

    patience: int
    kept: list[PassState] = field(default_factory=list)
    number: int = 0

    def begun(self) -> PassState | None:
        self.number += 1
        return self.kept[self.number - 1] if self.number <= len(self.kept) else None

    def passed(self, n_frames: int, sums: Callable[[], State]) -> None:
        self.patience -= 1
        if self.patience <= 0:
            self.ended(n_frames, sums)
            raise StoppedError

    def ended(self, n_frames: int, sums: Callable[[], State]) -> None:
        copies = {name: tensor.clone() for name, tensor in sums().items()}
        self.kept[self.number - 1 :] = [
            PassState(n_frames, copies),
            *self.kept[self.number :],
        ]


@dataclass(frozen=True)
class Kept(ChunkedTrajectory):
    """A trajectory in chunks with a keeper."""

    keeper: Keeper | None = None


def with_breaks(
    work: Callable[[Trajectory], Result], chunk: Chunk, n_in_chunk: int, patience: int
) -> tuple[Result, int]:
    """Do work that is stopped after every few chunks, from its beginning each time."""
    whole = Kept(chunk, n_in_chunk, chunk.forces is not None)
    kept: list[PassState] = []
    for n_breaks in range(100):
        keeper = Keeper(patience, kept)
        try:
            return work(replace(whole, keeper=keeper)), n_breaks
        except StoppedError:
            kept = keeper.kept
    raise AssertionError("the work never ends")


def vectors(n_frames: int, n_atoms: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n_frames, n_atoms, 3, generator=random, dtype=torch.float64)


def gas(n_frames: int, n_atoms: int) -> Chunk:
    shape = 2.0 * vectors(1, n_atoms, 0)
    noise, forces = 0.1 * vectors(n_frames, n_atoms, 1), vectors(n_frames, n_atoms, 2)
    return Chunk(shape + noise, torch.arange(n_frames).double(), None, forces)


def liquid(n_frames: int) -> tuple[Chunk, System]:
    field_, box = dumbbells(), cubic(20.0)
    positions = placed(field_, box) + 0.1 * vectors(n_frames, field_.system.n_beads, 3)
    forces = vectors(n_frames, field_.system.n_beads, 4)
    boxes = box.expand(n_frames, 3, 3).clone()
    return Chunk(positions, torch.arange(n_frames).double(), boxes, forces), field_.system


@pytest.mark.parametrize("patience", [1, 3])
def test_moments_and_covariances_are_those_of_a_pass_without_a_break(patience: int) -> None:
    chunk = gas(40, 16)
    ethane = replace(alkane(2), copies=torch.arange(16).reshape(2, 8))

    def work(atoms: Trajectory) -> object:
        moments = surveys(atoms, [ethane], 3)
        return moments, force_covariances(atoms, [ethane.copies], 3)

    again, n_breaks = with_breaks(work, chunk, 6, patience)
    assert n_breaks >= 4
    assert bits(again) == bits(work(ChunkedTrajectory(chunk, 6, True)))


@pytest.mark.parametrize("patience", [1, 2])
def test_a_potential_of_molecules_is_that_without_a_break(patience: int) -> None:
    chunk, settings = gas(60, 6), PotentialSettings(knots=6, blocks=3)
    bonds = torch.tensor([[0, 1], [1, 2]])
    system = System((Component("chain", ("A", "B", "A"), bonds, None, 2),))

    def work(beads: Trajectory) -> object:
        return fit_force_field(beads, system, settings)

    again, n_breaks = with_breaks(work, chunk, 7, patience)
    assert n_breaks >= 5
    assert bits(again) == bits(work(ChunkedTrajectory(chunk, 7, True)))


def test_a_potential_of_a_liquid_is_that_without_a_break() -> None:
    chunk, system = liquid(12)
    settings = PotentialSettings(knots=6, pair_knots=6, blocks=3, cutoff=8.0)

    def work(beads: Trajectory) -> object:
        return fit_force_field(beads, system, settings)

    again, n_breaks = with_breaks(work, chunk, 3, 2)
    assert n_breaks >= 2
    assert bits(again) == bits(work(ChunkedTrajectory(chunk, 3, True)))


def test_sums_of_another_pass_are_refused() -> None:
    chunk = gas(10, 8)
    ethane = replace(alkane(2), copies=torch.arange(8)[None])
    keeper = Keeper(9, [PassState(5, {"something else": torch.zeros(3)})])
    with pytest.raises(InputError, match="not those of this pass"):
        surveys(Kept(chunk, 5, True, keeper), [ethane], 2)


@pytest.mark.parametrize("name", ["structures/000000", "positions/0", "forces/0"])
def test_sums_of_other_atoms_are_refused(name: str) -> None:
    chunk = gas(10, 8)
    ethane = replace(alkane(2), copies=torch.arange(8)[None])
    keeper = Keeper(1)
    with pytest.raises(StoppedError):
        surveys(Kept(chunk, 5, True, keeper), [ethane], 2)
    (kept,) = keeper.kept
    (whole,) = [full for full in kept.sums if full.endswith(name)]
    damaged = kept.sums | {whole: kept.sums[whole][:, :7]}
    again = Kept(chunk, 5, True, Keeper(9, [PassState(kept.n_frames, damaged)]))
    with pytest.raises(InputError, match="not those of this pass"):
        surveys(again, [ethane], 2)


def test_numbered_tensors_keep_their_order() -> None:
    tensors = [torch.full((), float(number)) for number in range(12)]
    state = numbered("x", tensors) | numbered("xy", tensors[:1])
    assert [float(one) for one in of_number(state, "x")] == list(range(12))


def test_a_pass_that_is_over_reads_nothing() -> None:
    class Never:
        n_frames, n_atoms, has_forces = 4, 1, False
        keeper = Keeper(9, [PassState(4, {"n": torch.tensor(7)})])

        def chunks(self, first: int = 0):  # type: ignore[no-untyped-def]
            assert first == 4
            yield from ()

    class Count:
        n = 0

        def add(self, first: int, chunk: Chunk) -> None:
            raise AssertionError(f"{first}: {chunk}")

        def state(self) -> State:
            return {"n": torch.tensor(self.n)}

        def restore(self, state: State) -> None:
            self.n = int(state["n"])

    count = Count()
    add_up(Never(), count)
    assert count.n == 7


def test_a_comparison_is_that_without_a_break() -> None:
    """Of two liquids: every observable that there is, from four passes."""
    chunk, system = liquid(64)
    other = replace(chunk, positions=chunk.positions + 0.05 * vectors(64, system.n_beads, 9))
    bond = Observable("bond", "bond", 0, torch.tensor([[0, 1]]), None)
    subject = Subject(system, system, 1, 120.0, (bond,), ())
    settings = ComparisonSettings(resamples=50, bins=8, rdf_spacing=0.5)

    def work(keeper: Keeper | None) -> object:
        reference, model = (Kept(each, 9, False, keeper) for each in (chunk, other))
        return compare(reference, model, subject, 0.0, settings)

    kept: list[PassState] = []
    again, n_breaks = None, 0
    while again is None:
        keeper = Keeper(3, kept)
        try:
            again = work(keeper)
        except StoppedError:
            kept, n_breaks = keeper.kept, n_breaks + 1
    assert n_breaks >= 8
    assert bits(again) == bits(work(None))
