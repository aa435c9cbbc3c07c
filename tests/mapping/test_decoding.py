"""Atoms from beads: x = D z for every copy, whatever the order of the atoms in a frame."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import export_models
from autograin_cli.errors import InputError, SettingError
from autograin_cli.mapping.decoding import (
    NEAR,
    Decoding,
    decode,
    in_window,
    laid_out,
    one_replica,
)
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.settings import MappingSettings, ReadingSettings
from autograin_cli.trajectory import Chunk, StoredTrajectory, join
from systems import ortho_terphenyl, springs


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def shuffled(mappings: tuple[Mapping, ...]) -> tuple[Mapping, ...]:
    """The same molecules, the atoms of all copies of all types in a random order in a frame."""
    n_atoms = sum(mapping.molecule.copies.numel() for mapping in mappings)
    order = torch.randperm(n_atoms, generator=torch.Generator().manual_seed(5))
    return tuple(
        replace(each, molecule=replace(each.molecule, copies=order[each.molecule.copies]))
        for each in mappings
    )


MIXTURE = shuffled(export_models.artifact().mappings)
N_BEADS = sum(mapping.n_beads * mapping.molecule.n_copies for mapping in MIXTURE)
N_ATOMS = sum(mapping.molecule.copies.numel() for mapping in MIXTURE)


def plain_decode(beads: np.ndarray, mappings: tuple[Mapping, ...]) -> np.ndarray:
    """D z, molecule by molecule."""
    atoms, first = np.full((len(beads), N_ATOMS, 3), np.nan), 0
    for mapping in mappings:
        for copy in mapping.molecule.copies.numpy():
            for f, frame in enumerate(beads):
                z = frame[first : first + mapping.n_beads]
                atoms[f, copy] = mapping.decoder.numpy() @ z
            first += mapping.n_beads
    return atoms


def otp(n_frames: int, **settings: object) -> tuple[StoredTrajectory, Mapping]:
    """Ortho-terphenyl on springs, and a mapping fitted to it."""
    molecule = ortho_terphenyl()
    positions = springs(molecule.bonds, molecule.n_atoms, seed=1).draw(n_frames, seed=2)
    atoms = StoredTrajectory(Chunk(positions, torch.arange(n_frames).double()))
    chosen = replace(MappingSettings(beads=3, anneal_seeds=1, method="exact"), **settings)  # type: ignore[arg-type]
    return atoms, fit_mapping(atoms, molecule, chosen)


def test_atoms_are_d_z_of_every_copy_of_every_type() -> None:
    beads = random(4, N_BEADS, 3)
    expected = plain_decode(beads.numpy(), MIXTURE)
    assert_same(decode(beads, MIXTURE), torch.from_numpy(expected))


def test_a_trajectory_of_atoms_becomes_d_e_x() -> None:
    atoms = random(5, N_ATOMS, 3)
    decoding = Decoding(MIXTURE)
    found = join(list(decoding.of_atoms([Chunk(atoms, torch.arange(5).double())]))).positions
    for mapping in MIXTURE:
        both = (mapping.decoder @ mapping.encoder).numpy()
        for copy in mapping.molecule.copies:
            expected = torch.from_numpy(both @ atoms[:, copy].numpy())
            assert_same(found[:, copy], expected)


def test_decoding_follows_every_shift_and_rotation() -> None:
    beads = 10 * random(3, N_BEADS, 3)
    rotation, shift = torch.linalg.qr(random(3, 3, seed=1)).Q, 100 * random(3, seed=2)
    moved = decode(beads @ rotation + shift, MIXTURE)
    assert_same(moved, decode(beads, MIXTURE) @ rotation + shift)


def test_chunks_of_any_length_give_the_same_atoms_and_the_same_sums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    atoms, times = random(11, N_ATOMS, 3), torch.arange(11).double()
    boxes = export_models.BOX.expand(11, 3, 3)
    whole, parts = Decoding(MIXTURE), Decoding(MIXTURE)
    (once,) = whole.of_atoms([Chunk(atoms, times, boxes)])
    monkeypatch.setattr("autograin_cli.mapping.decoding._NUMBERS", 2 * 3 * N_ATOMS)
    cut = [Chunk(atoms[a:b], times[a:b], boxes[a:b]) for a, b in ((0, 5), (5, 11))]
    chunks = list(parts.of_atoms(cut))
    assert [chunk.n_frames for chunk in chunks] == [2, 2, 1, 2, 2, 2]
    again = join(chunks)
    assert torch.equal(again.positions, once.positions)
    assert again.boxes is not None
    assert torch.equal(again.boxes, boxes)
    assert whole.tally.n_frames == parts.tally.n_frames == 11
    for one, other in zip(whole.tally.molecules, parts.tally.molecules, strict=True):
        assert (one.count, one.bonds, one.sound) == (other.count, other.bonds, other.sound)
        assert one.loss == pytest.approx(other.loss, rel=1e-12)


@pytest.mark.parametrize("symmetry", [True, False])
def test_the_error_over_the_training_frames_is_that_of_the_certificate(symmetry: bool) -> None:
    """One mapping per ring is its own image under every symmetry: then both are one number."""
    atoms, mapping = otp(60, symmetry=symmetry)
    assert mapping.certificate is not None
    assert mapping.reconstruction_errors is not None
    decoding = Decoding((mapping,))
    for _ in decoding.of_atoms(atoms.chunks()):
        pass
    (found,) = decoding.tally.molecules
    assert found.loss == pytest.approx(mapping.certificate.loss, rel=1e-10)
    mean_square = float(mapping.reconstruction_errors.square().mean())
    assert mean_square == pytest.approx(mapping.certificate.loss, rel=1e-12)
    if not symmetry:  # then atom by atom, too
        assert found.errors is not None
        assert_same(found.errors, mapping.reconstruction_errors)


def test_beads_alone_do_not_tell_the_error() -> None:
    decoding = Decoding(MIXTURE)
    assert decoding.tally.n_frames == 0
    for _ in decoding.of_beads([Chunk(random(2, N_BEADS, 3), torch.arange(2).double())]):
        pass
    assert [found.loss for found in decoding.tally.molecules] == [None, None]
    assert [found.errors for found in decoding.tally.molecules] == [None, None]


def test_bonds_are_sound_within_their_share_of_the_length_of_fitting() -> None:
    """Two atoms, one bead each: bonds are decoded as they are."""
    (mapping,) = (replace(m, decoder=torch.eye(2).double()) for m in [_two_beads()])
    lengths = torch.tensor([1.0 - 1.01 * NEAR, 1.0 - 0.99 * NEAR, 1.0, 1.0 + 0.99 * NEAR, 9.0])
    beads = torch.zeros(5, 2, 3).double()
    beads[:, 1, 2] = 2.0 * lengths
    decoding = Decoding((mapping,))
    for _ in decoding.of_beads([Chunk(beads, torch.arange(5).double())]):
        pass
    (found,) = decoding.tally.molecules
    assert found.sound_share == pytest.approx(3 / 5)
    # Without the length stored, the mean structure is the next best.
    structure = torch.tensor([[0.0, 0, 0], [18.0, 0, 0]]).double()
    older = Decoding((replace(mapping, bond_lengths=None, mean_structure=structure),))
    for _ in older.of_beads([Chunk(beads, torch.arange(5).double())]):
        pass
    assert older.tally.molecules[0].sound_share == pytest.approx(1 / 5)


def _two_beads() -> Mapping:
    (single,) = [each for each in MIXTURE if each.n_beads == 1]
    return replace(
        single,
        molecule=replace(single.molecule, copies=torch.tensor([[0, 1]])),
        encoder=torch.eye(2).double(),
        decoder=torch.eye(2).double(),
        bead_names=("A", "B"),
        bead_types=("A", "B"),
        bond_lengths=torch.tensor([2.0]).double(),
    )


def test_as_many_molecules_as_were_mapped_stand_where_they_stood() -> None:
    counts = [mapping.molecule.n_copies for mapping in MIXTURE]
    kept = laid_out(MIXTURE, counts)
    for mapping, before in zip(kept, MIXTURE, strict=True):
        assert torch.equal(mapping.molecule.copies, before.molecule.copies)


def test_other_numbers_of_molecules_stand_type_after_type() -> None:
    found = laid_out(MIXTURE, (2, 3))
    places = torch.cat([mapping.molecule.copies.flatten() for mapping in found])
    assert torch.equal(places, torch.arange(2 * 9 + 3 * 2))
    assert [mapping.molecule.n_copies for mapping in found] == [2, 3]


def test_molecules_among_others_that_were_not_mapped_move_up() -> None:
    (chain, _) = MIXTURE
    (found,) = laid_out((chain,), [chain.molecule.n_copies])
    assert torch.equal(found.molecule.copies.flatten(), torch.arange(9 * export_models.N_CHAINS))


def test_a_replica_is_its_beads() -> None:
    chunk = Chunk(random(3, 12, 3), torch.arange(3).double())
    (second,) = one_replica([chunk], 2, 4)
    assert torch.equal(second.positions, chunk.positions[:, 3:6])
    with pytest.raises(SettingError, match="from 1 to 4"):
        list(one_replica([chunk], 5, 4))
    with pytest.raises(SettingError, match="one system"):
        list(one_replica([chunk], 2, 1))


@pytest.mark.parametrize(
    ("begin", "end", "stride", "expected"),
    [
        (None, None, 1, range(10)),
        (None, None, 4, (0, 4, 8)),
        (0.3, None, 1, range(3, 10)),
        (None, 0.7, 1, range(7)),
        (0.3, 0.9, 2, (3, 5, 7)),
    ],
)
def test_a_window_is_the_same_however_the_frames_are_cut(
    begin: float | None, end: float | None, stride: int, expected: range | tuple[int, ...]
) -> None:
    """Times are sums of 0.1 in single precision: neither end is hit exactly."""
    times = torch.from_numpy(np.cumsum(np.full(10, 0.1, np.float32)).astype(float)) - 0.1
    positions = torch.arange(10).double().reshape(10, 1, 1).expand(10, 2, 3)
    chosen = ReadingSettings(begin=begin, end=end, stride=stride)
    for length in (1, 3, 10):
        rows = torch.arange(10).split(length)
        chunks = [Chunk(positions[part], times[part]) for part in rows]
        found = join(list(in_window(chunks, chosen)))
        assert found.positions[:, 0, 0].tolist() == list(expected)


def test_a_window_without_frames_is_refused() -> None:
    chunk = Chunk(random(3, 2, 3), torch.arange(3).double())
    with pytest.raises(InputError, match=r"(?s)from 5 ps to before no bound.*frames at 0 to 2 ps"):
        list(in_window([chunk], ReadingSettings(begin=5.0)))
