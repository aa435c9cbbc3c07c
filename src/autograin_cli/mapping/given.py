"""Beads that a person chose -> Mapping."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.mapping.autoencoder import (
    bond_lengths,
    decoder,
    encoder,
    one_hot,
    reconstruction_errors,
)
from autograin_cli.mapping.force_maps import bead_masses, check_rigid_groups, sum_map
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.moments import Survey, moments
from autograin_cli.mapping.topology import (
    LARGEST_SYMMETRISED,
    average_over_classes,
    components,
    orbits_of,
    pair_classes,
    quotient_bonds,
    rigid_groups,
)
from autograin_cli.molecules import Molecule

_MASS_TOLERANCE = 1e-3  # relative, of beads of one type


@dataclass(frozen=True)
class GivenBeads:
    """The beads of one type of molecule as a person chose them.

    names: one for each bead, unique.
    types: one for each bead; beads of one type are equivalent.
    assignment: bead of each atom, (atoms,), int64; -1 where unmapped; every bead has an atom.
    weights: of each atom in its bead, (atoms,), 0 or more; of any sum.
    bonds: bonded pairs of beads, (bonds, 2), int64, the smaller index first; None for those that
        follow from the bonds of the atoms, directly or through unmapped atoms.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    assignment: Tensor
    weights: Tensor
    bonds: Tensor | None


def given_mapping(molecule: Molecule, beads: GivenBeads, structures: Tensor) -> Mapping:
    """Make the mapping of beads that a person chose.

    The decoder is the best linear one for the structures, as in a fitted mapping; the force map
    is the sum; there is no certificate.

    Args:
        molecule: the atoms.
        beads: of the molecule.
        structures: of the molecule, Å, (structures, atoms, 3).

    Raises:
        InputError: the weights of a bead are all 0, beads of one type have different masses, or
            beads share a group of rigid atoms.
    """
    shares = one_hot(beads.assignment, len(beads.names))
    _check_weights(shares @ beads.weights, beads.names)
    encoding = encoder(shares, beads.weights)
    rigid = rigid_groups(structures, molecule.bonds)
    check_rigid_groups(beads.assignment, rigid, molecule.atom_names)
    classes = pair_classes(molecule) if molecule.n_atoms <= LARGEST_SYMMETRISED else None
    seen = Survey((moments(structures),), structures)
    gram = seen.total.gram if classes is None else average_over_classes(seen.total.gram, classes)
    masses = None if molecule.masses is None else bead_masses(encoding, molecule.masses)
    if masses is not None:
        _check_masses(masses, beads)
    bonds = _bonds(molecule, beads.assignment) if beads.bonds is None else beads.bonds
    decoding = decoder(encoding, gram)
    return Mapping(
        molecule=molecule,
        assignment=beads.assignment,
        encoder=encoding,
        decoder=decoding,
        force_map=sum_map(beads.assignment, rigid),
        force_map_kind="sum",
        bead_names=beads.names,
        bead_types=beads.types,
        bead_masses=masses,
        bead_bonds=bonds,
        rigid_groups=rigid,
        orbits=orbits_of(molecule, classes),
        mean_structure=seen.mean_structure,
        certificate=None,
        history=None,
        reconstruction_errors=reconstruction_errors(encoding, decoding, gram),
        bond_lengths=bond_lengths(gram, molecule.bonds),
    )


def _check_weights(sums: Tensor, names: tuple[str, ...]) -> None:
    for name, total in zip(names, sums.tolist(), strict=True):
        if not total > 0:
            raise InputError(
                given=f"bead {name}, the weights of whose atoms sum to {total:g}",
                expected="at least one weight above 0 in every bead",
                remedy="give masses or ones as the weights of its atoms",
            )


def _check_masses(masses: Tensor, beads: GivenBeads) -> None:
    """Refuse a type whose beads cannot be equivalent: programs take one mass for a type."""
    first: dict[str, int] = {}
    for bead, kind in enumerate(beads.types):
        other = first.setdefault(kind, bead)
        if abs(float(masses[bead] - masses[other])) > _MASS_TOLERANCE * float(masses[other]):
            raise InputError(
                given=f"beads {beads.names[other]} and {beads.names[bead]} of type {kind} with "
                f"masses of {float(masses[other]):.3f} and {float(masses[bead]):.3f} u",
                expected="equivalent beads in one type",
                remedy="look for a wrong atom, or give them types of their own",
            )


def _bonds(molecule: Molecule, assignment: Tensor) -> Tensor:
    """Pairs of beads joined by a bond of atoms or by a path through unmapped ones, (bonds, 2).

    A piece of unmapped atoms is a vertex of its own, numbered after the beads; the beads around
    it are bonded to one another, as those of a chain mapped to its alpha carbons.
    """
    n_beads = int(assignment.max()) + 1
    free = (assignment[molecule.bonds] < 0).all(dim=1)
    pieces = components(molecule.n_atoms, molecule.bonds[free])
    edges = quotient_bonds(
        molecule.bonds, torch.where(assignment < 0, n_beads + pieces, assignment)
    )
    pairs = edges[edges[:, 1] < n_beads]
    across = edges[edges[:, 1] >= n_beads]
    found = [pairs]
    for piece in across[:, 1].unique():
        found.append(torch.combinations(across[across[:, 1] == piece, 0]))
    return torch.cat(found).unique(dim=0).reshape(-1, 2)
