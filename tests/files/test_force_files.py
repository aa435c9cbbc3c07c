"""Files of every program: positions, boxes and forces satisfy the model that all of them ran.

The files are those of `tests/data`. A wrong unit, order of atoms, box, frame or sign would show in
the forces computed anew by `dumbbells.forces`.
"""

import gzip
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

import dumbbells as model
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.files.forces import open_forces
from autograin_cli.files.formats.trajectories import open_frame_file
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk, gather

DATA = Path(__file__).parents[1] / "data"
SINGLE = 6e-7  # Å: rounding of single precision at 10 Å


@dataclass(frozen=True)
class Case:
    """A trajectory, its forces, and what should come of them.

    trajectory, forces: names; no forces where they stand with the positions.
    unit: declared; None where the files fix it.
    n_frames: with forces.
    precision: Å, of the positions in the file.
    said: what the user is told, beside bonds, masses and the count of frames.
    """

    trajectory: str
    forces: str = ""
    unit: str | None = None
    n_frames: int = 7
    precision: float = SINGLE
    said: tuple[str, ...] = ()


STEPS = "counts steps and holds no times"
CASES = [
    Case("gromacs_mixed.trr", n_frames=2, said=("2 of 13 frames",)),
    Case("gromacs.xtc", "gromacs_forces.trr", n_frames=4, precision=5e-5, said=("by time",)),
    Case("lammps_plain.lammpstrj", unit="kcal/mol/A", said=(STEPS,)),
    Case("lammps_scaled.lammpstrj.gz", unit="kcal/mol/A", said=(STEPS,)),
    Case("lammps_units.dump", n_frames=4),
    Case("lammps.extxyz", unit="kcal/mol/A", n_frames=4, precision=5e-5, said=("for fs",)),
    Case(
        "lammps.dcd",
        "lammps_forces.lammpstrj",
        "kcal/mol/A",
        4,
        precision=5e-6,
        said=("for 2 fs", "by step"),
    ),
    Case("openmm.dcd", "openmm_forces.npy", "kJ/mol/nm", 6, said=("in order",)),
    Case("openmm.xtc", "openmm_forces.npz", "kJ/mol/nm", 3, precision=5e-3, said=("by step",)),
    Case("mdanalysis.nc"),
    Case("mdanalysis.nc", "amber.mdfrc", said=("by time",)),
    Case("h5md_as_gromacs.h5md", n_frames=3, said=("3 of 7 frames", "system, the largest")),
    Case("mdanalysis.nc", "h5md_as_gromacs.h5md", n_frames=3, said=("by time", "the largest")),
    Case("ase.extxyz", unit="eV/A", n_frames=5, precision=5e-9, said=(STEPS,)),
]


def _settings(case: Case) -> ReadingSettings:
    forces = (str(DATA / case.forces),) if case.forces else ()
    return ReadingSettings(forces=forces, force_unit=case.unit)


def _all(reading: Reading) -> Chunk:
    return gather(reading.trajectory, reading.trajectory.n_frames)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.trajectory} {case.forces}")
def test_forces_are_those_of_the_model_at_the_positions(case: Case) -> None:
    found = _all(read([DATA / case.trajectory], _settings(case)))
    assert found.boxes is not None and found.forces is not None
    assert found.n_frames == case.n_frames
    expected = model.forces(found.positions.numpy(), found.boxes.numpy())
    # A bond changes by twice the error of a position, its force by the stiffness times that; LAMMPS
    # writes six digits of a force where it is not told otherwise, ASE eight decimals.
    bound = 4 * case.precision * model.STIFFNESS + 5e-6 * np.abs(expected).max()
    assert np.abs(expected).max() > 25
    assert np.abs(found.forces.numpy() - expected).max() < bound


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.trajectory} {case.forces}")
def test_a_correct_file_gives_no_warning_beside_what_is_assumed(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reading = read([DATA / case.trajectory], _settings(case))
        _all(reading)
    assert reading.warnings == ()
    usual = (
        "inferred from distances",
        "one short bond",
        "topology",
        "masses",
        "frames have forces",
    )
    told = [line for line in reading.assumptions if not any(word in line for word in usual)]
    paired = [line for line in reading.assumptions if "frames have forces" in line]
    assert all(any(part in line for line in [*told, *paired]) for part in case.said)
    assert len(told) == sum(part not in " ".join(paired) for part in case.said)


def test_molecules_boxes_and_steps_are_those_of_the_model() -> None:
    for case in CASES:
        reading = read([DATA / case.trajectory], _settings(case))
        found = _all(reading)
        bonds = torch.cat([m.copies[:, m.bonds].reshape(-1, 2) for m in reading.molecules])
        assert sorted(bonds.tolist()) == [[k, k + 1] for k in range(0, model.N_ATOMS, 2)]
        assert found.boxes is not None
        np.testing.assert_allclose(found.boxes.numpy()[0], model.BOX, atol=2e-5)
        if STEPS not in case.said or "by step" in case.said:
            assert float(found.times[-1]) == pytest.approx(60 * model.TIMESTEP, rel=1e-6)


def test_elements_and_masses_of_a_dump_are_known() -> None:
    (molecule,) = read([DATA / "lammps_units.dump"], ReadingSettings()).molecules
    assert molecule.elements == ("C", "N") and molecule.masses is not None
    assert molecule.masses.tolist() == pytest.approx(model.MASSES[:2].tolist())


def test_one_frame_is_the_same_in_the_files_of_several_programs() -> None:
    names = ("lammps_plain.lammpstrj", "lammps_scaled.lammpstrj.gz", "mdanalysis.nc", "lammps.dcd")
    units = ("kcal/mol/A", "kcal/mol/A", None, None)
    frames = [
        _all(read([DATA / name], ReadingSettings(force_unit=unit)))
        for name, unit in zip(names, units, strict=True)
    ]
    inverse = np.linalg.inv(model.BOX)
    for other in frames[1:]:
        shares = (other.positions - frames[0].positions).numpy() @ inverse
        steps = shares - shares[:, :1]  # LAMMPS has its origin at a corner, others do not
        assert np.abs(steps - steps.round()).max() < 1e-6
    a, b, c, _ = frames
    assert a.forces is not None and b.forces is not None and c.forces is not None
    assert torch.equal(a.forces, b.forces)
    torch.testing.assert_close(a.forces, c.forces, rtol=1e-6, atol=1e-5)


def test_frames_of_lammps_in_h5md_have_forces_at_every_other_frame() -> None:
    settings = ReadingSettings(force_unit="kcal/mol/A")
    reading = read([DATA / "h5md_as_lammps.h5"], settings)
    found = _all(reading)
    assert found.boxes is None and found.n_frames == 4 and found.forces is not None
    assert any("4 of 7 frames" in line for line in reading.assumptions)
    assert found.times.tolist() == pytest.approx([0, 0.04, 0.08, 0.12])
    boxes = np.repeat(model.BOX[None], 4, axis=0)
    expected = model.forces(found.positions.numpy(), boxes)
    assert np.abs(found.forces.numpy() - expected).max() < 4 * SINGLE * model.STIFFNESS


@pytest.mark.parametrize(
    "name", ["lammps_plain.lammpstrj", "ase.extxyz", "h5md_as_lammps.h5", "openmm_forces.npz"]
)
def test_a_file_that_fixes_no_unit_needs_one(name: str) -> None:
    with pytest.raises(SettingError, match="does not fix it"):
        open_forces(DATA / name, None, None)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("gromacs_forces.trr", "kJ/mol/nm"),
        ("lammps_units.dump", "kcal/mol/A"),
        ("amber.mdfrc", "kcal/mol/A"),
        ("h5md_as_gromacs.h5md", "kJ/mol/nm"),
    ],
)
def test_a_unit_may_be_declared_only_as_the_file_says(name: str, unit: str) -> None:
    told, silent = (open_forces(DATA / name, u, None) for u in (unit, None))
    np.testing.assert_array_equal(told.read(told.rows), silent.read(silent.rows))
    with pytest.raises(SettingError, match=f"or {unit}: the format fixes it"):
        open_forces(DATA / name, "eV/A", None)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("gromacs.xtc", r"give the \.trr .* nstfout"),
        ("mdanalysis.xyz", "forces:R:3"),
        ("lammps.extxyz", "forces:R:3"),
        ("lammps_plain.lammpstrj", "fx fy fz in LAMMPS; .* colname"),
    ],
)
def test_a_file_without_forces_is_refused_as_forces(name: str, way: str, tmp_path: Path) -> None:
    path = DATA / name
    if name == "lammps.extxyz":
        path = tmp_path / "a.extxyz"
        path.write_text((DATA / name).read_text().replace(":forces:", ":other:"))
    if name == "lammps_plain.lammpstrj":
        path = tmp_path / "a.dump"
        path.write_text((DATA / name).read_text().replace(" fx fy fz", " f_x f_y f_z"))
    with pytest.raises(InputError, match="holds no forces") as said:
        open_forces(path, "eV/A", None)
    assert re.search(way, str(said.value))


def test_forces_alone_are_no_trajectory() -> None:
    for name in ("amber.mdfrc", "gromacs_forces.trr", "lammps_forces.lammpstrj"):
        with pytest.raises(InputError, match="no positions"):
            read([DATA / name], ReadingSettings())


def test_nothing_is_left_beside_the_files(tmp_path: Path) -> None:
    for path in DATA.iterdir():
        if path.suffix not in (".py", ".npy", ".npz"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    before = sorted(tmp_path.iterdir())
    for path in before:
        open_forces_or_frames(path)
    assert sorted(tmp_path.iterdir()) == before


def open_forces_or_frames(path: Path) -> None:
    try:
        read([path], ReadingSettings())
    except InputError:
        forces = open_forces(path, "kJ/mol/A" if "lammps" in path.name else None, None)
        forces.read(forces.rows)


@pytest.mark.parametrize(
    "name", [p.name for p in sorted(DATA.iterdir()) if p.suffix not in (".py", ".npy", ".npz")]
)
def test_a_file_that_is_cut_off_anywhere_is_refused(name: str, tmp_path: Path) -> None:
    whole = (DATA / name).read_bytes()
    path = tmp_path / name
    ends = set(np.linspace(1, len(whole) - 2, 15, dtype=int).tolist()) - _ends_of_frames(name)
    for end in ends:
        path.write_bytes(whole[:end])
        with pytest.raises(InputError):
            read([path], ReadingSettings())


# How frames begin: a file that ends before such a place is whole, only shorter.
BEGINNINGS = {
    ".lammpstrj": b"ITEM: TIMESTEP",
    ".dump": b"ITEM: TIME\n",
    ".xyz": b"20\n",
    ".extxyz": b"20\n",
    ".xtc": b"\0\0\x07\xcb",
    ".trr": b"\0\0\x07\xc9",
}


def _ends_of_frames(name: str) -> set[int]:
    text, begin = (DATA / name).read_bytes(), BEGINNINGS.get(Path(name).suffix)
    return set() if begin is None else {k for k in range(len(text)) if text.startswith(begin, k)}


def test_a_selection_that_leaves_out_part_of_a_liquid_is_warned_about() -> None:
    case = CASES[2]
    reading = read(
        [DATA / case.trajectory], ReadingSettings(force_unit=case.unit, select="index 0:9")
    )
    (line,) = reading.warnings
    assert "leaves out 10 of 20 atoms" in line and "terms between molecules" in line
    # Without forces, or with nothing left out, there is nothing to say.
    for settings in (
        ReadingSettings(select="index 0:9"),
        ReadingSettings(force_unit=case.unit, select="index 0:19"),
    ):
        assert read([DATA / case.trajectory], settings).warnings == ()


def test_forces_with_the_positions_come_in_the_unit_declared() -> None:
    path = DATA / "ase.extxyz"
    silent = read([path], ReadingSettings())
    assert not silent.trajectory.has_forces
    assert any("left out" in line and "--force-unit" in line for line in silent.assumptions)
    apart = _all(read([path], ReadingSettings(forces=(str(path),), force_unit="eV/A")))
    beside = _all(read([path], ReadingSettings(force_unit="eV/A")))
    assert apart.forces is not None and beside.forces is not None
    assert torch.equal(apart.forces, beside.forces)
    with pytest.raises(SettingError, match="without files of forces"):
        read([DATA / "openmm.dcd"], ReadingSettings(force_unit="eV/A"))


def test_times_of_a_dump_are_unknown_until_a_step_has_one() -> None:
    path, unit = DATA / "lammps_plain.lammpstrj", "kcal/mol/A"
    assert not read([path], ReadingSettings(force_unit=unit)).timed
    with pytest.raises(SettingError, match=r"--end 500 ps for .*lammps_plain\.lammpstrj"):
        read([path], ReadingSettings(force_unit=unit, end=500.0))
    given = ReadingSettings(force_unit=unit, step_time=model.TIMESTEP)
    reading = read([path], given)
    assert reading.timed and not any("no times" in line for line in reading.assumptions)
    assert float(_all(reading).times[-1]) == pytest.approx(60 * model.TIMESTEP, rel=1e-6)


@pytest.mark.parametrize("name", ["md.xtc.gz", "md.extxyz.bz2", "md.zip"])
def test_a_packed_file_that_is_not_read_packed_is_to_be_unpacked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"frames"))
    with pytest.raises(InputError, match="which is packed") as refused:
        open_frame_file(tmp_path / name)
    assert "unpack it" in refused.value.remedy
