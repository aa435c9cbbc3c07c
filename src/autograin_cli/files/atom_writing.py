"""Frames of atoms as a file for other programs, in every format that MDAnalysis can write."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
import torch
from MDAnalysis.lib.mdamath import triclinic_box

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.files.exports.pdb import short_names
from autograin_cli.files.formats.universe import quietly
from autograin_cli.files.output import NewFile, as_access_error, check_output
from autograin_cli.files.storage.disk import DiskFile
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.files.visible import visible
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.trajectory import Chunk
from autograin_cli.units import angstrom_from_nm

_RESIDUE = 4  # characters of a residue's name
_MOST_BONDED = 99999  # atoms that CONECT records of a PDB file can name
_SKEW = 1e-6  # Å


@dataclass(frozen=True)
class _Format:
    """What a format holds.

    writer: its name in MDAnalysis; '' where this program writes it.
    frames: whether it holds more than one.
    box: of 'every frame', 'the first frame' or 'none'.
    least, most: coordinates that fit, Å.
    options: of the writer.
    """

    writer: str
    frames: bool = True
    box: str = "every frame"
    least: float = -inf
    most: float = inf
    options: tuple[tuple[str, Any], ...] = ()


_NC = _Format("NCDF")
_PDB = _Format("PDB", box="the first frame", least=-999.999, most=9999.999)
_H5MD = _Format(
    "H5MD",
    options=(
        ("lengthunit", "Angstrom"),
        ("timeunit", "ps"),
        ("velocities", False),
        ("forces", False),
    ),
)
_FORMATS = {
    ".xtc": _Format(""),
    ".trr": _Format(""),
    ".dcd": _Format(""),
    ".pdb": _PDB,
    ".ent": _PDB,
    ".gro": _Format(
        "GRO",
        frames=False,
        least=angstrom_from_nm(-999.999),
        most=angstrom_from_nm(9999.999),
    ),
    ".xyz": _Format("XYZ", box="none"),
    ".nc": _NC,
    ".ncdf": _NC,
    ".h5md": _H5MD,
    ".crd": _Format("CRD", frames=False, box="none", options=(("extended", True),)),
    ".coor": _Format("NAMDBIN", frames=False, box="none"),
    ".in": _Format("FHIAIMS", frames=False),
}


def check_atoms_output(path: Path, overwrite: bool) -> None:
    """Check, before hours of work, that atoms can be written to a file.

    Raises:
        SettingError: the ending is of a format that is not written.
        OutputExistsError, FileAccessError: as `check_output` says.
    """
    _format(path)
    check_output(path, overwrite)


def _format(path: Path) -> _Format:
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise SettingError(
            given=f"{visible(str(path))} as a file of atoms to write",
            expected="a name that ends in " + ", ".join(_FORMATS),
            remedy="give the file the ending of one of these formats; others need what is not "
            "known here, such as charges or types of a force field",
        )
    return found


def write_atoms(
    path: Path, chunks: Iterator[Chunk], mappings: Sequence[Mapping], *, overwrite: bool
) -> tuple[str, ...]:
    """Write frames of atoms to a file of the format that its ending says; whole or not at all.

    Each copy of a molecule is a residue. Formats without names hold positions, times and boxes.

    Args:
        path: of the file.
        chunks: the frames.
        mappings: of the types of molecules, whose copies are all atoms of a frame.
        overwrite: whether a file that is there is replaced.

    Returns:
        What the format does not hold, one line each.

    Raises:
        SettingError: the ending is of no such format, or there are frames beyond the only one
            that it holds.
        OutputExistsError: the file is there already, and is not to be overwritten.
        FileAccessError: it cannot be written.
        InputError: there are no frames, or a coordinate or a box does not fit the format.
    """
    form = _format(path)
    fit = _Fit(path, form)
    frames = fit.checked(chunks)
    if not form.writer:
        write_trajectory(path, frames, overwrite=overwrite)
        return tuple(fit.notes)
    with NewFile(path, overwrite=overwrite) as file:
        with as_access_error(path), _opened(file.temporary, form, mappings) as writer:
            for frame in _single_frames(frames, path, form):
                writer.write(*frame)
        file.commit()
    return tuple(fit.notes)


@dataclass(frozen=True)
class _Fit:
    """Whether frames fit a format.

    path: of the file.
    form: its format.
    notes: what the format does not hold of the frames that have passed.
    """

    path: Path
    form: _Format
    notes: list[str] = field(default_factory=list)

    def checked(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Yield chunks whose coordinates fit; note what is lost of their boxes."""
        first = None
        for chunk in chunks:
            self._check_coordinates(chunk.positions)
            if chunk.boxes is not None:
                first = chunk.boxes[0] if first is None else first
                self._note(bool((chunk.boxes != first).any()))
            yield chunk

    def _check_coordinates(self, positions: torch.Tensor) -> None:
        least, most = float(positions.min()), float(positions.max())
        if least < self.form.least or most > self.form.most:
            wrong = least if least < self.form.least else most
            raise InputError(
                given=f"a coordinate of {wrong:.7g} Å for {visible(str(self.path))}",
                expected=f"from {self.form.least:.8g} to {self.form.most:.8g} Å, all that it holds",
                remedy="write TRR, DCD or NC, or leave out with --end the frames where molecules "
                "have gone so far",
            )

    def _note(self, box_changes: bool) -> None:
        kind = self.path.suffix[1:].upper()
        if self.form.box == "none":
            note = f"{kind} holds no box: that of the frames is left out"
        elif self.form.box == "the first frame" and box_changes:
            note = f"{kind} holds one box, that of the first frame: others differ"
        else:
            return
        self.notes[:] = dict.fromkeys((*self.notes, note))


_Frame = tuple[np.ndarray, np.ndarray | None, float]  # positions and box vectors, Å; time, ps


def _single_frames(chunks: Iterator[Chunk], path: Path, form: _Format) -> Iterator[_Frame]:
    """Yield the frames of chunks one by one; no more than the format holds."""
    n_frames = 0
    for chunk in chunks:
        for f, time in enumerate(chunk.times.tolist()):
            n_frames += 1
            if n_frames > 1 and not form.frames:
                raise SettingError(
                    given=f"more than one frame for {visible(str(path))}",
                    expected=f"one frame: {path.suffix[1:].upper()} holds no more",
                    remedy="choose it with --begin and --end, or keep the first with a --stride "
                    "that passes over the others; or write PDB, XTC or another format",
                )
            yield chunk.positions[f].numpy(), _vectors(chunk.boxes, f, path), time


def _vectors(boxes: torch.Tensor | None, f: int, path: Path) -> np.ndarray | None:
    """Box vectors of a frame, Å, (3, 3), as edges and angles can tell them."""
    if boxes is None:
        return None
    box = boxes[f].numpy()
    if np.abs(np.triu(box, 1)).max() > _SKEW:
        raise InputError(
            given=f"a box whose vectors are {box.tolist()} Å for {visible(str(path))}",
            expected="the first vector along x, the second in the plane xy: all that it holds",
            remedy="write XTC or TRR",
        )
    return box


@dataclass(frozen=True)
class _Writer:
    """A writer of MDAnalysis, and the universe whose frame it writes."""

    writer: Any
    universe: Any

    def write(self, positions: np.ndarray, box: np.ndarray | None, time: float) -> None:
        """Write a frame."""
        step = self.universe.trajectory.ts
        step.positions, step.time = positions, time
        step.dimensions = None if box is None else triclinic_box(*box)
        with quietly():
            self.writer.write(self.universe.atoms)
        step.frame += 1
        step.data["step"] = step.frame


@contextmanager
def _opened(path: Path, form: _Format, mappings: Sequence[Mapping]) -> Iterator[_Writer]:
    """Open a file for frames, and close it, which may write its end."""
    universe = _universe(mappings, form)
    universe.trajectory.ts.data["step"] = 0
    # HDF5 ends the process, or says nothing, where the disk is full.
    disk = DiskFile(path) if form is _H5MD else None
    with quietly():
        writer = MDAnalysis.Writer(
            disk or str(path),
            n_atoms=len(universe.atoms),
            format=form.writer,
            multiframe=form.frames,
            **dict(form.options),
        )
    try:
        yield _Writer(writer, universe)
    finally:
        with quietly():
            writer.close()
        if disk:
            writer.h5md_file.close()  # which MDAnalysis leaves to the end of the process
            disk.close()
    if disk:
        disk.check()


def _universe(mappings: Sequence[Mapping], form: _Format) -> Any:
    """Names, residues, elements and bonds of the atoms of a frame; a residue is a molecule."""
    titles = plain_names([mapping.molecule.name for mapping in mappings], _RESIDUE)
    shortened = [short_names(mapping.molecule.atom_names) for mapping in mappings]
    molecules = sorted(
        # As arrays: NumPy would take a tensor of one atom for a single number.
        ((copy, number) for number, m in enumerate(mappings) for copy in m.molecule.copies.numpy()),
        key=lambda found: int(found[0].min()),
    )
    n_atoms = sum(len(copy) for copy, _ in molecules)
    residue_of, names, elements = (np.empty(n_atoms, dtype) for dtype in (np.int64, object, object))
    for residue, (copy, number) in enumerate(molecules):
        residue_of[copy] = residue
        names[copy] = shortened[number]
        elements[copy] = mappings[number].molecule.elements
    universe = MDAnalysis.Universe.empty(
        n_atoms, n_residues=len(molecules), atom_resindex=residue_of, trajectory=True
    )
    universe.add_TopologyAttr("names", names)
    universe.add_TopologyAttr("resnames", [titles[number] for _, number in molecules])
    universe.add_TopologyAttr("resids", np.arange(1, len(molecules) + 1))
    universe.add_TopologyAttr("chainIDs", ["A"] * n_atoms)
    if form is _PDB or all(elements):  # else XYZ takes the names
        universe.add_TopologyAttr("elements", elements)
    if form is _PDB and n_atoms <= _MOST_BONDED:
        universe.add_TopologyAttr("bonds", _bonds(mappings).tolist())
    return universe


def _bonds(mappings: Sequence[Mapping]) -> torch.Tensor:
    """Bonded pairs of atoms of a frame, (bonds, 2)."""
    pairs = [each.molecule.copies[:, each.molecule.bonds].flatten(0, 1) for each in mappings]
    return torch.cat(pairs)
