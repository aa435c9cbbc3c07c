"""Two trajectories of beads -> Comparison."""

from dataclasses import replace

from torch import Tensor

from autograin_cli import orientation_kernels, rdf_kernels, triplet_kernels
from autograin_cli.comparison.comparison import Comparison, Distribution
from autograin_cli.comparison.joint import (
    JointCounts,
    joint_distributions,
    joints_of,
    plane_edges,
)
from autograin_cli.comparison.liquids import (
    Grid,
    Structure,
    diffusions,
    grid_of,
    pair_distributions,
    structure_factors,
)
from autograin_cli.comparison.observables import (
    Observable,
    Subject,
    bin_edges,
    boltzmann_density,
)
from autograin_cli.comparison.orientations import orientations
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import BlockCounts
from autograin_cli.comparison.scores import Sample, chi_squared, densities, metrics_of
from autograin_cli.comparison.surveying import Survey, survey
from autograin_cli.comparison.triplets import triplet_distributions
from autograin_cli.compilation import is_cached
from autograin_cli.settings import ComparisonSettings
from autograin_cli.trajectory import Trajectory


def compare(
    reference: Trajectory,
    model: Trajectory,
    subject: Subject,
    overlap: float,
    settings: ComparisonSettings,
) -> Comparison:
    """Compare the distributions of a model with those of the mapped reference.

    Both are read twice, a chunk at a time: once for ranges, boxes and correlation times, once
    for the counts of blocks. Molecules without a box are independent; those that share a box are
    not, and blocks are then blocks of the time alone.

    Args:
        reference: beads mapped from atoms, Å, molecules whole.
        model: beads of the simulation, Å, molecules whole; one replica after the other.
        subject: what the beads are, and the observables.
        overlap: share of the reference frames that the training has seen.
        settings: bins and resamples.

    Returns:
        Comparison, with a distribution for each observable and each two that are neighbours; where
        both have boxes with several molecules also g(r), S(q), triplets, axes and diffusion.

    Raises:
        InputError: there is nothing to observe, the beads of a trajectory are not those of its
            system, its samples are too few, or a position is not finite.
        SettingError: the range of g(r), or the shell of neighbours, does not fit the boxes.
    """
    runs = (
        Run(reference, subject.reference, 1, subject.timed[0]),
        Run(model, subject.model, subject.replicas, subject.timed[1]),
    )
    surveys = survey(runs[0], subject.observables), survey(runs[1], subject.observables)
    edges = tuple(
        bin_edges(observable, min(a.low, b.low), max(a.high, b.high), settings.bins)
        for observable, a, b in zip(
            subject.observables, surveys[0].ranges, surveys[1].ranges, strict=True
        )
    )
    grid = grid_of(surveys, settings)
    joints = joints_of(subject.observables)
    planes = plane_edges(joints, (surveys[0].ranges, surveys[1].ranges), settings.bins)
    samples, structures, counts = [], [], []
    for run, surveyed in zip(runs, surveys, strict=True):
        structure = None if grid is None else Structure(run, surveyed, grid, settings.seed)
        counts.append(JointCounts(run, joints, surveyed.ranges, planes))
        samples.append(_samples(run, subject, surveyed, edges, (counts[-1], structure)))
        structures += [] if structure is None else [structure]
    distributions = [
        _distribution(observable, edges[i], (samples[0][i], samples[1][i]), subject, settings)
        for i, observable in enumerate(subject.observables)
    ]
    comparison = Comparison(
        distributions=tuple(distributions),
        joint_distributions=joint_distributions(joints, planes, (counts[0], counts[1]), settings),
        pair_distributions=(),
        structure_factors=(),
        triplet_distributions=(),
        orientations=(),
        quantities=subject.known,
        reference_frames=surveys[0].n_samples,
        model_frames=surveys[1].n_samples,
        reference_time=surveys[0].duration if subject.timed[0] else 0.0,
        overlap=overlap,
    )
    if grid is None:
        return comparison
    return _with_structure(comparison, (structures[0], structures[1]), runs, grid, settings)


def _samples(
    run: Run,
    subject: Subject,
    surveyed: Survey,
    edges: tuple[Tensor, ...],
    beside: tuple[JointCounts, Structure | None],
) -> list[Sample]:
    """Count every observable of a run in its blocks, and gather what is beside, in one pass."""
    joint, structure = beside
    layouts = tuple(found.blocks for found in surveyed.ranges)
    counts = BlockCounts(run, subject.observables, layouts, edges)
    run.add_up(counts, joint, *(structure.parts if structure else ()))
    effective = (found.effective for found in surveyed.ranges)
    return [Sample(*pair) for pair in zip(counts.counts, effective, strict=True)]


def _with_structure(
    comparison: Comparison,
    structures: tuple[Structure, Structure],
    runs: tuple[Run, Run],
    grid: Grid,
    settings: ComparisonSettings,
) -> Comparison:
    """Add what two liquids have beside the distributions inside their molecules."""
    system = runs[0].system
    molecules = tuple(part.name for part in system.components)
    pairs = pair_distributions(structures, runs, grid, settings)
    frames = structures[0].frames, structures[1].frames
    axes = structures[0].axes, structures[1].axes
    return replace(
        comparison,
        pair_distributions=pairs,
        structure_factors=structure_factors(structures, system.type_names, grid),
        triplet_distributions=triplet_distributions(frames, pairs, settings),
        orientations=orientations(axes, molecules, grid.edges, settings),
        quantities=(*comparison.quantities, *diffusions(structures, molecules)),
    )


def _distribution(
    observable: Observable,
    edges: Tensor,
    samples: tuple[Sample, Sample],
    subject: Subject,
    settings: ComparisonSettings,
) -> Distribution:
    """Densities, bands and scores of one observable."""
    width = float(edges[1] - edges[0])
    found = densities(samples, settings)
    metrics = metrics_of(observable.unit, width, periodic=observable.periodic)
    return Distribution(
        name=observable.name,
        coordinate=observable.coordinate,
        unit=observable.unit,
        edges=edges,
        reference=found.whole[0] / width,
        reference_low=found.bands[0][0] / width,
        reference_high=found.bands[0][1] / width,
        model=found.whole[1] / width,
        model_low=found.bands[1][0] / width,
        model_high=found.bands[1][1] / width,
        analytic=boltzmann_density(observable, edges, subject.temperature),
        reference_effective=samples[0].effective,
        model_effective=samples[1].effective,
        reference_blocks=samples[0].n_blocks,
        model_blocks=samples[1].n_blocks,
        scores=found.scores((*metrics, chi_squared(samples))),
    )


def compiled() -> bool:
    """Whether machine code of the kernels lies in the compiler's cache; making it takes seconds."""
    kernels = (
        (rdf_kernels.count_pairs, rdf_kernels.__file__),
        (triplet_kernels.count_triplets, triplet_kernels.__file__),
        (orientation_kernels.add_orientations, orientation_kernels.__file__),
    )
    return all(is_cached(kernel, file) for kernel, file in kernels)
