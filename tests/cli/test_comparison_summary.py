"""What compare tells: everything that is scored, in tables and as JSON."""

import json
from io import StringIO

from rich.console import Console as Screen
from rich.progress import Progress

from autograin_cli.cli.comparison_summary import comparison_values, show_comparison
from autograin_cli.cli.console import Console
from autograin_cli.comparison.comparison import Comparison
from example_artifacts import example


def comparison() -> Comparison:
    found = example("liquid comparison").comparison
    assert found is not None
    return found


def test_json_holds_planes_triplets_and_axes_with_verdicts_and_floors() -> None:
    values = json.loads(json.dumps(comparison_values(comparison())))
    (joint,) = values["joint_distributions"]
    assert joint["correlation"]["model"] == 0.125
    (triplets,) = values["triplet_distributions"]
    assert triplets["shells"] == [6.4, 5.9]
    assert len(triplets["degrees"]) == len(triplets["reference"]) == len(triplets["model"]) == 36
    second, first = values["orientations"]
    assert (second["order"], first["order"]) == (2, 1)
    assert second["molecules"] == ["OTP", "β/x %."]
    assert second["distance"][0] == 3.125
    for found in (joint, triplets, second, first):
        assert {"word", "ratio", "sentence"} <= found["verdict"].keys()
        assert found["scores"][0].keys() == {"name", "unit", "value", "low", "high", "floor"}


def test_the_tables_tell_the_verdict_on_each() -> None:
    told = StringIO()
    screen = Screen(file=told, width=100, markup=False, emoji=False)
    silent = Progress(console=screen, disable=True)
    show_comparison(
        comparison(), Console(screen=screen, progress=silent, quiet=False, verbose=False)
    )
    words = " ".join(told.getvalue().split())
    assert "triplet OTP:A-OTP:B-OTP:B" in words and "differs, rms deviation 4 times" in words
    assert "P2 OTP-β/x %." in words and "P1 OTP-β/x %." in words
    assert "bond A-B, angle A-B-A" in words
    assert "Correlation coefficients" in words and "-0.25 ± 0.01" in words
