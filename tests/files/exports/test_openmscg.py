from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

import export_models
from autograin_cli.errors import SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports import openmscg
from autograin_cli.files.hand_made import read_hand_made
from autograin_cli.mapping.mapping import Mapping


def check_the_same(again: Mapping, mapping: Mapping) -> None:
    torch.testing.assert_close(again.encoder, mapping.encoder, rtol=1e-15, atol=0.0)
    assert torch.equal(again.assignment, mapping.assignment)
    assert torch.equal(again.molecule.copies, mapping.molecule.copies)
    assert torch.equal(again.bead_bonds, mapping.bead_bonds)


def test_what_is_written_is_read_back_as_the_same_mappings(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    notes = openmscg.write(artifact, tmp_path)
    read = read_hand_made(tmp_path / "mapping.yaml", export_models.reading(artifact))
    for again, mapping in zip(read, artifact.mappings, strict=True):
        check_the_same(again, mapping)
    assert any("chain_A, chain_B became types of their own" in note for note in notes)


def alike() -> Artifact:
    """Chains whose atoms weigh the same, so that beads of one type have one pattern."""
    artifact = export_models.artifact()
    chain = artifact.mappings[0]
    encoder = (chain.encoder > 0).double() / 2
    return replace(artifact, mappings=(replace(chain, encoder=encoder), artifact.mappings[1]))


def test_beads_of_one_type_and_pattern_are_one_type_of_site(tmp_path: Path) -> None:
    artifact = alike()
    openmscg.write(artifact, tmp_path)
    content = yaml.safe_load((tmp_path / "mapping.yaml").read_text())
    assert list(content["site-types"]) == ["chain_A", "chain_B", "W_A"]
    assert content["system"][0]["repeat"] == export_models.N_CHAINS
    chain, single = read_hand_made(tmp_path / "mapping.yaml", export_models.reading(artifact))
    assert chain.bead_types == ("chain_A", "chain_B", "chain_B", "chain_A")
    check_the_same(chain, artifact.mappings[0])
    check_the_same(single, artifact.mappings[1])


def test_copies_at_uneven_distances_are_groups_of_their_own(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    chain, single = artifact.mappings
    order = torch.tensor([0, 1, 2, 4, 5, 7, 3, 6])
    molecule = replace(chain.molecule, copies=chain.molecule.copies[order])
    uneven = replace(artifact, mappings=(replace(chain, molecule=molecule), single))
    openmscg.write(uneven, tmp_path)
    again, _ = read_hand_made(tmp_path / "mapping.yaml", export_models.reading(uneven))
    check_the_same(again, uneven.mappings[0])


def test_copies_in_different_orders_are_refused(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    chain, single = artifact.mappings
    copies = chain.molecule.copies.clone()
    copies[1] = copies[1].flip(0)
    mixed = replace(chain, molecule=replace(chain.molecule, copies=copies))
    with pytest.raises(SettingError, match="copies of chain"):
        openmscg.write(replace(artifact, mappings=(mixed, single)), tmp_path)
