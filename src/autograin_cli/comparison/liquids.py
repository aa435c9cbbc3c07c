"""g(r), S(q) and diffusion of two periodic runs, with errors, floors and scores."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.comparison import statistics
from autograin_cli.comparison.comparison import (
    PairDistribution,
    Quantity,
    Score,
    StructureFactor,
)
from autograin_cli.comparison.motion import Centres
from autograin_cli.comparison.orientations import OrientationSums
from autograin_cli.comparison.pairs import PairCounts, PairKind, PairSample, pair_kinds
from autograin_cli.comparison.peaks import first_peak, highest_near, minimum_behind
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import divide
from autograin_cli.comparison.surveying import Survey
from autograin_cli.comparison.triplets import KeptFrames
from autograin_cli.comparison.waves import Shells, WaveSums, shells_of, waves_of
from autograin_cli.errors import SettingError
from autograin_cli.passes import Sums
from autograin_cli.settings import ComparisonSettings

FEWEST_BINS = 5
ROUNDING = 1e-5  # of boxes in files of single precision
Measured = tuple[float, float] | None  # value and standard error
METRICS = (
    ("max deviation", statistics.max_deviation),
    ("rms deviation", statistics.rms_deviation),
)


@dataclass(frozen=True)
class Grid:
    """What g(r) and S(q) are found on, the same for both runs.

    edges: of the bins of g(r), Å, (bins + 1,).
    shells: of wave vectors.
    """

    edges: Tensor
    shells: Shells

    @property
    def spacing(self) -> float:
        """Width of a bin of g(r), Å."""
        return float(self.edges[1])


class Structure:
    """What is gathered of the structure of one periodic run, filled chunk by chunk."""

    def __init__(self, run: Run, surveyed: Survey, grid: Grid, seed: int) -> None:
        """Begin with nothing.

        Args:
            run: the trajectory.
            surveyed: its boxes.
            grid: bins and shells.
            seed: of the draw of wave vectors.
        """
        blocks = divide(run.n_frames, run.replicas, 1e9)
        box = torch.eye(3).double() if surveyed.box is None else surveyed.box
        self.pairs = PairCounts(run, grid.edges, blocks)
        self.waves = WaveSums(run, waves_of(box, grid.shells, seed), grid.shells, blocks)
        self.centres = Centres(run)
        self.axes = OrientationSums(run, grid.edges)
        self.frames = KeptFrames(run)

    @property
    def parts(self) -> tuple[Sums, ...]:
        """All that is filled."""
        return self.pairs, self.waves, self.centres, self.axes, self.frames


def grid_of(surveys: tuple[Survey, Survey], settings: ComparisonSettings) -> Grid | None:
    """Choose the bins of g(r) and the shells of S(q) for two runs.

    Returns:
        None where one of the runs has no box, or only one molecule.

    Raises:
        SettingError: a range was asked for that the boxes do not allow, or has too few bins.
    """
    boxes = [found.box for found in surveys if found.interacts and found.box is not None]
    if len(boxes) < len(surveys):
        for option, length in (("rdf-range", settings.rdf_range), ("shell", settings.shell)):
            if length is not None:
                raise SettingError(
                    given=f"--{option} {length:g} Å for runs that are not both of several "
                    "molecules in a periodic box",
                    expected="two liquids: g(r) needs a density, and molecules have neighbours",
                    remedy=f"leave --{option} out, or give a trajectory with boxes",
                )
        return None
    _check_shell(surveys, settings)
    n_bins = int(_range(surveys, settings) / settings.rdf_spacing + 1e-9)
    if n_bins < FEWEST_BINS:
        raise SettingError(
            given=f"bins of {settings.rdf_spacing:g} Å in a range of "
            f"{_range(surveys, settings):.4g} Å",
            expected=f"at least {FEWEST_BINS} bins of g(r)",
            remedy="give a smaller --rdf-spacing, or a longer --rdf-range",
        )
    edges = settings.rdf_spacing * torch.arange(n_bins + 1, dtype=torch.float64)
    return Grid(edges, shells_of(boxes))


def _check_shell(surveys: tuple[Survey, Survey], settings: ComparisonSettings) -> None:
    """Refuse a shell in which an image of a bead may be its second neighbour."""
    longest = min(found.height for found in surveys) / 2
    if settings.shell is not None and settings.shell > longest:
        raise SettingError(
            given=f"neighbours up to {settings.shell:g} Å in a box {2 * longest:.4g} Å high at its "
            "thinnest",
            expected=f"at most {longest:.4g} Å, half of that",
            remedy="give a smaller --shell, or runs of larger boxes",
        )


def _range(surveys: tuple[Survey, Survey], settings: ComparisonSettings) -> float:
    """Longest distance of g(r), Å: half of the least height of the boxes of both runs."""
    longest = min(found.height for found in surveys) / 2
    if settings.rdf_range is not None and settings.rdf_range > longest * (1 + ROUNDING):
        which = "reference" if surveys[0].height <= surveys[1].height else "model"
        raise SettingError(
            given=f"g(r) up to {settings.rdf_range:g} Å in a box {2 * longest:.4g} Å high at its "
            f"thinnest, that of the {which}",
            expected=f"at most {longest:.4g} Å, half of that: beyond, the box cuts off the shells",
            remedy="give a shorter --rdf-range, or runs of larger boxes",
        )
    return longest if settings.rdf_range is None else settings.rdf_range


def pair_distributions(
    structures: tuple[Structure, Structure],
    runs: tuple[Run, Run],
    grid: Grid,
    settings: ComparisonSettings,
) -> tuple[PairDistribution, ...]:
    """g(r) of every kind of pairs that both systems have."""
    others = set(pair_kinds(runs[1].system))
    kinds = [kind for kind in pair_kinds(runs[0].system) if kind in others]
    blocks = [structure.pairs.coarser() for structure in structures]
    names = runs[0].system.type_names
    return tuple(
        _pair_distribution(
            kind,
            (names[kind.types[0]], names[kind.types[1]]),
            (
                structures[0].pairs.sample(kind, blocks[0]),
                structures[1].pairs.sample(kind, blocks[1]),
            ),
            grid,
            settings,
        )
        for kind in kinds
    )


def _pair_distribution(
    kind: PairKind,
    types: tuple[str, str],
    samples: tuple[PairSample, PairSample],
    grid: Grid,
    settings: ComparisonSettings,
) -> PairDistribution:
    """Curves, bands, features and scores of one kind of pairs."""
    generator = torch.Generator().manual_seed(settings.seed)
    whole = [sample.curves(_all(sample)) for sample in samples]
    weights = [
        statistics.resamples(sample.n_blocks, settings.resamples, generator) for sample in samples
    ]
    draws = [sample.curves(weight) for sample, weight in zip(samples, weights, strict=True)]
    bands = [
        statistics.band(drawn, sample.n_blocks)
        for drawn, sample in zip(draws, samples, strict=True)
    ]
    first = statistics.halves(samples[0].n_blocks, settings.resamples, generator)
    halves = samples[0].curves(first), samples[0].curves(1.0 - first)
    shell, features = (None, ()) if kind.within else _features(samples, weights, grid)
    return PairDistribution(
        name=f"{'intra' if kind.within else 'inter'}molecular {'-'.join(types)}",
        kind="intramolecular" if kind.within else "intermolecular",
        types=types,
        edges=grid.edges,
        reference=whole[0],
        reference_low=bands[0][0],
        reference_high=bands[0][1],
        model=whole[1],
        model_low=bands[1][0],
        model_high=bands[1][1],
        reference_blocks=samples[0].n_blocks,
        model_blocks=samples[1].n_blocks,
        shell=shell,
        features=features,
        scores=_scores(kind, samples, whole, draws, halves),
    )


def _all(sample: PairSample) -> Tensor:
    """Weights of all blocks alike, (blocks,)."""
    return torch.ones(sample.n_blocks, dtype=torch.float64)


def _scores(
    kind: PairKind,
    samples: tuple[PairSample, PairSample],
    whole: list[Tensor],
    draws: list[Tensor],
    halves: tuple[Tensor, Tensor],
) -> tuple[Score, ...]:
    """Score the curves, with intervals and floors."""
    n_blocks, unit = min(sample.n_blocks for sample in samples), "1/Å" if kind.within else "1"
    scores = []
    for name, distance in METRICS:
        value = float(distance(whole[0], whole[1]))
        low, high = statistics.centred_band(value, distance(draws[0], draws[1]), n_blocks)
        scores.append(Score(name, unit, value, low, high, float(distance(*halves).mean())))
    return tuple(scores)


def _features(
    samples: tuple[PairSample, PairSample], weights: list[Tensor], grid: Grid
) -> tuple[float | None, tuple[Quantity, ...]]:
    """First peak and coordination number, with the end of the first shell of the reference."""
    spacing = grid.spacing
    curve = samples[0].curves(_all(samples[0]))
    peak = first_peak(curve, samples[0].curves(weights[0]).std(0), spacing)
    if peak is None:
        return None, ()
    shell = minimum_behind(curve, peak, spacing)
    found: list[list[tuple[float, float]]] = []
    for sample, weight in zip(samples, weights, strict=True):
        values = [
            torch.stack(highest_near(sample.curves(of), peak, spacing))
            for of in (_all(sample), weight)
        ]
        if shell is not None:
            values = [
                torch.cat((value, sample.neighbours(of, grid.edges, shell)[None]))
                for value, of in zip(values, (_all(sample), weight), strict=True)
            ]
        grown = (sample.n_blocks / (sample.n_blocks - 1)) ** 0.5
        errors = grown * values[1].std(1)
        found.append(list(zip(values[0].tolist(), errors.tolist(), strict=True)))
    names = (("first peak position", "Å"), ("first peak height", "1"), ("coordination number", "1"))
    return shell, tuple(
        _quantity(name, unit, (reference, model), expected_to_match=True)
        for (name, unit), reference, model in zip(names, *found, strict=False)
    )


def structure_factors(
    structures: tuple[Structure, Structure], names: tuple[str, ...], grid: Grid
) -> tuple[StructureFactor, ...]:
    """S(q) of every pair of types, in the shells where both boxes have wave vectors."""
    found = [structure.waves.result(structure.pairs.coarser()) for structure in structures]
    shells = found[0][2] & found[1][2]
    pairs = torch.combinations(torch.arange(len(names)), with_replacement=True).tolist()
    return tuple(
        StructureFactor(
            name=f"S(q) {names[a]}-{names[b]}",
            types=(names[a], names[b]),
            q=grid.shells.centres[shells],
            reference=found[0][0][row, shells],
            reference_error=found[0][1][row, shells],
            model=found[1][0][row, shells],
            model_error=found[1][1][row, shells],
        )
        for row, (a, b) in enumerate(pairs)
    )


def diffusions(
    structures: tuple[Structure, Structure], names: tuple[str, ...]
) -> tuple[Quantity, ...]:
    """Diffusion of each type of molecule; a coarse-grained model need not have that of atoms."""
    quantities = []
    for number, name in enumerate(names):
        found = structures[0].centres.diffusion(number), structures[1].centres.diffusion(number)
        quantities.append(_quantity(f"diffusion {name}", "Å²/ps", found, expected_to_match=False))
    return tuple(quantities)


def _quantity(
    name: str, unit: str, found: tuple[Measured, Measured], *, expected_to_match: bool
) -> Quantity:
    """A quantity from value and error in both runs, None where there is none."""
    (a, a_error), (b, b_error) = (one or (None, None) for one in found)
    return Quantity(name, unit, a, a_error, b, b_error, expected_to_match)
