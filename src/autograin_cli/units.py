"""Å, ps, u, kJ/mol, K: the constants, and the only conversions."""

from math import degrees

from autograin_cli.errors import SettingError

BOLTZMANN = 0.00831446261815324  # kJ/(mol K)
ACCELERATION = 100.0  # Å/ps² of 1 kJ/(mol Å u)

_KJ_PER_KCAL = 4.184
_KJ_PER_EV = 96.48533212331
_KJ_PER_HARTREE = 2625.4996394799
_ANGSTROM_PER_BOHR = 0.529177210903
_ANGSTROM_PER_NM = 10.0

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


def angstrom_from_nm(length: float) -> float:
    """Å of a length in nm; a number or an array."""
    return length * _ANGSTROM_PER_NM


def nm_from_angstrom(length: float) -> float:
    """Nm of a length in Å; a number or an array."""
    return length / _ANGSTROM_PER_NM


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
