"""What every figure of the paper shares: its look, its notes, the two files that it goes to."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from autograin_cli.files.pages.figures import STYLE

# Of Okabe and Ito, told apart by the colour-blind too; black is the reference.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
QUICK_NOTE = "quick: from data/samples; 'make figures' draws it from the full sets"


def new_figure(width: float, height: float) -> Figure:
    """Give an empty figure of so many inches, whose panels are laid out by themselves."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, target: Path, *, quick: bool) -> None:
    """Write a figure as SVG and PNG under the name of the target; a quick one says that it is.

    The files have no date in them, so that the same figure has the same bytes.
    """
    if quick:
        figure.supxlabel(QUICK_NOTE, fontsize=8, color="0.4")
    target.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(STYLE):
        figure.savefig(target.with_suffix(".png"), dpi=200)
        figure.savefig(target.with_suffix(".svg"), metadata={"Date": None})


def arguments(description: str | None, *names: str) -> Namespace:
    """Read the command line of a figure: where it goes, paths by name, whether it is quick.

    Args:
        description: of the figure; its first line is shown.
        names: of the paths, as '--atoms' or, for those that have a place, 'study'.
    """
    parser = ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    for name in names:
        if name.startswith("--"):
            parser.add_argument(name, type=Path, required=True)
        else:
            parser.add_argument(name, type=Path)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()
