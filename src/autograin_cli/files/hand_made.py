"""Mappings made by hand, in files of other programs -> Mappings of what a trajectory holds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.atomistic import Reading
from autograin_cli.files.formats.frames import check_readable
from autograin_cli.files.mappings.ndx import read_ndx
from autograin_cli.files.mappings.openmscg import read_openmscg
from autograin_cli.files.mappings.votca import read_votca
from autograin_cli.files.mappings.written import beads_of_molecules
from autograin_cli.files.visible import visible
from autograin_cli.mapping.given import GivenBeads, given_mapping
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk

_LARGEST = 8 * 2**20  # bytes
_STRUCTURES = 2000  # that the decoder and the mean structure are taken from, at most

Chosen = Sequence[tuple[Molecule, GivenBeads]]


def is_hand_made(path: Path) -> bool:
    """Whether a file is, by its ending, a mapping made by hand and no artifact."""
    return path.suffix.lower() in _READERS


def read_hand_made(path: Path, reading: Reading) -> tuple[Mapping, ...]:
    """Read a mapping made by hand for the molecules of a trajectory.

    Atoms that no bead names stay unmapped, and so do types of molecules without beads. Decoder
    and mean structure are those of the first frames. Indices count the atoms of the trajectory as
    they are read, after any selection.

    Args:
        path: of an OpenMSCG mapping (.yaml, .yml), a VOTCA mapping (.xml) or index groups of
            GROMACS (.ndx).
        reading: of the trajectory.

    Returns:
        A mapping for each type of molecule that has beads.

    Raises:
        FileAccessError: the file cannot be read.
        InputError: it is too large, holds what is not known, or does not go with the molecules.
    """
    text = _text(path)
    try:
        chosen = _READERS[path.suffix.lower()](text, reading.molecules)
        first = next(iter(reading.trajectory.chunks()))
        return tuple(
            given_mapping(molecule, beads, _structures(first, molecule))
            for molecule, beads in chosen
        )
    except InputError as error:
        raise InputError(
            given=f"{visible(str(path))}: {error.given}",
            expected=error.expected,
            remedy=error.remedy,
            code=error.code,
        ) from error


def _text(path: Path) -> str:
    check_readable(path)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise FileAccessError(
            given=f"{visible(str(path))} cannot be read: {error.strerror}",
            expected="a file that exists and may be read",
            remedy="correct the name, or the permissions of the file",
        ) from error
    try:
        if len(content) <= _LARGEST:
            return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise InputError(
        given=f"{visible(str(path))} is too large, or not text in UTF-8",
        expected=f"at most {_LARGEST // 2**20} MiB of text",
        remedy="give the beads of one molecule alone: it stands for all copies",
    )


def _structures(first: Chunk, molecule: Molecule) -> Tensor:
    """Structures of a molecule, copies and frames alike, Å, (structures, atoms, 3)."""
    n_copies = molecule.n_copies
    total = first.n_frames * n_copies
    chosen = torch.linspace(0, total - 1, min(total, _STRUCTURES)).round().long()
    frames, copies = chosen // n_copies, chosen % n_copies
    return first.positions[frames[:, None], molecule.copies[copies]].double()


def _openmscg(text: str, molecules: Sequence[Molecule]) -> Chosen:
    n_atoms = sum(molecule.copies.numel() for molecule in molecules)
    return beads_of_molecules(read_openmscg(text, n_atoms), molecules)


def _votca(text: str, molecules: Sequence[Molecule]) -> Chosen:
    return (read_votca(text, molecules),)


def _ndx(text: str, molecules: Sequence[Molecule]) -> Chosen:
    return beads_of_molecules(read_ndx(text), molecules)


_READERS: dict[str, Callable[[str, Sequence[Molecule]], Chosen]] = {
    ".yaml": _openmscg,
    ".yml": _openmscg,
    ".xml": _votca,
    ".ndx": _ndx,
}
