"""Draw figure 3 of the paper: structures, their beads, and what the linear decoder gives back.

    python docs/paper/figure_3.py OUT --atoms FOLDER --made FOLDER [--quick]

ATOMS holds the frames of both molecules, MADE what fit-mapping made of them: in each molecule's
folder mapping.h5, from nanoseconds, and 6ps/mapping.h5, from six picoseconds as in the paper.
"""

from dataclasses import dataclass
from typing import Any

import torch
from drawing import arguments, new_figure, save
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from published import TEXT
from reconstruction import Fidelity, decode, fidelity, frames_of
from structures import (
    GREY,
    Ball,
    Stick,
    ball_and_stick,
    clearest_view,
    draw,
    extent,
    half_sticks,
    mixed_colours,
)
from torch import Tensor

from autograin_cli.files.artifacts import load
from autograin_cli.files.pages.figures import BLACK, STYLE, bead_colour
from autograin_cli.geometry import superpose
from autograin_cli.mapping.autoencoder import one_hot
from autograin_cli.mapping.decoding import NEAR
from autograin_cli.mapping.mapping import Mapping

TITLES = {"otp": "ortho-terphenyl, N = 3", "aniline": "aniline, N = 2"}
PAPER_LOSS = {"otp": TEXT}
HELD_OUT = 3000.0  # ps, as `begin` of compare in the settings of both molecules
SMALL: Any = {"font.size": 7, "axes.labelsize": 7, "axes.titlesize": 7.5, "legend.fontsize": 6.5}
TICKS: Any = {"xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "axes.linewidth": 0.6}
COLUMNS = ("original", "encoded", "decoded")
ROWS = ("held out", "held out", "6 ps run")
N_FRAMES = 2  # of the long run; one of the short run stands below


@dataclass(frozen=True)
class Run:
    """Structures of one molecule, and what a mapping makes of them.

    original, decoded: Å, (frames, atoms, 3), superposed on one structure.
    beads: Å, (frames, beads, 3), moved with them.
    """

    mapping: Mapping
    original: Tensor
    beads: Tensor
    decoded: Tensor
    fidelity: Fidelity


def run_of(mapping: Mapping, positions: Tensor, target: Tensor) -> Run:
    """Encode and decode structures; positions, (frames, atoms, 3), and target, (atoms, 3), Å."""
    turned = superpose(positions, target)
    beads, decoded = decode(mapping, turned)
    return Run(mapping, turned, beads, decoded, fidelity(turned, decoded, mapping.molecule.bonds))


def draw_frames(part: SubFigure, long: Run, short: Run) -> None:
    """Draw two frames of the long run and one of the short: original, encoded, decoded."""
    rows = [(long, len(long.original) * k // N_FRAMES) for k in range(N_FRAMES)]
    rows.append((short, len(short.original) // 2))
    view = clearest_view(torch.stack([run.original[frame] for run, frame in rows]))
    panels = part.subplots(len(rows), 3)
    for line, (run, frame) in zip(panels, rows, strict=True):
        scenes = scenes_of(run, frame, run.original[frame].mean(0), view)
        width, height = extent([thing for things in scenes for thing in things])
        for axes, things in zip(line, scenes, strict=True):
            draw(axes, things, width, height)
    for axes, title in zip(panels[0], COLUMNS, strict=True):
        axes.set_title(title, pad=3)
    for axes, label in zip(panels[:, 0], ROWS, strict=True):
        axes.text(-0.03, 0.5, label, transform=axes.transAxes, rotation=90, va="center", ha="right")


def scenes_of(run: Run, frame: int, centre: Tensor, view: Tensor) -> list[list[Ball | Stick]]:
    """What is drawn of a frame: atoms, beads among pale atoms, decoded atoms."""
    mapping, molecule = run.mapping, run.mapping.molecule
    original, beads, decoded = (
        (positions[frame] - centre) @ view.T for positions in (run.original, run.beads, run.decoded)
    )
    colours = mixed_colours(one_hot(mapping.assignment, mapping.n_beads))
    ghost = half_sticks(original, molecule.bonds, [GREY] * molecule.n_atoms, 0.07)
    bead_colours = [to_rgb(bead_colour(bead)) for bead in range(mapping.n_beads)]
    links = half_sticks(beads, mapping.bead_bonds, bead_colours, 0.22)
    own = beads[mapping.assignment]
    spread = (original - own).square().sum(1)
    big = [
        Ball(beads[bead], float(spread[mapping.assignment == bead].mean().sqrt()), colour, 0.45)
        for bead, colour in enumerate(bead_colours)
    ]
    return [
        ball_and_stick(original, molecule.elements, molecule.bonds, colours),
        [*ghost, *links, *big],
        ball_and_stick(decoded, molecule.elements, molecule.bonds, colours),
    ]


def draw_errors(axes: Axes, long: Run, short: Run) -> None:
    """Draw how far each atom is put from where it was."""
    molecule = long.mapping.molecule
    places = range(molecule.n_atoms)
    colours = [bead_colour(bead) for bead in long.mapping.assignment.tolist()]
    axes.bar(places, long.fidelity.errors, color=colours, width=0.75)
    axes.plot(places, short.fidelity.errors, "o", ms=2.4, mfc="white", mec=BLACK, mew=0.7)
    axes.set_xticks(places, molecule.atom_names, rotation=90, fontsize=5.5)
    axes.tick_params(axis="x", length=0, pad=1)
    axes.set_xlim(-0.7, molecule.n_atoms - 0.3)
    axes.set_ylabel("rms error of an atom (Å)")


def draw_bonds(axes: Axes, long: Run, short: Run) -> None:
    """Draw the decoded length of each bond over the original one."""
    mapping, bonds = long.mapping, long.mapping.molecule.bonds
    first, second = mapping.assignment[bonds].T
    between = first != second
    order = torch.argsort(first + between * mapping.n_beads, stable=True)
    axes.axhspan(1 - NEAR, 1 + NEAR, color="0.9", lw=0)
    for place, bond in enumerate(order.tolist()):
        colour = "0.4" if between[bond] else bead_colour(int(first[bond]))
        ratio = long.fidelity.ratios[:, bond]
        low, high = torch.quantile(ratio, torch.tensor([0.025, 0.975], dtype=ratio.dtype))
        axes.plot([place, place], [low, high], color=colour, lw=1.2)
        axes.plot(place, ratio.mean(), "s", ms=2.8, color=colour)
    means = short.fidelity.ratios.mean(0)[order]
    axes.plot(range(len(order)), means, "o", ms=2.4, mfc="white", mec=BLACK, mew=0.7)
    axes.set_xlim(-0.8, len(order) - 0.2)
    axes.set_ylim(0, 1.35)
    axes.set_xticks([])
    axes.set_xlabel("bonds, by bead; grey: between beads")
    axes.set_ylabel("decoded / original length")
    share = 100 * float(long.fidelity.near.mean())
    axes.set_title(f"{share:.0f} % of bonds within 15 % of their length", fontsize=7)


def told(name: str, long: Run, short: Run) -> str:
    """L_AE of both runs, beside the paper's where it gives one."""
    here = f"L_AE (Å²): 3 ns held out {long.fidelity.loss:.3f}, 6 ps {short.fidelity.loss:.3f}"
    return f"{here}, paper {PAPER_LOSS[name]}" if name in PAPER_LOSS else here


def numbers(name: str, long: Run, short: Run) -> str:
    """What the figure shows in numbers, a line for each run."""
    lines = []
    for what, run in (("3 ns held out", long), ("6 ps", short)):
        found = run.fidelity
        lost = found.ratios.mean(0)[found.near < 0.5]
        lines.append(
            f"{name}, {what}: L_AE {found.loss:.4f} Å², {100 * float(found.near.mean()):.1f} % of "
            f"bonds within 15 %, the others {float(lost.min()):.2f} to {float(lost.max()):.2f} of "
            f"their length; atoms {float(found.errors.min()):.2f} to "
            f"{float(found.errors.max()):.2f} Å off"
        )
    return "\n".join(lines)


def figure_of(runs: dict[str, tuple[Run, Run]]) -> Figure:
    """Draw both molecules, structures above numbers."""
    figure = new_figure(7.2, 7.4)
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.2, 3.4))[:, 0]
    for letter, part, (name, (long, short)) in zip(
        "ab", upper.subfigures(1, 2, squeeze=False)[0], runs.items(), strict=True
    ):
        part.suptitle(f"({letter}) {TITLES[name]}\n{told(name, long, short)}", fontsize=7.5)
        draw_frames(part, long, short)
    widths = [run[0].mapping.molecule.n_atoms + 10 for run in runs.values()]
    panels = lower.subplots(2, 2, width_ratios=widths)
    for column, (long, short) in enumerate(runs.values()):
        draw_errors(panels[0][column], long, short)
        draw_bonds(panels[1][column], long, short)
    for letter, axes in zip("cdef", panels.flat, strict=True):
        axes.set_title(f"({letter})", loc="left", fontsize=8)
    keys = [
        Patch(color="0.5", label="trained on 3 ns, decoded 3 ns held out"),
        Line2D([], [], ls="", marker="o", ms=3, mfc="white", mec=BLACK, label="6 ps run"),
        Patch(color="0.9", label="within 15 %"),
    ]
    lower.legend(handles=keys, loc="outside upper center", ncols=3)
    return figure


def main() -> None:
    """Read what was made and draw it."""
    options = arguments(__doc__, "--atoms", "--made")
    runs = {}
    for name in TITLES:
        stem, made = options.atoms / name, options.made / name
        long, short = (
            load(made / file, ("mapping",)).mappings[0] for file in ("mapping.h5", "6ps/mapping.h5")
        )
        target = long.mean_structure
        runs[name] = (
            run_of(long, frames_of(stem, f"{name}.xtc", HELD_OUT), target),
            run_of(short, frames_of(stem, f"{name}_6ps.xtc", None), target),
        )
    with rc_context({**STYLE, **SMALL, **TICKS}):
        save(figure_of(runs), options.out, quick=options.quick)
    for name, both in runs.items():
        print(numbers(name, *both))


if __name__ == "__main__":
    main()
