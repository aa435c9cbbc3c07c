"""Draw figure 2 of the paper: a mapping while it is learned, and bonds and angles of its model.

    python docs/paper/figure_2.py OUT --atoms FOLDER --made FOLDER [--quick]

ATOMS holds the frames of both molecules, MADE what the commands made of them: in each molecule's
folder mapping.h5, harmonic/comparison.h5 and spline/comparison.h5.
"""

from typing import Any

import numpy as np
import torch
from drawing import COLOURS, arguments, new_figure, save
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec
from matplotlib.ticker import NullLocator
from published import TEXT
from structures import ball_and_stick, clearest_view, draw, extent, mixed_colours
from torch import Tensor
from training import Lesson, Losses, lesson_of, losses_of, stages

from autograin_cli.comparison.comparison import Distribution
from autograin_cli.files.artifacts import Artifact, load
from autograin_cli.files.pages.figures import BLACK, STYLE, bead_colour
from autograin_cli.mapping.autoencoder import encoder
from autograin_cli.mapping.mapping import History, Mapping
from autograin_cli.potential.terms import Term

TITLES = {"otp": "ortho-terphenyl, N = 3", "aniline": "aniline, N = 2"}
PAPER_LOSS = {"otp": TEXT}
SMALL: Any = {"font.size": 7, "axes.labelsize": 7, "axes.titlesize": 7.5, "legend.fontsize": 6.5}
TICKS: Any = {"xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.linewidth": 0.6}
BROWN = "#8A5F00"  # COLOURS[4], dark enough for letters
N_STAGES = 4
TRAINED_UNTIL = 3000.0  # ps, as `end` in the settings of both molecules
LETTERS = {"r0": "r₀", "theta0": "θ₀"}
MOST_NAMES = 16  # of atoms beside one another
LAWS = {"bond": "~ r² exp(-βk(r - r₀)²)", "angle": "~ sin θ exp(-βk(cos θ - cos θ₀)²)"}
SYMBOLS = {"bond": "bond length r", "angle": "angle θ"}


def draw_training(part: SubFigure, name: str, mapping: Mapping, lesson: Lesson) -> None:
    """Draw stages of the mapping on the molecule and as matrices, and the losses beside them."""
    history = mapping.history
    if history is None:
        raise SystemExit(f"{name}: the mapping has no history; it needs --method anneal")
    rows = stages(history, N_STAGES)
    widths = [1.0] * len(rows) + [0.06, 1.75]
    grid = part.add_gridspec(2, len(widths), width_ratios=widths, height_ratios=(1.35, 1))
    panels = [part.add_subplot(grid[0, column]) for column in range(len(rows))]
    matrices = [part.add_subplot(grid[1, column]) for column in range(len(rows))]
    draw_molecules(panels, mapping, lesson.structure, history, rows)
    draw_matrices(matrices, part.add_subplot(grid[1, len(rows)]), mapping, history, rows)
    draw_losses(part, grid[:, -1], name, history, losses_of(history, lesson.problem), rows)


def draw_molecules(
    panels: list[Axes], mapping: Mapping, structure: Tensor, history: History, rows: list[int]
) -> None:
    """Draw a structure with the colours of the beads, mixed while atoms are shared."""
    molecule = mapping.molecule
    seen = structure @ clearest_view(structure[None]).T
    seen = seen - (seen.amax(0) + seen.amin(0)) / 2
    for axes, row in zip(panels, rows, strict=True):
        colours = mixed_colours(history.assignments[row])
        things = ball_and_stick(seen, molecule.elements, molecule.bonds, colours)
        draw(axes, things, *extent(things))
        step, beta = int(history.steps[row]) + 1, float(history.beta[row])
        axes.set_title(f"step {step}, β = {beta:.2g}", pad=2, fontsize=7)


def draw_matrices(
    panels: list[Axes], bar: Axes, mapping: Mapping, history: History, rows: list[int]
) -> None:
    """Draw the elements of the encoder at each stage."""
    names, elements = mapping.molecule.atom_names, mapping.molecule.elements
    matrices = encoder(history.assignments[rows], torch.ones(len(names), dtype=torch.float64))
    for axes, matrix in zip(panels, matrices.numpy(), strict=True):
        image = axes.imshow(
            matrix, cmap="viridis", vmin=0, vmax=float(matrices.max()), aspect="auto"
        )
        shown = [a for a in range(len(names)) if len(names) <= MOST_NAMES or begins(elements, a)]
        axes.set_xticks(shown, [names[a] for a in shown], rotation=90, fontsize=6)
        axes.set_yticks(range(mapping.n_beads), [""] * mapping.n_beads)
        axes.tick_params(length=1.5, pad=1)
        axes.spines[:].set_visible(False)
    panels[0].set_yticks(range(mapping.n_beads), mapping.bead_names)
    for bead, label in enumerate(panels[0].get_yticklabels()):
        label.set(color=bead_colour(bead), fontweight="bold")
    panels[0].set_ylabel("bead")
    scale = bar.figure.colorbar(image, cax=bar)
    scale.set_label("element of E", labelpad=2)
    scale.ax.tick_params(length=1.5, pad=1)


def begins(elements: tuple[str, ...], atom: int) -> bool:
    """Whether an atom is the first of a row of atoms of one element."""
    return atom == 0 or elements[atom] != elements[atom - 1]


def draw_losses(
    part: SubFigure,
    place: SubplotSpec,
    name: str,
    history: History,
    losses: Losses,
    rows: list[int],
) -> None:
    """Draw what is minimised, and the mean square force on a bead, against the steps."""
    grid = GridSpecFromSubplotSpec(2, 1, subplot_spec=place, height_ratios=(1.9, 1))
    upper = part.add_subplot(grid[0])
    lower = part.add_subplot(grid[1], sharex=upper)
    steps = (history.steps + 1).numpy()
    upper.plot(steps, losses.compactness, color=COLOURS[4])
    upper.plot(steps, losses.reconstruction, color=COLOURS[1])
    if name in PAPER_LOSS:
        paper = PAPER_LOSS[name]
        upper.axhline(paper, color=BLACK, ls=":", lw=1)
        upper.text(1.1, 0.93 * paper, f"L_AE of the paper: {paper}", va="top", fontsize=6)
    upper.set_yscale("log")
    upper.set_ylim(0.25, 5)
    upper.set_yticks([0.5, 1, 2, 4])
    upper.yaxis.set_major_formatter("{x:g}")
    upper.yaxis.set_minor_locator(NullLocator())
    upper.set_ylabel("L_AE and C (Å²)")
    label: Any = {"fontsize": 6.5, "va": "top"}
    upper.text(1.2, 0.85 * float(losses.compactness[0]), "C", color=BROWN, **label)
    upper.text(12, 1.45 * float(losses.reconstruction[-1]), "L_AE", color=COLOURS[1], **label)
    upper.tick_params(labelbottom=False)
    lower.plot(steps, losses.square_force / 1000, color=COLOURS[2])
    lower.set_ylim(0, 1.1 * float(losses.square_force.max()) / 1000)
    lower.set_ylabel("⟨F²⟩ (10³ kJ²\nmol⁻² Å⁻²)")
    lower.set_xscale("log")
    lower.set_xticks([1, 10, 100, 1000])
    lower.xaxis.set_major_formatter("{x:g}")
    lower.set_xlabel("optimisation step")
    for axes in (upper, lower):
        for row in rows:
            axes.axvline(steps[row], color="0.75", lw=0.6, zorder=0)
    part.align_ylabels((upper, lower))


def draw_distribution(axes: Axes, paper: Distribution, spline: Distribution, term: Term) -> None:
    """Draw the density of a bond or an angle of atoms, of two models, and of the term alone."""
    x = centres(paper)
    fill(axes, paper, "reference", BLACK)
    axes.plot(x, paper.reference, color=BLACK, label="atoms, mapped")
    fill(axes, spline, "model", COLOURS[1])
    axes.plot(centres(spline), spline.model, color=COLOURS[1], lw=1, label="CG run, splines")
    fill(axes, paper, "model", COLOURS[0])
    axes.plot(x, paper.model, color=COLOURS[0], lw=1.2, label="CG run, terms of the paper")
    if paper.analytic is not None:
        axes.plot(
            x,
            paper.analytic,
            color=COLOURS[2],
            ls=(0, (3, 2)),
            lw=1.2,
            label="term of the paper alone",
        )
    note = f"{constants(term)}\n{LAWS[term.coordinate]}"
    axes.text(0.02, 0.99, note, transform=axes.transAxes, va="top", fontsize=6, linespacing=1.3)
    axes.set_ylim(0, 1.6 * float(paper.reference.max()))
    axes.set_xlim(x[0], x[-1])
    axes.set_xlabel(f"{SYMBOLS[paper.coordinate]} ({paper.unit})")
    axes.set_ylabel(f"density (1/{paper.unit})")


def centres(distribution: Distribution) -> Any:
    """Middles of the bins."""
    return ((distribution.edges[1:] + distribution.edges[:-1]) / 2).numpy()


def fill(axes: Axes, distribution: Distribution, which: str, colour: str) -> None:
    """Draw the 95 % band of reference or model."""
    low, high = (getattr(distribution, f"{which}_{end}") for end in ("low", "high"))
    axes.fill_between(centres(distribution), low, high, color=colour, alpha=0.25, lw=0)


def constants(term: Term) -> str:
    """Parameters of a term with their standard errors, a line each."""
    lines = []
    for name, unit, value, error in zip(
        term.parameter_names,
        term.parameter_units,
        term.parameters.tolist(),
        term.parameter_errors.tolist(),
        strict=True,
    ):
        digits = max(0, 1 - int(np.floor(np.log10(error)))) if error > 0 else 3
        if unit != "1":
            lines.append(
                f"{LETTERS.get(name, name)} = {value:.{digits}f} ± {error:.{digits}f} {unit}"
            )
    return "\n".join(lines)


def draw_distributions(part: SubFigure, models: dict[str, tuple[Artifact, Artifact]]) -> None:
    """Draw the bond and the angle of the one molecule, and the bond of the other."""
    pairs = [
        (name, number)
        for name, (paper, _) in models.items()
        for number in range(len(paper.potentials[0].terms))
    ]
    panels = part.subplots(1, len(pairs), squeeze=False)[0]
    for axes, (name, number) in zip(panels, pairs, strict=True):
        paper, spline = models[name]
        term = paper.potentials[0].terms[number]
        draw_distribution(axes, named(paper, term.name), named(spline, term.name), term)
        axes.set_title(f"{TITLES[name].split(',')[0]}, {term.name}", loc="left")
    part.legend(*panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=5)


def named(artifact: Artifact, name: str) -> Distribution:
    """The distribution of a term."""
    if artifact.comparison is None:
        raise SystemExit("no comparison in the artifact")
    return next(found for found in artifact.comparison.distributions if found.name == name)


def main() -> None:
    """Read what was made and draw it."""
    options = arguments(__doc__, "--atoms", "--made")
    models = {
        name: (
            load(options.made / name / "harmonic" / "comparison.h5", ("comparison",)),
            load(options.made / name / "spline" / "comparison.h5", ("comparison",)),
        )
        for name in TITLES
    }
    with rc_context({**STYLE, **SMALL, **TICKS}):
        figure = new_figure(7.2, 7.0)
        parts = figure.subfigures(3, 1, squeeze=False, height_ratios=(2.35, 2.15, 2.2))[:, 0]
        for letter, part, name in zip("ab", parts, TITLES, strict=False):
            mapping = load(options.made / name / "mapping.h5", ("mapping",)).mappings[0]
            lesson = lesson_of(mapping, options.atoms / name, TRAINED_UNTIL)
            part.suptitle(f"({letter}) {TITLES[name]}", x=0.01, ha="left", fontsize=9)
            draw_training(part, name, mapping, lesson)
        parts[2].suptitle("(c) bonds and angles", x=0.01, ha="left", fontsize=9)
        draw_distributions(parts[2], models)
        save(figure, options.out, quick=options.quick)


if __name__ == "__main__":
    main()
