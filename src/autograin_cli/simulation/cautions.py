"""What a user should be warned of in a run."""

from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.simulation import Convergence, Simulation

MIXED = 1.01  # R-hat; Vehtari et al., Bayesian Anal. 16, 667 (2021)
ENOUGH_SAMPLES = 100.0
_STANDARD_ERRORS = 4.0
_ENOUGH_FRAMES = 10  # for the standard error of a temperature
_OFF = 0.01  # of the temperature
_OUTSIDE = 0.01  # of the time
_EXTRAPOLATED = 0.01  # of the beads: ten times the share of those held out


def is_converged(mixing: Convergence) -> bool:
    """Whether the replicas agree on a coordinate, and there are enough of independent samples."""
    return mixing.r_hat <= MIXED and mixing.effective_samples >= ENOUGH_SAMPLES


def cautions(simulation: Simulation, force_field: ForceField) -> tuple[str, ...]:
    """Sentences about a run that has not converged, is too hot or cold, or left what is known.

    Args:
        simulation: the record of the run.
        force_field: under which it was done.
    """
    potential = force_field.potentials[0]
    told = [
        f"{mixing.name} has not converged: R-hat is {mixing.r_hat:.3f}, with "
        f"{mixing.effective_samples:.0f} effective samples; simulate for longer"
        for mixing in simulation.convergence
        if not is_converged(mixing)
    ]
    told += _temperatures(simulation)
    if abs(simulation.temperature / potential.temperature - 1) > _OFF:
        told.append(
            f"the potential was fitted at {potential.temperature:g} K: at "
            f"{simulation.temperature:g} K it is not the potential of mean force"
        )
    shares = zip(force_field.term_names, simulation.outside.tolist(), strict=True)
    told += [
        f"{name} was beyond the sampled range {share:.1%} of the time, where the energy is "
        "only a wall: fit it to more frames"
        for name, share in shares
        if share > _OUTSIDE
    ]
    told += _disagreements(simulation, force_field)
    return tuple(told)


def _disagreements(simulation: Simulation, force_field: ForceField) -> list[str]:
    """Whether the networks of an ensemble disagree more than where they were trained."""
    share, spread = simulation.extrapolated, simulation.spread
    neural = force_field.neural
    if neural is None or share is None or spread is None or share <= _EXTRAPOLATED:
        return []
    known = "" if neural.spread is None else f", {neural.spread:.3g} there"
    told = (
        f"the networks disagree on the forces on {share:.1%} of the beads by more than on 99.9% of "
        f"those held out (rms {spread:.3g} kJ/(mol Å) here{known}): the run is outside of what "
        "they were trained on; train on frames from there, or simulate at the state of the fit"
    )
    return [told]


def _temperatures(simulation: Simulation) -> list[str]:
    """Temperatures that are off, where there are frames enough to tell."""
    if simulation.n_frames * simulation.replicas < _ENOUGH_FRAMES:
        return []
    remedy = "give a smaller --timestep"
    if simulation.friction == 0:
        remedy = "at --friction 0 nothing holds it"
    measured = {
        "kinetic": (simulation.kinetic_temperature, simulation.kinetic_temperature_error),
        "configurational": (
            simulation.configurational_temperature,
            simulation.configurational_temperature_error,
        ),
    }
    target = simulation.temperature
    return [
        f"the {name} temperature is {value:.1f} ± {error:.1f} K instead of {target:g} K: {remedy}"
        for name, (value, error) in measured.items()
        if abs(value - target) > max(_STANDARD_ERRORS * error, _OFF * target)
    ]
