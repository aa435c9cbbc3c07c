"""How often each method finds the optimum that enumeration proves, and at what cost."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from study_loss import NEAR, Frames, connected_mappings, goal_of
from study_results import Proof, Rate
from torch import Tensor
from trained_decoder import train

from autograin_cli.mapping.anneal import anneal
from autograin_cli.mapping.problem import Problem
from autograin_cli.mapping.rounding import round_shares
from autograin_cli.mapping.scoring import Objective, score
from autograin_cli.mapping.search import improve, local_search, random_mapping

SAME = 1 + 1e-9  # images of a mapping under a symmetry differ by less
_ANNEAL_STEPS, _TRAIN_STEPS, _SEARCH_ROUNDS = 1000, 2000, 10
_REPEATS = 5  # of the enumeration, for the median of its time


@dataclass(frozen=True)
class Case:
    """A molecule, a number of beads and an objective.

    frames: that mappings are judged on.
    problem: what they are judged by.
    target: the objective on all frames.
    """

    frames: Frames
    problem: Problem
    target: Objective

    @property
    def n_beads(self) -> int:
        """Beads of the molecule."""
        return self.problem.settings.beads

    def values(self, labels: Tensor) -> Tensor:
        """Objectives of mappings, labels of units, (mappings, units)."""
        return score(self.target, labels, self.n_beads).objective


Method = Callable[[Case, int], Tensor]


def annealed(case: Case, n_seeds: int) -> Tensor:
    """Algorithm 1 corrected, the decoder eliminated; labels, (seeds, units)."""
    goal = goal_of(case.problem)
    found = anneal(goal, case.n_beads, n_seeds, _ANNEAL_STEPS, 0, gumbel=False)
    return _rounded(case, found.shares)


def with_noise(case: Case, n_seeds: int) -> Tensor:
    """The same with the noise and the temperature of the authors' program."""
    goal = goal_of(case.problem)
    found = anneal(goal, case.n_beads, n_seeds, _ANNEAL_STEPS, 0, gumbel=True)
    return _rounded(case, found.shares)


def with_trained_decoder(case: Case, n_seeds: int) -> Tensor:
    """Algorithm 1 corrected, the decoder trained by gradient descent as well."""
    goal = goal_of(case.problem)
    return _rounded(case, train(goal, case.n_beads, n_seeds, _TRAIN_STEPS, 0, noise=False).shares)


def moved(case: Case, n_seeds: int) -> Tensor:
    """Moves of single atoms, with their hydrogens, from one random mapping a seed."""
    starts = [_random(case, seed) for seed in range(n_seeds)]
    return torch.stack([improve(case.target, case.problem.units, s, case.n_beads) for s in starts])


def searched(case: Case, n_seeds: int) -> Tensor:
    """The local search of fit-mapping, with merges and splits, from one random mapping a seed."""
    ends = []
    for seed in range(n_seeds):
        start = [_random(case, seed)]
        units, rounds = case.problem.units, _SEARCH_ROUNDS
        visited = local_search(case.target, units, case.n_beads, start, rounds, seed)
        ends.append(visited[case.values(visited).argmin()])
    return torch.stack(ends)


METHODS: dict[str, Method] = {
    "annealing": annealed,
    "annealing with Gumbel noise": with_noise,
    "decoder trained too": with_trained_decoder,
    "moves from a random start": moved,
    "local search from a random start": searched,
}


def _rounded(case: Case, shares: Tensor) -> Tensor:
    """Hard connected mappings of soft ones, as fit-mapping rounds them."""
    return torch.stack([round_shares(p, case.problem.units, connected=True) for p in shares])


def _random(case: Case, seed: int) -> Tensor:
    """Connected beads grown from random atoms, labels of units, (units,)."""
    generator = torch.Generator().manual_seed(seed)
    return random_mapping(case.problem.units, case.n_beads, generator)


def pose_case(frames: Frames, n_beads: int, objective: str) -> Case:
    """The case of a molecule with the authors' uniform weights."""
    problem = frames.problem(n_beads, "uniform", objective)
    return Case(frames, problem, problem.objective(problem.moments))


def rates(
    case: Case, n_seeds: int, pass_seconds: float, methods: dict[str, Method]
) -> Iterator[Proof | Rate]:
    """Prove the optimum, then let every method look for it.

    Args:
        case: what is looked for.
        n_seeds: of every method.
        pass_seconds: CPU time of one pass over the trajectory, s.
        methods: by name.
    """
    runs = [timed(partial(_enumerated, case)) for _ in range(_REPEATS)]
    values, unit = runs[0][0], sorted(seconds for _, seconds in runs)[_REPEATS // 2]
    best = float(values.min())
    worse = values[values > best * SAME]
    system, objective = case.frames.system, case.problem.settings.objective
    yield Proof(
        system=system,
        n_beads=case.n_beads,
        objective=objective,
        n_mappings=len(values),
        n_near=int((values <= NEAR * best).sum()),
        margin=float(worse.min()) / best - 1,
        reading=pass_seconds / unit,
    )
    for name, method in methods.items():
        labels, seconds = timed(partial(method, case, n_seeds))
        ends = case.values(labels)
        yield Rate(
            system=system,
            n_beads=case.n_beads,
            objective=objective,
            method=name,
            seeds=n_seeds,
            found=int((ends <= best * SAME).sum()),
            near=int((ends <= best * NEAR).sum()),
            distinct=_distinct(ends),
            cost=seconds / n_seeds / unit,
        )


def _enumerated(case: Case) -> Tensor:
    """Objectives of every connected mapping, (mappings,)."""
    return case.values(connected_mappings(case.problem.units, case.n_beads))


def _distinct(ends: Tensor) -> int:
    """Different objectives among those of the seeds."""
    ordered = ends.sort().values
    return 1 + int((ordered[1:] > ordered[:-1] * SAME).sum())


def timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """The outcome of some work, and its CPU time, s."""
    begin = time.process_time()
    outcome = work()
    return outcome, time.process_time() - begin
