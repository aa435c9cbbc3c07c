"""Comparison: each observable of reference and model, with error bars, scores and floors."""

from dataclasses import dataclass

from torch import Tensor

from autograin_cli.errors import InputError


@dataclass(frozen=True)
class Score:
    """One distance between two distributions, and what the reference scores against itself.

    name: 'max deviation', 'rms deviation', 'jensen-shannon', 'wasserstein-1' or 'chi-squared'.
    unit: of the value.
    value: distance of the model from the reference.
    low, high: its block-bootstrap interval, 95 %.
    floor: the same distance between two halves of the reference, mean over ways to halve it.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    floor: float


@dataclass(frozen=True)
class Distribution:
    """The distribution of one coordinate in reference and model.

    name: of the term, such as 'angle A-B-C'.
    coordinate: 'bond', 'angle' or 'dihedral'.
    unit: of the coordinate: 'Å' or 'degrees'.
    edges: of the bins, (bins + 1,).
    reference, model: probability density, 1/unit, (bins,).
    reference_low, reference_high, model_low, model_high: 95 % block-bootstrap band, (bins,).
    analytic: density of the term alone with its Jacobian, (bins,); None where it has no table.
    reference_effective, model_effective: effective samples of the mean of the coordinate.
    reference_blocks, model_blocks: blocks that the bootstrap resampled.
    scores: distances.
    """

    name: str
    coordinate: str
    unit: str
    edges: Tensor
    reference: Tensor
    reference_low: Tensor
    reference_high: Tensor
    model: Tensor
    model_low: Tensor
    model_high: Tensor
    analytic: Tensor | None
    reference_effective: float
    model_effective: float
    reference_blocks: int
    model_blocks: int
    scores: tuple[Score, ...]

    def score(self, name: str) -> Score:
        """Pick the score of one name, as `score_of` does."""
        return score_of(self.name, self.scores, name)


@dataclass(frozen=True)
class PairDistribution:
    """g(r) of one pair of types of beads, in reference and model.

    name: such as 'intermolecular A-B'.
    kind: 'intermolecular', 1 at long distances where the reference is homogeneous, or
        'intramolecular', of pairs that no bond, angle or dihedral joins, as a density, 1/Å.
    types: of the two beads.
    edges: of the bins, Å, (bins + 1,).
    reference, model: g(r), (bins,).
    reference_low, reference_high, model_low, model_high: 95 % block-bootstrap band, (bins,).
    reference_blocks, model_blocks: blocks of the time that the bootstrap resampled.
    shell: distance of the first minimum of the reference behind its first peak, Å; None where
        there is no peak.
    features: position and height of the first peak, and coordination number up to `shell`.
    scores: distances between the curves.
    """

    name: str
    kind: str
    types: tuple[str, ...]
    edges: Tensor
    reference: Tensor
    reference_low: Tensor
    reference_high: Tensor
    model: Tensor
    model_low: Tensor
    model_high: Tensor
    reference_blocks: int
    model_blocks: int
    shell: float | None
    features: tuple["Quantity", ...]
    scores: tuple[Score, ...]

    def score(self, name: str) -> Score:
        """Pick the score of one name, as `score_of` does."""
        return score_of(self.name, self.scores, name)


@dataclass(frozen=True)
class Quantity:
    """One number of reference and model, with standard errors.

    name: such as 'coordination number', 'pressure' or 'diffusion A'.
    unit: of the values.
    reference, model: the values; None where it has none, as the pressure of a reference without
        forces.
    reference_error, model_error: standard errors; None likewise.
    expected_to_match: whether a right model has the value of the reference; dynamics and the
        pressure of a potential fitted at one volume need not.
    """

    name: str
    unit: str
    reference: float | None
    reference_error: float | None
    model: float | None
    model_error: float | None
    expected_to_match: bool


@dataclass(frozen=True)
class StructureFactor:
    """S(q) of the beads of one pair of types, in reference and model.

    name: such as 'S(q) A-B'.
    types: of the two beads.
    q: centres of the shells of wave vectors, 1/Å, (shells,).
    reference, model: S(q), (shells,).
    reference_error, model_error: standard errors, (shells,).
    """

    name: str
    types: tuple[str, ...]
    q: Tensor
    reference: Tensor
    reference_error: Tensor
    model: Tensor
    model_error: Tensor


@dataclass(frozen=True)
class TripletDistribution:
    """The angle at a bead between two of its neighbours, all three of different molecules.

    name: such as 'triplet A-B-C', with the bead in the middle.
    types: of a neighbour, of the bead, and of the other neighbour.
    shells: distance up to which the one and the other count as neighbours, Å, (2,).
    edges: of the bins, degrees, (bins + 1,).
    reference, model: probability density, 1/degrees, (bins,); of beads anywhere, sin(theta)/2.
    reference_low, reference_high, model_low, model_high: 95 % block-bootstrap band, (bins,).
    reference_blocks, model_blocks: blocks of the time that the bootstrap resampled.
    scores: distances.
    """

    name: str
    types: tuple[str, ...]
    shells: Tensor
    edges: Tensor
    reference: Tensor
    reference_low: Tensor
    reference_high: Tensor
    model: Tensor
    model_low: Tensor
    model_high: Tensor
    reference_blocks: int
    model_blocks: int
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Orientation:
    """How the axes of two molecules are turned to each other, by the distance of their centres.

    name: such as 'P2 A-B'.
    order: 2 of the mean of (3 cos² - 1)/2 of the angle of the axes, 1 of that of its cosine.
    molecules: types of the two molecules.
    edges: of the bins of the distance, Å, (bins + 1,); from where there are molecules on.
    reference, model: the mean; 0 where the reference has hardly any molecules, (bins,).
    reference_low, reference_high, model_low, model_high: 95 % block-bootstrap band, (bins,).
    reference_blocks, model_blocks: blocks of the time that the bootstrap resampled.
    scores: distances between the curves.
    """

    name: str
    order: int
    molecules: tuple[str, ...]
    edges: Tensor
    reference: Tensor
    reference_low: Tensor
    reference_high: Tensor
    model: Tensor
    model_low: Tensor
    model_high: Tensor
    reference_blocks: int
    model_blocks: int
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class JointDistribution:
    """Two neighbouring coordinates of a molecule together, in reference and model.

    name: such as 'bond A-B, angle A-B-A'.
    first, second: names of the coordinates.
    first_unit, second_unit: theirs, 'Å' or 'degrees'.
    unit: of the density.
    first_edges, second_edges: of the bins, (first + 1,) and (second + 1,).
    reference, model: probability density, (first, second).
    reference_low, reference_high, model_low, model_high: 95 % block-bootstrap band,
        (first, second).
    correlation: correlation coefficient of the two.
    reference_effective, model_effective: effective samples, of the coordinate with the fewer.
    reference_blocks, model_blocks: blocks that the bootstrap resampled.
    scores: distances.
    """

    name: str
    first: str
    second: str
    first_unit: str
    second_unit: str
    unit: str
    first_edges: Tensor
    second_edges: Tensor
    reference: Tensor
    reference_low: Tensor
    reference_high: Tensor
    model: Tensor
    model_low: Tensor
    model_high: Tensor
    correlation: Quantity
    reference_effective: float
    model_effective: float
    reference_blocks: int
    model_blocks: int
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Comparison:
    """Whether the model reproduces the mapped reference.

    distributions: one for each kind of bond, angle and dihedral.
    joint_distributions: one for each kind of neighbouring bonds and angles.
    pair_distributions: one for each pair of types, of periodic systems.
    structure_factors: likewise.
    triplet_distributions: one for each type of bead and pair of types of its neighbours, likewise.
    orientations: one for each pair of types of molecules that have an axis, likewise.
    quantities: pressure, diffusion and such: diagnostics.
    reference_frames, model_frames: frames times copies.
    reference_time: length of the reference, ps; 0 where its times are not known.
    overlap: reference frames that the training has seen, as a share.
    """

    distributions: tuple[Distribution, ...]
    joint_distributions: tuple[JointDistribution, ...]
    pair_distributions: tuple[PairDistribution, ...]
    structure_factors: tuple[StructureFactor, ...]
    triplet_distributions: tuple[TripletDistribution, ...]
    orientations: tuple[Orientation, ...]
    quantities: tuple[Quantity, ...]
    reference_frames: int
    model_frames: int
    reference_time: float
    overlap: float


def score_of(owner: str, scores: tuple[Score, ...], name: str) -> Score:
    """Pick the score of one name.

    Raises:
        InputError: there is none, as in an artifact that another program wrote.
    """
    for score in scores:
        if score.name == name:
            return score
    raise InputError(
        given=f"no score {name} of {owner}",
        expected="one of " + ", ".join(score.name for score in scores),
        remedy="make the comparison again with autograin compare",
    )
