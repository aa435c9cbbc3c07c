"""NetCDF files of AMBER: units, scales, boxes, times; nothing in a header is taken on trust."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
import pytest
from scipy.io import netcdf_file

from autograin_cli.errors import AutograinError, InputError
from autograin_cli.files.formats.netcdf import open_netcdf
from autograin_cli.files.formats.universe import quietly

RNG = np.random.default_rng(3)
N_FRAMES, N_ATOMS = 5, 7
POSITIONS, FORCES = RNG.normal(size=(2, N_FRAMES, N_ATOMS, 3)).astype(np.float32)


def _write(path: Path, variables: str, version: int = 2, **attributes: Any) -> Path:
    """Write some of the variables, with attributes of the forces."""
    file: Any
    with netcdf_file(path, "w", version=version) as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        file.program, file.programVersion = "sander", "1"
        for name, length in (("frame", None), ("atom", N_ATOMS), ("spatial", 3), ("cell", 3)):
            file.createDimension(name, length)
        made = {
            "time": ("f4", ("frame",), "picosecond", 0.5 * np.arange(N_FRAMES)),
            "coordinates": ("f4", ("frame", "atom", "spatial"), "angstrom", POSITIONS),
            "forces": ("f4", ("frame", "atom", "spatial"), "kilocalorie/mole/angstrom", FORCES),
            "cell_lengths": ("f8", ("frame", "cell"), "angstrom", [[10, 11, 12]] * N_FRAMES),
            "cell_angles": ("f8", ("frame", "cell"), "degree", [[90, 90, 60]] * N_FRAMES),
            "odd": ("S1", ("frame", "spatial"), "", [[b"a", b"b", b"c"]] * N_FRAMES),
        }
        for name in variables.split():
            kind, dimensions, unit, values = made[name]
            variable = file.createVariable(name, kind, dimensions)
            variable[:] = values
            variable.units = unit
            if name == "forces":
                for key, value in attributes.items():
                    setattr(variable, key, value)
    return path


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("others", ["", "time", "odd time cell_lengths cell_angles"])
@pytest.mark.parametrize(
    "vectors", ["coordinates", "forces", "coordinates forces", "forces odd coordinates"]
)
def test_frames_are_those_written(tmp_path: Path, version: int, others: str, vectors: str) -> None:
    file = open_netcdf(_write(tmp_path / "a.nc", f"{others} {vectors}", version))
    assert (file.n_frames, file.n_atoms, file.notes) == (N_FRAMES, N_ATOMS, ())
    assert file.timed == ("time" in others) and file.force_unit == "kcal/mol/A"
    if file.timed:
        assert file.times.tolist() == [0, 0.5, 1, 1.5, 2]
    rows = np.array([0, 3, 4])
    found = file.read(rows)
    assert file.holds_positions.all() == ("coordinates" in vectors) == (found.positions is not None)
    assert file.holds_forces.all() == ("forces" in vectors) == (found.forces is not None)
    if found.positions is not None:
        np.testing.assert_array_equal(found.positions, POSITIONS[rows])
    if found.forces is not None:
        np.testing.assert_allclose(found.forces, 4.184 * FORCES[rows].astype(float), rtol=1e-14)
    if "cell" in others:
        box = [[10, 0, 0], [5.5, 11 * np.sqrt(0.75), 0], [0, 0, 12]]
        np.testing.assert_allclose(found.boxes[1], box, atol=1e-13)  # type: ignore[index]
    else:
        assert found.boxes is None


def test_a_frame_is_that_of_mdanalysis(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.nc", "time coordinates forces cell_lengths cell_angles")
    with quietly():
        universe = MDAnalysis.Universe.empty(N_ATOMS, trajectory=True)
        universe.load_new(str(path), format="NCDF")
        step = universe.trajectory[3]
    found = open_netcdf(path).read(np.array([3]))
    np.testing.assert_allclose(found.forces[0], step.forces, rtol=1e-6)  # type: ignore[index]
    np.testing.assert_allclose(found.positions[0], step.positions, rtol=1e-6)  # type: ignore[index]
    np.testing.assert_allclose(found.boxes[0], step.triclinic_dimensions, atol=1e-5)  # type: ignore[index]


@pytest.mark.parametrize(
    ("attributes", "factor", "unit"),
    [
        ({"scale_factor": 20.455}, 4.184 * 20.455, "kcal/mol/A"),
        ({"units": "kilojoule/mole/nanometer"}, 0.1, "kJ/mol/nm"),
        ({"units": "amu*angstrom/picosecond^2"}, 0.01, "amu*angstrom/picosecond^2"),
        ({"units": ""}, 4.184, "kcal/mol/A"),
    ],
)
def test_units_and_scales_are_respected(
    tmp_path: Path, attributes: dict[str, Any], factor: float, unit: str
) -> None:
    file = open_netcdf(_write(tmp_path / "a.nc", "forces", **attributes))
    assert file.force_unit == unit
    found = file.read(np.arange(N_FRAMES)).forces
    np.testing.assert_allclose(found, factor * FORCES.astype(float), rtol=1e-7)  # type: ignore[arg-type]
    assert len(file.notes) == (attributes.get("units") == "")


@pytest.mark.parametrize("attributes", [{"units": "furlong"}, {"scale_factor": np.nan}])
def test_units_that_are_not_known_are_refused(tmp_path: Path, attributes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="with forces in"):
        open_netcdf(_write(tmp_path / "a.nc", "forces", **attributes))


def test_other_netcdf_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no coordinates or forces"):
        open_netcdf(_write(tmp_path / "a.nc", "time"))
    path = _write(tmp_path / "b.nc", "coordinates")
    path.write_bytes(path.read_bytes().replace(b"AMBER", b"OTHER"))
    with pytest.raises(InputError, match="convention of AMBER"):
        open_netcdf(path)
    (tmp_path / "c.nc").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match=r"version 4.*\n.*\n.*nccopy -3"):
        open_netcdf(tmp_path / "c.nc")
    (tmp_path / "d.nc").write_bytes(b"CDF\x02")
    with pytest.raises(InputError, match="no NetCDF file"):
        open_netcdf(tmp_path / "d.nc")


def test_a_file_that_was_left_open_is_read_to_its_end(tmp_path: Path) -> None:
    whole = _write(tmp_path / "a.nc", "time coordinates").read_bytes()
    path = tmp_path / "b.nc"
    path.write_bytes(whole[:4] + b"\xff\xff\xff\xff" + whole[8:])
    assert open_netcdf(path).n_frames == N_FRAMES
    path.write_bytes(whole[:4] + b"\0\0\0\3" + whole[8:])
    file = open_netcdf(path)
    assert file.n_frames == 3 and "bytes behind the 3 frames" in file.notes[0]
    path.write_bytes(whole[:4] + b"\0\0\0\6" + whole[8:])
    with pytest.raises(InputError, match="ends inside frame 5"):
        open_netcdf(path)


def test_no_damage_is_met_with_anything_but_a_message(tmp_path: Path) -> None:
    whole = _write(
        tmp_path / "a.nc", "time coordinates forces cell_lengths cell_angles"
    ).read_bytes()
    path, rng = tmp_path / "b.nc", np.random.default_rng(4)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, 900, rng.integers(1, 4)):
            damaged[place] ^= 1 << rng.integers(0, 8)
        path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)])
        with suppress(AutograinError):
            file = open_netcdf(path)
            file.read(np.arange(file.n_frames))
