"""What a user should be warned of in a fitted potential."""

from autograin_cli.potential.potential import Channel
from autograin_cli.potential.regression import Solution
from autograin_cli.potential.tables import Stretches
from autograin_cli.potential.terms import Term
from autograin_cli.units import to_degrees

_CONSTANT = 1e-3  # Å or radians
_STANDARD_ERRORS = 2.0
_LINEAR = 5.0  # degrees from 180 where a dihedral next to the angle loses its meaning
_FEW_DIMENSIONS = 3


def cautions(
    terms: tuple[Term, ...],
    channels: tuple[Channel, ...],
    solution: Solution,
    bridged: tuple[Stretches, ...],
) -> tuple[str, ...]:
    """Sentences about terms that do not confine, are undetermined, unsampled or useless.

    Args:
        terms: fitted.
        channels: how well they explain the forces.
        solution: their coefficients.
        bridged: stretches of each term that were never visited and got a barrier.
    """
    told: list[str] = []
    for index, term in enumerate(terms):
        told += _shape(term)
        told += _undetermined(term, index in solution.undetermined)
        told += [_bridge(term, ends) for ends in bridged[index]]
    told += _linear(terms)
    told += [useless(channel) for channel in channels if channel.r_squared < 0]
    n_beads = 1 + max(int(term.beads.max()) for term in terms)
    known = any(channel.ceiling is not None for channel in channels)
    if known and 3 * n_beads - 6 > _FEW_DIMENSIONS:
        told.append(
            f"the ceilings of R² are lower bounds: {n_beads} beads have "
            f"{3 * n_beads - 6} internal coordinates, too many for close neighbours"
        )
    return tuple(told)


def _shape(term: Term) -> list[str]:
    """A harmonic or cosine that does not confine, or may not."""
    if term.form not in ("harmonic", "cosine"):
        return []
    stiffness, error = float(term.parameters[0]), float(term.parameter_errors[0])
    value = f"{term.name}: k = {stiffness:.4g} ± {error:.2g} {term.parameter_units[0]}"
    if stiffness <= 0:
        loose = f"{value} does not confine it; only walls at the ends of the sampled range do"
        return [f"{loose}: fit a spline, or look at the mapping"]
    if stiffness < _STANDARD_ERRORS * error:
        return [f"{value} cannot be told from zero: give more frames"]
    return []


def _undetermined(term: Term, missing: bool) -> list[str]:
    low, high = _shown(term, term.sampled_low), _shown(term, term.sampled_high)
    if term.sampled_high - term.sampled_low < _CONSTANT:
        return [f"{term.name} is constant ({low}): its stiffness is that of the walls around it"]
    if missing:
        shared = "the forces do not determine all of its energy, as other terms can take its part"
        return [f"{term.name} ({low} to {high}): {shared}; the least coefficients were taken"]
    return []


def _bridge(term: Term, ends: tuple[float, float]) -> str:
    low, high = (_shown(term, end) for end in ends)
    return f"{term.name} was never seen between {low} and {high}: a barrier stands there"


def _linear(terms: tuple[Term, ...]) -> list[str]:
    """Dihedrals next to an angle that comes near 180 degrees."""
    if not any(term.coordinate == "dihedral" for term in terms):
        return []
    widest = {t.name: to_degrees(t.sampled_high) for t in terms if t.coordinate == "angle"}
    return [
        f"{name} reaches {angle:.1f} degrees: dihedrals next to it lose their meaning there and "
        "their forces grow without bound; --dihedral none may be the better model"
        for name, angle in widest.items()
        if angle > 180 - _LINEAR
    ]


def useless(channel: Channel) -> str:
    """Say that a channel is explained worse than by a constant."""
    return (
        f"the potential explains less than nothing of the force along the {channel.name} channel "
        f"(R² = {channel.r_squared:.3f} ± {channel.r_squared_error:.3f}): look whether forces and "
        "positions are of the same frames, and give more of them"
    )


def _shown(term: Term, value: float) -> str:
    return f"{value:.3f} Å" if term.coordinate == "bond" else f"{to_degrees(value):.1f} degrees"
