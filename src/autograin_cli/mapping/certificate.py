"""Candidates for a mapping, the best of them, and how far it may be trusted."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.mapping.autoencoder import (
    compactness,
    decoder,
    mean_square_force,
    one_hot,
    reconstruction_bound,
    reconstruction_loss,
)
from autograin_cli.mapping.enumeration import enumerate_mappings
from autograin_cli.mapping.mapping import Certificate
from autograin_cli.mapping.problem import Problem
from autograin_cli.mapping.rounding import in_order
from autograin_cli.mapping.scoring import Objective, Scores, score
from autograin_cli.mapping.search import LocalSearch, agglomerate, improve, random_mapping
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Keeper

_ENUMERATION_LIMIT = 1_000_000
_RANDOM_STARTS = 16
_LARGEST_MANY_STARTS = 200
_SEARCH_ROUNDS = 40
# Objectives closer than this are one: images of a mapping under a symmetry.
_TIE = 1e-9
# Å²; what rounding leaves of an objective that is nought.
_ROUNDING = 1e-12
# What is this much worse on all frames is not the best on any block of them.
_RIVAL = 1.1
_MOST_RIVALS = 2000


@dataclass(frozen=True)
class Candidates:
    """Mappings that were evaluated.

    labels: bead of each unit, (candidates, units).
    scores: of each, (candidates,).
    complete: whether they are all that are allowed.
    """

    labels: Tensor
    scores: Scores
    complete: bool


@dataclass(frozen=True)
class Choice:
    """The mapping chosen, and where it came from.

    labels: bead of each unit, (units,).
    scores: of it, each ().
    method: 'anneal', 'polish', 'enumeration' or 'local search': the first that found it.
    rounded: objective of the rounded mapping of each annealing seed, Å², (seeds,).
    """

    labels: Tensor
    scores: Scores
    method: str
    rounded: Tensor

    @property
    def value(self) -> float:
        """Objective of the mapping, Å²."""
        return float(self.scores.objective)


def candidates(
    problem: Problem, target: Objective, rounded: list[Tensor], keeper: Keeper | None
) -> Candidates:
    """Every admissible mapping where they can be listed, else what a local search visits.

    Args:
        problem: what is allowed.
        target: the objective on the whole trajectory.
        rounded: labels from annealing, starts of the local search, each (units,).
        keeper: keeps how far each part of this is.
    """
    parts, settings = problem.units, problem.settings
    listed = enumerate_mappings(parts, settings.beads, _ENUMERATION_LIMIT, keeper)
    if listed is None:
        if settings.method == "anneal":
            listed = torch.stack([in_order(labels) for labels in rounded]).unique(dim=0)
        else:
            listed = _visited(problem, target, rounded, keeper)
        return Candidates(listed, score(target, listed, settings.beads), complete=False)
    return Candidates(listed, score(target, listed, settings.beads, keeper), complete=True)


def _visited(
    problem: Problem, target: Objective, rounded: list[Tensor], keeper: Keeper | None
) -> Tensor:
    """Local optima of a search from many starts, (optima, units)."""
    parts, n_beads, seed = problem.units, problem.settings.beads, problem.settings.seed
    generator = torch.Generator().manual_seed(seed)
    n_random = _RANDOM_STARTS if parts.count <= _LARGEST_MANY_STARTS else 1
    random = [random_mapping(parts, n_beads, generator) for _ in range(n_random)]
    starts = [agglomerate(target, parts, n_beads), *random, *rounded]
    search = LocalSearch(target, parts, starts, (n_beads, _SEARCH_ROUNDS), seed)
    take_steps(search, keeper)
    return search.visited()


def choose(
    problem: Problem,
    target: Objective,
    evaluated: Candidates,
    rounded: list[Tensor],
    keeper: Keeper | None,
) -> Choice:
    """The best mapping under the objective, and which method was the first to find it."""
    n_beads = problem.settings.beads
    values = torch.zeros(0, dtype=torch.float64)
    if rounded:
        values = score(target, torch.stack(rounded), n_beads).objective
    found: list[tuple[str, Tensor]] = []
    if rounded:
        found.append(("anneal", rounded[int(values.argmin())]))
    if problem.settings.method != "anneal":
        if rounded:
            polished = improve(target, problem.units, found[0][1], n_beads, keeper)
            found.append(("polish", polished))
        best = evaluated.labels[evaluated.scores.objective.argmin()]
        found.append(("enumeration" if evaluated.complete else "local search", best))
    choices = [
        Choice(labels, score(target, labels, n_beads), method, values) for method, labels in found
    ]
    lowest = min(choice.value for choice in choices)
    return next(choice for choice in choices if choice.value <= lowest * (1 + _TIE))


@dataclass(frozen=True)
class Seen:
    """What is known of a mapping beside the candidates.

    soft_loss: L_AE of the best annealed encoder, Å²; None where none was annealed.
    block_agreement: share of blocks in which no other candidate, or no move, beats it.
    """

    soft_loss: float | None
    block_agreement: float


def certify(
    problem: Problem,
    assignment: Tensor,
    encoding: Tensor,
    evaluated: Candidates,
    choice: Choice,
    seen: Seen,
) -> Certificate:
    """State what a mapping is worth.

    Args:
        problem: what mappings are judged by.
        assignment: bead of each atom, (atoms,).
        encoding: of the mapping, (beads, atoms).
        evaluated: the mappings it was compared with.
        choice: where it came from.
        seen: what else is known of it.
    """
    settings, gram, force_gram = problem.settings, problem.gram, problem.force_gram
    shares = one_hot(assignment, settings.beads)
    values, losses = evaluated.scores.objective, evaluated.scores.loss
    worse = values[values > choice.value * (1 + _TIE)]
    better = values < choice.value * (1 - _TIE)
    seeds = choice.rounded
    return Certificate(
        objective=settings.objective,
        compactness_weight=problem.objective_weights[1],
        force_weight=settings.force_weight,
        weights=problem.weights_kind,
        symmetry=problem.classes is not None,
        connected=settings.connected,
        method=choice.method,
        proved_optimal=evaluated.complete and not bool(better.any()),
        loss=_loss(encoding, gram),
        loss_sampled=_loss(encoding, problem.moments.gram),
        soft_loss=seen.soft_loss,
        compactness=max(0.0, float(compactness(shares, encoding, gram))),
        mean_square_force=None
        if force_gram is None
        else float(mean_square_force(shares, force_gram)),
        bound=reconstruction_bound(gram, settings.beads),
        objective_value=choice.value,
        annealed_objective=float(seeds.min()) if len(seeds) else None,
        n_candidates=len(values),
        n_equivalent=max(1, int((values <= choice.value * (1 + _TIE)).sum() - better.sum())),
        n_within_one_percent=int((values <= 1.01 * float(values.min())).sum()),
        n_within_one_percent_ae=int((losses <= 1.01 * float(losses.min())).sum()),
        margin=float(worse.min()) / choice.value - 1 if len(worse) and choice.value > 0 else None,
        rank_ae=1 + int((losses < float(choice.scores.loss) * (1 - _TIE)).sum()),
        rank_compactness=1
        + int((evaluated.scores.compactness < float(choice.scores.compactness) * (1 - _TIE)).sum()),
        block_agreement=seen.block_agreement,
        seed_agreement=float((seeds <= choice.value * (1 + _TIE)).double().mean())
        if len(seeds)
        else None,
        n_frames=problem.moments.count,
    )


def _loss(encoding: Tensor, gram: Tensor) -> float:
    """L_AE of an encoder with its best decoder, Å², mean over atoms."""
    return max(0.0, float(reconstruction_loss(encoding, decoder(encoding, gram), gram)))


def block_agreement(
    problem: Problem, evaluated: Candidates, labels: Tensor, keeper: Keeper | None
) -> float:
    """Share of blocks in which no other candidate, or no move, beats the mapping."""
    n_beads = problem.settings.beads
    if evaluated.complete:
        values = evaluated.scores.objective
        n_rivals = min(_MOST_RIVALS, int((values <= _RIVAL * values.min()).sum()))
        rivals = torch.cat([labels[None], evaluated.labels[values.argsort()[:n_rivals]]])
        found = score(problem.block_objectives, rivals, n_beads).objective
    else:
        pairs = []
        for block in problem.blocks:
            target = problem.objective(block)
            moved = improve(target, problem.units, labels, n_beads, keeper)
            pairs.append(score(target, torch.stack([labels, moved]), n_beads).objective)
        found = torch.stack(pairs)
    best = found.amin(1) * (1 + _TIE) + _ROUNDING
    return float((found[:, 0] <= best).double().mean())
