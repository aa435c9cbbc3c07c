"""The corpus of wrong inputs, and the sound samples: what is found, and that nothing else is."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline import SAMPLES
from wrong_inputs import INDEX, Case, cases, found

CASES = cases()
DATA = SAMPLES.parents[1] / "tests" / "data"
QUICK = ("one too late", "two hydrogens", "positions given", "a truncated XTC", "nm taken")
SOUND = [
    ("otp.xtc", "otp_forces.dcd", 300),
    ("otp.dcd", "otp_forces.dcd", 300),
    ("otp_6ps.xtc", "otp_6ps_forces.dcd", 300),
    ("aniline.xtc", "aniline_forces.dcd", 300),
    ("aniline_6ps.xtc", "aniline_6ps_forces.dcd", 300),
    ("ethane.xtc", "ethane_forces.dcd", 120),
    ("methane.xtc", "methane_forces.dcd", 100),
    ("ethane_short.trr", None, 120),
]
BEADS = INDEX | {"methane": "[ CH4 ]\n1 2 3 4 5\n"}


def identifier(case: Case) -> str:
    return case.name.replace(" ", "_").replace("/", "_")


def test_there_are_enough_wrong_inputs_of_enough_kinds() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({case.code for case in CASES}) >= 25


def check(case: Case, folder: Path) -> None:
    for side in ("wrong", "right"):
        (folder / side).mkdir()
    status, codes, remedy = found(case.wrong(folder / "wrong"))
    assert codes == {case.code: case.outcome}
    assert (status != 0) == (case.outcome == "failed")
    assert case.remedy in remedy
    assert found(case.right(folder / "right"))[:2] == (0, {})


@pytest.mark.parametrize("name", QUICK)
def test_a_wrong_input_is_found_and_its_remedy_works(name: str, tmp_path: Path) -> None:
    check(next(case for case in CASES if name in case.name), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=identifier)
def test_every_wrong_input_is_found_and_its_remedy_works(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


PROGRAMS = [
    ("gromacs_mixed.trr", ()),
    ("gromacs.xtc", ("--forces", "gromacs_forces.trr")),
    ("lammps_plain.lammpstrj", ("--force-unit", "kcal/mol/A")),
    ("lammps_scaled.lammpstrj.gz", ("--force-unit", "kcal/mol/A")),
    ("lammps_units.dump", ()),
    ("lammps.extxyz", ("--force-unit", "kcal/mol/A")),
    ("openmm.dcd", ("--forces", "openmm_forces.npy", "--force-unit", "kJ/mol/nm")),
    ("mdanalysis.nc", ("--forces", "amber.mdfrc")),
    ("h5md_as_gromacs.h5md", ()),
    ("ase.extxyz", ("--force-unit", "eV/A")),
]


@pytest.mark.parametrize(("stem", "options"), PROGRAMS)
def test_a_sound_file_of_a_program_gives_no_warning(stem: str, options: tuple[str, ...]) -> None:
    """A few frames of a few molecules, still cold: too little to judge, and nothing to object."""
    given = [str(DATA / word) if (DATA / word).is_file() else word for word in options]
    assert found(("fit-mapping", DATA / stem, *given, "--beads", "1", "--check-only"))[:2] == (
        0,
        {},
    )


def commands(stem: str, forces: Sequence[str], kelvin: int, beads: Path) -> list[tuple[str, ...]]:
    trajectory, psf = SAMPLES / stem, SAMPLES / f"{stem.split('_')[0].split('.')[0]}.psf"
    shared = (str(trajectory), "-s", str(psf), *forces, "--check-only")
    n_beads = str(beads.read_text().count("["))
    return [
        ("fit-mapping", *shared, "--beads", n_beads),
        ("fit-potential", str(beads), *shared, "--temperature", str(kelvin)),
    ]


@pytest.mark.parametrize(("stem", "forces", "kelvin"), SOUND)
def test_a_sound_sample_gives_no_warning(
    stem: str, forces: str | None, kelvin: int, tmp_path: Path
) -> None:
    beads = tmp_path / "beads.ndx"
    beads.write_text(BEADS[stem.split("_")[0].split(".")[0]])
    given = (
        () if forces is None else ("--forces", str(SAMPLES / forces), "--force-unit", "kJ/mol/A")
    )
    for command in commands(stem, given, kelvin, beads):
        assert found(command)[:2] == (0, {})
