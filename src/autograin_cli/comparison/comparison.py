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
        """Pick the score of one name.

        Raises:
            InputError: there is none, as in an artifact that another program wrote.
        """
        for score in self.scores:
            if score.name == name:
                return score
        raise InputError(
            given=f"no score {name} of {self.name}",
            expected="one of " + ", ".join(score.name for score in self.scores),
            remedy="make the comparison again with autograin compare",
        )


@dataclass(frozen=True)
class Comparison:
    """Whether the model reproduces the mapped reference.

    distributions: one for each kind of bond, angle and dihedral.
    reference_frames, model_frames: frames times copies.
    reference_time: length of the reference, ps.
    overlap: reference frames that the training has seen, as a share.
    """

    distributions: tuple[Distribution, ...]
    reference_frames: int
    model_frames: int
    reference_time: float
    overlap: float
