"""Milliseconds of CPU time a step of a run with a network, by its parts, built in and in OpenMM.

    python benchmarks/neural_simulation.py [potential.h5 --molecules 343 --timestep 0.01]

Without a potential it is a liquid of 343 dumbbells with a network of random weights: 32 features,
rank 2, 6 Å. The parts are measured on frames that move as far as beads do in a step. Of five
rounds the medians are told; ratios within one run hold on a busy machine.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from autograin_cli.files.artifacts import load
from autograin_cli.mapping.components import system_of
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.boxes import Reference
from autograin_cli.simulation.engine import Engine, Start
from autograin_cli.simulation.neural import NeuralEngine
from autograin_cli.simulation.neural_forces import NeuralForces
from autograin_cli.simulation.neural_pairs import PairList
from autograin_cli.simulation.neural_prior import PriorForces
from autograin_cli.simulation.openmm import OpenMMEngine
from autograin_cli.simulation.system_start import prepare_system
from tabulated_liquids import cubic, dumbbells, placed
from tabulated_networks import network

STEPS, ROUNDS = 200, 5


def made_up(timestep: float) -> tuple[ForceField, Start]:
    """A liquid that needs no file."""
    classical, box = dumbbells(343), cubic(37.0)
    names = classical.system.type_names
    one = network(len(names), n_features=32)
    neural = NeuralPotential(names, (one,), (), None, None, (), 1)
    masses = classical.system.masses
    if masses is None:
        raise SystemExit("beads without masses")
    start = Start(placed(classical, box), masses, 120.0, timestep, box)
    return replace(classical, neural=neural), start


def begun(path: Path, settings: SimulationSettings) -> tuple[ForceField, Start]:
    """The system of a run and its start."""
    given = load(path, ("potential", "simulation"))
    masses = [mapping.molecule.masses for mapping in given.mappings]
    reference = Reference(
        structures=tuple(each.encoder @ each.mean_structure for each in given.mappings),
        molecule_masses=tuple(None if one is None else float(one.sum()) for one in masses),
        configuration=given.configuration,
    )
    system = system_of(given.mappings)
    fitted = ForceField(system, given.potentials, given.nonbonded, given.neural)
    return prepare_system(fitted, reference, settings)


def cpu_of(work: Callable[[], object]) -> float:
    """Milliseconds of CPU time a step."""
    before = time.process_time()
    work()
    return (time.process_time() - before) / STEPS * 1e3


def of_engine(
    engine: Engine, force_field: ForceField, start: Start, settings: SimulationSettings
) -> float:
    """Of the steps between two snapshots."""
    snapshots = iter(engine.run(force_field, start, settings))
    next(snapshots)
    return cpu_of(lambda: next(snapshots))


def of_parts(force_field: ForceField, start: Start) -> dict[str, float]:
    """Of pairs, classical terms, and networks with pairs, along straight paths."""
    neural, system, box = force_field.neural, force_field.system, start.box
    if neural is None:
        raise SystemExit("a potential with a network, please")
    random = torch.Generator().manual_seed(0)
    way = 0.026 * torch.randn(start.positions.shape, generator=random, dtype=torch.float64)
    path = [start.positions + step * way for step in range(STEPS)]
    pairs = PairList(system, neural.type_names, box, 1, neural.cutoff)
    terms, networks = PriorForces(force_field.prior, box), NeuralForces(neural, system, box)
    return {
        "pairs": cpu_of(lambda: [pairs(x) for x in path]),
        "terms": cpu_of(lambda: [terms(x[0]) for x in path]),
        "pairs and networks": cpu_of(lambda: [networks(x) for x in path]),
    }


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("potential", type=Path, nargs="?")
    parser.add_argument("--molecules", default=None)
    parser.add_argument("--timestep", type=float, default=0.005, help="ps")
    given = parser.parse_args()
    torch.set_num_threads(1)
    span = STEPS * given.timestep
    settings = SimulationSettings(
        time=2 * span, interval=span, equilibration=0.0, timestep=given.timestep,
        molecules=given.molecules, device="cpu", threads=1,
    )  # fmt: skip
    if given.potential is None:
        force_field, start = made_up(given.timestep)
    else:
        force_field, start = begun(given.potential, settings)
    print(f"{start.positions.shape[1]} beads; ms of CPU time a step")
    rounds = []
    for _ in range(ROUNDS):
        ours = of_engine(NeuralEngine(1), force_field, start, settings)
        hosted = of_engine(OpenMMEngine(), force_field, start, settings)
        parts = of_parts(force_field, start)
        network_alone = parts["pairs and networks"] - parts["pairs"]
        ratios = {"rate in OpenMM": ours / hosted, "share of networks": network_alone / ours}
        rounds.append({"built in": ours, "OpenMM": hosted} | parts | ratios)
    for name in rounds[0]:
        print(f"{name:20s} {median(one[name] for one in rounds):8.3f}")


if __name__ == "__main__":
    main()
