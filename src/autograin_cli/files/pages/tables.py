"""The tables of the report: what each number is called, its value, and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from autograin_cli.comparison.comparison import Score
from autograin_cli.mapping.mapping import Certificate, Mapping
from autograin_cli.potential.potential import Channel
from autograin_cli.potential.terms import Term
from autograin_cli.simulation.cautions import is_converged
from autograin_cli.simulation.simulation import Simulation

MOST_PARAMETERS = 14


@dataclass(frozen=True)
class Row:
    """One line of a table.

    name: of the quantity.
    value: with its unit.
    meaning: what it says about trust.
    """

    name: str
    value: str
    meaning: str = ""


def number(value: float, digits: int = 4) -> str:
    """Write a number with so many digits that count."""
    return f"{value:.{digits}g}"


def with_error(value: float, error: float) -> str:
    """Write a number with its standard error, which is infinite where samples are too few."""
    return f"{number(value)} ± {number(error, 2) if isfinite(error) else 'unknown'}"


def bead_rows(mapping: Mapping) -> list[Row]:
    """List the beads: name and type, mass, atoms."""
    names = mapping.molecule.atom_names
    rows = []
    for bead in range(mapping.n_beads):
        atoms = [names[a] for a in (mapping.assignment == bead).nonzero()[:, 0].tolist()]
        masses = mapping.bead_masses
        mass = "unknown" if masses is None else f"{float(masses[bead]):.3f} u"
        title = f"{mapping.bead_names[bead]} (type {mapping.bead_types[bead]})"
        rows.append(Row(title, mass, " ".join(atoms)))
    unmapped = [names[a] for a in (mapping.assignment < 0).nonzero()[:, 0].tolist()]
    return rows + ([Row("in no bead", "", " ".join(unmapped))] if unmapped else [])


def trust_rows(certificate: Certificate) -> list[Row]:
    """Say how far a mapping may be trusted."""
    return [
        *_objective_rows(certificate),
        *_loss_rows(certificate),
        *_tie_rows(certificate),
        *_agreement_rows(certificate),
    ]


def _objective_rows(certificate: Certificate) -> list[Row]:
    """What was minimised, how, and whether the minimum is proved."""
    objective = "L_AE"
    if certificate.objective != "ae":
        objective += f" + {certificate.compactness_weight:g} × compactness"
    if certificate.force_weight > 0:
        objective += f" + {certificate.force_weight:g} × mean square force"
    candidates = f"{certificate.n_candidates:,} {'connected ' if certificate.connected else ''}"
    proof = (
        f"proved: all {candidates}mappings were evaluated"
        if certificate.proved_optimal
        else f"the best of {candidates}mappings evaluated; not proved to be the best of all"
    )
    symmetry = "averaged over" if certificate.symmetry else "not averaged over"
    return [
        Row("objective", objective, f"{number(certificate.objective_value)} Å²"),
        Row("found by", certificate.method, proof),
        Row("weights in a bead", certificate.weights, f"moments {symmetry} symmetries"),
    ]


def _loss_rows(certificate: Certificate) -> list[Row]:
    """The losses, and the least that is possible."""
    above = certificate.loss / certificate.bound - 1 if certificate.bound > 0 else 0.0
    rows = [
        Row(
            "L_AE, mean over atoms",
            f"{number(certificate.loss)} Å²",
            f"atoms are put back within {number(certificate.rmsd)} Å (root mean square)",
        ),
        Row(
            "L_AE, mean over atoms and components",
            f"{number(certificate.loss_per_component)} Å²",
            "the normalisation of the authors' program",
        ),
        Row(
            "the same, over the frames alone",
            f"{number(certificate.loss_sampled / 3)} Å²",
            "no images under symmetries: what published values compare with",
        ),
        Row(
            "bound",
            f"{number(certificate.bound)} Å²",
            f"no encoder of so many beads does better; this one is {above:.2%} above",
        ),
        Row(
            "compactness",
            f"{number(certificate.compactness)} Å²",
            "mean square distance of the atoms from their bead",
        ),
    ]
    if certificate.soft_loss is not None:
        soft = f"{number(certificate.soft_loss)} Å²"
        rows.insert(3, Row("L_AE before rounding", soft, "best annealed encoder"))
    if certificate.mean_square_force is not None:
        force = f"{number(certificate.mean_square_force)} (kJ/(mol Å))²"
        rows.append(Row("mean square force", force, "of a bead, forces of its atoms summed"))
    return rows


def _tie_rows(certificate: Certificate) -> list[Row]:
    """How clearly the mapping wins."""
    margin = "none" if certificate.margin is None else f"{certificate.margin:.2%}"
    return [
        Row("margin", margin, "distance of the second mapping's objective"),
        Row(
            "mappings within 1 %",
            f"{certificate.n_within_one_percent:,}",
            f"by the objective; by L_AE alone {certificate.n_within_one_percent_ae:,}: "
            "L_AE alone does not single one out where this is many",
        ),
        Row("equivalent mappings", f"{certificate.n_equivalent:,}", "images under symmetries"),
        Row(
            "rank by other objectives",
            f"{certificate.rank_ae:,} by L_AE, {certificate.rank_compactness:,} by compactness",
            "1 is the best",
        ),
    ]


def _agreement_rows(certificate: Certificate) -> list[Row]:
    """Whether other data and other starts give the same mapping."""
    blocks = f"{certificate.block_agreement:.0%}"
    rows = [Row("agreement of blocks", blocks, "parts of the trajectory that give this mapping")]
    if certificate.seed_agreement is not None:
        seeds = f"{certificate.seed_agreement:.0%}"
        rows.append(Row("agreement of seeds", seeds, "annealings that give it before polishing"))
    return [*rows, Row("frames", f"{certificate.n_frames:,}", "times copies")]


def parameter_rows(term: Term) -> list[Row]:
    """List the parameters of a term with their errors; of a long spline, only how many."""
    if len(term.parameters) > MOST_PARAMETERS:
        return [Row("coefficients", str(len(term.parameters)), "drawn, not listed")]
    return [
        Row(name, with_error(value, error), unit)
        for name, value, error, unit in zip(
            term.parameter_names,
            term.parameters.tolist(),
            term.parameter_errors.tolist(),
            term.parameter_units,
            strict=True,
        )
    ]


def channel_rows(channels: Sequence[Channel]) -> list[Row]:
    """Say how much of the forces is explained, and how much could be, where that is known."""
    return [
        Row(
            channel.name,
            with_error(channel.r_squared, channel.r_squared_error),
            _ceiling(channel),
        )
        for channel in channels
    ]


def _ceiling(channel: Channel) -> str:
    """Write the ceiling of R²; there is none where no two frames are alike."""
    if channel.ceiling is None:
        return ""
    return with_error(
        channel.ceiling, inf if channel.ceiling_error is None else channel.ceiling_error
    )


def score_rows(scores: Sequence[Score]) -> list[Row]:
    """List the scores of an observable with their intervals and floors."""
    return [
        Row(
            f"{score.name} ({score.unit})" if score.unit != "1" else score.name,
            f"{number(score.value, 3)} ({number(score.low, 3)} to {number(score.high, 3)})",
            number(score.floor, 3),
        )
        for score in scores
    ]


def simulation_rows(simulation: Simulation) -> list[Row]:
    """Say what a run was, and whether it held its temperature."""
    return [
        Row("engine", f"{simulation.engine} on {simulation.device}"),
        Row(
            "run",
            f"{simulation.replicas:,} replica{'' if simulation.replicas == 1 else 's'}, "
            f"{simulation.n_frames:,} frames of each",
            f"time step {number(simulation.timestep)} ps, "
            f"friction {number(simulation.friction)} per ps",
        ),
        _temperature_row(
            "kinetic temperature",
            (simulation.kinetic_temperature, simulation.kinetic_temperature_error),
            simulation.temperature,
        ),
        _temperature_row(
            "configurational temperature",
            (simulation.configurational_temperature, simulation.configurational_temperature_error),
            simulation.temperature,
        ),
        *_disagreement_rows(simulation),
    ]


def _disagreement_rows(simulation: Simulation) -> list[Row]:
    """Say how far the networks of an ensemble disagree on the forces, where there is one."""
    if simulation.spread is None:
        return []
    meaning = "rms of their standard deviation"
    if simulation.extrapolated is not None:
        meaning += f"; more than for 99.9% of those held out on {simulation.extrapolated:.2%}"
    return [Row("spread of the networks", f"{number(simulation.spread, 3)} kJ/(mol Å)", meaning)]


def _temperature_row(name: str, measured: tuple[float, float], target: float) -> Row:
    """Compare a temperature with that of the heat bath."""
    value, error = measured
    meaning = f"heat bath {number(target)} K"
    if 0 < error < inf:
        meaning += f"; {abs(value - target) / error:.1f} standard errors away"
    return Row(name, f"{with_error(value, error)} K", meaning)


def convergence_rows(simulation: Simulation) -> list[Row]:
    """Say of each coordinate whether the replicas agree."""
    rows = []
    for mixing in simulation.convergence:
        value = f"R-hat {mixing.r_hat:.4f}, {mixing.effective_samples:,.0f} effective samples"
        rows.append(
            Row(mixing.name, value, "converged" if is_converged(mixing) else "not converged")
        )
    return rows
