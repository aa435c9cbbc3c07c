"""Units as files write them: 'kJ mol-1 nm-1', 'kilocalorie/mole/angstrom', 'eV/Angstrom' and so on.

A unit is a product of names with exponents. Every name is an amount of ours and a dimension, so
that a force is told from an energy, whatever names it is written with.
"""

import re
from dataclasses import dataclass

from autograin_cli.units import (
    FORCE_UNITS,
    angstrom_from_bohr,
    angstrom_from_nm,
    kj_from_kcal,
    picoseconds,
)

_MOST_CHARACTERS = 100


@dataclass(frozen=True)
class _Unit:
    """An amount of ours, and its dimension.

    factor: in kJ/mol, Å, ps.
    energy, length, time: exponents.
    moles: exponent of 'mol'; an energy of one molecule counts as one per mole.
    """

    factor: float
    energy: int = 0
    length: int = 0
    time: int = 0
    moles: int = 0

    def times(self, other: "_Unit", power: int) -> "_Unit":
        """Multiply by a power of another unit."""
        return _Unit(
            self.factor * other.factor**power,
            self.energy + power * other.energy,
            self.length + power * other.length,
            self.time + power * other.time,
            self.moles + power * other.moles,
        )


_ANGSTROM, _PS = _Unit(1.0, length=1), _Unit(1.0, time=1)
_NM = _Unit(angstrom_from_nm(1.0), length=1)
_PM = _Unit(angstrom_from_nm(1e-3), length=1)
_BOHR = _Unit(angstrom_from_bohr(1.0), length=1)
_FS, _NS = _Unit(picoseconds("1fs"), time=1), _Unit(picoseconds("1ns"), time=1)
_SECOND = _Unit(picoseconds("1e9ns"), time=1)
_MOLE = _Unit(1.0, moles=1)
_KJ, _KCAL = _Unit(1.0, energy=1), _Unit(kj_from_kcal(1.0), energy=1)
_J, _CAL = _Unit(1e-3, energy=1), _Unit(kj_from_kcal(1e-3), energy=1)
_EV = _Unit(FORCE_UNITS["eV/A"], energy=1, moles=-1)
_HARTREE = _Unit(FORCE_UNITS["hartree/bohr"] * angstrom_from_bohr(1.0), energy=1, moles=-1)
# 1 u Å²/ps² is 0.01 kJ/mol.
_DALTON = _Unit(0.01, energy=1, length=-2, time=2, moles=-1)

# Written in small letters, without a plural s.
_NAMES = {
    **dict.fromkeys(("a", "å", "ang", "angstrom", "ångström", "ångstrom"), _ANGSTROM),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), _NM),
    **dict.fromkeys(("pm", "picometer", "picometre"), _PM),
    **dict.fromkeys(("bohr", "a0"), _BOHR),
    **dict.fromkeys(("ps", "picosecond"), _PS),
    **dict.fromkeys(("fs", "femtosecond"), _FS),
    **dict.fromkeys(("ns", "nanosecond"), _NS),
    **dict.fromkeys(("s", "sec", "second"), _SECOND),
    **dict.fromkeys(("mol", "mole"), _MOLE),
    **dict.fromkeys(("kj", "kilojoule"), _KJ),
    **dict.fromkeys(("kcal", "kilocalorie"), _KCAL),
    **dict.fromkeys(("j", "joule"), _J),
    **dict.fromkeys(("cal", "calorie"), _CAL),
    **dict.fromkeys(("ev", "electronvolt"), _EV),
    **dict.fromkeys(("hartree", "ha", "eh"), _HARTREE),
    **dict.fromkeys(("u", "amu", "da", "dalton"), _DALTON),
}
_WORD = re.compile(r"\s*([*/()]|[^\W\d_]+0?)(?:(?:\^|\*\*)?([+-]?\d+))?")


def length_in(text: str) -> float | None:
    """Å of a unit of length; None where it is none that is known."""
    return _factor_of(text, _ANGSTROM)


def time_in(text: str) -> float | None:
    """Give the ps of a unit of time; None where it is none that is known."""
    return _factor_of(text, _PS)


def force_in(text: str) -> float | None:
    """kJ/(mol Å) of a unit of force; None where it is none that is known."""
    return _factor_of(text, _Unit(1.0, energy=1, length=-1, moles=-1))


def same_force(text: str) -> str | None:
    """Name of `FORCE_UNITS` that a unit is written with; None where there is none."""
    factor = force_in(text)
    close = (name for name, one in FORCE_UNITS.items() if factor and abs(factor / one - 1) < 1e-6)
    return next(close, None)


def _factor_of(text: str, kind: _Unit) -> float | None:
    found = _read(text) if len(text) <= _MOST_CHARACTERS else None
    if found is None or _dimension(found) != _dimension(kind):
        return None
    return found.factor


def _dimension(unit: _Unit) -> tuple[int, int, int, int]:
    return unit.energy, unit.length, unit.time, unit.moles


def _read(text: str) -> _Unit | None:
    """Read a product from left to right; behind '/' stands one name or one bracket."""
    unit, at, signs, below = _Unit(1.0), 0, [1], False
    rest = text.strip()
    while at < len(rest):
        match = _WORD.match(rest, at)
        if match is None:
            return None
        word, power, at = match[1], int(match[2] or 1), match.end()
        if word == "(":
            signs.append(-signs[-1] if below else signs[-1])
        elif word == ")":
            signs = signs[:-1] or [1]
        elif word not in ("*", "/"):
            named = _named(word)
            if named is None or abs(power) > 9:
                return None
            unit = unit.times(named, power * (-signs[-1] if below else signs[-1]))
        below = word == "/"
    return unit


def _named(word: str) -> _Unit | None:
    small = word.lower()
    return _NAMES.get(small) or _NAMES.get(small.removesuffix("s"))
