"""Structures to train on: spread over a trajectory, and all of them in the end."""

from dataclasses import replace

import torch

from autograin_cli.joint.structures import passes_wanted, sample
from autograin_cli.trajectory import Chunk, StoredTrajectory
from spring_chains import spring_chain


def test_drawings_share_no_structure_and_together_hold_all() -> None:
    """Of two copies in 5000 frames; the block is that of the frame, the centre is taken off."""
    n_frames, n_atoms = 5000, 6
    _, one = spring_chain(2)
    molecule = replace(one, copies=torch.arange(2 * n_atoms).reshape(2, n_atoms))
    shape = torch.arange(2.0 * n_atoms).reshape(2, n_atoms, 1).double()
    numbers = torch.arange(2 * n_frames).double().reshape(n_frames, 2, 1, 1)
    forces = numbers.expand(n_frames, 2, n_atoms, 3).reshape(n_frames, 2 * n_atoms, 3)
    positions = (shape + numbers).expand(n_frames, 2, n_atoms, 3).reshape(forces.shape)
    times = torch.arange(n_frames).double()
    atoms = StoredTrajectory(Chunk(positions, times, None, forces))
    n_passes = passes_wanted(atoms, molecule)
    assert n_passes == 3
    drawn = [sample(atoms, molecule, 10, number) for number in range(n_passes)]
    seen = torch.cat([each.forces[:, 0, 0] for each in drawn])
    assert torch.equal(seen.sort().values, torch.arange(2.0 * n_frames).double())
    for each in drawn:
        assert len(each.blocks) <= 4096
        assert torch.equal(each.blocks, (each.forces[:, 0, 0] // 2).long() * 10 // n_frames)
        expected = (torch.arange(n_atoms) - 2.5).double()
        torch.testing.assert_close(each.positions[:, :, 0], expected.expand(len(each.blocks), -1))
