"""The checks that the laws of all records are made of; each refuses the file."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.storage.conformance import REMEDY
from autograin_cli.files.visible import visible

ROUNDING = 1e-6  # of sums of weights that a person may have written with few digits
BEADS_OF_COORDINATE = {"bond": 2, "angle": 3, "dihedral": 4}


def check_pairs(where: str, pairs: Tensor, n_members: int) -> None:
    """Require pairs of members, the smaller index first, (pairs, 2)."""
    check_range(where, pairs, 0, n_members)
    in_order = bool((pairs[:, 0] < pairs[:, 1]).all())
    require(in_order, f"{where}: a pair out of order", "the smaller index first")


def check_range(where: str, values: Tensor, low: float, below: float | None) -> None:
    """Require numbers from `low` on, and below another one where that is given."""
    wrong = (values < low) | (values >= (torch.inf if below is None else below))
    if bool(wrong.any()):
        limit = "" if below is None else f" and below {below}"
        require(False, f"{where}: {values[wrong][0].item()}", f"at least {low}{limit}")


def check_increasing(where: str, values: Tensor, *, strictly: bool) -> None:
    """Require numbers in increasing order."""
    steps = values.diff()
    rising = steps > 0 if strictly else steps >= 0
    require(bool(rising.all()), f"{where} are not in increasing order", "increasing numbers")


def check_ones(where: str, values: Tensor) -> None:
    """Require that all numbers are 1, but for the rounding of what a person writes."""
    worst = float((values - 1).abs().max()) if values.numel() else 0.0
    require(worst < ROUNDING, f"{where} differs from 1 by {worst:.3g}", "1 (or the unit matrix)")


def check_unique(where: str, names: Iterable[str]) -> None:
    """Require distinct names."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    require(not twice, f"{where}: {visible(twice[0]) if twice else ''} twice", "distinct names")


def check_choice(where: str, value: str, choices: tuple[str, ...]) -> None:
    """Require one of some texts."""
    allowed = ", ".join(map(visible, choices))
    require(value in choices, f"{where} is '{visible(value)}'", f"one of {allowed}")


def require(holds: bool, given: str, expected: str) -> None:
    """Refuse a file unless something holds."""
    if not holds:
        raise InputError(given=given, expected=expected, remedy=REMEDY)


def check_box(where: str, box: Tensor | None) -> None:
    """Require a box that is not flat; vacuum is fine."""
    if box is not None:
        volume = abs(float(torch.linalg.det(box)))
        require(volume > 0, f"{where}: a box of no volume", "three box vectors that span a volume")


def check_bands(where: str, record: Any) -> None:
    """Require of reference and model of a distribution no negative values and bands around them."""
    for name in ("reference", "model"):
        values = [getattr(record, f"{name}{end}") for end in ("_low", "", "_high")]
        check_range(f"{where}: {name}", values[1], 0, None)
        ordered = bool((values[0] <= values[2]).all())
        require(ordered, f"{where}: the band of the {name} is upside down", "low <= high")
