"""What an artifact holds: every dataset with its axes, unit and type, as data.

A path is a template: `*` stands for the name of a molecule, a term, a distribution, a score or an
input. Axis names are shared: within one molecule, or one term, an axis has one length.
"""

from autograin_cli.files.storage import order_rows, rows
from autograin_cli.files.storage.field import ANGSTROM, ENERGY, Field, real, text, under, whole

SCHEMA_NAME = "autograin-artifact"
SCHEMA_VERSION = (1, 3)

KIND_COMMANDS = {
    "mapping": "fit-mapping",
    "potential": "fit-potential",
    "simulation": "simulate",
    "comparison": "compare",
}

BEADS = "particles/cg"


def _sampled(group: str, value: Field) -> dict[str, Field]:
    """Give an element of H5MD that depends on time."""
    return {
        f"{group}/step": whole("frames"),
        f"{group}/time": real("frames", unit="ps"),
        f"{group}/value": value,
    }


_FRAMES = {
    **_sampled(f"{BEADS}/position", real("frames", "particles", "3", unit=ANGSTROM)),
    **_sampled(f"{BEADS}/velocity", real("frames", "particles", "3", unit="Angstrom ps-1")),
    **_sampled(f"{BEADS}/box/edges", real("frames", "3", "3", unit=ANGSTROM)),
    **_sampled("observables/potential_energy", real("frames", unit=ENERGY)),
    **_sampled("observables/kinetic_temperature", real("frames", unit="K")),
    **_sampled("observables/outside", real("frames", "terms")),
}

UNITS_FOR_MDANALYSIS = (
    f"{BEADS}/position/value",
    f"{BEADS}/position/time",
    f"{BEADS}/velocity/value",
)

H5MD = {
    **_FRAMES,
    f"{BEADS}/mass": real("particles", unit="u"),
    f"{BEADS}/species": whole("particles"),
    "connectivity/bonds": whole("pairs", "2"),
    "connectivity/angles": whole("triples", "3"),
    "connectivity/dihedrals": whole("quadruples", "4"),
}

_BONDED = "autograin/potential/bonded/*"
_NONBONDED = "autograin/potential/nonbonded"
_NEURAL = "autograin/potential/neural"
_NETWORKS = f"{_NEURAL}/networks/*"
_SIMULATION = "autograin/simulation"
_COMPARISON = "autograin/comparison"
_DISTRIBUTIONS = f"{_COMPARISON}/distributions/*"
_JOINT = f"{_COMPARISON}/joint_distributions/*"
_PAIRS = f"{_COMPARISON}/pair_distributions/*"
_TRIPLETS = f"{_COMPARISON}/triplet_distributions/*"
_ORIENTATIONS = f"{_COMPARISON}/orientations/*"

SCHEMA: dict[str, Field] = {
    **under("autograin/reference/*", rows.REFERENCE),
    **under("autograin/mapping/*", rows.MAPPING),
    **under("autograin/mapping/*/certificate", rows.CERTIFICATE),
    **under("autograin/mapping/*/history", rows.HISTORY),
    **under(_BONDED, rows.POTENTIAL),
    **under(f"{_BONDED}/terms/*", rows.TERM),
    **under(f"{_BONDED}/channels/*", rows.CHANNEL),
    **under(_NONBONDED, rows.NONBONDED),
    **under(f"{_NONBONDED}/terms/*", rows.PAIR_TERM),
    **under(f"{_NONBONDED}/channels/*", rows.CHANNEL),
    **under(_NEURAL, rows.NEURAL),
    **under(_NETWORKS, rows.NETWORK),
    **under(f"{_NETWORKS}/interactions/*", rows.INTERACTION),
    **under(f"{_NETWORKS}/interactions/*/moments/*", rows.MOMENTS),
    **under(f"{_NEURAL}/channels/*", rows.CHANNEL),
    **under(f"{_NEURAL}/histories/*", rows.TRAINING_HISTORY),
    **under("autograin/configuration", rows.CONFIGURATION),
    **under(_SIMULATION, rows.SIMULATION),
    **under(f"{_SIMULATION}/convergence/*", rows.CONVERGENCE),
    **under(_COMPARISON, rows.COMPARISON),
    **under(_DISTRIBUTIONS, rows.DISTRIBUTION),
    **under(f"{_DISTRIBUTIONS}/scores/*", rows.SCORE),
    **under(_JOINT, order_rows.JOINT_DISTRIBUTION),
    **under(f"{_JOINT}/correlation", rows.QUANTITY),
    **under(f"{_JOINT}/scores/*", rows.SCORE),
    **under(_PAIRS, rows.PAIR_DISTRIBUTION),
    **under(f"{_PAIRS}/features/*", rows.QUANTITY),
    **under(f"{_PAIRS}/scores/*", rows.SCORE),
    **under(f"{_COMPARISON}/structure_factors/*", rows.STRUCTURE_FACTOR),
    **under(_TRIPLETS, order_rows.TRIPLET_DISTRIBUTION),
    **under(f"{_TRIPLETS}/scores/*", rows.SCORE),
    **under(_ORIENTATIONS, order_rows.ORIENTATION),
    **under(f"{_ORIENTATIONS}/scores/*", rows.SCORE),
    **under(f"{_COMPARISON}/quantities/*", rows.QUANTITY),
    **under("autograin/inputs/training/*", rows.INPUT),
    **under("autograin/inputs/stage/*", rows.INPUT),
    **under("autograin/checks/*", rows.CHECK),
    **under("autograin/provenance", rows.PROVENANCE),
    "autograin/warnings": text("warnings"),
    **H5MD,
}
