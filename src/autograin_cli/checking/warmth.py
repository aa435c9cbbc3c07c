"""What the temperature that forces imply says of their unit, and of the temperature given."""

from dataclasses import replace
from math import exp, log

from autograin_cli.checking.conditions import Conditions
from autograin_cli.checking.finding import FAILED, WARNING, Finding, passed, unmeasured
from autograin_cli.checking.strength import USUAL, Strength
from autograin_cli.checking.thermometer import Temperature
from autograin_cli.units import FORCE_UNITS

PLAUSIBLE = 50.0, 1500.0  # K, where the temperature was not given
_ROOM = 300.0  # K; of several units that would do, the one that comes nearest is named first
_FAILS, _WARNS = log(1.3), log(1.12)  # relative to the temperature given
_FAILS_ERRORS, _WARNS_ERRORS = 5.0, 4.0  # and in standard errors


def warmth(
    found: Temperature | None, strong: Strength | None, conditions: Conditions, kind: str
) -> tuple[Finding, Finding]:
    """Judge the unit of the forces and the temperature.

    Args:
        found: what the forces imply.
        strong: how stiff bonds are; None where that tells nothing.
        conditions: what the user said.
        kind: of the coordinates: 'bond' or 'angle'.

    Returns:
        The findings of force-unit and of temperature.
    """
    if found is None:
        reason = "there are too few frames to tell"
        return unmeasured("force-unit", reason), unmeasured("temperature", reason)
    told = f"forces along {kind}s imply {found}"
    if found.value <= 0:
        return unmeasured("force-unit", told), unmeasured("temperature", told)
    if conditions.temperature is None:
        unit = _unknown(found, strong, conditions, told)
        return unit, passed("temperature", told, found.value, "K")
    return _given(found, strong, conditions, told)


def _given(
    found: Temperature, strong: Strength | None, conditions: Conditions, told: str
) -> tuple[Finding, Finding]:
    """Judge against the temperature that the user gave."""
    wanted = conditions.temperature or _ROOM
    ratio, error = log(found.value / wanted), found.relative_error
    expected = f"{wanted:g} K, as --temperature says"
    fine = passed("force-unit", told, found.value, "K")
    if abs(ratio) > max(_FAILS, _FAILS_ERRORS * error):
        unit = _unit_of(ratio, error, conditions)
        if unit is not None and not (strong is not None and strong.is_usual):
            later = unmeasured("temperature", "the unit of the forces is wrong")
            return _wrong_unit(found, told, expected, unit, conditions), later
        return fine, _wrong_temperature(found, told, expected, FAILED)
    if abs(ratio) > max(_WARNS, _WARNS_ERRORS * error):
        return fine, _wrong_temperature(found, told, expected, WARNING)
    return fine, passed("temperature", told, found.value, "K")


def _unknown(
    found: Temperature, strong: Strength | None, conditions: Conditions, told: str
) -> Finding:
    """Judge where no temperature was given: what no simulation has is refused.

    Where bonds are not as stiff as bonds are in the unit taken, but in another, that is a warning:
    a model may have soft bonds on purpose.
    """
    low, high = PLAUSIBLE
    taken = conditions.force_unit or "kJ/mol/A"
    stiff = "" if strong is None or strong.is_usual else strong.unit(taken)
    margin = exp(_FAILS_ERRORS * found.relative_error)
    if low < found.value * margin and found.value < high * margin:
        if strong is not None and stiff:
            return _soft(found, strong, told, stiff, conditions)
        return passed("force-unit", told, found.value, "K")
    expected = f"{low:g} to {high:g} K; fit-potential compares with --temperature"
    implied = {unit: found.value * f / FORCE_UNITS[taken] for unit, f in FORCE_UNITS.items()}
    units = [unit for unit, value in implied.items() if low <= value <= high]
    nearest = min(units, key=lambda u: abs(log(implied[u] / _ROOM)), default="")
    unit = stiff if stiff in units else nearest
    return _wrong_unit(found, told, expected, unit, conditions, implied.get(unit))


def _soft(
    found: Temperature, strong: Strength, told: str, unit: str, conditions: Conditions
) -> Finding:
    """Warn that bonds have the stiffness of bonds in another unit."""
    implied = found.value * FORCE_UNITS[unit] / FORCE_UNITS[conditions.force_unit or "kJ/mol/A"]
    wrong = _wrong_unit(found, f"{told}; {strong}", USUAL, unit, conditions, implied)
    return replace(wrong, outcome=WARNING, value=strong.ratio, unit="1")


def _unit_of(ratio: float, error: float, conditions: Conditions) -> str | None:
    """Unit that explains the logarithm of a ratio of temperatures; None for none."""
    taken = conditions.force_unit or "kJ/mol/A"
    others = {unit: log(f / FORCE_UNITS[taken]) for unit, f in FORCE_UNITS.items() if unit != taken}
    unit = min(others, key=lambda name: abs(others[name] + ratio))
    # A unit explains all of a ratio: in it the temperature would have to be right.
    return unit if abs(others[unit] + ratio) <= max(_WARNS, _WARNS_ERRORS * error) else None


def _wrong_unit(
    found: Temperature,
    told: str,
    expected: str,
    unit: str,
    conditions: Conditions,
    implied: float | None = None,
) -> Finding:
    taken = conditions.force_unit or "kJ/mol/A"
    would = f", which implies {implied:.0f} K" if implied is not None else ""
    if unit:
        sure = "are" if implied is None else "may be"
        cause = f"the forces {sure} in {unit}{would}, and were taken for {taken}"
        factor = FORCE_UNITS[unit] / FORCE_UNITS[taken]
        remedy = f"give --force-unit {unit}"
        if not conditions.unit_is_chosen:
            remedy = f"multiply the forces in the file by {factor:.6g}, or write them anew"
    else:
        cause = f"the forces are not in {taken}, nor in any other unit that is known here"
        remedy = "look up the unit in the manual of the program that wrote them, and convert them"
    return Finding("force-unit", FAILED, told, found.value, "K", expected, cause, remedy)


def _wrong_temperature(found: Temperature, told: str, expected: str, outcome: str) -> Finding:
    return Finding(
        name="temperature",
        outcome=outcome,
        measured=told,
        value=found.value,
        unit="K",
        expected=expected,
        cause="another temperature in the simulation; a time step too long for the stiffest bonds "
        "(2 fs without constraints adds half of it); forces of another force field, or forces that "
        "were smoothed, cut off or scaled on the way: no unit explains it",
        remedy=f"give the temperature of the simulation: --temperature {found.value:.0f} fits, "
        f"within {max(found.error, 1.0):.0f} K; or the forces as the simulation wrote them",
    )
