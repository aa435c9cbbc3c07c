from dataclasses import replace
from pathlib import Path

import pytest
import torch
from MDAnalysis.lib.formats.libdcd import DCDFile
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.mapping.autoencoder import encoder
from autograin_cli.mapping.bead_trajectory import (
    BeadTrajectory,
    choose_force_maps,
    map_beads,
    system_trajectory,
)
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk, DerivedTrajectory, StoredTrajectory, take_frames
from autograin_cli.units import thermal_energy
from systems import aniline, molecule, springs

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def by_hand(molecule: Molecule, assignment: Tensor) -> Mapping:
    assert molecule.masses is not None
    shares = torch.nn.functional.one_hot(assignment).T.double()
    n_beads, n_atoms = shares.shape
    return Mapping(
        molecule=molecule,
        assignment=assignment,
        encoder=encoder(shares, molecule.masses),
        decoder=shares.T,
        force_map=shares,
        force_map_kind="sum",
        bead_names=tuple("ABCDEFGH"[:n_beads]),
        bead_types=tuple("ABCDEFGH"[:n_beads]),
        bead_masses=None,
        bead_bonds=torch.tensor([[i, i + 1] for i in range(n_beads - 1)]),
        rigid_groups=torch.full((n_atoms,), -1),
        orbits=torch.arange(n_atoms),
        mean_structure=torch.zeros(n_atoms, 3).double(),
        certificate=None,
        history=None,
    )


def two_anilines(n_frames: int) -> tuple[StoredTrajectory, Mapping]:
    """Springs along the bonds of two anilines in a frame, the atoms of both in turn."""
    molecule = aniline()
    system = springs(molecule.bonds, 14, seed=1)
    positions = system.draw(2 * n_frames, seed=2)
    forces = system.forces(positions)
    order = torch.arange(28).reshape(14, 2).T
    positions, forces = (
        torch.stack((x[:n_frames], x[n_frames:]), dim=2).flatten(1, 2) for x in (positions, forces)
    )
    trajectory = StoredTrajectory(Chunk(positions, torch.arange(n_frames).double(), None, forces))
    assignment = torch.tensor([0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0])
    return trajectory, by_hand(replace(molecule, copies=order), assignment)


def in_chunks(trajectory: StoredTrajectory, size: int) -> DerivedTrajectory:
    """The same frames, in chunks of another size."""

    class Pieces:
        n_frames, n_atoms = trajectory.n_frames, trajectory.n_atoms
        has_forces, keeper = trajectory.has_forces, None

        def chunks(self, first=0):  # type: ignore[no-untyped-def]
            for rows in torch.arange(first, self.n_frames).split(size):
                yield take_frames(trajectory.chunk, rows)

    return DerivedTrajectory(Pieces(), lambda c: c, trajectory.n_atoms, trajectory.has_forces)


@pytest.mark.parametrize("kind", ["sum", "projected"])
def test_beads_have_the_positions_and_forces_of_the_mapping(kind: str) -> None:
    atoms, mapping = two_anilines(30)
    (maps,) = choose_force_maps(atoms, [mapping], kind)
    (chunk,) = BeadTrajectory(atoms, (mapping,), (maps,)).chunks()
    assert chunk.forces is not None and atoms.chunk.forces is not None
    mapped = replace(mapping, force_map=maps.force_map, force_map_kind=kind)
    assert torch.equal(chunk.positions, mapped.map_positions(atoms.chunk.positions).flatten(1, 2))
    assert torch.allclose(
        chunk.forces, mapped.map_forces(atoms.chunk.forces).flatten(1, 2), rtol=1e-12
    )


def test_each_block_is_mapped_with_the_map_chosen_without_it() -> None:
    atoms, mapping = two_anilines(40)
    (maps,) = choose_force_maps(atoms, [mapping], "optimal")
    assert maps.of_blocks.shape == (4, 2, 14)
    (chunk,) = BeadTrajectory(atoms, (mapping,), (maps,)).chunks()
    assert chunk.forces is not None and atoms.chunk.forces is not None
    for block in range(4):
        here = slice(10 * block, 10 * block + 10)
        mapped = replace(mapping, force_map=maps.of_blocks[block])
        expected = mapped.map_forces(atoms.chunk.forces[here]).flatten(1, 2)
        assert torch.allclose(chunk.forces[here], expected, rtol=1e-12)


def test_chunks_do_not_change_the_forces() -> None:
    atoms, mapping = two_anilines(40)
    (maps,) = choose_force_maps(atoms, [mapping], "optimal")
    (whole,) = BeadTrajectory(atoms, (mapping,), (maps,)).chunks()
    pieces = list(BeadTrajectory(in_chunks(atoms, 7), (mapping,), (maps,)).chunks())
    assert whole.forces is not None
    joined = torch.cat([piece.forces for piece in pieces if piece.forces is not None])
    assert torch.equal(joined, whole.forces)
    (again,) = choose_force_maps(in_chunks(atoms, 7), [mapping], "optimal")
    assert torch.allclose(again.of_blocks, maps.of_blocks, rtol=0, atol=1e-6)


def test_equivalent_atoms_have_equal_shares_in_the_optimal_force() -> None:
    atoms, mapping = two_anilines(60)
    force_map = choose_force_maps(atoms, [mapping], "optimal")[0].force_map
    for left, right in ((1, 5), (2, 4), (7, 11), (8, 10), (12, 13)):
        assert torch.allclose(force_map[:, left], force_map[:, right], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["sum", "projected", "optimal"])
def test_a_mapping_that_splits_a_rigid_group_is_refused_for_every_force_map(kind: str) -> None:
    atoms, mapping = two_anilines(10)
    rigid = torch.full((14,), -1)
    rigid[[0, 2]] = 0
    with pytest.raises(InputError, match="C1 in bead 0, C3 in bead 1"):
        choose_force_maps(atoms, [replace(mapping, rigid_groups=rigid)], kind)


@pytest.mark.parametrize("kind", ["sum", "projected", "optimal"])
def test_the_virial_of_terphenyl_is_that_of_free_beads(kind: str) -> None:
    """<F_I·(z_J - z̄)> = -3 kT (delta_IJ - 1/N) on the sample data, within 4 standard errors."""
    atoms = StoredTrajectory(
        Chunk(
            torch.from_numpy(DCDFile(str(SAMPLES / "otp.dcd")).readframes().xyz).double(),
            torch.arange(3000).double(),
            None,
            torch.from_numpy(DCDFile(str(SAMPLES / "otp_forces.dcd")).readframes().xyz).double(),
        )
    )
    beads, _ = system_trajectory(atoms, [terphenyl()], kind)
    (chunk,) = beads.chunks()
    assert chunk.forces is not None
    centred = chunk.positions - chunk.positions.mean(1, keepdim=True)
    virial = torch.einsum("fid,fjd->fij", chunk.forces, centred)
    blocks = virial.reshape(30, -1, 3, 3).mean(1)
    standard_error = blocks.std(0) / 30**0.5
    expected = -3 * thermal_energy(300.0) * (torch.eye(3).double() - 1 / 3)
    assert ((virial.mean(0) - expected).abs() < 4 * standard_error).all()


def mixture(n_frames: int) -> tuple[StoredTrajectory, tuple[Mapping, Mapping]]:
    """Two anilines and three diatomic molecules in boxes, atoms of both types in turn."""
    anilines, mapping = two_anilines(n_frames)
    bond = springs(torch.tensor([[0, 1]]), 2, seed=5)
    apart = bond.draw(3 * n_frames, seed=6)
    small = [x.reshape(n_frames, 6, 3) for x in (apart, bond.forces(apart))]
    order = torch.randperm(34, generator=torch.Generator().manual_seed(7))
    place = order.argsort()
    chunk = anilines.chunk
    assert chunk.forces is not None
    positions, forces = (
        torch.cat(parts, dim=1)[:, order]
        for parts in zip((chunk.positions, chunk.forces), small, strict=True)
    )
    boxes = torch.eye(3).double() * (30 + torch.arange(n_frames).double())[:, None, None]
    diatomic = molecule("pair", "CH", [(0, 1)])
    pair = by_hand(
        replace(diatomic, copies=place[28:].reshape(3, 2)), torch.zeros(2, dtype=torch.int64)
    )
    aniline_there = replace(mapping.molecule, copies=place[mapping.molecule.copies])
    trajectory = StoredTrajectory(Chunk(positions, chunk.times, boxes, forces))
    return trajectory, (replace(mapping, molecule=aniline_there), pair)


@pytest.mark.parametrize("kind", ["sum", "projected", "optimal"])
def test_beads_of_a_mixture_stand_type_after_type_copy_after_copy(kind: str) -> None:
    atoms, mappings = mixture(40)
    beads, maps = system_trajectory(atoms, mappings, kind)
    (chunk,) = beads.chunks()
    assert (beads.n_atoms, beads.n_frames, beads.has_forces) == (7, 40, True)
    assert chunk.boxes is atoms.chunk.boxes and chunk.boxes is not None
    assert chunk.forces is not None
    first = 0
    for mapping, one in zip(mappings, maps, strict=True):
        alone, (map_alone,) = system_trajectory(atoms, [mapping], kind)
        (expected,) = alone.chunks()
        here = slice(first, first := first + alone.n_atoms)
        assert torch.equal(chunk.positions[:, here], expected.positions)
        assert expected.forces is not None
        assert torch.equal(chunk.forces[:, here], expected.forces)
        assert torch.equal(one.force_map, map_alone.force_map)


def test_beads_without_forces_are_the_same_and_the_atoms_are_read_once() -> None:
    atoms, mappings = mixture(20)
    with_forces, _ = system_trajectory(atoms, mappings, "sum")
    beads = map_beads(in_chunks(atoms, 7), mappings)
    pieces = list(beads.chunks())
    assert not beads.has_forces and all(piece.forces is None for piece in pieces)
    (whole,) = with_forces.chunks()
    assert torch.equal(torch.cat([piece.positions for piece in pieces]), whole.positions)


def test_one_bead_carries_the_whole_molecule_whatever_the_noise() -> None:
    """W Eᵀ = 1 for one bead, and with pairwise forces alone W = 1: they cancel in the sum."""
    atoms, (_, pair) = mixture(60)
    _, (maps,) = system_trajectory(atoms, [pair], "optimal")
    unit = maps.of_blocks @ pair.encoder.T
    assert torch.allclose(unit, torch.ones_like(unit), rtol=1e-12)
    assert torch.allclose(maps.force_map, torch.ones(1, 2).double(), rtol=0, atol=1e-6)


def terphenyl() -> Mapping:
    """The sample's ortho-terphenyl, one bead for each ring, with names and bonds of its PSF."""
    lines = (SAMPLES / "otp.psf").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if "!NATOM" in line)
    atoms = [line.split() for line in lines[start + 1 : start + 33]]
    start = next(n for n, line in enumerate(lines) if "!NBOND" in line)
    pairs = [int(word) - 1 for line in lines[start + 1 : start + 10] for word in line.split()]
    molecule = Molecule(
        name="OTP",
        atom_names=tuple(words[4] for words in atoms),
        elements=tuple(words[4][0] for words in atoms),
        masses=torch.tensor([float(words[7]) for words in atoms]).double(),
        bonds=torch.tensor(pairs[:68]).reshape(-1, 2).sort(dim=1).values,
        copies=torch.arange(32)[None],
    )
    return by_hand(molecule, torch.tensor([0] * 10 + [1] * 11 + [2] * 11))
