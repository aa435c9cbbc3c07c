"""What an artifact holds: every dataset with its axes, unit and type, as data.

A path is a template: `*` stands for the name of a molecule, a term, a distribution, a score or an
input. Axis names are shared: within one molecule, or one term, an axis has one length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA_NAME = "autograin-artifact"
SCHEMA_VERSION = (1, 0)

KIND_COMMANDS = {
    "mapping": "fit-mapping",
    "potential": "fit-potential",
    "simulation": "simulate",
    "comparison": "compare",
}

ANGSTROM = "Angstrom"
ENERGY = "kJ mol-1"


@dataclass(frozen=True)
class Field:
    """One dataset.

    axes: names of the axes, a number where the length is fixed, `name+1` for one more.
    unit: in the notation of H5MD; `{word}` stands for what the dataset `word` of the same
        molecule, term, distribution or score says.
    dtype: 'float64', 'int64', 'bool' or 'text'.
    infinite: whether a number may be infinite, as an error from too few samples is.
    """

    axes: tuple[str, ...]
    unit: str
    dtype: str
    infinite: bool = False


def _real(*axes: str, unit: str = "1", infinite: bool = False) -> Field:
    return Field(axes, unit, "float64", infinite)


def _whole(*axes: str, unit: str = "1") -> Field:
    return Field(axes, unit, "int64")


def _text(*axes: str) -> Field:
    return Field(axes, "", "text")


def _flag() -> Field:
    return Field((), "1", "bool")


def _under(group: str, fields: Mapping[str, Field]) -> dict[str, Field]:
    return {f"{group}/{name}": field for name, field in fields.items()}


_REFERENCE = {
    "name": _text(),
    "atom_names": _text("atoms"),
    "elements": _text("atoms"),
    "masses": _real("atoms", unit="u"),
    "bonds": _whole("bonds", "2"),
    "copies": _whole("copies", "atoms"),
    "orbits": _whole("atoms"),
    "mean_structure": _real("atoms", "3", unit=ANGSTROM),
}

_MAPPING = {
    "assignment": _whole("atoms"),
    "encoder": _real("beads", "atoms"),
    "decoder": _real("atoms", "beads"),
    "force_map": _real("beads", "atoms"),
    "force_map_kind": _text(),
    "bead_names": _text("beads"),
    "bead_types": _text("beads"),
    "bead_masses": _real("beads", unit="u"),
    "bead_bonds": _whole("bead_bonds", "2"),
    "rigid_groups": _whole("atoms"),
}

_CERTIFICATE = {
    "objective": _text(),
    "compactness_weight": _real(),
    "force_weight": _real(unit="kJ-2 mol+2 Angstrom+4"),
    "weights": _text(),
    "symmetry": _flag(),
    "connected": _flag(),
    "method": _text(),
    "proved_optimal": _flag(),
    "loss": _real(unit="Angstrom+2"),
    "loss_sampled": _real(unit="Angstrom+2"),
    "soft_loss": _real(unit="Angstrom+2"),
    "compactness": _real(unit="Angstrom+2"),
    "mean_square_force": _real(unit="kJ+2 mol-2 Angstrom-2"),
    "bound": _real(unit="Angstrom+2"),
    "objective_value": _real(unit="Angstrom+2"),
    "annealed_objective": _real(unit="Angstrom+2"),
    "n_candidates": _whole(),
    "n_equivalent": _whole(),
    "n_within_one_percent": _whole(),
    "n_within_one_percent_ae": _whole(),
    "margin": _real(),
    "rank_ae": _whole(),
    "rank_compactness": _whole(),
    "block_agreement": _real(),
    "seed_agreement": _real(),
    "n_frames": _whole(),
}

_HISTORY = {
    "steps": _whole("records"),
    "beta": _real("records"),
    "loss": _real("records", unit="Angstrom+2"),
    "assignments": _real("records", "beads", "atoms"),
}

_POTENTIAL = {
    "molecule": _text(),
    "temperature": _real(unit="K"),
    "force_map_kind": _text(),
    "n_frames": _whole(),
}

_TERM = {
    "name": _text(),
    "coordinate": _text(),
    "form": _text(),
    "beads": _whole("instances", "members"),
    "parameter_names": _text("parameters"),
    "parameters": _real("parameters", unit="parameter_units"),
    "parameter_errors": _real("parameters", unit="parameter_units", infinite=True),
    "parameter_units": _text("parameters"),
    "knots": _real("knots", unit="{coordinate}"),
    "sampled_low": _real(unit="{coordinate}"),
    "sampled_high": _real(unit="{coordinate}"),
    "counts": _whole("points"),
    "energy_errors": _real("points", unit=ENERGY, infinite=True),
    "table/low": _real(unit="{coordinate}"),
    "table/high": _real(unit="{coordinate}"),
    "table/energy": _real("points", unit=ENERGY),
    "table/slope": _real("points", unit=ENERGY + " {coordinate}-1"),
    "table/wall_stiffness": _real(unit=ENERGY + " {coordinate}-2"),
    "table/periodic": _flag(),
}

_CHANNEL = {
    "name": _text(),
    "r_squared": _real(),
    "r_squared_error": _real(infinite=True),
    "ceiling": _real(),
    "ceiling_error": _real(infinite=True),
}

_SIMULATION = {
    "molecule": _text(),
    "engine": _text(),
    "device": _text(),
    "temperature": _real(unit="K"),
    "timestep": _real(unit="ps"),
    "friction": _real(unit="ps-1"),
    "replicas": _whole(),
    "n_frames": _whole(),
    "kinetic_temperature": _real(unit="K"),
    "kinetic_temperature_error": _real(unit="K", infinite=True),
    "configurational_temperature": _real(unit="K"),
    "configurational_temperature_error": _real(unit="K", infinite=True),
    "outside": _real("terms"),
}

_CONVERGENCE = {
    "name": _text(),
    "r_hat": _real(infinite=True),
    "effective_samples": _real(),
}

_COMPARISON = {
    "reference_frames": _whole(),
    "model_frames": _whole(),
    "reference_time": _real(unit="ps"),
    "overlap": _real(),
}

_DISTRIBUTION = {
    "name": _text(),
    "coordinate": _text(),
    "unit": _text(),
    "edges": _real("bins+1", unit="{unit}"),
    "reference": _real("bins", unit="{unit}-1"),
    "reference_low": _real("bins", unit="{unit}-1"),
    "reference_high": _real("bins", unit="{unit}-1"),
    "model": _real("bins", unit="{unit}-1"),
    "model_low": _real("bins", unit="{unit}-1"),
    "model_high": _real("bins", unit="{unit}-1"),
    "analytic": _real("bins", unit="{unit}-1"),
    "reference_effective": _real(),
    "model_effective": _real(),
    "reference_blocks": _whole(),
    "model_blocks": _whole(),
}

_SCORE = {
    "name": _text(),
    "unit": _text(),
    "value": _real(unit="{unit}"),
    "low": _real(unit="{unit}"),
    "high": _real(unit="{unit}"),
    "floor": _real(unit="{unit}"),
}

_INPUT = {
    "path": _text(),
    "role": _text(),
    "size": _whole(unit="byte"),
    "fingerprint": _text(),
    "n_frames": _whole(),
    "first_time": _real(unit="ps"),
    "last_time": _real(unit="ps"),
    "stride": _whole(),
}

_PROVENANCE = {name: _text() for name in ("command", "settings", "versions", "device", "created")}

BEADS = "particles/cg"

_FRAMES = {
    f"{BEADS}/position/step": _whole("frames"),
    f"{BEADS}/position/time": _real("frames", unit="ps"),
    f"{BEADS}/position/value": _real("frames", "particles", "3", unit=ANGSTROM),
    f"{BEADS}/velocity/step": _whole("frames"),
    f"{BEADS}/velocity/time": _real("frames", unit="ps"),
    f"{BEADS}/velocity/value": _real("frames", "particles", "3", unit="Angstrom ps-1"),
    "observables/potential_energy/step": _whole("frames"),
    "observables/potential_energy/time": _real("frames", unit="ps"),
    "observables/potential_energy/value": _real("frames", unit=ENERGY),
    "observables/kinetic_temperature/step": _whole("frames"),
    "observables/kinetic_temperature/time": _real("frames", unit="ps"),
    "observables/kinetic_temperature/value": _real("frames", unit="K"),
    "observables/outside/step": _whole("frames"),
    "observables/outside/time": _real("frames", unit="ps"),
    "observables/outside/value": _real("frames", "terms"),
}

UNITS_FOR_MDANALYSIS = (
    f"{BEADS}/position/value",
    f"{BEADS}/position/time",
    f"{BEADS}/velocity/value",
)

H5MD = {
    **_FRAMES,
    f"{BEADS}/mass": _real("particles", unit="u"),
    f"{BEADS}/species": _whole("particles"),
    "connectivity/bonds": _whole("pairs", "2"),
    "connectivity/angles": _whole("triples", "3"),
    "connectivity/dihedrals": _whole("quadruples", "4"),
}

_TERMS = "autograin/potential/bonded/*/terms/*"
_DISTRIBUTIONS = "autograin/comparison/distributions/*"

SCHEMA: dict[str, Field] = {
    **_under("autograin/reference/*", _REFERENCE),
    **_under("autograin/mapping/*", _MAPPING),
    **_under("autograin/mapping/*/certificate", _CERTIFICATE),
    **_under("autograin/mapping/*/history", _HISTORY),
    **_under("autograin/potential/bonded/*", _POTENTIAL),
    **_under(_TERMS, _TERM),
    **_under("autograin/potential/bonded/*/channels/*", _CHANNEL),
    **_under("autograin/simulation", _SIMULATION),
    **_under("autograin/simulation/convergence/*", _CONVERGENCE),
    **_under("autograin/comparison", _COMPARISON),
    **_under(_DISTRIBUTIONS, _DISTRIBUTION),
    **_under(f"{_DISTRIBUTIONS}/scores/*", _SCORE),
    **_under("autograin/inputs/training/*", _INPUT),
    **_under("autograin/inputs/stage/*", _INPUT),
    **_under("autograin/provenance", _PROVENANCE),
    "autograin/warnings": _text("warnings"),
    **H5MD,
}
