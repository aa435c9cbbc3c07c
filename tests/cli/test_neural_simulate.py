"""simulate with a network: run, told, kept; and refused where nothing can run it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autograin_cli.files.artifacts import load, save
from autograin_cli.mapping.components import system_of
from autograin_cli.potential.neural.potential import NeuralPotential, TrainingHistory, cast
from export_models import artifact
from pipeline import run
from tabulated_networks import neural

SHORT = ("--time", "0.02", "--interval", "0.01", "--equilibration", "0.01", "--timestep", "0.002")


def ensemble() -> NeuralPotential:
    """Two networks as a training would keep them."""
    given = neural(system_of(artifact().mappings).type_names, 2, spread_high=1e-9)
    one = torch.ones(1, dtype=torch.float64)
    history = TrainingHistory(one, one, one)
    networks = tuple(cast(network, torch.float64) for network in given.networks)
    return replace(given, networks=networks, histories=(history, history))


@pytest.fixture(scope="module")
def potential(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "potential.h5"
    save(replace(artifact(), neural=ensemble()), path, overwrite=False)
    return path


@pytest.mark.parametrize("engine", ["builtin", "openmm"])
def test_a_run_keeps_how_far_the_networks_disagree(
    potential: Path, tmp_path: Path, engine: str
) -> None:
    if engine == "openmm":
        pytest.importorskip("openmm")
    path = tmp_path / "run.h5"
    done = run("simulate", potential, *SHORT, "--engine", engine, "--device", "cpu", "-o", path)
    assert done.exit_code == 0, done.stderr
    assert "the networks disagree on the forces on" in done.stderr
    kept = load(path, ("simulation",))
    assert kept.simulation is not None and kept.neural is not None
    # All but beads that stand alone.
    assert kept.simulation.extrapolated is not None and kept.simulation.extrapolated > 0.5
    assert kept.simulation.spread is not None and kept.simulation.spread > 0


def test_what_cannot_run_or_hold_a_network_says_what_can(potential: Path, tmp_path: Path) -> None:
    refused = run("simulate", potential, *SHORT, "--engine", "lammps", "-o", tmp_path / "run.h5")
    assert refused.exit_code == 2
    assert "--engine builtin or openmm" in refused.stderr
    refused = run("export", potential, "--to", "lammps", "-o", tmp_path / "model")
    assert refused.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_network_alone_is_not_said_to_be_nothing(tmp_path: Path) -> None:
    """Without a classical term nothing keeps the beads where the network has seen them."""
    given = artifact()
    bare = tuple(replace(one, terms=(), channels=()) for one in given.potentials)
    alone = replace(given, potentials=bare, nonbonded=None, neural=ensemble())
    save(alone, tmp_path / "potential.h5", overwrite=False)
    refused = run("simulate", tmp_path / "potential.h5", *SHORT, "-o", tmp_path / "run.h5")
    assert refused.exit_code == 2
    assert "a network alone" in refused.stderr and "feel nothing" not in refused.stderr
