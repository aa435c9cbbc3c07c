"""Artifacts of every kind with every field filled, that satisfy all that an artifact must."""

import struct
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from autograin_cli.comparison.comparison import Comparison, Distribution, Score
from autograin_cli.files.artifacts import (
    Artifact,
    InputFile,
    Provenance,
    SimulationWriter,
    save,
)
from autograin_cli.mapping.mapping import Certificate, History, Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.potential.potential import Channel, Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.simulation.simulation import Convergence, Simulation

REPLICAS = 5
N_FRAMES = 7
N_BEADS = 3


def example(kind: str, seed: int = 0) -> Artifact:
    """An artifact of two molecules; numbers are random, so that none is there by chance."""
    random = torch.Generator().manual_seed(seed)
    mappings = (
        _mapping(random, "OTP", first_atom=0),
        replace(_mapping(random, "β/x %.", first_atom=14), certificate=None, history=None),
    )
    has = {"mapping": 0, "potential": 1, "simulation": 2, "comparison": 3}[kind]
    return Artifact(
        kind=kind,
        mappings=mappings,
        potentials=(_potential(random),) if has >= 1 else (),
        simulation=_simulation(random) if has >= 2 else None,
        comparison=_comparison(random) if has >= 3 else None,
        training=tuple(_input(i) for i in range(3)),
        inputs=(_input(11),),
        provenance=Provenance(
            "autograin fit-mapping 'a b.xtc'", '{"beads": 3}', "{}", "cpu", "2026-01-01T00:00:00Z"
        ),
        warnings=("masses are guessed: C → 12.011 u", ""),
    )


def snapshots(seed: int = 1, n_frames: int = N_FRAMES) -> list[Snapshot]:
    """Frames of the simulation of `example`."""
    random = torch.Generator().manual_seed(seed)
    return [
        Snapshot(
            step=100 * i,
            time=0.25 * i,
            positions=_normal(random, REPLICAS, N_BEADS, 3),
            velocities=_normal(random, REPLICAS, N_BEADS, 3),
            potential_energy=_normal(random, REPLICAS),
            kinetic_energy=_normal(random, REPLICAS) ** 2,
            outside=torch.rand(2, dtype=torch.float64, generator=random),
        )
        for i in range(n_frames)
    ]


def _normal(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=random)


def _number(random: torch.Generator) -> float:
    return float(torch.rand((), dtype=torch.float64, generator=random))


def _mapping(random: torch.Generator, name: str, first_atom: int) -> Mapping:
    assignment = torch.tensor([0, 0, 1, 1, 2, 2, -1])
    member = torch.arange(N_BEADS)[:, None] == assignment
    weights = member * (0.5 + _normal(random, N_BEADS, 7) ** 2)
    encoder = weights / weights.sum(1, keepdim=True)
    decoder = _normal(random, 7, N_BEADS)
    return Mapping(
        molecule=Molecule(
            name=name,
            atom_names=("C1", "H1", "C2", "H2", "C3", "H3", "X*"),
            elements=("C", "H", "C", "H", "C", "H", ""),
            masses=1 + _normal(random, 7) ** 2,
            bonds=torch.tensor([[0, 1], [0, 2], [2, 3], [2, 4], [4, 5], [4, 6]]),
            copies=first_atom + torch.arange(14).reshape(2, 7),
        ),
        assignment=assignment,
        encoder=encoder,
        decoder=decoder + (1 - decoder.sum(1, keepdim=True)) / N_BEADS,
        force_map=member.double(),
        force_map_kind="sum",
        bead_names=("A1", "B1", "A2"),
        bead_types=("A", "B", "A"),
        bead_masses=1 + _normal(random, N_BEADS) ** 2,
        bead_bonds=torch.tensor([[0, 1], [1, 2]]),
        rigid_groups=torch.tensor([-1, -1, 0, 0, -1, -1, -1]),
        orbits=torch.tensor([0, 1, 2, 3, 0, 1, 4]),
        mean_structure=_normal(random, 7, 3),
        certificate=_certificate(random),
        history=History(
            steps=torch.tensor([0, 10, 20, 30]),
            beta=_normal(random, 4) ** 2,
            loss=_normal(random, 4) ** 2,
            assignments=_normal(random, 4, N_BEADS, 7).softmax(1),
        ),
    )


def _certificate(random: torch.Generator) -> Certificate:
    return Certificate(
        objective="ae+compactness",
        compactness_weight=10.0,
        force_weight=_number(random),
        weights="mass",
        symmetry=True,
        connected=False,
        method="enumeration",
        proved_optimal=True,
        loss=_number(random),
        soft_loss=None,
        compactness=_number(random),
        mean_square_force=_number(random),
        bound=_number(random),
        objective_value=_number(random),
        annealed_objective=None,
        loss_sampled=1.1,
        n_candidates=826,
        n_equivalent=2,
        n_within_one_percent=1,
        n_within_one_percent_ae=116,
        margin=_number(random),
        rank_ae=103,
        rank_compactness=1,
        block_agreement=1.0,
        seed_agreement=0.875,
        n_frames=3000,
    )


def _term(random: torch.Generator, coordinate: str, name: str, beads: list[list[int]]) -> Term:
    low, high = 1 + _number(random), 2 + _number(random)
    n_points = 9
    return Term(
        name=name,
        coordinate=coordinate,
        form="spline",
        beads=torch.tensor(beads),
        parameter_names=("k", "r0"),
        parameters=_normal(random, 2),
        parameter_errors=torch.tensor([0.5, torch.inf], dtype=torch.float64),
        parameter_units=("kJ/mol/Å²", "Å"),
        knots=torch.linspace(low, high, 5, dtype=torch.float64),
        sampled_low=low,
        sampled_high=high,
        counts=torch.arange(n_points),
        energy_errors=_normal(random, n_points) ** 2,
        table=Table(
            low=low,
            high=high,
            energy=_normal(random, n_points),
            slope=_normal(random, n_points),
            wall_stiffness=_number(random),
            periodic=coordinate == "dihedral",
        ),
    )


def _potential(random: torch.Generator) -> Potential:
    return Potential(
        molecule="OTP",
        temperature=300.0,
        terms=(
            _term(random, "bond", "bond A-B", [[0, 1], [1, 2]]),
            _term(random, "angle", "angle A-B-A", [[0, 1, 2]]),
        ),
        channels=tuple(
            Channel(name, _number(random), _number(random), _number(random), _number(random))
            for name in ("bond", "angle", "all")
        ),
        force_map_kind="optimal",
        n_frames=6000,
    )


def _simulation(random: torch.Generator) -> Simulation:
    return Simulation(
        molecule="OTP",
        engine="builtin",
        device="cpu",
        temperature=300.0,
        timestep=0.004,
        friction=1.0,
        replicas=REPLICAS,
        n_frames=N_FRAMES,
        kinetic_temperature=299.5,
        kinetic_temperature_error=_number(random),
        configurational_temperature=301.0,
        configurational_temperature_error=_number(random),
        outside=torch.rand(2, dtype=torch.float64, generator=random),
        convergence=(
            Convergence("bond A-B", 1.001, 1234.5),
            Convergence("angle A-B-A", torch.inf, 3.0),
        ),
    )


def _distribution(random: torch.Generator, coordinate: str, unit: str, name: str) -> Distribution:
    bins = 6
    reference, model = _normal(random, bins) ** 2, _normal(random, bins) ** 2
    return Distribution(
        name=name,
        coordinate=coordinate,
        unit=unit,
        edges=torch.linspace(1, 3, bins + 1, dtype=torch.float64),
        reference=reference,
        reference_low=0.9 * reference,
        reference_high=1.1 * reference,
        model=model,
        model_low=0.9 * model,
        model_high=1.1 * model,
        analytic=model if coordinate == "bond" else None,
        reference_effective=321.0,
        model_effective=654.0,
        reference_blocks=21,
        model_blocks=REPLICAS,
        scores=(
            Score("jensen-shannon", "1", 0.02, 0.01, 0.03, 0.015),
            Score("wasserstein-1", unit, 0.002, 0.001, 0.003, 0.0015),
        ),
    )


def _comparison(random: torch.Generator) -> Comparison:
    return Comparison(
        distributions=(
            _distribution(random, "bond", "Å", "bond A-B"),
            _distribution(random, "angle", "degrees", "angle A-B-A"),
        ),
        reference_frames=1500,
        model_frames=N_FRAMES * REPLICAS,
        reference_time=3000.0,
        overlap=0.0,
    )


def _input(number: int) -> InputFile:
    return InputFile(
        path=f"runs/part {number}.xtc",
        role="trajectory",
        size=10**6 + number,
        fingerprint="0" * 64,
        n_frames=3000,
        first_time=0.5,
        last_time=6000.0,
        stride=2,
    )


def bits(value: object) -> object:
    """What two records have in common only if every bit of them is the same."""
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, tuple):
        return tuple(bits(part) for part in value)
    if is_dataclass(value):
        return type(value), tuple(bits(getattr(value, item.name)) for item in fields(value))
    return type(value), value


def write_new(kind: str, path: Path, seed: int = 0) -> Path:
    """Write the example of a kind, a simulation with its frames."""
    if kind != "simulation":
        save(example(kind, seed), path, overwrite=True)
        return path
    with SimulationWriter(path, overwrite=True) as writer:
        for snapshot in snapshots():
            writer.append(snapshot)
        writer.finish(example(kind, seed))
    return path


@cache
def _written(kind: str) -> bytes:
    with TemporaryDirectory() as folder:
        return write_new(kind, Path(folder) / "artifact.h5").read_bytes()


def write(kind: str, path: Path) -> Path:
    """Copy the example of a kind, which is written but once: for tests of reading."""
    path.write_bytes(_written(kind))
    return path
