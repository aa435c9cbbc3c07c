"""XYZ files, plain and extended: columns, boxes, clocks and what is wrong with a frame."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.formats.extended_xyz import open_xyz, open_xyz_forces

ROWS = ["C 0 1 2 .5 -1 3", "N 3 4 5 1 1 1"]
KEYS = 'Lattice="9 0 0 1 8 0 0 2 7" Properties=species:S:1:pos:R:3:forces:R:3'


def _frame(comment: str, rows: list[str] = ROWS) -> str:
    return "\n".join([str(len(rows)), comment, *rows, ""])


def _write(path: Path, *frames: str) -> Path:
    path.write_text("".join(frames))
    return path


def test_positions_forces_and_boxes_are_read(tmp_path: Path) -> None:
    text = _frame(f'{KEYS} energy=-1.5 pbc="T T T"') + _frame(KEYS)
    file = open_xyz(_write(tmp_path / "a.extxyz", text))
    assert (file.n_frames, file.n_atoms, file.force_unit) == (2, 2, None)
    assert file.atoms is not None and file.atoms.elements == ("C", "N")
    found = file.read(np.array([0, 1]))
    assert found.positions is not None and found.forces is not None and found.boxes is not None
    assert found.positions[1].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.forces[0].tolist() == [[0.5, -1, 3], [1, 1, 1]]
    assert found.boxes[0].tolist() == [[9, 0, 0], [1, 8, 0], [0, 2, 7]]
    (tmp_path / "b.xyz.gz").write_bytes(gzip.compress(text.encode()))
    again = open_xyz(tmp_path / "b.xyz.gz").read(np.array([1]))
    np.testing.assert_array_equal(again.forces, found.forces[1:])


@pytest.mark.parametrize(
    ("properties", "rows"),
    [
        (
            "id:I:1:pos:R:3:species:S:1:forces:R:3:q:R:1",
            ["1 0 1 2 C .5 -1 3 7", "2 3 4 5 N 1 1 1 7"],
        ),
        ("forces:R:3:pos:R:3", [".5 -1 3 0 1 2", "1 1 1 3 4 5"]),
        ("pos:R:3:REF_forces:R:3", ["0 1 2 .5 -1 3", "3 4 5 1 1 1"]),
        ("pos:R:3:dft_forces:R:3:forces:R:3", ["0 1 2 9 9 9 .5 -1 3", "3 4 5 9 9 9 1 1 1"]),
    ],
)
def test_columns_are_found_by_their_names(tmp_path: Path, properties: str, rows: list[str]) -> None:
    path = _write(tmp_path / "a.xyz", _frame(f"Properties={properties}", rows))
    found = open_xyz(path).read(np.array([0]))
    assert found.positions is not None and found.forces is not None
    assert found.positions[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.forces[0].tolist() == [[0.5, -1, 3], [1, 1, 1]]


def test_two_columns_of_forces_are_not_chosen_between(tmp_path: Path) -> None:
    comment = "Properties=pos:R:3:dft_forces:R:3:ml_forces:R:3"
    path = _write(tmp_path / "a.xyz", _frame(comment, ["0 0 0 1 1 1 2 2 2"]))
    with pytest.raises(InputError, match="dft_forces, ml_forces"):
        open_xyz(path)


@pytest.mark.parametrize(
    ("comment", "boxed"),
    [
        (KEYS, True),
        (f'{KEYS} pbc="F F F"', False),
        (f"{KEYS} pbc=F", False),
        (f'{KEYS} pbc="T T F"', True),
        (KEYS.split(" Prop")[0], True),
        ("water at 300 K", False),
    ],
)
def test_a_box_is_there_where_a_side_is_periodic(tmp_path: Path, comment: str, boxed: bool) -> None:
    boxes = open_xyz(_write(tmp_path / "a.xyz", _frame(comment))).read(np.array([0])).boxes
    assert boxes is not None and boxes.any() == boxed


@pytest.mark.parametrize(
    ("comments", "times", "steps", "told"),
    [
        (["a", "b"], [0, 1], None, None),
        (["step=5", "step=10"], [5, 10], [5, 10], None),
        (["Timestep=0 Time=0", "Timestep=10 Time=20.0"], [0, 0.02], [0, 10], "taken for fs"),
        (["step=0 time=0", "step=10 time=0.02"], [0, 0.02], [0, 10], "taken for ps"),
        (["time=1.5", "time=2.5"], [1.5, 2.5], None, "taken for ps"),
        (["i = 0, time = 0.000, E = 1", "i = 2, time = 1.000, E = 1"], [0, 1e-3], [0, 2], None),
    ],
)
def test_clocks_are_read(
    tmp_path: Path,
    comments: list[str],
    times: list[float],
    steps: list[int] | None,
    told: str | None,
) -> None:
    file = open_xyz(_write(tmp_path / "a.xyz", *map(_frame, comments)))
    np.testing.assert_allclose(file.times, times, rtol=1e-12)
    assert (None if file.steps is None else file.steps.tolist()) == steps
    assert len(file.notes) == (told is not None) and (told or "") in "".join(file.notes)


def test_cp2k_writes_forces_in_the_place_of_coordinates(tmp_path: Path) -> None:
    path = _write(tmp_path / "a-frc-1.xyz", _frame(" i =   3, time =   1.500, E =  -17.1"))
    file = open_xyz_forces(path)
    assert file.holds_forces.all() and not file.holds_positions.any()
    assert any("CP2K" in note for note in file.notes)
    assert file.read(np.array([0])).forces.tolist() == [[[0, 1, 2], [3, 4, 5]]]  # type: ignore[union-attr]
    plain = open_xyz_forces(_write(tmp_path / "b.xyz", _frame("coordinates")))
    assert not plain.holds_forces.any()


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (_frame(KEYS, ROWS[:1]), "1 atoms after frames of 2"),
        (_frame(KEYS, ROWS[::-1]), "atoms are not those of frame 0"),
        (_frame(KEYS, [ROWS[0], "N 3 4 5 1 1"]), "damaged in frame 1.*line 2"),
        (_frame(KEYS, [ROWS[0], "N 3 4 5 1 1 one"]), "damaged in frame 1.*line 2"),
        (_frame(KEYS.replace("forces", "f")), "columns are not those"),
        (_frame(KEYS.replace("7", "seven")), "comment"),
        (_frame(KEYS.replace("9 0 0", "9 0")), "comment"),
        ("two\n", "'two' stands where"),
        (_frame(KEYS)[:-1], "ends inside the last line of frame 1"),
        ("2\n", "ends inside frame 1"),
        (f"99999999999999999999\n{KEYS}\n", "stands where|ends inside"),
        (f"999999999999\n{KEYS}\n", "999999999999 atoms"),
    ],
)
def test_a_damaged_frame_is_named(tmp_path: Path, second: str, told: str) -> None:
    path = _write(tmp_path / "a.extxyz", _frame(KEYS), second)
    with pytest.raises(InputError, match=told):
        open_xyz(path).read(np.array([0, 1]))


@pytest.mark.parametrize("properties", ["pos", "pos:R:x", "species:S:1", "pos:R:999999999999"])
def test_properties_without_sense_are_refused(tmp_path: Path, properties: str) -> None:
    path = _write(tmp_path / "a.xyz", _frame(f"Properties={properties} x=1"))
    with pytest.raises(InputError):
        open_xyz(path)


def test_masses_in_a_column_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    columns = "Properties=species:S:1:pos:R:3:tags:I:2:{}:R:1"
    for name in ("masses", "mass"):
        rows = ["C 0 0 0 1 2 15.035", "N 1 0 0 3 4 13.019"]
        atoms = open_xyz(_write(path, _frame(columns.format(name), rows))).atoms
        assert atoms is not None and atoms.masses is not None
        assert atoms.masses.tolist() == [15.035, 13.019]


def test_lammps_tells_its_step_in_words(tmp_path: Path) -> None:
    frames = [_frame(f" Atoms. Timestep: {step}", ["1 0 0 0"]) for step in (0, 50, 100)]
    file = open_xyz(_write(tmp_path / "a.xyz", *frames))
    assert file.steps is not None and file.steps.tolist() == [0, 50, 100]
    assert not file.timed
    timed = [_frame(f" Atoms. Timestep: {k} Time: {2.0 * k}", ["1 0 0 0"]) for k in (0, 50, 100)]
    file = open_xyz(_write(tmp_path / "b.xyz", *timed))
    assert file.timed and file.times.tolist() == [0.0, 0.1, 0.2]


@pytest.mark.parametrize(("pbc", "told"), [("T T F", True), ("T T T", False), ("F F F", False)])
def test_a_box_with_open_sides_is_told_of(tmp_path: Path, pbc: str, told: bool) -> None:
    comment = f'Lattice="9 0 0 0 9 0 0 0 9" pbc="{pbc}"'
    file = open_xyz(_write(tmp_path / "a.xyz", _frame(comment)))
    assert any("not periodic on all sides" in note for note in file.notes) == told


def test_forces_under_another_name_are_told_of(tmp_path: Path) -> None:
    rows = ["C 0 0 0 1 2 3"]
    for name, told in (("forces", False), ("REF_forces", True)):
        comment = f"Properties=species:S:1:pos:R:3:{name}:R:3"
        file = open_xyz(_write(tmp_path / "a.xyz", _frame(comment, rows)))
        assert file.holds_forces.all()
        assert any(f"its column {name}" in note for note in file.notes) == told


def test_a_step_beyond_every_number_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be understood"):
        open_xyz(_write(tmp_path / "a.xyz", _frame(f"step={10**30}")))
