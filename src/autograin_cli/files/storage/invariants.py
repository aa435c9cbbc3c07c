"""What must hold inside the records of an artifact, beyond shapes, for later stages to trust it."""

from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor

from autograin_cli.comparison.comparison import Comparison, Distribution
from autograin_cli.comparison.verdict import JUDGES
from autograin_cli.errors import InputError
from autograin_cli.files.storage.conformance import REMEDY
from autograin_cli.files.storage.schema import KIND_COMMANDS
from autograin_cli.files.visible import visible
from autograin_cli.mapping.mapping import Certificate, Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.simulation.simulation import Simulation

_ROUNDING = 1e-6  # of sums of weights that a person may have written with few digits
_BEADS_OF_COORDINATE = {"bond": 2, "angle": 3, "dihedral": 4}


def check_stage(
    kind: str,
    mappings: tuple[Mapping, ...],
    potentials: tuple[Potential, ...],
    simulation: Simulation | None,
    comparison: Comparison | None,
) -> None:
    """Check all records of an artifact, and that those of its stage are there.

    Raises:
        InputError: it names the record, what is wrong and what was expected.
    """
    _check_choice("kind", kind, tuple(KIND_COMMANDS))
    has = {
        "mapping": bool(mappings),
        "potential": bool(potentials),
        "simulation": simulation is not None,
        "comparison": comparison is not None,
    }
    needed = ["mapping"] if kind == "mapping" else ["mapping", "potential", kind]
    for record in needed:
        _require(has[record], f"a {kind} artifact without a {record}", f"the {record}")
    check_mappings(mappings)
    check_potentials(potentials, mappings)
    if simulation is not None:
        check_simulation(simulation, potentials)
    if comparison is not None:
        check_comparison(comparison)


def check_frames(
    simulation: Simulation, mappings: tuple[Mapping, ...], shape: tuple[int, ...]
) -> None:
    """Check that the frames of a simulation, (frames, particles), are those that its record names.

    Raises:
        InputError: the numbers differ.
    """
    n_beads = sum(m.n_beads for m in mappings if m.molecule.name == simulation.molecule)
    expected = (simulation.n_frames, simulation.replicas * n_beads)
    _require(shape == expected, f"{shape} frames and beads", f"{expected}, as the simulation says")


def check_mappings(mappings: tuple[Mapping, ...]) -> None:
    """Check the mapping of every type of molecule.

    Raises:
        InputError: it names the molecule, what is wrong and what was expected.
    """
    _require(bool(mappings), "no mapping", "one for each type of molecule")
    _check_unique("molecules", [mapping.molecule.name for mapping in mappings])
    for mapping in mappings:
        where = f"mapping of {visible(mapping.molecule.name)}"
        _check_molecule(where, mapping.molecule)
        _check_indices(where, mapping)
        _check_weights(where, mapping)
        if mapping.certificate is not None:
            _check_certificate(where, mapping.certificate)
    copies = torch.cat([mapping.molecule.copies.flatten() for mapping in mappings])
    twice = copies.sort().values.diff() == 0
    _require(not bool(twice.any()), "an atom in two copies of molecules", "every atom in one copy")


def _check_molecule(where: str, molecule: Molecule) -> None:
    _require(molecule.n_atoms > 0, f"{where}: no atoms", "at least one atom")
    _check_pairs(f"{where}: bonds", molecule.bonds, molecule.n_atoms)
    _check_range(f"{where}: copies", molecule.copies, 0, None)
    _require(molecule.n_copies > 0, f"{where}: no copies", "at least one copy")
    if molecule.masses is not None:
        _require(bool((molecule.masses > 0).all()), f"{where}: a mass of 0 or less", "masses > 0 u")


def _check_indices(where: str, mapping: Mapping) -> None:
    n_atoms, n_beads = mapping.molecule.n_atoms, mapping.n_beads
    _check_range(f"{where}: assignment", mapping.assignment, -1, n_beads)
    _check_range(f"{where}: rigid_groups", mapping.rigid_groups, -1, n_atoms)
    _check_range(f"{where}: orbits", mapping.orbits, 0, n_atoms)
    _check_pairs(f"{where}: bead_bonds", mapping.bead_bonds, n_beads)
    _check_unique(f"{where}: bead_names", mapping.bead_names)
    _check_choice(
        f"{where}: force_map_kind", mapping.force_map_kind, ("sum", "projected", "optimal")
    )


def _check_weights(where: str, mapping: Mapping) -> None:
    encoder, n_beads = mapping.encoder, mapping.n_beads
    _require(n_beads > 0, f"{where}: no beads", "at least one bead")
    _require(bool((encoder >= 0).all()), f"{where}: encoder has negative weights", "weights >= 0")
    _check_ones(f"{where}: rows of the encoder sum", encoder.sum(1))
    _check_ones(f"{where}: rows of the decoder sum", mapping.decoder.sum(1))
    foreign = encoder.masked_select(torch.arange(n_beads)[:, None] != mapping.assignment)
    _require(
        not bool(foreign.count_nonzero()),
        f"{where}: encoder gives weight to atoms of other beads",
        "each atom in the bead that assignment names",
    )
    unit = mapping.force_map @ encoder.T - torch.eye(n_beads, dtype=encoder.dtype)
    _check_ones(f"{where}: force_map times the transposed encoder", 1 + unit.flatten())
    if mapping.bead_masses is not None:
        positive = bool((mapping.bead_masses > 0).all())
        _require(positive, f"{where}: a bead mass of 0 or less", "masses > 0 u")


def _check_certificate(where: str, certificate: Certificate) -> None:
    least = min(certificate.loss, certificate.compactness, certificate.bound)
    _require(least >= -_ROUNDING, f"{where}: a loss of {least}", "mean squares of 0 or more")
    counts = (certificate.n_candidates, certificate.rank_ae, certificate.rank_compactness)
    _require(min(counts) >= 0, f"{where}: a count of {min(counts)}", "counts of 0 or more")


def check_potentials(potentials: tuple[Potential, ...], mappings: tuple[Mapping, ...]) -> None:
    """Check the potential of every type of molecule, and that it belongs to a mapping.

    Raises:
        InputError: it names the term, what is wrong and what was expected.
    """
    n_beads = {mapping.molecule.name: mapping.n_beads for mapping in mappings}
    _check_unique("potentials", [potential.molecule for potential in potentials])
    for potential in potentials:
        where = f"potential of {visible(potential.molecule)}"
        _check_choice(f"{where}: molecule", potential.molecule, tuple(n_beads))
        _require(potential.temperature > 0, f"{where}: {potential.temperature} K", "more than 0 K")
        _check_unique(f"{where}: terms", [term.name for term in potential.terms])
        for term in potential.terms:
            _check_term(f"{where}: {visible(term.name)}", term, n_beads[potential.molecule])


def _check_term(where: str, term: Term, n_beads: int) -> None:
    _check_choice(f"{where}: coordinate", term.coordinate, tuple(_BEADS_OF_COORDINATE))
    size, expected = term.beads.shape[1], _BEADS_OF_COORDINATE[term.coordinate]
    _require(size == expected, f"{where}: {size} beads", f"{expected} beads in each instance")
    _check_range(f"{where}: beads", term.beads, 0, n_beads)
    in_order = term.beads.sort(1).values
    _require(
        bool((in_order[:, 1:] != in_order[:, :-1]).all()),
        f"{where}: a bead twice in one instance",
        "distinct beads",
    )
    _require(term.sampled_low <= term.sampled_high, f"{where}: no sampled range", "low <= high")
    _check_range(f"{where}: counts", term.counts, 0, None)
    _check_increasing(f"{where}: knots", term.knots, strictly=False)
    _check_table(f"{where}: table", term.table, term.coordinate == "dihedral")


def _check_table(where: str, table: Table, is_dihedral: bool) -> None:
    _require(table.low < table.high, f"{where} from {table.low} to {table.high}", "low < high")
    n_points = len(table.energy)
    _require(n_points >= 2, f"{where} of {n_points} points", "2 points or more")
    stiffness = table.wall_stiffness
    _require(stiffness >= 0, f"{where}: a wall stiffness of {stiffness}", "0 or more")
    _require(table.periodic == is_dihedral, f"{where}: periodic {table.periodic}", str(is_dihedral))


def check_simulation(simulation: Simulation, potentials: tuple[Potential, ...]) -> None:
    """Check the diagnostics of a run, and that it is of one of the potentials.

    Raises:
        InputError: it names what is wrong and what was expected.
    """
    names = tuple(potential.molecule for potential in potentials)
    _check_choice("simulation: molecule", simulation.molecule, names)
    for name in ("temperature", "timestep"):
        value = getattr(simulation, name)
        _require(value > 0, f"simulation: {name} {value}", "more than 0")
    counts = (simulation.replicas, simulation.n_frames)
    _require(min(counts) >= 1, f"simulation: {counts} replicas and frames", "1 or more of each")
    _require(simulation.friction >= 0, f"simulation: friction {simulation.friction}", "0 or more")
    _check_range("simulation: outside", simulation.outside, 0, 1 + _ROUNDING)
    potential = potentials[names.index(simulation.molecule)]
    n_terms, n_outside = len(potential.terms), len(simulation.outside)
    _require(n_terms == n_outside, f"simulation: outside of {n_outside} terms", str(n_terms))


def check_comparison(comparison: Comparison) -> None:
    """Check the distributions of a comparison.

    Raises:
        InputError: it names the distribution, what is wrong and what was expected.
    """
    overlap = comparison.overlap
    _require(0 <= overlap <= 1, f"comparison: an overlap of {overlap}", "a share from 0 to 1")
    _check_unique("comparison: distributions", [item.name for item in comparison.distributions])
    for distribution in comparison.distributions:
        _check_distribution(f"distribution of {visible(distribution.name)}", distribution)


def _check_distribution(where: str, distribution: Distribution) -> None:
    _check_choice(f"{where}: coordinate", distribution.coordinate, tuple(_BEADS_OF_COORDINATE))
    _check_increasing(f"{where}: edges", distribution.edges, strictly=True)
    for name in ("reference", "model"):
        densities = [getattr(distribution, f"{name}{end}") for end in ("_low", "", "_high")]
        _check_range(f"{where}: {name}", densities[1], 0, None)
        ordered = bool((densities[0] <= densities[2]).all())
        _require(ordered, f"{where}: the band of the {name} is upside down", "low <= high")
    scores = [score.name for score in distribution.scores]
    _check_unique(f"{where}: scores", scores)
    _require(set(JUDGES) <= set(scores), f"{where}: scores {scores}", f"also {', '.join(JUDGES)}")


def _check_pairs(where: str, pairs: Tensor, n_members: int) -> None:
    _check_range(where, pairs, 0, n_members)
    in_order = bool((pairs[:, 0] < pairs[:, 1]).all())
    _require(in_order, f"{where}: a pair out of order", "the smaller index first")


def _check_range(where: str, values: Tensor, low: float, below: float | None) -> None:
    wrong = (values < low) | (values >= (torch.inf if below is None else below))
    if bool(wrong.any()):
        limit = "" if below is None else f" and below {below}"
        _require(False, f"{where}: {values[wrong][0].item()}", f"at least {low}{limit}")


def _check_increasing(where: str, values: Tensor, *, strictly: bool) -> None:
    steps = values.diff()
    rising = steps > 0 if strictly else steps >= 0
    _require(bool(rising.all()), f"{where} are not in increasing order", "increasing numbers")


def _check_ones(where: str, values: Tensor) -> None:
    worst = float((values - 1).abs().max()) if values.numel() else 0.0
    _require(worst < _ROUNDING, f"{where} differs from 1 by {worst:.3g}", "1 (or the unit matrix)")


def _check_unique(where: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    _require(not twice, f"{where}: {visible(twice[0]) if twice else ''} twice", "distinct names")


def _check_choice(where: str, value: str, choices: tuple[str, ...]) -> None:
    allowed = ", ".join(map(visible, choices))
    _require(value in choices, f"{where} is '{visible(value)}'", f"one of {allowed}")


def _require(holds: bool, given: str, expected: str) -> None:
    if not holds:
        raise InputError(given=given, expected=expected, remedy=REMEDY)
