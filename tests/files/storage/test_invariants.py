"""Records that break a law of their stage are refused, even with the right digest."""

from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import load
from damage import (
    MAPPING,
    REFERENCE,
    TERM,
    Mutation,
    changed,
    damaged,
    removed,
    replaced,
    text,
    texts,
)
from example_artifacts import KINDS

LAWS = [
    (changed(f"{MAPPING}/encoder", (0, 0), 5.0), "rows of the encoder"),
    (changed(f"{MAPPING}/encoder", (0, 2), 1e-9), "weight to atoms of other beads"),
    (changed(f"{MAPPING}/encoder", (0, 0), -1.0), "negative weights"),
    (changed(f"{MAPPING}/decoder", (0, 0), 5.0), "rows of the decoder"),
    (changed(f"{MAPPING}/force_map", (0, 0), 0.5), "force_map times"),
    (changed(f"{MAPPING}/assignment", 0, 3), "assignment: 3"),
    (changed(f"{MAPPING}/assignment", 0, -2), "assignment: -2"),
    (changed(f"{MAPPING}/bead_masses", 0, 0.0), "bead mass of 0"),
    (changed(f"{MAPPING}/bead_bonds", 0, [1, 0]), "pair out of order"),
    (changed(f"{MAPPING}/bead_bonds", 0, [1, 3]), "bead_bonds: 3"),
    (changed(f"{MAPPING}/rigid_groups", 0, 99), "rigid_groups: 99"),
    (replaced(f"{MAPPING}/force_map_kind", text("magic")), "force_map_kind is 'magic'"),
    (changed(f"{MAPPING}/reconstruction_errors", 3, -0.1), "reconstruction_errors below 0"),
    (changed(f"{REFERENCE}/bond_lengths", 3, -0.1), "bond_lengths below 0"),
    (changed(f"{REFERENCE}/masses", 0, -1.0), "a mass of 0 or less"),
    (changed(f"{REFERENCE}/copies", (0, 0), 3), "an atom in two copies"),
    (changed(f"{REFERENCE}/copies", (0, 0), -3), "copies: -3"),
    (changed(f"{TERM}/beads", (0, 0), 3), "beads: 3"),
    (changed(f"{TERM}/beads", (0, 0), 1), "a bead twice"),
    (replaced(f"{TERM}/coordinate", text("angle")), "the unit 'rad'"),
    (replaced(f"{TERM}/table/high", 0.0), "low < high"),
    (replaced(f"{TERM}/table/wall_stiffness", -1.0), "wall stiffness"),
    (replaced(f"{TERM}/table/periodic", np.True_), "periodic True"),
    (changed(f"{TERM}/knots", 0, 9.0), "knots are not in increasing order"),
    (changed(f"{TERM}/counts", 0, -1), "counts: -1"),
    (replaced("autograin/potential/bonded/OTP/temperature", 0.0), "0.0 K"),
    (replaced("autograin/potential/bonded/OTP/molecule", text("XYZ")), "molecule is 'XYZ'"),
]


PAIR = "autograin/potential/nonbonded/terms/pair OTP:A-OTP:A"
DISTRIBUTION = "autograin/comparison/pair_distributions/intermolecular OTP:A-OTP:B"
RUN = "autograin/simulation"
JOINT = "autograin/comparison/joint_distributions/bond A-B, angle A-B-A"
TRIPLETS = "autograin/comparison/triplet_distributions/triplet OTP:A-OTP:B-OTP:B"
AXES = "autograin/comparison/orientations/P2 OTP-β%2Fx %25."
ORDER_LAWS = [
    ("comparison", replaced(f"{JOINT}/unit", text("1/Å²")), "the unit 'Angstrom-2'"),
    ("comparison", replaced(f"{JOINT}/first_unit", text("degrees")), "the unit 'degree'"),
    ("comparison", changed(f"{JOINT}/first_edges", 0, 9.0), "first_edges are not in incr"),
    ("comparison", changed(f"{JOINT}/second_edges", 0, 1e3), "second_edges are not in incr"),
    ("comparison", changed(f"{JOINT}/model", (0, 0), -1.0), "model: -1.0"),
    ("comparison", replaced(f"{JOINT}/correlation/model", 1.5), "a correlation of 1.5"),
    ("comparison", removed(f"{JOINT}/correlation/reference"), "a correlation of None"),
    ("comparison", removed(f"{JOINT}/correlation/model_error"), "a model without error"),
    ("liquid comparison", changed(f"{TRIPLETS}/edges", 36, 200.0), "edges: 200.0"),
    ("liquid comparison", changed(f"{TRIPLETS}/shells", 0, 0.0), "a shell of no width"),
    ("liquid comparison", changed(f"{TRIPLETS}/reference", 0, -1.0), "reference: -1.0"),
    ("liquid comparison", replaced(f"{AXES}/order", 3), "order 3"),
    ("liquid comparison", changed(f"{AXES}/edges", 0, 99.0), "edges are not in incr"),
    ("liquid comparison", changed(f"{AXES}/model", 0, -0.6), "model: -0.6"),
    ("liquid comparison", changed(f"{AXES}/model_low", 0, 2.0), "band of the model is upside"),
]
LIQUID_LAWS = [
    ("liquid potential", replaced(f"{PAIR}/types", texts("OTP:A", "OTP:Q")), "type is 'OTP:Q'"),
    (
        "liquid potential",
        replaced(f"{PAIR}/types", texts("OTP:B", "OTP:A")),
        "pair terms: types: OTP:A and OTP:B twice",
    ),
    ("liquid potential", replaced(f"{PAIR}/cutoff", 0.0), "a cutoff of 0.0"),
    ("liquid potential", replaced(f"{PAIR}/on_bounds", texts("Q")), "on_bounds is 'Q'"),
    ("liquid potential", changed(f"{PAIR}/counts", 3, -1), "counts: -1"),
    ("liquid potential", replaced(f"{PAIR}/table/periodic", np.True_), "periodic True"),
    (
        "liquid potential",
        replaced("autograin/potential/nonbonded/excluded_bonds", -1),
        "-1 excluded bonds",
    ),
    (
        "liquid potential",
        replaced("autograin/configuration/positions", np.zeros((11, 3))),
        "configuration: 11 beads",
    ),
    (
        "liquid potential",
        replaced("autograin/configuration/box", np.ones((3, 3))),
        "configuration: a box of no volume",
    ),
    ("liquid simulation", replaced(f"{RUN}/box", np.zeros((3, 3))), "a box of no volume"),
    ("liquid simulation", removed(f"{RUN}/box"), "frames in another box"),
    ("liquid simulation", removed("particles/cg/box/edges"), "frames in another box"),
    ("liquid simulation", changed(f"{RUN}/box", (0, 0), 1.0), "frames in another box"),
    ("liquid simulation", changed(f"{RUN}/copies", 0, 4), "frames and beads"),
    ("liquid simulation", changed(f"{RUN}/copies", 0, -1), "copies: -1"),
    ("liquid comparison", changed(f"{RUN}/copies", 0, 2**63 - 1), "copies: 9223372036854775807"),
    ("liquid simulation", replaced(f"{RUN}/copies", np.zeros(2, "i8")), "no molecules"),
    (
        "liquid simulation",
        replaced(f"{RUN}/molecules", texts("OTP", "water")),
        "simulation: molecules OTP, water",
    ),
    ("liquid comparison", replaced(f"{DISTRIBUTION}/kind", text("total")), "the unit 'total'"),
    ("liquid comparison", changed(f"{DISTRIBUTION}/edges", 0, 99.0), "edges are not in incr"),
    ("liquid comparison", changed(f"{DISTRIBUTION}/model", 0, -1.0), "model: -1.0"),
    (
        "liquid comparison",
        changed(f"{DISTRIBUTION}/reference_low", 30, 99.0),
        "band of the reference is upside down",
    ),
]


@pytest.mark.parametrize(("mutation", "message"), LAWS)
def test_records_that_break_a_law_are_refused_even_with_the_right_digest(
    mutation: Mutation, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, mutation)
    with pytest.raises(InputError, match=message):
        load(path, KINDS)


@pytest.mark.parametrize(
    ("kind", "mutation", "message"),
    [
        *LIQUID_LAWS,
        *ORDER_LAWS,
        ("simulation", replaced("autograin/simulation/replicas", 6), "frames and beads"),
        ("simulation", replaced("autograin/simulation/timestep", 0.0), "timestep 0.0"),
        ("simulation", changed("autograin/simulation/outside", 0, 2.0), "outside: 2.0"),
        ("comparison", replaced("autograin/comparison/overlap", 1.5), "overlap of 1.5"),
        (
            "comparison",
            changed("autograin/comparison/distributions/bond A-B/edges", 0, 9.0),
            "edges are not in increasing order",
        ),
        (
            "comparison",
            changed("autograin/comparison/distributions/bond A-B/model_low", 0, 1e9),
            "band of the model is upside down",
        ),
    ],
)
def test_later_stages_have_laws_too(
    kind: str, mutation: Mutation, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, mutation, kind)
    with pytest.raises(InputError, match=message):
        load(path, KINDS)
