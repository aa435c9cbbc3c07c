"""What must hold inside the mappings of an artifact."""

import torch

from autograin_cli.files.storage.checks import (
    ROUNDING,
    check_choice,
    check_ones,
    check_pairs,
    check_range,
    check_unique,
    require,
)
from autograin_cli.files.visible import visible
from autograin_cli.mapping.mapping import Certificate, Mapping
from autograin_cli.molecules import Molecule


def check_mappings(mappings: tuple[Mapping, ...]) -> None:
    """Check the mapping of every type of molecule.

    Raises:
        InputError: it names the molecule, what is wrong and what was expected.
    """
    require(bool(mappings), "no mapping", "one for each type of molecule")
    check_unique("molecules", [mapping.molecule.name for mapping in mappings])
    for mapping in mappings:
        where = f"mapping of {visible(mapping.molecule.name)}"
        _check_molecule(where, mapping.molecule)
        _check_indices(where, mapping)
        _check_weights(where, mapping)
        _check_lengths(where, mapping)
        if mapping.certificate is not None:
            _check_certificate(where, mapping.certificate)
    copies = torch.cat([mapping.molecule.copies.flatten() for mapping in mappings])
    twice = copies.sort().values.diff() == 0
    require(not bool(twice.any()), "an atom in two copies of molecules", "every atom in one copy")


def _check_molecule(where: str, molecule: Molecule) -> None:
    require(molecule.n_atoms > 0, f"{where}: no atoms", "at least one atom")
    check_pairs(f"{where}: bonds", molecule.bonds, molecule.n_atoms)
    check_range(f"{where}: copies", molecule.copies, 0, None)
    require(molecule.n_copies > 0, f"{where}: no copies", "at least one copy")
    if molecule.masses is not None:
        require(bool((molecule.masses > 0).all()), f"{where}: a mass of 0 or less", "masses > 0 u")


def _check_indices(where: str, mapping: Mapping) -> None:
    n_atoms, n_beads = mapping.molecule.n_atoms, mapping.n_beads
    check_range(f"{where}: assignment", mapping.assignment, -1, n_beads)
    check_range(f"{where}: rigid_groups", mapping.rigid_groups, -1, n_atoms)
    check_range(f"{where}: orbits", mapping.orbits, 0, n_atoms)
    check_pairs(f"{where}: bead_bonds", mapping.bead_bonds, n_beads)
    check_unique(f"{where}: bead_names", mapping.bead_names)
    check_choice(
        f"{where}: force_map_kind", mapping.force_map_kind, ("sum", "projected", "optimal")
    )


def _check_weights(where: str, mapping: Mapping) -> None:
    encoder, n_beads = mapping.encoder, mapping.n_beads
    require(n_beads > 0, f"{where}: no beads", "at least one bead")
    require(bool((encoder >= 0).all()), f"{where}: encoder has negative weights", "weights >= 0")
    check_ones(f"{where}: rows of the encoder sum", encoder.sum(1))
    check_ones(f"{where}: rows of the decoder sum", mapping.decoder.sum(1))
    foreign = encoder.masked_select(torch.arange(n_beads)[:, None] != mapping.assignment)
    require(
        not bool(foreign.count_nonzero()),
        f"{where}: encoder gives weight to atoms of other beads",
        "each atom in the bead that assignment names",
    )
    unit = mapping.force_map @ encoder.T - torch.eye(n_beads, dtype=encoder.dtype)
    check_ones(f"{where}: force_map times the transposed encoder", 1 + unit.flatten())
    if mapping.bead_masses is not None:
        positive = bool((mapping.bead_masses > 0).all())
        require(positive, f"{where}: a bead mass of 0 or less", "masses > 0 u")


def _check_lengths(where: str, mapping: Mapping) -> None:
    for name in ("reconstruction_errors", "bond_lengths"):
        lengths = getattr(mapping, name)
        sound = lengths is None or bool((lengths >= 0).all())
        require(sound, f"{where}: {name} below 0", "lengths of 0 Å or more")


def _check_certificate(where: str, certificate: Certificate) -> None:
    least = min(certificate.loss, certificate.compactness, certificate.bound)
    require(least >= -ROUNDING, f"{where}: a loss of {least}", "mean squares of 0 or more")
    counts = (certificate.n_candidates, certificate.rank_ae, certificate.rank_compactness)
    require(min(counts) >= 0, f"{where}: a count of {min(counts)}", "counts of 0 or more")
