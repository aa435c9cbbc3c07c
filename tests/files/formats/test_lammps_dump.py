"""Text dumps of LAMMPS: boxes, orders of atoms, units, and what is wrong with a frame."""

from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.formats.lammps_dump import open_lammps_dump

BOUNDS = "ITEM: BOX BOUNDS pp pp pp\n-1 9\n0 12\n2 16\n"
ONE = np.array([1.0, 2.0, 3.0])
POSITIONS = np.array([[0.5, 1.5, 2.5], [1.0, 2.0, 3.0], [8.0, 7.0, 6.0]])


def _dump(
    columns: str, rows: list[str], step: int = 0, bounds: str = BOUNDS, before: str = ""
) -> str:
    atoms = "".join(f"{row}\n" for row in rows)
    head = f"{before}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(rows)}\n"
    return f"{head}{bounds}ITEM: ATOMS {columns}\n{atoms}"


def _write(path: Path, *frames: str) -> Path:
    path.write_text("".join(frames))
    return path


def test_atoms_are_put_in_the_order_of_their_ids(tmp_path: Path) -> None:
    rows = [f"{7 * k + 3} {x} {y} {z} {k} 0 -{k}" for k, (x, y, z) in enumerate(POSITIONS)]
    frames = [
        _dump("id x y z fx fy fz", [rows[k] for k in order], step)
        for step, order in enumerate(([2, 0, 1], [0, 1, 2], [1, 2, 0]))
    ]
    file = open_lammps_dump(_write(tmp_path / "a.dump", *frames))
    assert (file.n_atoms, file.n_frames, file.force_unit) == (3, 3, None)
    found = file.read(np.array([0, 1, 2]))
    assert found.positions is not None and found.forces is not None
    for frame in range(3):
        np.testing.assert_array_equal(found.positions[frame], POSITIONS)
        np.testing.assert_array_equal(found.forces[frame][:, 0], [0, 1, 2])


@pytest.mark.parametrize("kind", ["x", "xu", "xs", "xsu"])
@pytest.mark.parametrize("tilted", [False, True, "general"])
def test_positions_of_every_kind_lie_in_the_same_place(
    tmp_path: Path, kind: str, tilted: bool | str
) -> None:
    box, corner = np.diag([10.0, 12.0, 14.0]), np.array([-1.0, 0.0, 2.0])
    bounds = BOUNDS
    if tilted is True:
        box[1, 0], box[2, 0], box[2, 1] = 3.0, -4.0, 2.0
        bounds = "ITEM: BOX BOUNDS xy xz yz pp pp pp\n-5 12 3\n0 14 -4\n2 16 2\n"
    elif tilted == "general":
        turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
        box = box @ turn
        rows = "".join(" ".join(map(str, (*v, c))) + "\n" for v, c in zip(box, corner, strict=True))
        bounds = f"ITEM: BOX BOUNDS abc origin pp pp pp\n{rows}"
    written = (POSITIONS - corner) @ np.linalg.inv(box) if "s" in kind else POSITIONS
    names = " ".join(kind.replace("x", axis) for axis in "xyz")
    rows_of_atoms = [
        f"{k} 1 " + " ".join(f"{v:.16g}" for v in row) for k, row in enumerate(written)
    ]
    text = _dump(f"id type {names}", rows_of_atoms, bounds=bounds)
    found = open_lammps_dump(_write(tmp_path / "a.dump", text)).read(np.array([0]))
    assert found.positions is not None and found.boxes is not None and found.forces is None
    np.testing.assert_allclose(found.positions[0], POSITIONS, rtol=1e-13)
    np.testing.assert_allclose(found.boxes[0], box, rtol=1e-15)


def test_units_that_a_dump_tells_are_taken(tmp_path: Path) -> None:
    for units, force, length, time in (
        ("real", 4.184, 1.0, 1e-3),
        ("metal", 96.48533212331, 1.0, 1.0),
        ("electron", 2625.4996394799 / 0.529177210903, 0.529177210903, 1e-3),
    ):
        frames = [
            _dump(
                "id x y z fx fy fz",
                ["1 1 2 3 1 2 3"],
                step,
                before=("" if step else f"ITEM: UNITS\n{units}\n") + f"ITEM: TIME\n{0.5 * step}\n",
            )
            for step in range(2)
        ]
        file = open_lammps_dump(_write(tmp_path / "a.dump", *frames))
        found = file.read(np.array([0, 1]))
        assert file.notes == () and file.timed and file.force_unit is not None
        np.testing.assert_allclose(file.times, [0, 0.5 * time], rtol=1e-15)
        np.testing.assert_allclose(found.forces[1, 0], force * ONE, rtol=1e-12)  # type: ignore[index, arg-type]
        np.testing.assert_allclose(found.positions[1, 0], length * ONE, rtol=1e-15)  # type: ignore[index, arg-type]
        np.testing.assert_allclose(found.boxes[1, 0, 0], 10 * length, rtol=1e-15)  # type: ignore[index]


def test_units_of_no_atoms_are_refused(tmp_path: Path) -> None:
    text = _dump("id x y z", ["1 1 2 3"], before="ITEM: UNITS\nsi\n")
    with pytest.raises(InputError, match="units si"):
        open_lammps_dump(_write(tmp_path / "a.dump", text))


@pytest.mark.parametrize(
    ("flags", "periodic"), [("ff ff ff", False), ("ss mm fs", False), ("pp pp ff", True)]
)
def test_a_box_that_is_not_periodic_is_none(tmp_path: Path, flags: str, periodic: bool) -> None:
    text = _dump("id x y z", ["1 1 2 3"], bounds=BOUNDS.replace("pp pp pp", flags))
    file = open_lammps_dump(_write(tmp_path / "a.dump", text))
    boxes = file.read(np.array([0])).boxes
    assert boxes is not None and boxes.any() == periodic
    assert any("not periodic on all sides" in note for note in file.notes) == periodic


def test_a_dump_without_ids_or_positions_is_told(tmp_path: Path) -> None:
    file = open_lammps_dump(_write(tmp_path / "a.dump", _dump("fx fy fz", ["1 2 3", "4 5 6"])))
    assert not file.holds_positions.any() and file.holds_forces.all()
    assert any("no column 'id'" in note for note in file.notes)
    assert file.read(np.array([0])).forces.tolist() == [[[1, 2, 3], [4, 5, 6]]]  # type: ignore[union-attr]


GOOD = [_dump("id x y z", ["1 1 2 3", "2 4 5 6"], step) for step in range(3)]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text.replace("2 4 5 6", "2 4 5"), "damaged in frame 1.*'2 4 5'"),
        (lambda text: text.replace("2 4 5 6", "2 4 x 6"), "damaged in frame 1.*line 2"),
        (lambda text: text.replace("2 4 5 6", "3 4 5 6"), "frame 1: its atoms are not those"),
        (lambda text: text.replace("2 4 5 6", "1 4 5 6"), "frame 1: its atoms are not those"),
        (lambda text: text.replace("2 4 5 6\n", ""), "frame 1|frame 2"),
        (lambda text: text.replace("OF ATOMS\n2", "OF ATOMS\n3"), "3 atoms after frames of 2"),
        (lambda text: text.replace("OF ATOMS\n2", "OF ATOMS\nmany"), "'NUMBER OF ATOMS: many'"),
        (lambda text: text.replace("OF ATOMS\n2", "OF ATOMS\n-2"), "number of atoms is missing"),
        (lambda text: text.replace("ITEM: TIMESTEP\n1\n", ""), "its step|frame 1"),
        (lambda text: text.replace("id x y z", "id x z y"), "its columns are not those"),
        (lambda text: text.replace("-1 9", "-1"), "BOX BOUNDS"),
        (lambda text: text.replace("ITEM: ATOMS", "ITEM: MOLES"), "ITEM|MOLES"),
    ],
)
def test_a_damaged_frame_is_named(tmp_path: Path, damage: object, told: str) -> None:
    assert callable(damage)
    path = _write(tmp_path / "a.dump", GOOD[0], damage(GOOD[1]), GOOD[2])
    with pytest.raises(InputError, match=told):
        open_lammps_dump(path).read(np.array([0, 1, 2]))


def test_numbers_that_are_not_finite_are_left_to_be_told(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dump", _dump("id x y z", ["1 nan 2 -inf"]))
    found = open_lammps_dump(path).read(np.array([0])).positions
    assert np.isfinite(found).tolist() == [[[False, True, False]]]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "ITEM: ", "no dump\n", "ITEM: NUMBER OF ATOMS\n99999999999999999999\n"]
)
def test_other_texts_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        open_lammps_dump(_write(tmp_path / "a.dump", text))


@pytest.mark.parametrize("row", ["1\0C 1 2 3", "1 C", "1 C\0 1 2 3", "1 C 1 2 3 4"])
def test_elements_are_read_only_from_whole_lines(tmp_path: Path, row: str) -> None:
    path = _write(tmp_path / "a.dump", _dump("id element x y z", [row, "2 N 4 5 6"]))
    with pytest.raises(InputError, match="damaged in frame 0"):
        open_lammps_dump(path).read(np.array([0]))


def test_atoms_without_ids_that_change_places_are_refused(tmp_path: Path) -> None:
    rows = [f"{k % 2 + 1} {x} {y} {z}" for k, (x, y, z) in enumerate(POSITIONS)]
    same = _write(tmp_path / "same.dump", *(_dump("type x y z", rows, step) for step in (0, 1)))
    assert open_lammps_dump(same).read(np.array([0, 1])).positions is not None
    moved = [_dump("type x y z", rows), _dump("type x y z", rows[1:] + rows[:1], 1)]
    file = open_lammps_dump(_write(tmp_path / "moved.dump", *moved))
    with pytest.raises(InputError, match="another order in frame 1 than in frame 0") as error:
        file.read(np.array([0, 1]))
    assert error.value.code == "format" and "dump the column id" in error.value.remedy


@pytest.mark.parametrize(
    ("types", "elements", "known"), [("12", "CC", False), ("12", "CN", True), ("11", "CC", True)]
)
def test_elements_that_lammps_was_not_told_are_unknown(
    tmp_path: Path, types: str, elements: str, known: bool
) -> None:
    rows = [f"{k + 1} {types[k]} {elements[k]} {k} 0 0" for k in range(2)]
    path = _write(tmp_path / "a.dump", _dump("id type element x y z", rows))
    file = open_lammps_dump(path)
    assert file.atoms is not None
    assert file.atoms.elements == (tuple(elements) if known else ("", ""))
    assert any("elements are unknown" in note for note in file.notes) != known


def test_a_dump_of_bonds_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    text = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ENTRIES\n1\n" + BOUNDS + "ITEM: ENTRIES c_1\n1.5\n"
    with pytest.raises(InputError, match="with 'NUMBER OF ENTRIES', not of atoms") as error:
        open_lammps_dump(_write(tmp_path / "local.dump", text))
    assert error.value.code == "format" and "style atom or custom" in error.value.remedy


def test_atoms_that_come_and_go_are_told_of_as_lammps_writes_them(tmp_path: Path) -> None:
    rows = [f"{k + 1} {k} 0 0" for k in range(3)]
    frames = [_dump("id x y z", rows), _dump("id x y z", rows[:2], 1)]
    with pytest.raises(InputError, match="frame 1: 2 atoms after frames of 3") as error:
        open_lammps_dump(_write(tmp_path / "a.dump", *frames))
    assert "thresh" in error.value.remedy
