"""Print what the study beyond the paper found as tables in Markdown.

    python docs/paper/study_tables.py build/paper/full/study/study.json

Losses are means over atoms and components, Å²; forces the mean square of the summed force on a
bead, (kcal/(mol Å))². Uniform weights where nothing else is said; 'least L' is the best of all
connected mappings.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, median, stdev

from figure_loss import NOISY, best, short_runs, soft
from figure_optimum import NAMES, OBJECTIVES, cost_of_success, methods_of, proofs_of, rate_of
from published import FORCES, LOSSES
from study_results import Optimum, Rate, Study, load_study, wilson

DEFAULT = "ae+compactness"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def by_beads(rows: dict[str, dict[int, str]]) -> str:
    """A table with a column for each number of beads."""
    beads = sorted({n_beads for row in rows.values() for n_beads in row})
    head = ["", *(f"N = {n_beads}" for n_beads in beads)]
    return table(head, ([name, *(row.get(n, "") for n in beads)] for name, row in rows.items()))


def with_error(one: Optimum, quantity: str) -> str:
    """A loss or a force with its standard error."""
    digits = 4 if quantity == "loss" else 0
    error = getattr(one, f"{quantity}_error")
    return f"{getattr(one, quantity):.{digits}f} ± {error:.{digits}f}"


def line(optima: list[Optimum], quantity: str) -> dict[int, str]:
    """Cells of a loss or a force."""
    return {one.n_beads: with_error(one, quantity) for one in optima}


def of_runs(study: Study, system: str, quantity: str, objective: str = "ae") -> dict[int, str]:
    """Cells of the runs of 6 ps: mean, deviation, range."""
    cells: dict[int, str] = {}
    digits = 4 if quantity == "loss" else 0
    for n_beads in LOSSES[system]:
        values = [getattr(run, quantity) for run in short_runs(study, system, n_beads, objective)]
        if values:
            scatter = f"{mean(values):.{digits}f} ± {stdev(values):.{digits}f}"
            cells[n_beads] = f"{scatter} ({min(values):.{digits}f} to {max(values):.{digits}f})"
    return cells


def spread(values: tuple[float, ...]) -> tuple[float, float, float]:
    """Smallest, median and largest."""
    return min(values), median(values), max(values)


def losses(study: Study, system: str) -> str:
    """Losses against the number of beads."""
    short, long = best(study, system, "6 ps"), best(study, system, "6 ns")
    images = "6 ns, symmetric"
    rows = {
        "published": {n: f"{value:g}" for n, value in LOSSES[system].items()},
        "runs of 6 ps, least L: mean ± deviation (range)": of_runs(study, system, "loss"),
        "runs of 6 ps, least L + 10 C": of_runs(study, system, "loss", DEFAULT),
        "6 ps sample, least L": line(short, "loss"),
        "6 ps sample, least L + 10 C": line(best(study, system, "6 ps", DEFAULT), "loss"),
        "6 ps sample, bound": {one.n_beads: f"{one.bound:.4f}" for one in short},
        "6 ps sample, soft, annealed, best of 8": {
            one.n_beads: f"{min(one.losses):.4f}" for one in soft(study, system, "annealed")
        },
        "6 ps sample, soft, decoder trained, noise: median of 8 (range)": {
            one.n_beads: "{1:.4f} ({0:.4f} to {2:.4f})".format(*spread(one.losses))
            for one in soft(study, system, NOISY)
        },
        "6 ns, least L": line(long, "loss"),
        "6 ns and images, least L": line(best(study, system, images), "loss"),
        "6 ns and images, least L + 10 C": line(best(study, system, images, DEFAULT), "loss"),
        "6 ns and images, least L, mass weights": line(
            best(study, system, images, weights="mass"), "loss"
        ),
        "6 ns and images, least L + 10 C, mass weights": line(
            best(study, system, images, DEFAULT, "mass"), "loss"
        ),
        "6 ns and images, bound": {
            one.n_beads: f"{one.bound:.4f}" for one in best(study, system, images)
        },
        "6 ns and images, connected mappings (within 1 % of the least L)": {
            one.n_beads: f"{one.n_mappings} ({one.n_near})" for one in best(study, system, images)
        },
    }
    return by_beads(rows)


def forces(study: Study, system: str) -> str:
    """Forces against the number of beads."""
    images = best(study, system, "6 ns, symmetric")
    rows = {
        "published": {n: f"{value:g}" for n, value in FORCES[system].items()},
        "runs of 6 ps, least L: mean ± deviation (range)": of_runs(study, system, "force"),
        "runs of 6 ps, least L + 10 C": of_runs(study, system, "force", DEFAULT),
        "6 ps sample, least L": line(best(study, system, "6 ps"), "force"),
        "6 ns and images, least L": line(images, "force"),
        "6 ns and images, least L + 10 C": line(
            best(study, system, "6 ns, symmetric", DEFAULT), "force"
        ),
        "6 ns and images, least L, mass weights": line(
            best(study, system, "6 ns, symmetric", weights="mass"), "force"
        ),
        "6 ns and images, L within 1 % of the least: range": {
            one.n_beads: "{:.0f} to {:.0f}".format(*one.near_forces) for one in images
        },
        "6 ns and images, all connected mappings: range": {
            one.n_beads: "{:.0f} to {:.0f}".format(*one.forces) for one in images
        },
    }
    return by_beads(rows)


def outcome(rate: Rate) -> list[str]:
    """Cells of a method on a case."""
    low, high = wilson(rate.found, rate.seeds)
    middle, least, _ = cost_of_success(rate)
    return [
        f"{rate.found} of {rate.seeds} ({100 * low:.0f} to {100 * high:.0f} %)",
        f"{rate.near}",
        f"{rate.distinct}",
        f"{rate.cost:.3g}",
        f"{middle:.3g}" if rate.found else f"over {least:.3g}",
    ]


def methods(study: Study) -> str:
    """How often each method finds the optimum, and what it costs."""
    head = [
        "case",
        "method",
        "finds it (95 %)",
        "within 1 %",
        "distinct ends",
        "cost of a seed",
        "of a success",
    ]
    rows = []
    for objective, name in OBJECTIVES.items():
        for proof in proofs_of(study, objective):
            case = f"{NAMES[proof.system]}, {proof.n_beads} beads, {name}"
            for method in methods_of(study):
                rows.append([case, method, *outcome(rate_of(study, proof, method))])
    return table(head, rows)


def proofs(study: Study) -> str:
    """What the enumeration shows."""
    head = ["case", "connected mappings", "within 1 %", "margin of the second", "cost of one pass"]
    return table(
        head,
        (
            [
                f"{NAMES[proof.system]}, {proof.n_beads} beads, {name}",
                f"{proof.n_mappings:,}",
                f"{proof.n_near:,}",
                f"{100 * proof.margin:.2g} %",
                f"{proof.reading:.2g}",
            ]
            for objective, name in OBJECTIVES.items()
            for proof in proofs_of(study, objective)
        ),
    )


def main(arguments: list[str]) -> None:
    """Print the tables of a file of results."""
    study = load_study(Path(arguments[0]))
    for system, name in NAMES.items():
        print(f"Loss of {name}, Å², mean over atoms and components:\n\n{losses(study, system)}")
        print(f"Force on a bead of {name}, (kcal/(mol Å))²:\n\n{forces(study, system)}")
    print(f"Every connected mapping, uniform weights, 6 ns and images:\n\n{proofs(study)}")
    print(f"Methods; costs are CPU times over that of the enumeration:\n\n{methods(study)}")


if __name__ == "__main__":
    main(sys.argv[1:])
