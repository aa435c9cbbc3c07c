"""H5MD: units, steps, groups and boxes in several dialects, and files that mean harm."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import MDAnalysis
import numpy as np
import pytest

from autograin_cli.errors import AutograinError, InputError
from autograin_cli.files.formats.foreign_hdf5 import check_heaps
from autograin_cli.files.formats.h5md import open_h5md
from autograin_cli.files.formats.universe import quietly

RNG = np.random.default_rng(2)
X, F = RNG.normal(size=(2, 6, 4, 3))
STEPS = 10 * np.arange(6)


def _group(file: h5py.File, name: str = "all", boundary: str = "none") -> h5py.Group:
    if "h5md" not in file:
        file.create_group("h5md").attrs["version"] = [1, 1]
    group = file.create_group(f"particles/{name}")
    group.create_group("box").attrs.update(dimension=3, boundary=[boundary] * 3)
    return group


def _element(
    group: h5py.Group,
    name: str,
    values: Any,
    steps: Any = STEPS,
    unit: str = "",
    time_unit: str = "",
) -> h5py.Group:
    element = group.create_group(name)
    element["value"], element["step"] = values, steps
    element["time"] = 0.002 * np.asarray(steps)
    for where, text in (("value", unit), ("time", time_unit)):
        if text:
            element[where].attrs["unit"] = text
    return element


def _path(tmp_path: Path) -> Path:
    return tmp_path / "a.h5md"


def test_frames_of_mdanalysis_are_those_written(tmp_path: Path) -> None:
    universe = MDAnalysis.Universe.empty(4, trajectory=True, forces=True)
    options = {"lengthunit": "nm", "timeunit": "ns", "forceunit": "kJ/(mol*nm)", "forces": True}
    with (
        quietly(),
        MDAnalysis.Writer(str(_path(tmp_path)), 4, velocities=False, **options) as writer,
    ):
        for frame in range(6):
            step = universe.trajectory.ts
            step.positions, step.forces, step.time = X[frame], F[frame], 0.5 * frame
            step.dimensions, step.data["step"] = [10, 11, 12, 90, 90, 60], int(STEPS[frame])
            writer.write(universe.atoms)
        writer.h5md_file.close()  # MDAnalysis leaves it open
    file = open_h5md(_path(tmp_path))
    assert (file.n_atoms, file.force_unit, file.notes) == (4, "kJ/mol/nm", ())
    assert file.steps is not None and file.steps.tolist() == STEPS.tolist()
    np.testing.assert_allclose(file.times, 0.5 * np.arange(6), rtol=1e-6)
    found = file.read(np.arange(6))
    np.testing.assert_allclose(found.positions, X, rtol=1e-6)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.forces, F, rtol=1e-6)  # type: ignore[arg-type]
    box = [[10, 0, 0], [5.5, 11 * np.sqrt(0.75), 0], [0, 0, 12]]
    np.testing.assert_allclose(found.boxes[2], box, atol=1e-5)  # type: ignore[index]


def test_forces_at_other_steps_belong_to_frames_of_their_own(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        group = _group(file)
        _element(group, "position", X[:4], [0, 10, 20, 30], "Angstrom", "ps")
        _element(group, "force", F[:3], [10, 25, 30], "kcal mol-1 Angstrom-1", "ps")
    found = open_h5md(_path(tmp_path))
    assert found.steps is not None and found.steps.tolist() == [0, 10, 20, 25, 30]
    assert found.holds_positions.tolist() == [True, True, True, False, True]
    assert found.holds_forces.tolist() == [False, True, False, True, True]
    np.testing.assert_allclose(found.times, [0, 0.02, 0.04, 0.05, 0.06], rtol=1e-12)
    both = found.read(np.array([1, 4]))
    np.testing.assert_array_equal(both.positions, X[[1, 3]])
    np.testing.assert_allclose(both.forces, 4.184 * F[[0, 2]], rtol=1e-12)  # type: ignore[arg-type]
    assert found.read(np.array([0, 1])).forces is None


def test_a_step_may_be_an_increment(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        element = _element(_group(file), "position", X, np.zeros(6), "nm")
        del element["step"], element["time"]
        element["step"], element["time"] = 5, 0.01
        element["step"].attrs["offset"] = 100
    found = open_h5md(_path(tmp_path))
    assert found.steps is not None and found.steps.tolist() == [100, 105, 110, 115, 120, 125]
    np.testing.assert_allclose(found.times, 0.01 * np.arange(6), rtol=1e-12)


def test_without_units_forces_are_as_stored(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        group = _group(file)
        _element(group, "position", X)
        _element(group, "force", F)
    found = open_h5md(_path(tmp_path))
    assert found.force_unit is None
    assert len(found.notes) == 2 and "taken for Å" in found.notes[0]
    np.testing.assert_array_equal(found.read(np.arange(6)).forces, F)


@pytest.mark.parametrize("what", ["position", "force", "time"])
def test_units_that_are_not_known_are_refused(tmp_path: Path, what: str) -> None:
    units = {"position": "nm", "force": "kJ mol-1 nm-1", "time": "ps", what: "furlong"}
    with h5py.File(_path(tmp_path), "w") as file:
        group = _group(file)
        for name, values in (("position", X), ("force", F)):
            _element(group, name, values, STEPS, units[name], units["time"])
    with pytest.raises(InputError, match="furlong"):
        open_h5md(_path(tmp_path))


BOX = np.array([[1.0, 0, 0], [0.2, 1.1, 0], [0.3, 0.1, 1.2]])


@pytest.mark.parametrize("kind", ["fixed lengths", "fixed", "lengths", "vectors", "seldom"])
def test_boxes_of_every_kind_are_read(tmp_path: Path, kind: str) -> None:
    growth = 1 + 0.01 * np.arange(6)
    with h5py.File(_path(tmp_path), "w") as file:
        group = _group(file, boundary="periodic")
        _element(group, "position", X, unit="nm")
        if kind.startswith("fixed"):
            group["box/edges"] = BOX if kind == "fixed" else np.diag(BOX)
        else:
            boxes = growth[:, None, None] * (BOX if kind != "lengths" else np.diag(np.diag(BOX)))
            rows = slice(None, None, 3 if kind == "seldom" else 1)
            values = np.diagonal(boxes, axis1=1, axis2=2) if kind == "lengths" else boxes
            _element(group, "box/edges", values[rows], STEPS[rows], "nm")
    found = open_h5md(_path(tmp_path)).read(np.array([1, 5])).boxes
    expected = 10 * (np.diag(np.diag(BOX)) if "lengths" in kind else BOX)
    factors = {"seldom": growth[[0, 3]]}.get(kind, [1, 1] if "fixed" in kind else growth[[1, 5]])
    np.testing.assert_allclose(found, np.multiply.outer(factors, expected), rtol=1e-12)  # type: ignore[arg-type]


def test_the_largest_of_several_groups_is_read_and_named(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        _element(_group(file, "a"), "position", X[:, :2], unit="nm")
        _element(_group(file, "b"), "position", X, unit="nm")
        file.create_group("particles/empty")
    found = open_h5md(_path(tmp_path))
    assert found.n_atoms == 4 and "b, the largest, is read" in found.notes[0]
    with h5py.File(_path(tmp_path), "r+") as file:
        _element(_group(file, "c"), "position", X, unit="nm")
    with pytest.raises(InputError, match="several groups of particles: b, c, a"):
        open_h5md(_path(tmp_path))


@pytest.mark.parametrize(
    "how", [{}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf"}]
)
def test_compressed_data_are_read(tmp_path: Path, how: dict[str, Any]) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        element = _element(_group(file), "position", X, unit="nm")
        del element["value"]
        element.create_dataset("value", data=X, chunks=(4, 4, 3), **how)
    rows = np.array([0, 2, 3, 5])
    found = open_h5md(_path(tmp_path)).read(rows).positions
    np.testing.assert_array_equal(found, X[rows])


def _linked(element: h5py.Group) -> None:
    element.move("value", "other")
    element["value"] = h5py.SoftLink("other")


def _elsewhere(element: h5py.Group) -> None:
    del element["value"]
    element["value"] = h5py.ExternalLink("/etc/hostname", "/x")


def _outside(element: h5py.Group) -> None:
    del element["value"]
    element.create_dataset(
        "value", shape=X.shape, dtype="f8", external=[("/etc/passwd", 0, X.nbytes)]
    )


def _virtual(element: h5py.Group) -> None:
    del element["value"]
    layout = h5py.VirtualLayout(shape=X.shape, dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=X.shape)
    element.create_virtual_dataset("value", layout)


def _huge(element: h5py.Group) -> None:
    del element["value"]
    element.create_dataset("value", shape=(10**9, 4, 3), chunks=(1, 4, 3), dtype="f8")


def _bomb(element: h5py.Group) -> None:
    del element["value"]
    shape = (10**8, 4, 3)
    element.create_dataset("value", shape=shape, chunks=shape, dtype="f4", compression="gzip")


def _texts(element: h5py.Group) -> None:
    del element["value"]
    element["value"] = np.full((6, 4, 3), "x", dtype=h5py.string_dtype())


def _few_steps(element: h5py.Group) -> None:
    del element["step"]
    element["step"] = STEPS[:3]


def _flat(element: h5py.Group) -> None:
    del element["value"]
    element["value"] = X[:, :, :2]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_linked, "soft or external link"),
        (_elsewhere, "soft or external link"),
        (_outside, "stored outside the file"),
        (_virtual, "stored outside the file"),
        (_huge, "declared as 96000000000 bytes"),
        (_bomb, "declared as|in chunks of"),
        (_texts, "no array of numbers"),
        (_few_steps, "3 numbers"),
        (_flat, "shape"),
    ],
)
def test_what_may_do_harm_is_refused(tmp_path: Path, harm: Any, told: str) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        harm(_element(_group(file), "position", X, unit="nm"))
    with pytest.raises(InputError, match=told):
        open_h5md(_path(tmp_path))


def test_other_hdf5_files_are_refused(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        file["x"] = X
    with pytest.raises(InputError, match="without 'h5md'"):
        open_h5md(_path(tmp_path))
    _path(tmp_path).write_bytes(b"no HDF5 at all")
    with pytest.raises(InputError, match="no HDF5 file"):
        open_h5md(_path(tmp_path))


def test_a_heap_without_an_end_is_refused_before_hdf5_sees_it(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        _element(_group(file), "position", X, unit="nm", time_unit="ps")
    check_heaps(_path(tmp_path))
    whole = _path(tmp_path).read_bytes()
    heap = whole.index(b"GCOL\1")
    # The first object's number and size become zero: HDF5 2.0 would look at it for ever.
    harmed = whole[: heap + 16] + bytes(16) + whole[heap + 32 :]
    _path(tmp_path).write_bytes(harmed)
    with pytest.raises(InputError, match="damaged heap"):
        open_h5md(_path(tmp_path))


def test_no_damage_is_met_with_anything_but_a_message(tmp_path: Path) -> None:
    with h5py.File(_path(tmp_path), "w") as file:
        group = _group(file, boundary="periodic")
        _element(group, "position", X, STEPS, "nm", "ps")
        _element(group, "force", F[::2], STEPS[::2], "kJ mol-1 nm-1", "ps")
        group["box/edges"] = BOX
    whole, rng = _path(tmp_path).read_bytes(), np.random.default_rng(4)
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            damaged[place] ^= 1 << rng.integers(0, 8)
        _path(tmp_path).write_bytes(damaged)
        with suppress(AutograinError):
            found = open_h5md(_path(tmp_path))
            found.read(np.arange(found.n_frames))


def test_a_file_of_mdtraj_is_told_from_h5md(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["conventions"] = np.bytes_(b"Pande")
        file["coordinates"] = np.zeros((2, 4, 3), dtype=np.float32)
        file["topology"] = np.array([b"{}"])
    with pytest.raises(InputError, match="of MDTraj, not of H5MD") as error:
        open_h5md(tmp_path / "a.h5")
    assert error.value.code == "format" and "mdconvert" in error.value.remedy
