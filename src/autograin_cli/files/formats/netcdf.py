"""NetCDF files by the convention of AMBER: positions or forces, or both; Å and kcal/(mol Å).

Source: AMBER NetCDF Trajectory/Restart Convention, version 1.0, revision C. Only the classic format
is read, as that convention asks for.
"""

import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.formats.boxes import boxes_of_cells
from autograin_cli.files.formats.frames import (
    FrameFile,
    Frames,
    corrupt,
    cut_off,
    read_ranges,
    wrong_format,
)
from autograin_cli.files.formats.netcdf_header import Header, Variable, read_header
from autograin_cli.files.formats.written_units import force_in, length_in, same_force, time_in
from autograin_cli.files.visible import visible

_FORCE_UNIT = "kilocalorie/mole/angstrom"  # where a file does not say
_HDF5 = b"\x89HDF"


@dataclass(frozen=True)
class _Array:
    """An array of numbers that stands in every record, or in the only frame.

    variable: where and how.
    factor: of ours in one of its units.
    """

    variable: Variable
    factor: float

    def of(self, records: np.ndarray, first: int) -> np.ndarray:
        """Take it out of whole records.

        Args:
            records: bytes, (frames, bytes), uint8.
            first: byte of the file with which the first record begins.

        Returns:
            In our units, (frames, ...), float64.
        """
        begin = self.variable.begin - first
        stored = records[:, begin : begin + self.variable.n_bytes]
        numbers = np.ascontiguousarray(stored).view(self.variable.dtype)
        shaped: np.ndarray = numbers.reshape(len(records), *self.variable.shape)
        return shaped.astype(np.float64) * self.factor


@dataclass(frozen=True)
class _Records:
    """Records of a file, and what is read of them.

    begin: byte of the first.
    size: bytes of each.
    positions, forces, lengths, angles: None where there are none.
    """

    begin: int
    size: int
    positions: _Array | None
    forces: _Array | None
    lengths: _Array | None
    angles: _Array | None


def open_netcdf(path: Path) -> FrameFile:
    """Find the frames of a NetCDF file.

    Raises:
        InputError: it is none of AMBER, cut off or damaged, or in units that are not known.
    """
    header = _header(path)
    if "AMBER" not in str(header.attributes.get("Conventions", "")):
        raise _not_amber(path, "does not follow the convention of AMBER")
    records = _records(path, header)
    n_frames = _n_frames(path, header, records)
    times = _times(path, header, records, n_frames)
    force_unit = _text(header.variables.get("forces"), "units") or _FORCE_UNIT
    everywhere = np.ones(n_frames, dtype=bool)
    shown = records.positions or records.forces
    return FrameFile(
        path=path,
        n_atoms=shown.variable.shape[0] if shown else 0,
        times=np.arange(n_frames, dtype=np.float64) if times is None else times,
        timed=times is not None,
        holds_positions=everywhere & (records.positions is not None),
        holds_forces=everywhere & (records.forces is not None),
        read=partial(_read, path, records),
        notes=_notes(path, header, records, n_frames),
        force_unit=same_force(force_unit) or force_unit,
    )


def _header(path: Path) -> Header:
    with path.open("rb") as file:
        if file.read(4) == _HDF5:
            raise _not_amber(path, "is a NetCDF file of version 4")
        file.seek(0)
        try:
            return read_header(file)
        except (ValueError, struct.error, KeyError, IndexError, OverflowError):
            raise wrong_format(path, "NetCDF") from None


def _not_amber(path: Path, what: str) -> InputError:
    return InputError(
        given=f"{visible(str(path))} {what}",
        expected="a trajectory or forces as the programs of AMBER write them (NetCDF 3)",
        remedy="convert it with cpptraj, or with nccopy -3 if it is of version 4",
        code="format",
    )


def _records(path: Path, header: Header) -> _Records:
    inside = [v for v in header.variables.values() if v.in_records]
    found = {
        name: _array(path, name, header.variables.get(name))
        for name in ("coordinates", "forces", "cell_lengths", "cell_angles")
    }
    shapes = {found[n].variable.shape for n in ("coordinates", "forces") if found[n]}  # type: ignore[union-attr]
    if len(shapes) != 1 or any(len(s) != 2 or s[1] != 3 or s[0] < 1 for s in shapes):
        raise _not_amber(path, "has no coordinates or forces of all atoms in its frames")
    periodic = found["cell_lengths"] is not None and found["cell_angles"] is not None
    return _Records(
        begin=min(v.begin for v in inside),
        size=header.record_size,
        positions=found["coordinates"],
        forces=found["forces"],
        lengths=found["cell_lengths"] if periodic else None,
        angles=found["cell_angles"] if periodic else None,
    )


def _array(path: Path, name: str, variable: Variable | None) -> _Array | None:
    if variable is None or not variable.in_records or variable.dtype.kind not in "fiu":
        return None
    scale = variable.attributes.get("scale_factor", 1.0)
    unit = _text(variable, "units")
    factor = {"forces": force_in(unit or _FORCE_UNIT), "cell_angles": 1.0}.get(
        name, length_in(unit or "angstrom")
    )
    number = np.asarray(scale, dtype=np.float64) if not isinstance(scale, str) else np.array(np.nan)
    if factor is None or number.size != 1 or not np.isfinite(number).all():
        raise InputError(
            given=f"{visible(str(path))} with {name} in {visible(unit or str(scale))!r}",
            expected="a unit that is known, as angstrom, or kilocalorie/mole/angstrom",
            remedy="write it anew with cpptraj",
            code="format",
        )
    return _Array(variable, factor * float(number.reshape(())))


def _text(variable: Variable | None, name: str) -> str | None:
    value = variable.attributes.get(name) if variable else None
    return value.strip() if isinstance(value, str) and value.strip() else None


def _n_frames(path: Path, header: Header, records: _Records) -> int:
    """Count the frames, and check that they are all there."""
    size = path.stat().st_size
    ends = [v.begin - records.begin + v.n_bytes for v in header.variables.values() if v.in_records]
    if records.size < 1 or records.begin > size or max(ends) > records.size:
        raise corrupt(path, 0, "its header makes no sense")
    # What pads the last record need not be there.
    n_there = (size - records.begin + records.size - max(ends)) // records.size
    n_said = n_there if header.n_records is None else header.n_records
    if n_there < n_said or n_said < 1:
        raise cut_off(path, n_there)
    return n_said


def _times(path: Path, header: Header, records: _Records, n_frames: int) -> np.ndarray | None:
    """Times of the frames, ps; None where there are none."""
    variable = header.variables.get("time")
    if variable is None or not variable.in_records or variable.shape:
        return None
    factor = time_in(_text(variable, "units") or "picosecond")
    if factor is None or variable.dtype.kind not in "fiu":
        return None
    offsets = variable.begin + records.size * np.arange(n_frames, dtype=np.int64)
    sizes = np.full(n_frames, variable.n_bytes, dtype=np.int64)
    data, _ = read_ranges(path, offsets, sizes)
    stored = data[: int(sizes.sum())].view(variable.dtype)
    times: np.ndarray = stored.astype(np.float64) * factor
    return times


def _notes(path: Path, header: Header, records: _Records, n_frames: int) -> tuple[str, ...]:
    name, notes = visible(str(path)), []
    behind = path.stat().st_size - records.begin - n_frames * records.size
    if behind >= records.size:
        notes.append(
            f"{name} has {behind} bytes behind the {n_frames} frames that its header announces: "
            "they are not read"
        )
    if records.forces and not _text(header.variables["forces"], "units"):
        notes.append(f"{name} does not tell the unit of its forces: that of AMBER, {_FORCE_UNIT}")
    return tuple(notes)


def _read(path: Path, records: _Records, rows: np.ndarray) -> Frames:
    arrays = (records.positions, records.forces, records.lengths, records.angles)
    # The last record may lack its padding.
    size = max(a.variable.begin - records.begin + a.variable.n_bytes for a in arrays if a)
    data, _ = read_ranges(path, records.begin + rows * records.size, np.full(len(rows), size))
    table = data[: len(rows) * size].reshape(len(rows), size)
    positions, forces, lengths, angles = (
        None if array is None else array.of(table, records.begin) for array in arrays
    )
    boxes = None
    if lengths is not None and angles is not None:
        boxes = boxes_of_cells(lengths, np.cos(np.radians(angles)))
    return Frames(positions=positions, boxes=boxes, forces=forces)
