"""How far the networks of an ensemble disagree in the course of a run: the alarm."""

from math import sqrt

from torch import Tensor

from autograin_cli.potential.neural.potential import NeuralPotential


class Disagreement:
    """Adds up spreads of frames; nothing where there is no ensemble."""

    def __init__(self, neural: NeuralPotential | None) -> None:
        """Prepare for the first frame."""
        self._high = neural.spread_high if neural is not None else None
        self._squares, self._above = 0.0, 0.0
        self._n_beads = 0

    def add(self, spread: Tensor | None) -> None:
        """Add the spreads of beads, kJ/(mol Å), of any shape; None without an ensemble."""
        if spread is None:
            return
        self._squares += float(spread.square().sum())
        if self._high is not None:
            self._above += float((spread > self._high).sum())
        self._n_beads += spread.numel()

    @property
    def spread(self) -> float | None:
        """Root of the mean square so far, kJ/(mol Å)."""
        if not self._n_beads:
            return None
        return sqrt(self._squares / self._n_beads)

    @property
    def extrapolated(self) -> float | None:
        """Share of beads and frames above what 99.9 % of those held out stay below."""
        if not self._n_beads or self._high is None:
            return None
        return self._above / self._n_beads
