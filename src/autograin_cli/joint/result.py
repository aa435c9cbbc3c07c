"""What the joint training did, whether it holds on frames held out, and how to say it."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograin_cli.joint.held_out import HeldOut, mean_and_error
from autograin_cli.joint.training import JointHistory
from autograin_cli.mapping.mapping import Mapping

_STANDARD_ERRORS = 2.0
_MOST_NAMES = 12


@dataclass(frozen=True)
class Verdict:
    """Scores on blocks held out, each with its standard error over them; less is better.

    start: of the mapping that the training began with.
    proposed: of the one where it ended.
    difference: proposed less start, block by block.
    """

    start: tuple[float, float]
    proposed: tuple[float, float]
    difference: tuple[float, float]

    @property
    def accepted(self) -> bool:
        """Whether the proposal wins by two standard errors."""
        gain, error = self.difference
        return gain + _STANDARD_ERRORS * error < 0


def compared(start: HeldOut, end: HeldOut, weights: tuple[float, float, float]) -> Verdict:
    """Score both; weights are lambda, the objective of the start in training, and rho."""
    before, after = start.scores(*weights), end.scores(*weights)
    return Verdict(mean_and_error(before), mean_and_error(after), mean_and_error(after - before))


@dataclass(frozen=True)
class JointResult:
    """What the joint training did to one mapping.

    molecule: name of the type.
    mapping: the start, or the changed one if that is better on blocks held out.
    proposed: bead of each atom where the training ended, (atoms,).
    moved: names of the atoms that it put into another bead.
    verdict: of both on blocks held out.
    start, end: what their scores are made of.
    history: of the training; None where there was nothing to move.
    """

    molecule: str
    mapping: Mapping
    proposed: Tensor
    moved: tuple[str, ...]
    verdict: Verdict
    start: HeldOut
    end: HeldOut
    history: JointHistory | None

    @property
    def sentence(self) -> str:
        """What happened, in one sentence."""
        title = f"joint training of {self.molecule}"
        left = f"the potential leaves {_percent(self.start)} of the mean force of its beads"
        if self.history is None:
            return f"{title}: no atom can change its bead; the mapping is kept"
        if not self.moved:
            return f"{title} kept the mapping: every atom came back to its bead; {left}"
        names = ", ".join(self.moved[:_MOST_NAMES])
        more = len(self.moved) - _MOST_NAMES
        names += f" and {more} more" if more > 0 else ""
        scores = f"{_shown(self.verdict.proposed)} against {_shown(self.verdict.start)}"
        margin = f"difference {_shown(self.verdict.difference)}"
        if self.verdict.accepted:
            return (
                f"{title} changed the mapping: {names} moved to another bead; on blocks held out "
                f"it scores {scores}, {margin}, less being better; the potential leaves "
                f"{_percent(self.end)} of the mean force, not {_percent(self.start)}"
            )
        return (
            f"{title} kept the mapping: moving {names} scores {scores} on blocks held out, "
            f"{margin}, less being better: that is no gain of two standard errors; {left}"
        )

    @property
    def values(self) -> dict[str, Any]:
        """For JSON."""
        verdict = self.verdict
        return {
            "molecule": self.molecule,
            "accepted": verdict.accepted,
            "moved": list(self.moved),
            "proposed_assignment": self.proposed.tolist(),
            "score": list(verdict.start),
            "proposed_score": list(verdict.proposed),
            "difference": list(verdict.difference),
            "unexplained": list(mean_and_error(self.start.unexplained)),
            "proposed_unexplained": list(mean_and_error(self.end.unexplained)),
            "r_squared": list(mean_and_error(self.start.r_squared)),
            "proposed_r_squared": list(mean_and_error(self.end.r_squared)),
        }


@dataclass(frozen=True)
class JointReport:
    """What the joint training did to all mappings.

    weight: rho.
    results: one for each type of molecule.
    """

    weight: float
    results: tuple[JointResult, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What happened to each."""
        return tuple(result.sentence for result in self.results)

    @property
    def values(self) -> list[dict[str, Any]]:
        """For JSON."""
        return [result.values for result in self.results]


def _shown(value: tuple[float, float]) -> str:
    return f"{value[0]:.4f} ± {value[1]:.4f}"


def _percent(found: HeldOut) -> str:
    mean, error = mean_and_error(found.unexplained)
    return f"{100 * mean:.1f} ± {100 * error:.1f} %"
