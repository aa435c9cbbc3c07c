"""Draw how often each method finds the optimum that enumeration proves, and what that costs.

python docs/paper/figure_optimum.py docs/figures/optimum study.json [--quick]
"""

from drawing import COLOURS, arguments, new_figure, save
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from study_results import Proof, Rate, Study, load_study, wilson

from autograin_cli.files.pages.figures import BLACK, GREY, STYLE

NAMES = {"otp": "ortho-terphenyl", "aniline": "aniline"}
OBJECTIVES = {"ae": "L alone", "ae+compactness": "L + 10 C"}
MARKERS = ("o", "s", "^", "v", "D")
_WIDTH = 0.7  # of the methods of a case, where the distance of cases is 1


def methods_of(study: Study) -> list[str]:
    """Names of the methods, in the order in which they ran."""
    return list(dict.fromkeys(rate.method for rate in study.rates))


def proofs_of(study: Study, objective: str) -> list[Proof]:
    """The cases under an objective, those with few mappings first."""
    chosen = [proof for proof in study.proofs if proof.objective == objective]
    return sorted(chosen, key=lambda proof: proof.n_mappings)


def rate_of(study: Study, proof: Proof, method: str) -> Rate:
    """How a method did on a case."""
    case = (proof.system, proof.n_beads, proof.objective)
    return next(
        rate
        for rate in study.rates
        if (rate.system, rate.n_beads, rate.objective) == case and rate.method == method
    )


def cost_of_success(rate: Rate) -> tuple[float, float, float]:
    """Cost of a seed over the share that succeeds, and its 95 % interval; infinite for none."""
    low, high = wilson(rate.found, rate.seeds)
    middle = rate.cost * rate.seeds / rate.found if rate.found else float("inf")
    return middle, rate.cost / high, rate.cost / low if rate.found else float("inf")


def draw_share(axes: Axes, place: float, rate: Rate, colour: str, marker: str) -> None:
    """Draw the seeds that find the optimum, and the ones that come within 1 %."""
    low, high = wilson(rate.found, rate.seeds)
    axes.vlines(place, 100 * low, 100 * high, color=colour, lw=1.4)
    axes.plot(place, 100 * rate.near / rate.seeds, marker, mfc="white", mec=colour, ms=7)
    axes.plot(place, 100 * rate.found / rate.seeds, marker, color=colour, ms=5)


def draw_cost(axes: Axes, place: float, rate: Rate, colour: str, marker: str) -> None:
    """Draw the cost of a success; an arrow from the least it can be where there was none."""
    middle, low, high = cost_of_success(rate)
    if rate.found:
        axes.vlines(place, low, high, color=colour, lw=1.4)
        axes.plot(place, middle, marker, color=colour, ms=5)
    else:
        axes.plot(place, low, marker, color=colour, ms=5)
        axes.annotate(
            "",
            (place, 4 * low),
            (place, low),
            arrowprops={"arrowstyle": "->", "color": colour},
        )


def draw_panel(axes: Axes, study: Study, objective: str, *, costs: bool) -> None:
    """Draw every method on every case under an objective."""
    methods, proofs = methods_of(study), proofs_of(study, objective)
    draw = draw_cost if costs else draw_share
    for number, (method, colour) in enumerate(zip(methods, COLOURS, strict=False)):
        shift = _WIDTH * (number / (len(methods) - 1) - 0.5)
        for place, proof in enumerate(proofs):
            draw(axes, place + shift, rate_of(study, proof, method), colour, MARKERS[number])
    axes.set_xticks(range(len(proofs)))
    axes.set_xticklabels([_case(proof) for proof in proofs])
    axes.tick_params(axis="x", length=0)
    for between in range(1, len(proofs)):
        axes.axvline(between - 0.5, color=GREY, lw=0.5, alpha=0.5)
    if costs:
        axes.axhline(1.0, color=BLACK, lw=1.2)
        width = _WIDTH / 2 + 0.08
        for place, proof in enumerate(proofs):
            axes.hlines(proof.reading, place - width, place + width, color=BLACK, ls=":", lw=1.4)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.set_ylabel("CPU time per success / enumeration")
    else:
        axes.set_ylim(-3, 103)
        axes.set_ylabel("seeds that find it (%)")


def _case(proof: Proof) -> str:
    """What stands under a case."""
    return f"{NAMES[proof.system]}\n{proof.n_beads} beads\n{proof.n_mappings:,} mappings"


def _legend(axes: Axes, study: Study) -> None:
    """Name the methods and what else is drawn, on a panel."""
    for method, colour, marker in zip(methods_of(study), COLOURS, MARKERS, strict=False):
        axes.plot([], [], marker, color=colour, ms=5, label=method)
    axes.plot([], [], "o", mfc="white", mec=GREY, ms=7, label="within 1 % of the optimum")
    axes.plot([], [], "-", color=GREY, lw=1.4, label="95 % interval")
    axes.plot([], [], "-", color=BLACK, lw=1.2, label="every connected mapping")
    axes.plot([], [], ":", color=BLACK, lw=1.4, label="one pass over the 6 ns")


def figure_of(study: Study) -> Figure:
    """Shares of success and costs, under both objectives."""
    seeds = study.rates[0].seeds
    with rc_context(STYLE):
        figure = new_figure(12.5, 7.5)
        panels = figure.subplots(len(OBJECTIVES), 2)
        for row, (objective, name) in zip(panels, OBJECTIVES.items(), strict=True):
            for axes, costs in zip(row, (False, True), strict=True):
                draw_panel(axes, study, objective, costs=costs)
            row[0].set_title(f"optimum of {name}, {seeds} seeds")
            row[1].set_title(f"cost of finding the optimum of {name}")
        _legend(panels[0, 0], study)
        figure.legend(
            *panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5
        )
    return figure


if __name__ == "__main__":
    given = arguments(__doc__, "study")
    save(figure_of(load_study(given.study)), given.out, quick=given.quick)
