"""PSF and PDB, as MDAnalysis reads them."""

from dataclasses import replace
from pathlib import Path

import MDAnalysis
import numpy as np
import pytest
import torch

import export_models
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports import pdb, psf
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.files.formats.universe import quietly
from autograin_cli.geometry import bond_lengths
from autograin_cli.mapping.components import system_of


def beads(artifact: Artifact, folder: Path) -> MDAnalysis.Universe:
    psf.write(artifact, folder)
    with quietly():
        return MDAnalysis.Universe(folder / "beads.psf", folder / "beads.pdb", to_guess=())


def test_the_psf_holds_masses_molecules_and_every_bonded_term(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    universe, system = beads(artifact, tmp_path), system_of(artifact.mappings)
    assert system.masses is not None
    np.testing.assert_allclose(universe.atoms.masses, system.masses.numpy())
    assert universe.atoms.n_residues == system.n_molecules
    expected = system.members(0, torch.tensor([[0, 1], [2, 3], [1, 2]]))
    bonds = {frozenset(pair) for pair in universe.bonds.indices.tolist()}
    assert bonds == {frozenset(pair) for pair in expected.tolist()}
    assert (len(universe.angles), len(universe.dihedrals)) == (16, 8)
    assert {tuple(row) for row in universe.angles.indices.tolist()} >= {(0, 1, 2), (4, 5, 6)}
    assert tuple(universe.dihedrals.indices[1]) == (4, 5, 6, 7)


def test_the_pdb_holds_the_frame_with_whole_molecules_in_the_box(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    universe, system = beads(artifact, tmp_path), system_of(artifact.mappings)
    read = torch.from_numpy(universe.atoms.positions).double()
    steps = (read - export_models.positions(0)) @ torch.linalg.inv(export_models.BOX)
    assert float((steps - steps.round()).abs().max()) < 1e-3
    pairs = system.members(0, torch.tensor([[0, 1]]))
    lengths = bond_lengths(export_models.positions(0), pairs)
    torch.testing.assert_close(bond_lengths(read, pairs), lengths, atol=2e-3, rtol=0.0)
    centres = torch.stack([read[system.molecules == m].mean(0) for m in range(system.n_molecules)])
    fractions = centres @ torch.linalg.inv(export_models.BOX)
    assert float(fractions.min()) > -1e-3
    assert float(fractions.max()) < 1 + 1e-3
    lengths = export_models.BOX.norm(dim=1)
    np.testing.assert_allclose(universe.dimensions[:3], lengths.numpy(), atol=1e-3)
    cosine = (export_models.BOX[0] @ export_models.BOX[1]) / (lengths[0] * lengths[1])
    assert universe.dimensions[5] == pytest.approx(float(torch.rad2deg(cosine.acos())), abs=1e-2)


def test_a_mapping_shows_one_molecule_of_each_type(tmp_path: Path) -> None:
    artifact = replace(
        export_models.artifact(),
        kind="mapping",
        potentials=(),
        nonbonded=None,
        configuration=None,
    )
    universe = beads(artifact, tmp_path)
    assert universe.atoms.n_residues == 2
    mapping = artifact.mappings[0]
    expected = mapping.encoder @ mapping.mean_structure
    read = torch.from_numpy(universe.atoms.positions[:4]).double()
    apart = read[:, None] - read[None]
    torch.testing.assert_close(apart, expected[:, None] - expected[None], atol=1.1e-3, rtol=0.0)


def test_the_b_factor_of_an_atom_is_its_bead(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    pdb.write(artifact, tmp_path)
    mapping = artifact.mappings[0]
    with quietly():
        universe = MDAnalysis.Universe(tmp_path / "chain.pdb", to_guess=())
    assert universe.atoms.tempfactors.tolist() == (mapping.assignment + 1).tolist()
    assert universe.atoms.occupancies.tolist() == (mapping.assignment >= 0).tolist()
    assert tuple(universe.atoms.names) == mapping.molecule.atom_names
    assert tuple(universe.atoms.elements) == mapping.molecule.elements
    assert universe.bonds.indices.tolist() == mapping.molecule.bonds.tolist()
    np.testing.assert_allclose(universe.atoms.positions, mapping.mean_structure.numpy(), atol=6e-4)


def test_names_stay_distinct_when_they_are_cut() -> None:
    names = plain_names(["long name 1", "long name 2", "1H*", "β", "long"], 4)
    assert names == ("long", "lon2", "X1H_", "X_", "lon3")
