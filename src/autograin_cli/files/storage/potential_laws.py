"""What must hold inside the potentials and the pair terms of an artifact."""

from autograin_cli.files.storage.checks import (
    BEADS_OF_COORDINATE,
    check_box,
    check_choice,
    check_increasing,
    check_range,
    check_unique,
    require,
)
from autograin_cli.files.visible import visible
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.system import Configuration


def check_potentials(potentials: tuple[Potential, ...], mappings: tuple[Mapping, ...]) -> None:
    """Check the potentials: one for each mapping, in the same order, or none.

    Raises:
        InputError: it names the term, what is wrong and what was expected.
    """
    names = tuple(mapping.molecule.name for mapping in mappings)
    for potential in potentials:
        check_choice(
            f"potential of {visible(potential.molecule)}: molecule", potential.molecule, names
        )
    if potentials:
        found = ", ".join(visible(potential.molecule) for potential in potentials)
        same = tuple(potential.molecule for potential in potentials) == names
        require(same, f"potentials of {found}", "one for each mapping, in the same order")
    for potential, mapping in zip(potentials, mappings, strict=False):
        where = f"potential of {visible(potential.molecule)}"
        require(potential.temperature > 0, f"{where}: {potential.temperature} K", "more than 0 K")
        check_unique(f"{where}: terms", [term.name for term in potential.terms])
        for term in potential.terms:
            _check_term(f"{where}: {visible(term.name)}", term, mapping.n_beads)


def _check_term(where: str, term: Term, n_beads: int) -> None:
    check_choice(f"{where}: coordinate", term.coordinate, tuple(BEADS_OF_COORDINATE))
    size, expected = term.beads.shape[1], BEADS_OF_COORDINATE[term.coordinate]
    require(size == expected, f"{where}: {size} beads", f"{expected} beads in each instance")
    check_range(f"{where}: beads", term.beads, 0, n_beads)
    in_order = term.beads.sort(1).values
    require(
        bool((in_order[:, 1:] != in_order[:, :-1]).all()),
        f"{where}: a bead twice in one instance",
        "distinct beads",
    )
    require(term.sampled_low <= term.sampled_high, f"{where}: no sampled range", "low <= high")
    check_range(f"{where}: counts", term.counts, 0, None)
    check_increasing(f"{where}: knots", term.knots, strictly=False)
    _check_table(f"{where}: table", term.table, term.coordinate == "dihedral")


def _check_table(where: str, table: Table, is_dihedral: bool) -> None:
    require(table.low < table.high, f"{where} from {table.low} to {table.high}", "low < high")
    n_points = len(table.energy)
    require(n_points >= 2, f"{where} of {n_points} points", "2 points or more")
    stiffness = table.wall_stiffness
    require(stiffness >= 0, f"{where}: a wall stiffness of {stiffness}", "0 or more")
    require(table.periodic == is_dihedral, f"{where}: periodic {table.periodic}", str(is_dihedral))


def check_nonbonded(nonbonded: Nonbonded, mappings: tuple[Mapping, ...]) -> None:
    """Check the pair terms, and that their types are those of the mappings.

    Raises:
        InputError: it names the term, what is wrong and what was expected.
    """
    where, bonds = "pair terms", nonbonded.excluded_bonds
    require(bonds >= 0, f"{where}: {bonds} excluded bonds", "0 or more")
    check_unique(where, [term.name for term in nonbonded.terms])
    pairs = [" and ".join(sorted(map(visible, term.types))) for term in nonbonded.terms]
    check_unique(f"{where}: types", pairs)
    names = system_of(mappings).type_names
    for term in nonbonded.terms:
        _check_pair_term(visible(term.name), term, names)


def _check_pair_term(where: str, term: PairTerm, type_names: tuple[str, ...]) -> None:
    for name in term.types:
        check_choice(f"{where}: type", name, type_names)
    require(term.cutoff > 0, f"{where}: a cutoff of {term.cutoff} Å", "more than 0 Å")
    names = tuple(term.parameter_names)
    for name in term.on_bounds:
        check_choice(f"{where}: on_bounds", name, names)
    check_range(f"{where}: counts", term.counts, 0, None)
    check_increasing(f"{where}: knots", term.knots, strictly=False)
    _check_table(f"{where}: table", term.table, is_dihedral=False)


def check_configuration(configuration: Configuration, mappings: tuple[Mapping, ...]) -> None:
    """Check that a frame holds the beads of the mappings.

    Raises:
        InputError: it names what is wrong and what was expected.
    """
    given, expected = len(configuration.positions), system_of(mappings).n_beads
    require(given == expected, f"configuration: {given} beads", f"{expected}, as mapped")
    check_box("configuration", configuration.box)
