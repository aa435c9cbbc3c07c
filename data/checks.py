"""What a run and its files must pass before the files are put in place."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from molecules import Array

BOLTZMANN = 0.00831446261815324  # kJ/(mol K)


@dataclass(frozen=True)
class Check:
    """What was measured, and what was required."""

    name: str
    measured: str
    required: str
    passed: bool


def bounded(name: str, measured: float, bound: float, label: str = "") -> Check:
    """A check that a size is below a bound, both in the unit `label`."""
    passed = bool(abs(measured) < bound)
    return Check(name, f"{measured:.1e}{label}", f"below {bound:.0e}{label}", passed)


def temperature_check(
    name: str, measured: float, error: float, wanted: float, bias: float = 0.0
) -> Check:
    """A check of a temperature that has a standard error, all in K.

    bias: what the integrator may be off by, K.
    """
    allowed = f" and {bias:.1f} K" if bias else ""
    return Check(
        name,
        f"{measured:.1f} K, standard error {error:.1f} K",
        f"{wanted:.0f} K within 4 standard errors{allowed}",
        bool(abs(measured - wanted) < 4 * error + bias),
    )


def rms(values: Array) -> float:
    """Root of the mean square, in the unit of the values."""
    return float(np.sqrt((values**2).mean()))


def independent_frames(n_frames: int, interval: float, friction: float) -> float:
    """How many independent frames give the same error of a mean energy.

    Half of the variance of the kinetic, or of the potential, energy of weakly damped
    oscillators decays at the friction rate (1/ps), the rest within femtoseconds.
    interval: ps between frames.
    """
    return n_frames * float(1 - np.exp(-friction * interval))


def bond_temperatures(vectors: Array, pulls: Array) -> Array:
    """The bond thermometer, T = -<d (F_j - F_i)·r̂/2> / <1 + 2d/r> / k_B.

    Args:
        vectors: from atom i to atom j of each bond, Å, shape (frames, bonds, 3); r is
            the length, d = r - <r>.
        pulls: F_j - F_i, kJ/(mol Å), shape (frames, bonds, 3).

    Returns:
        A series whose mean is the temperature in K, shape (frames,).
    """
    r = np.linalg.norm(vectors, axis=2)
    d = r - r.mean(axis=0)
    pull = (pulls * vectors).sum(axis=2) / r / 2
    return np.asarray(-(d * pull).mean(axis=1) / (1 + 2 * d / r).mean() / BOLTZMANN)


def insist(stem: str, found: Iterable[Check]) -> list[Check]:
    """Print the checks of a data set; leave the program if one failed."""
    checks = list(found)
    for check in checks:
        verdict = "ok" if check.passed else "FAILED"
        tell(f"{stem}: {check.name}: {check.measured} ({check.required}): {verdict}")
    if not all(check.passed for check in checks):
        raise SystemExit(f"{stem}: a check failed, no file was put in place")
    return checks


def tell(line: str) -> None:
    """Say something on stderr at once."""
    print(line, file=sys.stderr, flush=True)
