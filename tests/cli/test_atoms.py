"""Mappings applied to other trajectories: molecules matched by content, then by name."""

from dataclasses import replace

import pytest
import torch

from autograin_cli.cli.atoms import applied
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.atomistic import Reading
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk, StoredTrajectory
from systems import alkane, molecule

ETHANE, METHANE = replace(alkane(2), name="ethane"), replace(alkane(1), name="methane")
WATER = molecule("water", "CHH", [(0, 1), (0, 2)])


def mapped(atoms: Molecule) -> Mapping:
    """One bead for all atoms."""
    n_atoms = atoms.n_atoms
    ones = torch.ones(1, n_atoms).double()
    return Mapping(
        molecule=atoms,
        assignment=torch.zeros(n_atoms, dtype=torch.int64),
        encoder=ones / n_atoms,
        decoder=ones.T,
        force_map=ones,
        force_map_kind="sum",
        bead_names=("A",),
        bead_types=("A",),
        bead_masses=None,
        bead_bonds=torch.zeros(0, 2, dtype=torch.int64),
        rigid_groups=torch.full((n_atoms,), -1),
        orbits=torch.zeros(n_atoms, dtype=torch.int64),
        mean_structure=torch.zeros(n_atoms, 3).double(),
        certificate=None,
        history=None,
    )


def reading(*molecules: Molecule) -> Reading:
    """A trajectory that holds these molecules."""
    n_atoms = sum(each.copies.numel() for each in molecules)
    frames = Chunk(torch.zeros(1, n_atoms, 3).double(), torch.zeros(1).double())
    return Reading(StoredTrajectory(frames), molecules, (), ())


def placed(atoms: Molecule, first: int, n_copies: int, **changes: object) -> Molecule:
    """Copies one after another from an atom on."""
    copies = first + torch.arange(n_copies * atoms.n_atoms).reshape(n_copies, -1)
    return replace(atoms, copies=copies, **changes)  # type: ignore[arg-type]


def test_numbers_and_order_of_the_molecules_may_differ() -> None:
    there = reading(placed(METHANE, 0, 5), placed(ETHANE, 25, 3))
    ethane, methane = applied([mapped(ETHANE), mapped(METHANE)], there)
    assert (ethane.molecule.name, ethane.molecule.n_copies) == ("ethane", 3)
    assert ethane.molecule.copies[0, 0] == 25
    assert (methane.molecule.name, methane.molecule.n_copies) == ("methane", 5)


def test_without_a_topology_names_and_elements_do_not_matter() -> None:
    unknown = {"elements": ("",) * 8, "masses": None, "name": "mol2"}
    there = reading(placed(METHANE, 0, 1, name="mol1"), placed(ETHANE, 5, 2, **unknown))
    methane, ethane = applied([mapped(METHANE), mapped(ETHANE)], there)
    assert (methane.molecule.name, ethane.molecule.name) == ("methane", "ethane")
    assert ethane.molecule.masses is not None
    assert ethane.molecule.elements == ETHANE.elements


def test_molecules_that_look_the_same_are_told_apart_by_name() -> None:
    twin = replace(ETHANE, name="twin")
    there = reading(placed(twin, 0, 2), placed(ETHANE, 16, 3))
    for order in ((ETHANE, twin), (twin, ETHANE)):
        found = applied([mapped(atoms) for atoms in order], there)
        assert [(m.molecule.name, m.molecule.n_copies) for m in found] == [
            (atoms.name, {"ethane": 3, "twin": 2}[atoms.name]) for atoms in order
        ]


def test_a_molecule_that_was_not_mapped_is_named_with_the_way_out() -> None:
    there = reading(placed(ETHANE, 0, 2), placed(WATER, 16, 4))
    with pytest.raises(SettingError, match=r"not mapped: water \(3 atoms\)") as refused:
        applied([mapped(ETHANE)], there)
    assert "--select 'not resname water'" in refused.value.remedy


def test_a_mapped_molecule_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="it has no methane"):
        applied([mapped(ETHANE), mapped(METHANE)], reading(placed(ETHANE, 0, 2)))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (WATER, "a molecule of 3 atoms"),
        (replace(ETHANE, elements=("N", *ETHANE.elements[1:])), "atom 0 is N"),
    ],
)
def test_what_makes_it_another_molecule_is_told(other: Molecule, message: str) -> None:
    with pytest.raises(InputError, match=message):
        applied([mapped(ETHANE)], reading(placed(other, 0, 1)))
