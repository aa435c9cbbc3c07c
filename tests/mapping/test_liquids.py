"""Mappings of liquids: one for each type of molecule, from all its copies, and their forces."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from autograin_cli.files.atomistic import Reading, read
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.mapping.bead_trajectory import system_trajectory
from autograin_cli.mapping.fit import fit_mapping, fit_mappings
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.settings import MappingSettings, ReadingSettings
from autograin_cli.trajectory import Chunk, gather, join

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
METHYLS = [{"C1", "H11", "H12", "H13"}, {"C2", "H21", "H22", "H23"}]


def _liquid(name: str, *, forces: bool = False) -> Reading:
    settings = ReadingSettings(topology=str(SAMPLES / f"{name}.psf"))
    if forces:
        settings = ReadingSettings(
            topology=settings.topology,
            forces=(str(SAMPLES / f"{name}_forces.dcd"),),
            force_unit="kJ/mol/A",
        )
    return read([SAMPLES / f"{name}.xtc"], settings)


def _beads(mapping: Mapping) -> list[set[str]]:
    names = mapping.molecule.atom_names
    return [
        {names[atom] for atom in (mapping.assignment == bead).nonzero().flatten().tolist()}
        for bead in range(mapping.n_beads)
    ]


@pytest.mark.parametrize("connected", [True, False])
def test_ethane_is_two_methyls_and_that_is_proved(connected: bool) -> None:
    liquid = _liquid("ethane")
    settings = MappingSettings(beads=2, connected=connected, method="exact")
    mapping = fit_mapping(liquid.trajectory, liquid.molecules[0], settings)
    assert _beads(mapping) == METHYLS
    assert mapping.bead_types == ("A", "A")
    assert mapping.bead_bonds.tolist() == [[0, 1]]
    assert mapping.bead_masses is not None
    assert mapping.bead_masses.tolist() == pytest.approx([15.035, 15.035])
    found = mapping.certificate
    assert found is not None and found.proved_optimal and found.block_agreement == 1.0
    assert found.n_frames == 64 * liquid.trajectory.n_frames
    # Hydrogens with their carbons leave no other mapping; without bonds there are 127.
    assert found.n_candidates == (1 if connected else 127)
    assert connected == (found.margin is None)
    assert found.margin is None or found.margin > 0.3


def test_methane_is_one_bead_at_its_centre_of_mass() -> None:
    liquid = _liquid("methane")
    mapping = fit_mapping(liquid.trajectory, liquid.molecules[0], MappingSettings(beads=1))
    assert _beads(mapping) == [{"C1", "H11", "H12", "H13", "H14"}]
    assert mapping.bead_names == ("A",) and mapping.bead_bonds.shape == (0, 2)
    assert mapping.bead_masses is not None
    assert mapping.bead_masses.tolist() == pytest.approx([16.043])
    found = mapping.certificate
    assert found is not None and found.proved_optimal
    assert (found.n_candidates, found.margin, found.method) == (1, None, "enumeration")
    # One bead puts every atom at the centre: the bound but for the masses.
    assert found.bound <= found.loss < 1.001 * found.bound


def _mixture(path: Path, n_frames: int) -> tuple[Tensor, Tensor]:
    """Write methane beside ethane in one box, wrapped; the whole positions, Å, and the boxes."""
    parts = [gather(_liquid(name).trajectory, n_frames) for name in ("methane", "ethane")]
    edges = torch.zeros(n_frames, 3).double()
    positions = []
    for part in parts:
        assert part.boxes is not None
        inside = part.boxes.diagonal(dim1=1, dim2=2)
        # Whole molecules stick out by one bond; where they may overlap the other liquid there is
        # a gap of 4 Å.
        low = part.positions.amin(1)
        shift = torch.zeros(n_frames, 1, 3).double()
        shift[:, 0, 0] = edges[:, 0]
        positions.append(part.positions - low[:, None] + shift)
        extent = part.positions.amax(1) - low + 4.0
        edges[:, 1:] = torch.maximum(edges[:, 1:], torch.maximum(inside, extent)[:, 1:])
        edges[:, 0] += extent[:, 0]
    boxes = torch.diag_embed(edges)
    whole = torch.cat(positions, dim=1)
    wrapped = whole - (whole / edges[:, None]).floor() * edges[:, None] + 0.5 * edges[:, None]
    wrapped = wrapped - (wrapped / edges[:, None]).floor() * edges[:, None]
    chunk = Chunk(wrapped, torch.arange(n_frames).double(), boxes)
    write_trajectory(path, iter([chunk]), overwrite=False)
    return whole, boxes


def test_a_mixture_without_topology_is_mapped_type_by_type_in_one_pass(tmp_path: Path) -> None:
    whole, boxes = _mixture(tmp_path / "mixture.trr", 60)
    reading = read([tmp_path / "mixture.trr"], ReadingSettings())
    sizes = [(m.name, m.n_atoms, m.n_copies) for m in reading.molecules]
    assert sizes == [("mol1", 5, 64), ("mol2", 8, 64)]
    settings = MappingSettings(method="exact")
    methane, ethane = fit_mappings(reading.trajectory, reading.molecules, (1, 2), settings)
    assert methane.assignment.tolist() == [0] * 5
    assert ethane.assignment.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    # As from whole molecules that never saw a boundary.
    for mapping in (methane, ethane):
        atoms = whole[:, mapping.molecule.copies]
        centred = atoms - atoms.mean(2, keepdim=True)
        gram = torch.einsum("fcid,fcjd->ij", centred, centred) / (60 * 64)
        eigenvalues = torch.linalg.eigvalsh(gram)
        assert mapping.certificate is not None
        n_lost = mapping.molecule.n_atoms - mapping.n_beads + 1
        bound = float(eigenvalues[:n_lost].sum()) / mapping.molecule.n_atoms
        # The symmetries raise what the frames alone give.
        assert mapping.certificate.bound == pytest.approx(bound, rel=0.02)
    assert boxes.shape == (60, 3, 3)


def _mapped(name: str, n_beads: int, kind: str) -> tuple[Chunk, Tensor, Mapping]:
    """Beads with forces, force maps of the blocks, and the mapping."""
    liquid = _liquid(name, forces=True)
    mapping = fit_mapping(liquid.trajectory, liquid.molecules[0], MappingSettings(beads=n_beads))
    beads, (maps,) = system_trajectory(liquid.trajectory, [mapping], kind)
    return join(list(beads.chunks())), maps.of_blocks, mapping


@pytest.mark.parametrize(("name", "n_beads"), [("methane", 1), ("ethane", 2)])
def test_optimal_forces_of_a_liquid_are_unbiased_and_less_noisy(name: str, n_beads: int) -> None:
    best, maps, mapping = _mapped(name, n_beads, "optimal")
    plain, _, _ = _mapped(name, n_beads, "sum")
    unit = torch.eye(n_beads).double().expand(len(maps), -1, -1)
    torch.testing.assert_close(maps @ mapping.encoder.T, unit, rtol=0, atol=1e-12)
    assert best.forces is not None and plain.forces is not None
    assert best.forces.square().mean() < plain.forces.square().mean()
    # The difference of two unbiased forces is noise: uncorrelated with the positions of beads,
    # here with the vector between those of a molecule, or to the next molecule.
    shape = (len(best.forces), 64, n_beads, 3)
    noise = (best.forces - plain.forces).reshape(shape)[:, :, 0]
    places = best.positions.reshape(shape)
    other = places[:, :, 1] if n_beads == 2 else places[:, :, 0].roll(1, dims=1)
    direction = (other - places[:, :, 0]) / (other - places[:, :, 0]).norm(dim=-1, keepdim=True)
    along = (noise * direction).sum(-1).mean(1)
    blocks = torch.stack([block.mean() for block in along.tensor_split(10)])
    assert abs(float(along.mean())) < 4 * float(blocks.std()) / 10**0.5


def test_noise_along_the_bond_of_ethane_falls_by_a_third() -> None:
    """Variance of the force along the bond about its mean at each length; data: 1.57 times."""
    spreads = []
    for kind in ("sum", "optimal"):
        chunk, _, _ = _mapped("ethane", 2, kind)
        assert chunk.forces is not None
        shape = (-1, 2, 3)
        between = chunk.positions.reshape(shape).diff(dim=1)[:, 0]
        pull = (chunk.forces.reshape(shape).diff(dim=1)[:, 0] * between).sum(1)
        length = between.norm(dim=1)
        pull = pull / length / 2
        bins = (length / 0.01).long()
        counts = torch.bincount(bins)
        means = torch.bincount(bins, weights=pull) / counts.clamp(min=1)
        spreads.append(float((pull - means[bins]).square().mean()))
    assert spreads[0] / spreads[1] > 1.4
