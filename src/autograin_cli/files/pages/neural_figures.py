"""The figures of networks: how they were trained, and what two lone beads feel."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from autograin_cli.files.pages.figures import (
    ANALYTIC,
    BLACK,
    GREY,
    MODEL,
    STYLE,
    bead_colour,
    printable,
)
from autograin_cli.potential.neural.potential import TrainingHistory

_DEEPS = 3.0  # depths of the well that are drawn above zero
_LEAST = 0.5  # kJ/mol


def training_figure(histories: tuple[TrainingHistory, ...]) -> Figure:
    """Draw the losses of all networks against the epochs, and the learning rate."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 4.0), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for number, history in enumerate(histories):
            epochs = np.arange(1, len(history.learning_rate) + 1)
            colour = bead_colour(number)
            shown = number == 0
            upper.plot(
                epochs,
                history.validation_loss.numpy(),
                color=colour,
                marker=".",
                label="frames left out, averaged weights" if shown else None,
            )
            upper.plot(
                epochs,
                history.training_loss.numpy(),
                color=colour,
                ls="--",
                linewidth=1.0,
                label="frames trained on, weights as they go" if shown else None,
            )
            lower.plot(epochs, history.learning_rate.numpy(), color=colour)
        upper.set_ylabel("loss ((kJ/(mol Å))²)")
        upper.legend()
        lower.set_ylabel("learning rate")
        lower.set_ylim(bottom=0)
        lower.set_xlabel("epoch")
    return figure


def pair_curve_figure(types: tuple[str, str], r: Tensor, both: Tensor, alone: Tensor) -> Figure:
    """Draw the energy of two lone beads, with the networks and of the pair term alone.

    Args:
        types: of the beads.
        r: Å, (distances,).
        both: with the networks, kJ/mol, (distances,).
        alone: of the pair term, kJ/mol, (distances,).
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=BLACK, linewidth=0.8)
        axes.plot(r.numpy(), alone.numpy(), color=ANALYTIC, ls="--", label="pair term alone")
        axes.plot(r.numpy(), both.numpy(), color=MODEL, label="with the networks")
        axes.axvline(float(r[-1]), color=GREY, ls="--", lw=1, label="cutoff")
        axes.set_ylim(*_limits(both, alone))
        axes.set_xlabel(f"r of {printable(types[0], 16)} and {printable(types[1], 16)} (Å)")
        axes.set_ylabel("U (kJ/mol)")
        axes.legend()
    return figure


def _limits(*curves: Tensor) -> tuple[float, float]:
    """Show the wells whole, and of the repulsion some times their depth."""
    depth = max(_LEAST, *(-float(curve.min()) for curve in curves))
    top = max(float(curve.max()) for curve in curves)
    return -1.15 * depth, max(_LEAST, min(top, _DEEPS * depth))
