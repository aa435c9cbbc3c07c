"""The rows of the schema: one dictionary for each record, by the names of its fields."""

from autograin_cli.files.storage.field import ANGSTROM, ENERGY, flag, real, text, whole

FORCE = f"{ENERGY} {ANGSTROM}-1"
MEAN_SQUARE_FORCE = "kJ+2 mol-2 Angstrom-2"

REFERENCE = {
    "name": text(),
    "atom_names": text("atoms"),
    "elements": text("atoms"),
    "masses": real("atoms", unit="u"),
    "bonds": whole("bonds", "2"),
    "copies": whole("copies", "atoms"),
    "orbits": whole("atoms"),
    "mean_structure": real("atoms", "3", unit=ANGSTROM),
    "bond_lengths": real("bonds", unit=ANGSTROM),
}

MAPPING = {
    "assignment": whole("atoms"),
    "encoder": real("beads", "atoms"),
    "decoder": real("atoms", "beads"),
    "reconstruction_errors": real("atoms", unit=ANGSTROM),
    "force_map": real("beads", "atoms"),
    "force_map_kind": text(),
    "bead_names": text("beads"),
    "bead_types": text("beads"),
    "bead_masses": real("beads", unit="u"),
    "bead_bonds": whole("bead_bonds", "2"),
    "rigid_groups": whole("atoms"),
}

CERTIFICATE = {
    "objective": text(),
    "compactness_weight": real(),
    "force_weight": real(unit="kJ-2 mol+2 Angstrom+4"),
    "weights": text(),
    "symmetry": flag(),
    "connected": flag(),
    "method": text(),
    "proved_optimal": flag(),
    "loss": real(unit="Angstrom+2"),
    "loss_sampled": real(unit="Angstrom+2"),
    "soft_loss": real(unit="Angstrom+2"),
    "compactness": real(unit="Angstrom+2"),
    "mean_square_force": real(unit=MEAN_SQUARE_FORCE),
    "bound": real(unit="Angstrom+2"),
    "objective_value": real(unit="Angstrom+2"),
    "annealed_objective": real(unit="Angstrom+2"),
    "n_candidates": whole(),
    "n_equivalent": whole(),
    "n_within_one_percent": whole(),
    "n_within_one_percent_ae": whole(),
    "margin": real(),
    "rank_ae": whole(),
    "rank_compactness": whole(),
    "block_agreement": real(),
    "seed_agreement": real(),
    "n_frames": whole(),
}

HISTORY = {
    "steps": whole("records"),
    "beta": real("records"),
    "loss": real("records", unit="Angstrom+2"),
    "assignments": real("records", "beads", "atoms"),
}

POTENTIAL = {
    "molecule": text(),
    "temperature": real(unit="K"),
    "force_map_kind": text(),
    "n_frames": whole(),
}

TERM = {
    "name": text(),
    "coordinate": text(),
    "form": text(),
    "beads": whole("instances", "members"),
    "parameter_names": text("parameters"),
    "parameters": real("parameters", unit="parameter_units"),
    "parameter_errors": real("parameters", unit="parameter_units", infinite=True),
    "parameter_units": text("parameters"),
    "knots": real("knots", unit="{coordinate}"),
    "sampled_low": real(unit="{coordinate}"),
    "sampled_high": real(unit="{coordinate}"),
    "counts": whole("points"),
    "energy_errors": real("points", unit=ENERGY, infinite=True),
    "table/low": real(unit="{coordinate}"),
    "table/high": real(unit="{coordinate}"),
    "table/energy": real("points", unit=ENERGY),
    "table/slope": real("points", unit=ENERGY + " {coordinate}-1"),
    "table/wall_stiffness": real(unit=ENERGY + " {coordinate}-2"),
    "table/periodic": flag(),
}

NONBONDED = {
    "excluded_bonds": whole(),
    "switch": real(unit=ANGSTROM),
    "n_frames": whole(),
}

PAIR_TERM = {
    "name": text(),
    "types": text("2"),
    "form": text(),
    "parameter_names": text("parameters"),
    "parameters": real("parameters", unit="parameter_units"),
    "parameter_errors": real("parameters", unit="parameter_units", infinite=True),
    "parameter_units": text("parameters"),
    "on_bounds": text("bounds"),
    "knots": real("knots", unit=ANGSTROM),
    "sampled_low": real(unit=ANGSTROM),
    "cutoff": real(unit=ANGSTROM),
    "counts": whole("points"),
    "energy_errors": real("points", unit=ENERGY, infinite=True),
    "table/low": real(unit=ANGSTROM),
    "table/high": real(unit=ANGSTROM),
    "table/energy": real("points", unit=ENERGY),
    "table/slope": real("points", unit=f"{ENERGY} {ANGSTROM}-1"),
    "table/wall_stiffness": real(unit=f"{ENERGY} {ANGSTROM}-2"),
    "table/periodic": flag(),
}

NEURAL = {
    "type_names": text("known_types"),
    "spread": real(unit=FORCE),
    "spread_high": real(unit=FORCE),
    "n_frames": whole(),
}

NETWORK = {
    "cutoff": real(unit=ANGSTROM),
    "embedding": real("known_types", "features"),
    "readout": real("features", "hidden"),
    "readout_bias": real("hidden"),
    "energies": real("hidden", unit=ENERGY),
}

INTERACTION = {
    "mixing": real("features", "features"),
    "filters": real("2", "control_points", "features"),
    "hidden": real("messages", "features"),
    "hidden_bias": real("features"),
    "update": real("features", "features"),
}

MOMENTS = {
    "mixing": real("features", "moments"),
    "filters": real("2", "control_points", "moments"),
    "left": real("moments_of_both", "products"),
    "right": real("moments_of_both", "products"),
}

TRAINING_HISTORY = {
    "training_loss": real("epochs", unit=MEAN_SQUARE_FORCE),
    "validation_loss": real("epochs", unit=MEAN_SQUARE_FORCE),
    "learning_rate": real("epochs"),
}

CONFIGURATION = {
    "positions": real("beads", "3", unit=ANGSTROM),
    "box": real("3", "3", unit=ANGSTROM),
}

CHANNEL = {
    "name": text(),
    "r_squared": real(),
    "r_squared_error": real(infinite=True),
    "ceiling": real(),
    "ceiling_error": real(infinite=True),
}

SIMULATION = {
    "molecules": text("types"),
    "copies": whole("types"),
    "box": real("3", "3", unit=ANGSTROM),
    "engine": text(),
    "device": text(),
    "temperature": real(unit="K"),
    "timestep": real(unit="ps"),
    "friction": real(unit="ps-1"),
    "replicas": whole(),
    "n_frames": whole(),
    "kinetic_temperature": real(unit="K"),
    "kinetic_temperature_error": real(unit="K", infinite=True),
    "configurational_temperature": real(unit="K"),
    "configurational_temperature_error": real(unit="K", infinite=True),
    "pressure": real(unit="bar"),
    "pressure_error": real(unit="bar", infinite=True),
    "outside": real("terms"),
    "spread": real(unit=FORCE),
    "extrapolated": real(),
}

CONVERGENCE = {
    "name": text(),
    "r_hat": real(infinite=True),
    "effective_samples": real(),
}

COMPARISON = {
    "reference_frames": whole(),
    "model_frames": whole(),
    "reference_time": real(unit="ps"),
    "overlap": real(),
}

DISTRIBUTION = {
    "name": text(),
    "coordinate": text(),
    "unit": text(),
    "edges": real("bins+1", unit="{unit}"),
    "reference": real("bins", unit="{unit}-1"),
    "reference_low": real("bins", unit="{unit}-1"),
    "reference_high": real("bins", unit="{unit}-1"),
    "model": real("bins", unit="{unit}-1"),
    "model_low": real("bins", unit="{unit}-1"),
    "model_high": real("bins", unit="{unit}-1"),
    "analytic": real("bins", unit="{unit}-1"),
    "reference_effective": real(),
    "model_effective": real(),
    "reference_blocks": whole(),
    "model_blocks": whole(),
}

PAIR_DISTRIBUTION = {
    "name": text(),
    "kind": text(),
    "types": text("2"),
    "edges": real("bins+1", unit=ANGSTROM),
    "reference": real("bins", unit="{kind}"),
    "reference_low": real("bins", unit="{kind}"),
    "reference_high": real("bins", unit="{kind}"),
    "model": real("bins", unit="{kind}"),
    "model_low": real("bins", unit="{kind}"),
    "model_high": real("bins", unit="{kind}"),
    "reference_blocks": whole(),
    "model_blocks": whole(),
    "shell": real(unit=ANGSTROM),
}

STRUCTURE_FACTOR = {
    "name": text(),
    "types": text("2"),
    "q": real("shells", unit=f"{ANGSTROM}-1"),
    "reference": real("shells"),
    "reference_error": real("shells", infinite=True),
    "model": real("shells"),
    "model_error": real("shells", infinite=True),
}

QUANTITY = {
    "name": text(),
    "unit": text(),
    "reference": real(unit="{unit}"),
    "reference_error": real(unit="{unit}", infinite=True),
    "model": real(unit="{unit}"),
    "model_error": real(unit="{unit}", infinite=True),
    "expected_to_match": flag(),
}

SCORE = {
    "name": text(),
    "unit": text(),
    "value": real(unit="{unit}"),
    "low": real(unit="{unit}"),
    "high": real(unit="{unit}"),
    "floor": real(unit="{unit}"),
}

INPUT = {
    "path": text(),
    "role": text(),
    "size": whole(unit="byte"),
    "fingerprint": text(),
    "n_frames": whole(),
    "first_time": real(unit="ps"),
    "last_time": real(unit="ps"),
    "stride": whole(),
}

CHECK = {
    "name": text(),
    "outcome": text(),
    "measured": text(),
    "value": real(unit="{unit}"),
    "unit": text(),
    "expected": text(),
    "cause": text(),
    "remedy": text(),
}

PROVENANCE = {name: text() for name in ("command", "settings", "versions", "device", "created")}
