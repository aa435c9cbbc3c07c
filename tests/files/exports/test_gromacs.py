import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import export_models
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports import gromacs
from autograin_cli.files.exports.model import model_of
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.geometry import minimum_image
from autograin_cli.potential.force_field import heights
from autograin_cli.system import Configuration
from autograin_cli.trajectory import Chunk
from autograin_cli.units import angstrom_from_nm, nm_from_angstrom

GMX = shutil.which("gmx_d") or shutil.which("gmx")
needs_gromacs = pytest.mark.skipif(GMX is None, reason="GROMACS is not installed")
N_FRAMES = 10


def run(folder: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [GMX or "gmx", *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={"GMX_MAXBACKUP": "-1", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def rerun(folder: Path, artifact: Artifact, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Energies of GROMACS and ours of the same frames, kJ/mol, (frames,)."""
    gromacs.write(artifact, folder)
    box = gro_box(folder / "conf.gro")
    chunk = Chunk(frames, torch.arange(len(frames)).double(), box.expand(len(frames), 3, 3))
    write_trajectory(folder / "x.trr", iter([chunk]), overwrite=True)
    run(folder, "grompp", "-f", "run.mdp", "-c", "conf.gro", "-p", "topol.top", "-o", "run.tpr")
    tables = sorted(path.name for path in folder.glob("table_*.xvg"))
    run(
        *(folder, "mdrun", "-s", "run.tpr", "-rerun", "x.trr", "-nt", "1", "-e", "x.edr"),
        *(["-tableb", *tables] if tables else []),
    )
    run(
        folder, "energy", "-f", "x.edr", "-xvg", "none", "-dp", "-o", "x.xvg", given="Potential\n\n"
    )
    rows = [line.split() for line in (folder / "x.xvg").read_text().splitlines()]
    theirs = torch.tensor([float(row[1]) for row in rows], dtype=torch.float64)
    # what GROMACS has read: nm in single precision
    read = angstrom_from_nm(nm_from_angstrom(frames).float().double())
    model = model_of(artifact)
    ours = model.force_field.energy(read, None if model.configuration.box is None else box)
    return theirs, ours


def gro_box(path: Path) -> Tensor:
    a, b, c, ay, az, bx, bz, cx, cy = map(float, path.read_text().splitlines()[-1].split())
    return 10 * torch.tensor([[a, ay, az], [bx, b, bz], [cx, cy, c]], dtype=torch.float64)


def frames() -> Tensor:
    return torch.stack([export_models.positions(seed) for seed in range(N_FRAMES)])


@needs_gromacs
@pytest.mark.parametrize(("pair", "periodic"), [("lj-12-6", True), ("none", False)])
def test_gromacs_has_our_energies(pair: str, periodic: bool, tmp_path: Path) -> None:
    artifact = export_models.artifact(pair, periodic=periodic)
    theirs, ours = rerun(tmp_path, artifact, frames())
    assert ours.std() > 10  # kJ/mol
    torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=0.0)


@needs_gromacs
def test_a_cutoff_of_half_the_box_runs_and_has_our_energies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = float(heights(export_models.BOX).min())
    monkeypatch.setattr(export_models, "CUTOFF", 0.4999 * height)
    theirs, ours = rerun(tmp_path, export_models.artifact(), frames())
    torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=0.0)


def test_only_a_cutoff_that_leaves_no_buffer_seeks_pairs_in_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    height = float(heights(export_models.BOX).min())
    for share, tight in ((0.44, False), (0.46, True)):
        monkeypatch.setattr(export_models, "CUTOFF", share * height)
        notes = gromacs.write(export_models.artifact(), tmp_path)
        assert any("--replicate" in note and "--cutoff" in note for note in notes) == tight
        assert ("nstlist" in (tmp_path / "run.mdp").read_text()) == tight
    (note,) = gromacs.write(export_models.artifact("none", periodic=False), tmp_path)[1:]
    assert "vacuum" in note


def test_coordinates_are_the_configuration_to_six_decimals_of_nm(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    gromacs.write(artifact, tmp_path)
    lines = (tmp_path / "conf.gro").read_text().splitlines()
    rows = [[float(line[k : k + 11]) for k in (20, 31, 42)] for line in lines[2:-1]]
    written = angstrom_from_nm(torch.tensor(rows, dtype=torch.float64))
    expected = export_models.positions(0)
    torch.testing.assert_close(written, expected, atol=6e-6, rtol=0.0)
    box = gro_box(tmp_path / "conf.gro")
    steps = export_models.BOX @ torch.linalg.inv(box)
    torch.testing.assert_close(steps, steps.round(), atol=1e-7, rtol=0.0)  # one lattice
    assert abs(float(torch.linalg.det(steps))) == pytest.approx(1.0)
    apart = written - written[:1]
    torch.testing.assert_close(
        minimum_image(apart[None], box[None]).norm(dim=-1),
        minimum_image((expected - expected[:1])[None], export_models.BOX[None]).norm(dim=-1),
        atol=2e-5,
        rtol=0.0,
    )


def test_a_turned_box_gives_the_same_coordinates(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    random = torch.Generator().manual_seed(3)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=random, dtype=torch.float64)).Q
    turn = turn * torch.linalg.det(turn)
    turned = Configuration(export_models.positions(0) @ turn, export_models.BOX @ turn)
    files = []
    for name, configuration in (("as_it_is", artifact.configuration), ("turned", turned)):
        (tmp_path / name).mkdir()
        gromacs.write(replace(artifact, configuration=configuration), tmp_path / name)
        files.append((tmp_path / name / "conf.gro").read_text().replace("-0.000000", " 0.000000"))
    numbers = [[float(word) for word in re.findall(r"-?\d+\.\d+", text)] for text in files]
    assert numbers[1] == pytest.approx(numbers[0], abs=1.1e-6)


@pytest.mark.parametrize("pair", ["lj-9-6", "spline"])
def test_pair_terms_that_gromacs_has_not_are_refused_with_a_way_out(
    pair: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=rf"pair chain:A-chain:A of the form {pair}") as error:
        gromacs.write(export_models.artifact(pair), tmp_path)
    assert "--to lammps or --to openmm" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_wall_in_place_of_lennard_jones_is_refused(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    assert artifact.nonbonded is not None
    first, *others = artifact.nonbonded.terms
    energy = first.table.energy.clone()
    energy[:100] += 50.0
    walled = replace(first, table=replace(first.table, energy=energy))
    nonbonded = replace(artifact.nonbonded, terms=(walled, *others))
    with pytest.raises(SettingError, match=r"not Lennard-Jones below 2\.09 Å"):
        gromacs.write(replace(artifact, nonbonded=nonbonded), tmp_path)


def test_a_mapping_alone_is_refused(tmp_path: Path) -> None:
    artifact = replace(export_models.artifact(), kind="mapping", potentials=(), nonbonded=None)
    with pytest.raises(InputError, match="mapping artifact"):
        gromacs.write(artifact, tmp_path)


def test_tables_hold_energy_and_force_in_the_units_of_gromacs(tmp_path: Path) -> None:
    artifact = export_models.artifact("none")
    gromacs.write(artifact, tmp_path)
    bond = artifact.potentials[0].terms[0]
    rows = read_table(tmp_path / "table_b0.xvg")
    assert rows[0, 0] == 0
    x, energy, force = rows[700:-10:13].T
    expected, slope = bond.table.evaluate(angstrom_from_nm(x))
    torch.testing.assert_close(energy, expected, rtol=1e-8, atol=1e-6)
    torch.testing.assert_close(force, -10 * slope, rtol=1e-8, atol=1e-4)
    angle = read_table(tmp_path / "table_a0.xvg")
    assert angle[0, 0] == 0
    assert angle[-1, 0] == 180
    dihedral = read_table(tmp_path / "table_d0.xvg")
    assert dihedral[[0, -1], 0].tolist() == [-180, 180]
    half = len(dihedral) // 2  # dU/dphi at 0 is 0, at 45 degrees -8 kJ/mol per radian
    eighth = (dihedral[:, 0] - 45).abs().argmin()
    assert dihedral[half, 2] == pytest.approx(0, abs=1e-9)
    assert dihedral[eighth, 2] == pytest.approx(8 * torch.pi / 180, rel=1e-6)


def read_table(path: Path) -> Tensor:
    rows = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return torch.tensor([[float(word) for word in row] for row in rows], dtype=torch.float64)


def test_the_way_to_run_it_names_every_table(tmp_path: Path) -> None:
    (note,) = gromacs.write(export_models.artifact(), tmp_path)
    named = set(re.findall(r"table_\w+\.xvg", note))
    assert named == {path.name for path in tmp_path.glob("table_*")}
