"""The files for OpenMM, read by OpenMM where it is installed."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import export_models
from autograin_cli.files.exports import openmm
from autograin_cli.files.exports.model import model_of
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.units import angstrom_from_nm, nm_from_angstrom

N_FRAMES = 10
mm: Any = pytest.importorskip("openmm")


def energies_of_openmm(folder: Path, frames: Tensor, box: Tensor | None) -> Tensor:
    """Energies of frames with the serialised system, kJ/mol."""
    system = mm.XmlSerializer.deserialize((folder / "system.xml").read_text())
    platform = mm.Platform.getPlatformByName("Reference")
    context = mm.Context(system, mm.VerletIntegrator(0.001), platform)
    energies = []
    for frame in lattice_of(box).turned(frames):
        context.setPositions(nm_from_angstrom(frame).numpy())
        energies.append(context.getState(energy=True).getPotentialEnergy()._value)
    return torch.tensor(energies, dtype=torch.float64)


@pytest.mark.parametrize(
    ("pair", "periodic"), [("lj-12-6", True), ("spline", False), ("none", True)]
)
def test_openmm_gives_the_energies_of_the_model(tmp_path: Path, pair: str, periodic: bool) -> None:
    artifact = export_models.artifact(pair, periodic=periodic)
    openmm.write(artifact, tmp_path)
    frames = torch.stack([export_models.positions(seed) for seed in range(N_FRAMES)])
    box = export_models.BOX if periodic else None
    ours = model_of(artifact).force_field.energy(frames, box)
    theirs = energies_of_openmm(tmp_path, frames, box)
    torch.testing.assert_close(theirs, ours, rtol=1e-9, atol=0)


def test_the_topology_holds_the_beads_the_bonds_and_the_box(tmp_path: Path) -> None:
    from openmm import app

    openmm.write(export_models.artifact(), tmp_path)
    pdb = app.PDBFile(str(tmp_path / "topology.pdb"))
    model = export_models.model()
    system = model.force_field.system
    assert pdb.topology.getNumAtoms() == system.n_beads
    assert pdb.topology.getNumResidues() == system.n_molecules
    assert pdb.topology.getNumBonds() == 3 * export_models.N_CHAINS
    names = [atom.name for atom in pdb.topology.atoms()]
    assert names[:4] == ["A1", "B2", "B3", "A4"]
    read = angstrom_from_nm(np.array(pdb.positions._value))
    lattice = lattice_of(model.configuration.box)
    assert lattice.box is not None
    turned = lattice.turned(model.configuration.positions).numpy()
    np.testing.assert_allclose(read, turned, atol=6e-4)
    box = angstrom_from_nm(np.array(pdb.topology.getPeriodicBoxVectors()._value))
    np.testing.assert_allclose(box, lattice.box.numpy(), atol=2e-2)


@pytest.mark.parametrize(("periodic", "length"), [(True, 100.0), (False, 2000.0)])
def test_a_molecule_alone_is_run_for_long_and_few_beads_on_one_thread(
    periodic: bool, length: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = export_models.artifact("none", periodic=periodic)
    model = model_of(artifact)
    for few in (model.force_field.system.n_beads, model.force_field.system.n_beads - 1):
        monkeypatch.setattr(openmm, "_FEW", few)
        openmm.write(artifact, tmp_path)
        script = (tmp_path / "run.py").read_text()
        compile(script, "run.py", "exec")
        (steps,) = re.findall(r"simulation\.step\((\d+)\)", script)
        assert int(steps) * model.timestep == pytest.approx(length, rel=0.01)
        one = 'os.environ.setdefault("OPENMM_CPU_THREADS", "1")'
        assert (one in script) == (few == model.force_field.system.n_beads)
        assert one not in script or script.index(one) < script.index("import openmm")


@pytest.mark.slow
def test_the_script_runs_as_it_is(tmp_path: Path) -> None:
    openmm.write(export_models.artifact(), tmp_path)
    done = subprocess.run([sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert len(rows) == 101
    assert (tmp_path / "frames.dcd").stat().st_size > 0
