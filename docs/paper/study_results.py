"""What the study beyond the paper finds: its records, and the file that keeps them."""

import json
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path

_NORMAL = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Optimum:
    """The best of all connected mappings of a molecule.

    Losses are means over atoms and components, Å²; forces are mean squares of the summed force
    on a bead, (kcal/(mol Å))².

    system: the molecule.
    sampling: which frames; runs of 6 ps have a number behind a colon.
    weights: of the atoms inside a bead, 'uniform' or 'mass'.
    objective: what the mapping is the best under, 'ae' or 'ae+compactness'.
    n_beads: of the mapping.
    loss, force: of the mapping.
    loss_error, force_error: standard errors of blocks of the frames, the mapping held fixed.
    bound: least loss of any linear encoder.
    n_mappings: connected mappings.
    n_near: of these, with an objective within 1 % of the best.
    near_forces, forces: smallest and largest force of the near ones, and of all.
    """

    system: str
    sampling: str
    weights: str
    objective: str
    n_beads: int
    loss: float
    loss_error: float
    force: float
    force_error: float
    bound: float
    n_mappings: int
    n_near: int
    near_forces: tuple[float, float]
    forces: tuple[float, float]


@dataclass(frozen=True)
class Soft:
    """Encoders before rounding, on the 6 ps sample.

    method: 'annealed' or 'trained with noise'.
    losses: mean over atoms and components, Å², one for each seed; of the method with noise the
        mean over the noise of the last steps.
    forces: (kcal/(mol Å))², one for each seed, without noise.
    """

    system: str
    n_beads: int
    method: str
    losses: tuple[float, ...]
    forces: tuple[float, ...]


@dataclass(frozen=True)
class Rate:
    """How often a method finds the optimum that enumeration proves, and at what cost.

    found: seeds that end at the objective of the optimum, to which mappings that are images of
        it under a symmetry of the molecule belong.
    near: seeds that end within 1 % of it.
    distinct: different objectives that the seeds end at.
    cost: CPU time of a seed over that of listing and scoring every connected mapping.
    """

    system: str
    n_beads: int
    objective: str
    method: str
    seeds: int
    found: int
    near: int
    distinct: int
    cost: float


@dataclass(frozen=True)
class Proof:
    """Every connected mapping, listed and scored.

    margin: of the second best objective over the best, relative.
    reading: CPU time of one pass over the trajectory over that of the enumeration.
    """

    system: str
    n_beads: int
    objective: str
    n_mappings: int
    n_near: int
    margin: float
    reading: float


@dataclass(frozen=True)
class Study:
    """All that the study finds."""

    optima: tuple[Optimum, ...]
    soft: tuple[Soft, ...]
    rates: tuple[Rate, ...]
    proofs: tuple[Proof, ...]


def wilson(found: int, seeds: int) -> tuple[float, float]:
    """Bounds of the 95 % interval of a probability of which so many of the seeds speak.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    share, square = found / seeds, _NORMAL**2 / seeds
    middle = (share + square / 2) / (1 + square)
    half = _NORMAL * sqrt(share * (1 - share) / seeds + square / (4 * seeds)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def save_study(study: Study, path: Path) -> None:
    """Write a study as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(study), indent=1) + "\n", encoding="utf-8")


def load_study(path: Path) -> Study:
    """Read a study that `save_study` wrote."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    pairs = ("near_forces", "forces")
    optima = [{**row, **{name: tuple(row[name]) for name in pairs}} for row in stored["optima"]]
    lists = ("losses", "forces")
    soft = [{**row, **{name: tuple(row[name]) for name in lists}} for row in stored["soft"]]
    return Study(
        optima=tuple(Optimum(**row) for row in optima),
        soft=tuple(Soft(**row) for row in soft),
        rates=tuple(Rate(**row) for row in stored["rates"]),
        proofs=tuple(Proof(**row) for row in stored["proofs"]),
    )
