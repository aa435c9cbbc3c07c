"""Å, ps, u, kJ/mol, K: the constants, and the only conversions."""

from math import degrees
from typing import Protocol, Self, TypeVar

from autograin_cli.errors import SettingError


class Scalable(Protocol):
    """A number, or an array of them."""

    def __mul__(self, factor: float, /) -> Self:
        """The amount so many times."""

    def __truediv__(self, factor: float, /) -> Self:
        """The amount over a number."""


Amount = TypeVar("Amount", bound=Scalable)

BOLTZMANN = 0.00831446261815324  # kJ/(mol K)
ACCELERATION = 100.0  # Å/ps² of 1 kJ/(mol Å u)

_KJ_PER_KCAL = 4.184
_KJ_PER_EV = 96.48533212331
_KJ_PER_HARTREE = 2625.4996394799
_ANGSTROM_PER_BOHR = 0.529177210903
_ANGSTROM_PER_NM = 10.0
_U_PER_CUBIC_ANGSTROM = 0.602214076  # 1 g/cm3
_BAR = 16605.39067173  # 1 kJ/(mol Å³)

FORCE_UNITS = {
    "kJ/mol/A": 1.0,
    "kJ/mol/nm": 1.0 / _ANGSTROM_PER_NM,
    "kcal/mol/A": _KJ_PER_KCAL,
    "eV/A": _KJ_PER_EV,
    "hartree/bohr": _KJ_PER_HARTREE / _ANGSTROM_PER_BOHR,
}

_PICOSECONDS = {"fs": 1e-3, "ps": 1.0, "ns": 1e3, "us": 1e6}


def thermal_energy(temperature: float) -> float:
    """k_B T in kJ/mol of a temperature in K."""
    return BOLTZMANN * temperature


def angstrom_from_nm(length: Amount) -> Amount:
    """Å of a length in nm; a number or an array."""
    return length * _ANGSTROM_PER_NM


def nm_from_angstrom(length: Amount) -> Amount:
    """Nm of a length in Å; a number or an array."""
    return length / _ANGSTROM_PER_NM


def angstrom_from_bohr(length: Amount) -> Amount:
    """Å of a length in bohr; a number or an array."""
    return length * _ANGSTROM_PER_BOHR


def force_from_per_nm(force: Amount) -> Amount:
    """kJ/(mol Å) of a force in kJ/(mol nm); a number or an array."""
    return force / _ANGSTROM_PER_NM


def force_per_nm(force: Amount) -> Amount:
    """Force in kJ/(mol nm) of one in kJ/(mol Å); a number or an array."""
    return force / nm_from_angstrom(1.0)


def kj_from_kcal(energy: Amount) -> Amount:
    """Energy in kJ/mol of one in kcal/mol; a number or an array, also per Å."""
    return energy * _KJ_PER_KCAL


def kcal_from_kj(energy: Amount) -> Amount:
    """Energy in kcal/mol of one in kJ/mol; a number or an array, also per Å."""
    return energy / _KJ_PER_KCAL


def fs_from_ps(time: float) -> float:
    """Time in fs of one in ps."""
    return time / _PICOSECONDS["fs"]


def per_fs_from_per_ps(rate: Amount) -> Amount:
    """A rate, or a velocity, per fs of one per ps; a number or an array."""
    return rate * _PICOSECONDS["fs"]


def per_ps_from_per_fs(rate: Amount) -> Amount:
    """A rate, or a velocity, per ps of one per fs; a number or an array."""
    return rate / _PICOSECONDS["fs"]


def cubic_angstrom_of(mass: float, density: float) -> float:
    """Volume in Å³ of a mass in u at a density in g/cm3."""
    return mass / (density * _U_PER_CUBIC_ANGSTROM)


def bar_from_kj_per_cubic_angstrom(pressure: Amount) -> Amount:
    """Pressure in bar of one in kJ/(mol Å³); a number or an array."""
    return pressure * _BAR


def force_factor(unit: str) -> float:
    """kJ/(mol Å) of one force unit named as in `FORCE_UNITS`."""
    if unit not in FORCE_UNITS:
        raise SettingError(
            given=f"force unit {unit!r}",
            expected="one of " + ", ".join(FORCE_UNITS),
            remedy="give --force-unit one of these names",
        )
    return FORCE_UNITS[unit]


def picoseconds(text: str) -> float:
    """Time in ps of a number with an optional suffix fs, ps, ns or us, as in '1.5ns'."""
    stripped = text.strip()
    suffix = next((unit for unit in _PICOSECONDS if stripped.endswith(unit)), "")
    try:
        return float(stripped.removesuffix(suffix)) * _PICOSECONDS.get(suffix, 1.0)
    except ValueError:
        raise SettingError(
            given=f"time {text!r}",
            expected="a number, bare (ps) or with fs, ps, ns or us behind it",
            remedy="write for example 500, 500ps or 0.5ns",
        ) from None


def to_degrees(angle: float) -> float:
    """Degrees of an angle in radians: what a person reads."""
    return degrees(angle)
