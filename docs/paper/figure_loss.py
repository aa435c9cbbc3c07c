"""Draw loss and force term against the number of beads, beside the published values.

python docs/paper/figure_loss.py docs/figures/loss study.json [--quick]
"""

from collections.abc import Callable, Iterable

import numpy as np
from drawing import COLOURS, arguments, new_figure, save
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from published import FIGURE, FORCES, LOG, LOG_FORCE, LOSSES, NOTEBOOK, PAPER, TEXT
from study_results import Optimum, Soft, Study, load_study

from autograin_cli.files.pages.figures import BLACK, GREY, STYLE

NAMES = {"otp": "ortho-terphenyl", "aniline": "aniline"}
RED, BLUE, GREEN, PINK, ORANGE, SKY = COLOURS
LOSS_UNIT, FORCE_UNIT = "Å²", "kcal² mol⁻² Å⁻²"
NOISY = "trained with noise"


def best(
    study: Study, system: str, sampling: str, objective: str = "ae", weights: str = "uniform"
) -> list[Optimum]:
    """The optima of a molecule on some frames, by number of beads."""
    chosen = [
        one
        for one in study.optima
        if (one.system, one.sampling, one.objective, one.weights)
        == (system, sampling, objective, weights)
    ]
    return sorted(chosen, key=lambda one: one.n_beads)


def short_runs(study: Study, system: str, n_beads: int, objective: str = "ae") -> list[Optimum]:
    """The optima on each of the runs of 6 ps."""
    return [
        one
        for one in study.optima
        if one.system == system and one.sampling.startswith("6 ps run:")
        if one.objective == objective and one.n_beads == n_beads
    ]


def soft(study: Study, system: str, method: str) -> list[Soft]:
    """Soft encoders of a molecule, by number of beads."""
    return [one for one in study.soft if (one.system, one.method) == (system, method)]


def draw_line(
    axes: Axes, optima: list[Optimum], quantity: str, label: str, colour: str, style: str = "o-"
) -> None:
    """Draw a quantity of optima with its standard error."""
    beads = [one.n_beads for one in optima]
    values = [getattr(one, quantity) for one in optima]
    errors = [getattr(one, f"{quantity}_error") for one in optima]
    axes.errorbar(
        beads, values, errors, fmt=style, ms=4, capsize=2.5, color=colour, lw=1.4, label=label
    )


def draw_runs(axes: Axes, study: Study, like: list[Optimum], quantity: str, colour: str) -> None:
    """Draw the runs of 6 ps as points, under the objective of the optima that are given."""
    short = "least L" if like[0].objective == "ae" else "least L + 10 C"
    for one in like:
        runs = short_runs(study, one.system, one.n_beads, one.objective)
        values = [getattr(run, quantity) for run in runs]
        label = f"{len(runs)} runs of 6 ps, {short}" if one is like[0] else None
        places = one.n_beads + np.linspace(-0.12, 0.12, len(values))
        axes.plot(places, values, ".", color=colour, ms=4, label=label, zorder=3)


def draw_range(axes: Axes, found: Iterable[Soft], label: str, colour: str) -> None:
    """Draw the median of seeds with bars from the least to the largest."""
    rows = [(one.n_beads, *np.quantile(one.losses, (0, 0.5, 1))) for one in found]
    beads, low, middle, high = np.array(rows).T
    spread = [middle - low, high - middle]
    axes.errorbar(beads, middle, spread, fmt="v--", ms=4, capsize=2.5, color=colour, label=label)


def draw_published(axes: Axes, values: dict[int, float]) -> None:
    """Mark the values of the published figure."""
    axes.plot(list(values), list(values.values()), "D", ms=6, mfc="none", mec=BLACK, label=FIGURE)


# --- panels ---------------------------------------------------------------------------


def draw_sampling(axes: Axes, study: Study, system: str) -> None:
    """The least loss on frames of six picoseconds and of six nanoseconds."""
    long = best(study, system, "6 ns")
    images = best(study, system, "6 ns, symmetric")
    draw_runs(axes, study, long, "loss", SKY)
    draw_line(axes, long, "loss", "6 ns, least L", BLUE)
    draw_line(axes, images, "loss", "6 ns and images by symmetry, least L", RED, "s--")
    draw_published(axes, LOSSES[system])
    if system == "otp":
        axes.plot([3.25], [TEXT], "*", ms=8, color=BLACK, label=PAPER)
        axes.plot([2.75, 2.75], LOG, "_", ms=9, mew=1.5, color=BLACK, label=NOTEBOOK)
    axes.set_title(f"{NAMES[system]}: how much is sampled")


def draw_softness(axes: Axes, study: Study, system: str) -> None:
    """Losses on one run of 6 ps: of soft encoders, of hard ones, and the least there can be."""
    hard = best(study, system, "6 ps")
    bounds = [one.bound for one in hard]
    draw_range(axes, soft(study, system, NOISY), "soft, decoder trained, Gumbel noise", PINK)
    draw_line(
        axes, best(study, system, "6 ps", "ae+compactness"), "loss", "hard, least L + 10 C", GREEN
    )
    draw_line(axes, hard, "loss", "hard, least L", BLUE)
    annealed = soft(study, system, "annealed")
    axes.plot(
        [one.n_beads for one in annealed],
        [min(one.losses) for one in annealed],
        "^",
        ms=5,
        color=ORANGE,
        label="soft, annealed, best of 8",
    )
    axes.plot([one.n_beads for one in hard], bounds, ":", color=GREY, label="bound of any encoder")
    draw_published(axes, LOSSES[system])
    axes.set_title(f"{NAMES[system]}: soft and hard, the 6 ps sample")


def draw_forces(axes: Axes, study: Study, system: str) -> None:
    """Mean square force on a bead of the best mappings, and of all that are connected."""
    long = best(study, system, "6 ns, symmetric")
    beads = [one.n_beads for one in long]
    low, high = zip(*(one.forces for one in long), strict=True)
    axes.fill_between(
        beads, low, high, color=GREY, alpha=0.18, lw=0, label="6 ns, all connected mappings"
    )
    low, high = zip(*(one.near_forces for one in long), strict=True)
    axes.vlines(
        beads, low, high, color=RED, lw=5, alpha=0.3, label="6 ns, L within 1 % of the least"
    )
    draw_runs(axes, study, long, "force", SKY)
    draw_line(axes, long, "force", "6 ns, least L", RED, "s--")
    compact = best(study, system, "6 ns, symmetric", "ae+compactness")
    draw_runs(axes, study, compact, "force", ORANGE)
    draw_line(axes, compact, "force", "6 ns, least L + 10 C", GREEN, "o:")
    draw_published(axes, FORCES[system])
    if system == "otp":
        axes.plot([2.75], [LOG_FORCE], "_", ms=9, mew=1.5, color=BLACK, label=NOTEBOOK)
    axes.set_ylim(0)
    axes.set_title(f"{NAMES[system]}: force")


ROWS: tuple[tuple[str, Callable[[Axes, Study, str], None]], ...] = (
    (f"L, mean over atoms and components ({LOSS_UNIT})", draw_sampling),
    (f"L, mean over atoms and components ({LOSS_UNIT})", draw_softness),
    (f"mean |F|² of a bead ({FORCE_UNIT})", draw_forces),
)


def figure_of(study: Study) -> Figure:
    """Loss and force of both molecules."""
    with rc_context(STYLE):
        figure = new_figure(12, 11)
        panels = figure.subplots(len(ROWS), len(NAMES))
        for row, (label, draw) in zip(panels, ROWS, strict=True):
            for axes, system in zip(row, NAMES, strict=True):
                draw(axes, study, system)
                axes.set_xlabel("beads N")
                axes.set_ylabel(label)
                axes.set_xticks(sorted(LOSSES[system]))
                if draw is not draw_forces:
                    axes.set_yscale("log")
                    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            # The first molecule has all that is drawn of the second, and more.
            drawn = row[0].get_legend_handles_labels()
            row[-1].legend(*drawn, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


if __name__ == "__main__":
    given = arguments(__doc__, "study")
    save(figure_of(load_study(given.study)), given.out, quick=given.quick)
