"""Artifacts of every kind with every field filled, that satisfy all that an artifact must."""

import struct
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from autograin_cli.checking.finding import Finding
from autograin_cli.comparison.comparison import (
    Comparison,
    Distribution,
    JointDistribution,
    Orientation,
    PairDistribution,
    Quantity,
    Score,
    StructureFactor,
    TripletDistribution,
)
from autograin_cli.files.artifacts import (
    Artifact,
    InputFile,
    Provenance,
    SimulationWriter,
    save,
)
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Certificate, History, Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.potential.neural.network import Interaction, Moments, Network
from autograin_cli.potential.neural.potential import NeuralPotential, TrainingHistory
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.potential.potential import Channel, Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.simulation.simulation import Convergence, Simulation
from autograin_cli.system import Configuration

REPLICAS = 5
N_FRAMES = 7
N_BEADS = 3
BOX = torch.tensor([[21.0, 0.0, 0.0], [4.0, 22.0, 0.0], [-3.0, 5.0, 23.0]], dtype=torch.float64)

KINDS = ("mapping", "potential", "simulation", "comparison")
LIQUIDS = ("liquid potential", "liquid simulation", "liquid comparison")
NEURAL = "neural potential"
EXAMPLES = (*KINDS, *LIQUIDS, NEURAL)


def example(name: str, seed: int = 0) -> Artifact:
    """An artifact of a kind, or of a liquid of a kind, or with networks: two types of molecules.

    Numbers are random, so that none is there by chance.
    """
    if name == NEURAL:
        return with_networks(example("potential", seed), seed)
    if name in LIQUIDS:
        return liquid(example(name.removeprefix("liquid "), seed), seed)
    kind, random = name, torch.Generator().manual_seed(seed)
    mappings = (
        _mapping(random, "OTP", first_atom=0),
        replace(
            _mapping(random, "β/x %.", first_atom=14),
            certificate=None,
            history=None,
            reconstruction_errors=None,
            bond_lengths=None,
        ),
    )
    has = {"mapping": 0, "potential": 1, "simulation": 2, "comparison": 3}[kind]
    return Artifact(
        kind=kind,
        mappings=mappings,
        potentials=_potentials(random) if has >= 1 else (),
        nonbonded=None,
        configuration=None,
        simulation=_simulation(random) if has >= 2 else None,
        comparison=_comparison(random) if has >= 3 else None,
        training=tuple(_input(i) for i in range(3)),
        inputs=(_input(11),),
        provenance=Provenance(
            "autograin fit-mapping 'a b.xtc'", '{"beads": 3}', "{}", "cpu", "2026-01-01T00:00:00Z"
        ),
        warnings=("masses are guessed: C → 12.011 u", ""),
        checks=(
            Finding("force-unit", "failed", "71 ± 2 K", 71.25, "K", "300 K", "kcal", "convert"),
            Finding("net-force", "unmeasured", "only some atoms are read"),
        ),
    )


def snapshots(seed: int = 1, n_frames: int = N_FRAMES, name: str = "simulation") -> list[Snapshot]:
    """Frames of the simulation of `example`."""
    random = torch.Generator().manual_seed(seed)
    run = example(name).simulation
    assert run is not None
    shape = (run.replicas, N_BEADS * int(run.copies.sum()), 3)
    return [
        Snapshot(
            step=100 * i,
            time=0.25 * i,
            positions=normal(random, *shape),
            velocities=normal(random, *shape),
            potential_energy=normal(random, run.replicas),
            kinetic_energy=normal(random, run.replicas) ** 2,
            outside=torch.rand(len(run.outside), dtype=torch.float64, generator=random),
        )
        for i in range(n_frames)
    ]


def normal(random: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers, of a shape."""
    return torch.randn(shape, dtype=torch.float64, generator=random)


def number(random: torch.Generator) -> float:
    """A number from 0 to 1."""
    return float(torch.rand((), dtype=torch.float64, generator=random))


def _mapping(random: torch.Generator, name: str, first_atom: int) -> Mapping:
    assignment = torch.tensor([0, 0, 1, 1, 2, 2, -1])
    member = torch.arange(N_BEADS)[:, None] == assignment
    weights = member * (0.5 + normal(random, N_BEADS, 7) ** 2)
    encoder = weights / weights.sum(1, keepdim=True)
    decoder = normal(random, 7, N_BEADS)
    return Mapping(
        molecule=Molecule(
            name=name,
            atom_names=("C1", "H1", "C2", "H2", "C3", "H3", "X*"),
            elements=("C", "H", "C", "H", "C", "H", ""),
            masses=1 + normal(random, 7) ** 2,
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
        bead_masses=1 + normal(random, N_BEADS) ** 2,
        bead_bonds=torch.tensor([[0, 1], [1, 2]]),
        rigid_groups=torch.tensor([-1, -1, 0, 0, -1, -1, -1]),
        orbits=torch.tensor([0, 1, 2, 3, 0, 1, 4]),
        mean_structure=normal(random, 7, 3),
        certificate=_certificate(random),
        history=History(
            steps=torch.tensor([0, 10, 20, 30]),
            beta=normal(random, 4) ** 2,
            loss=normal(random, 4) ** 2,
            assignments=normal(random, 4, N_BEADS, 7).softmax(1),
        ),
        reconstruction_errors=normal(random, 7) ** 2,
        bond_lengths=normal(random, 6) ** 2,
    )


def _certificate(random: torch.Generator) -> Certificate:
    return Certificate(
        objective="ae+compactness",
        compactness_weight=10.0,
        force_weight=number(random),
        weights="mass",
        symmetry=True,
        connected=False,
        method="enumeration",
        proved_optimal=True,
        loss=number(random),
        soft_loss=None,
        compactness=number(random),
        mean_square_force=number(random),
        bound=number(random),
        objective_value=number(random),
        annealed_objective=None,
        loss_sampled=1.1,
        n_candidates=826,
        n_equivalent=2,
        n_within_one_percent=1,
        n_within_one_percent_ae=116,
        margin=number(random),
        rank_ae=103,
        rank_compactness=1,
        block_agreement=1.0,
        seed_agreement=0.875,
        n_frames=3000,
    )


def _term(random: torch.Generator, coordinate: str, name: str, beads: list[list[int]]) -> Term:
    low, high = 1 + number(random), 2 + number(random)
    n_points = 9
    return Term(
        name=name,
        coordinate=coordinate,
        form="spline",
        beads=torch.tensor(beads),
        parameter_names=("k", "r0"),
        parameters=normal(random, 2),
        parameter_errors=torch.tensor([0.5, torch.inf], dtype=torch.float64),
        parameter_units=("kJ/mol/Å²", "Å"),
        knots=torch.linspace(low, high, 5, dtype=torch.float64),
        sampled_low=low,
        sampled_high=high,
        counts=torch.arange(n_points),
        energy_errors=normal(random, n_points) ** 2,
        table=Table(
            low=low,
            high=high,
            energy=normal(random, n_points),
            slope=normal(random, n_points),
            wall_stiffness=number(random),
            periodic=coordinate == "dihedral",
        ),
    )


def _potentials(random: torch.Generator) -> tuple[Potential, ...]:
    full = Potential(
        molecule="OTP",
        temperature=300.0,
        terms=(
            _term(random, "bond", "bond A-B", [[0, 1], [1, 2]]),
            _term(random, "angle", "angle A-B-A", [[0, 1, 2]]),
        ),
        channels=tuple(
            Channel(name, number(random), number(random), number(random), number(random))
            for name in ("bond", "angle", "all")
        ),
        force_map_kind="optimal",
        n_frames=6000,
    )
    return full, replace(full, molecule="β/x %.", terms=())


def _simulation(random: torch.Generator) -> Simulation:
    return Simulation(
        molecules=("OTP", "β/x %."),
        copies=torch.tensor([1, 0]),
        box=None,
        engine="builtin",
        device="cpu",
        temperature=300.0,
        timestep=0.004,
        friction=1.0,
        replicas=REPLICAS,
        n_frames=N_FRAMES,
        kinetic_temperature=299.5,
        kinetic_temperature_error=number(random),
        configurational_temperature=301.0,
        configurational_temperature_error=number(random),
        pressure=None,
        pressure_error=None,
        outside=torch.rand(2, dtype=torch.float64, generator=random),
        convergence=(
            Convergence("bond A-B", 1.001, 1234.5),
            Convergence("angle A-B-A", torch.inf, 3.0),
        ),
    )


def _distribution(random: torch.Generator, coordinate: str, unit: str, name: str) -> Distribution:
    bins = 6
    reference, model = normal(random, bins) ** 2, normal(random, bins) ** 2
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
        joint_distributions=(_joint_distribution(random),),
        pair_distributions=(),
        structure_factors=(),
        triplet_distributions=(),
        orientations=(),
        quantities=(),
        reference_frames=1500,
        model_frames=N_FRAMES * REPLICAS,
        reference_time=3000.0,
        overlap=0.0,
    )


def _joint_distribution(random: torch.Generator) -> JointDistribution:
    reference, model = normal(random, 5, 4) ** 2, normal(random, 5, 4) ** 2
    return JointDistribution(
        name="bond A-B, angle A-B-A",
        first="bond A-B",
        second="angle A-B-A",
        first_unit="Å",
        second_unit="degrees",
        unit="1/(Å degrees)",
        first_edges=torch.linspace(1, 3, 6, dtype=torch.float64),
        second_edges=torch.linspace(90, 150, 5, dtype=torch.float64),
        reference=reference,
        reference_low=0.9 * reference,
        reference_high=1.1 * reference,
        model=model,
        model_low=0.9 * model,
        model_high=1.1 * model,
        correlation=Quantity("correlation", "1", -0.25, 0.01, 0.125, 0.02, expected_to_match=True),
        reference_effective=321.0,
        model_effective=654.0,
        reference_blocks=21,
        model_blocks=REPLICAS,
        scores=(Score("jensen-shannon", "bits", 0.03, 0.02, 0.04, 0.02),),
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


def liquid(artifact: Artifact, seed: int = 0) -> Artifact:
    """The same molecules in a triclinic box, with pair terms."""
    random = torch.Generator().manual_seed(seed + 1000)
    nonbonded = _nonbonded(random)
    simulation, comparison = artifact.simulation, artifact.comparison
    return replace(
        artifact,
        nonbonded=nonbonded,
        configuration=Configuration(normal(random, 4 * N_BEADS, 3), BOX),
        simulation=None
        if simulation is None
        else replace(
            simulation,
            copies=torch.tensor([3, 2]),
            box=2 * BOX,
            replicas=2,
            pressure=-123.4,
            pressure_error=5.6,
            spread=0.3125,
            extrapolated=0.0625,
            outside=torch.rand(2 + len(nonbonded.terms), dtype=torch.float64, generator=random),
        ),
        comparison=None if comparison is None else _of_liquid(comparison, random),
    )


def with_networks(artifact: Artifact, seed: int = 0) -> Artifact:
    """The same beads, with an ensemble of two networks, of rank 2 and of rank 0."""
    random = torch.Generator().manual_seed(seed + 2000)
    type_names = system_of(artifact.mappings).type_names
    neural = NeuralPotential(
        type_names=type_names,
        networks=tuple(network(random, len(type_names), rank) for rank in (2, 0)),
        channels=(
            Channel("all", 0.45, 0.01, 0.75, 0.125),
            Channel("prior", 0.375, 0.02, None, None),
        ),
        spread=0.25 + number(random),
        spread_high=2.5 + number(random),
        histories=tuple(_training_history(random, n_epochs) for n_epochs in (7, 5)),
        n_frames=1234,
    )
    return replace(artifact, neural=neural)


def network(random: torch.Generator, n_types: int, rank: int, cutoff: float = 6.0) -> Network:
    """A network with random weights: 4 features, 3 moments, 9 cells, 2 interactions."""
    features, moments, cells = 4, 3, 9
    n_messages = features * (1 + rank)

    def filters(width: int) -> Tensor:
        points = normal(random, 2, cells + 3, width)
        points[:, -3:] = 0.0
        return points

    def interaction() -> Interaction:
        return Interaction(
            mixing=normal(random, features, features),
            filters=filters(features),
            moments=tuple(
                Moments(
                    mixing=normal(random, features, moments),
                    filters=filters(moments),
                    left=normal(random, 2 * moments, features),
                    right=normal(random, 2 * moments, features),
                )
                for _ in range(rank)
            ),
            hidden=normal(random, n_messages, features),
            hidden_bias=normal(random, features),
            update=normal(random, features, features),
        )

    return Network(
        cutoff=cutoff,
        embedding=normal(random, n_types, features),
        interactions=(interaction(), interaction()),
        readout=normal(random, features, 5),
        readout_bias=normal(random, 5),
        energies=normal(random, 5),
    )


def _training_history(random: torch.Generator, n_epochs: int) -> TrainingHistory:
    return TrainingHistory(
        training_loss=100 + normal(random, n_epochs) ** 2,
        validation_loss=101 + normal(random, n_epochs) ** 2,
        learning_rate=1e-3 * normal(random, n_epochs) ** 2,
    )


def _nonbonded(random: torch.Generator) -> Nonbonded:
    spline = _pair_term(random, ("OTP:A", "OTP:B"))
    return Nonbonded(
        terms=(
            spline,
            _lennard_jones(spline, ("OTP:A", "OTP:A")),
            replace(spline, name="pair OTP:A-β/x %.:B", types=("β/x %.:B", "OTP:A")),
        ),
        excluded_bonds=2,
        switch=9.0,
        channels=(Channel("pair", 0.25, 0.01, None, None), Channel("all", 0.75, 0.02, 0.9, 0.01)),
        n_frames=6000,
    )


def _pair_term(random: torch.Generator, types: tuple[str, ...]) -> PairTerm:
    n_points, n_parameters = 41, 16
    r = torch.linspace(3.0, 10.0, n_points, dtype=torch.float64)
    edge = (1 - r / 10.0).clamp(min=0)
    return PairTerm(
        name="pair " + "-".join(types),
        types=types,
        form="spline",
        parameter_names=tuple(f"c{k}" for k in range(n_parameters)),
        parameters=normal(random, n_parameters),
        parameter_errors=normal(random, n_parameters) ** 2,
        parameter_units=("kJ/mol",) * n_parameters,
        on_bounds=(),
        knots=torch.linspace(3.0, 10.0, 20, dtype=torch.float64),
        sampled_low=3.6,
        cutoff=10.0,
        counts=(1000 * ((r - 3.5).clamp(min=0)) ** 2).long(),
        energy_errors=torch.where(r < 3.6, torch.inf, 0.1 * edge),
        table=Table(
            low=3.0,
            high=10.0,
            energy=edge**2 * 8 * torch.cos(1.5 * (r - 3.0)),
            slope=normal(random, n_points) * edge,
            wall_stiffness=12.5,
            periodic=False,
        ),
    )


def _lennard_jones(like: PairTerm, types: tuple[str, ...]) -> PairTerm:
    """A term with one of its parameters on a bound."""
    return replace(
        like,
        name="pair " + "-".join(types),
        types=types,
        form="lj-12-6",
        parameter_names=("A", "C"),
        parameters=torch.tensor([0.0, 1234.5], dtype=torch.float64),
        parameter_errors=torch.tensor([0.0, 6.7], dtype=torch.float64),
        parameter_units=("kJ/mol Å^12", "kJ/mol Å^6"),
        on_bounds=("A",),
        knots=torch.zeros(0, dtype=torch.float64),
    )


def _of_liquid(comparison: Comparison, random: torch.Generator) -> Comparison:
    near = _pair_distribution(random, "intermolecular OTP:A-OTP:B", ("OTP:A", "OTP:B"))
    inside = replace(
        near,
        name="intramolecular OTP:A-β/x %.:B",
        types=("OTP:A", "β/x %.:B"),
        kind="intramolecular",
        shell=None,
        features=(),
        scores=(Score("rms deviation", "1/Å", 0.02, 0.01, 0.03, 0.015),),
    )
    q = torch.linspace(0.3, 4.0, 30, dtype=torch.float64)
    values = 1 + torch.sin(3 * q) / (3 * q)
    return replace(
        comparison,
        pair_distributions=(near, inside),
        triplet_distributions=(_triplet_distribution(),),
        orientations=(_orientation(2), _orientation(1)),
        structure_factors=(
            StructureFactor(
                name="S(q) OTP:A-OTP:B",
                types=("OTP:A", "OTP:B"),
                q=q,
                reference=values,
                reference_error=torch.full_like(q, 0.05),
                model=values + 0.1 * torch.sin(5 * q),
                model_error=torch.full_like(q, torch.inf),
            ),
        ),
        quantities=(
            Quantity("pressure", "bar", None, None, -123.4, 5.6, expected_to_match=False),
            Quantity("diffusion OTP", "Å²/ps", 0.1, 0.01, 0.4, torch.inf, expected_to_match=False),
        ),
    )


def _triplet_distribution() -> TripletDistribution:
    edges = torch.linspace(0.0, 180.0, 37, dtype=torch.float64)
    middle = (edges[1:] + edges[:-1]) / 2
    reference = torch.exp(-(((middle - 60.0) / 20.0) ** 2)) + 0.5 * middle.deg2rad().sin()
    reference = reference / (5.0 * reference.sum())
    model = 0.5 * reference + 0.5 * reference.flip(0)
    return TripletDistribution(
        name="triplet OTP:A-OTP:B-OTP:B",
        types=("OTP:A", "OTP:B", "OTP:B"),
        shells=torch.tensor([6.4, 5.9], dtype=torch.float64),
        edges=edges,
        reference=reference,
        reference_low=0.95 * reference,
        reference_high=1.05 * reference,
        model=model,
        model_low=0.97 * model,
        model_high=1.03 * model,
        reference_blocks=16,
        model_blocks=20,
        scores=(
            Score("rms deviation", "1/degrees", 0.004, 0.003, 0.005, 0.001),
            Score("jensen-shannon", "bits", 0.02, 0.01, 0.03, 0.015),
        ),
    )


def _orientation(order: int) -> Orientation:
    edges = torch.arange(3.0, 10.01, 0.25, dtype=torch.float64)
    middle = (edges[1:] + edges[:-1]) / 2
    reference = 0.5 * torch.exp(-(middle - 3.0)) * torch.cos(2.0 * middle)
    model = 0.5 * reference
    return Orientation(
        name=f"P{order} OTP-β/x %.",
        order=order,
        molecules=("OTP", "β/x %."),
        edges=edges,
        reference=reference,
        reference_low=reference - 0.01,
        reference_high=reference + 0.01,
        model=model,
        model_low=model - 0.02,
        model_high=model + 0.02,
        reference_blocks=16,
        model_blocks=20,
        scores=(
            Score("max deviation", "1", 0.2, 0.1, 0.3, 0.05),
            Score("rms deviation", "1", 0.05, 0.04, 0.06, 0.02),
        ),
    )


def _pair_distribution(
    random: torch.Generator, name: str, types: tuple[str, ...]
) -> PairDistribution:
    r = torch.arange(0.125, 10.0, 0.25, dtype=torch.float64)
    shape = 1 + 2 * torch.exp(-2 * (r - 4.5) ** 2) - 0.5 * torch.exp(-((r - 6.5) ** 2))
    reference = torch.where(r < 3.3, 0.0, shape)
    model = 1.1 * reference
    return PairDistribution(  # noqa: S604, its shell is one of neighbours
        name=name,
        kind="intermolecular",
        types=types,
        edges=torch.arange(0.0, 10.01, 0.25, dtype=torch.float64),
        reference=reference,
        reference_low=0.95 * reference,
        reference_high=1.05 * reference,
        model=model,
        model_low=0.97 * model,
        model_high=1.03 * model,
        reference_blocks=21,
        model_blocks=20,
        shell=6.4,
        features=(
            Quantity("first peak position", "Å", 4.5, 0.01, 4.6, 0.02, expected_to_match=True),
            Quantity("first peak height", "1", 3.0, 0.05, 3.3, 0.06, expected_to_match=True),
            Quantity("coordination number", "1", 12.1, None, None, None, expected_to_match=True),
        ),
        scores=(
            Score("max deviation", "1", 0.3 + number(random), 0.1, 1.4, 0.15),
            Score("rms deviation", "1", 0.08, 0.06, 0.1, 0.015),
        ),
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
    artifact = example(kind, seed)
    if artifact.kind != "simulation":
        save(artifact, path, overwrite=True)
        return path
    box = artifact.simulation.box if artifact.simulation else None
    with SimulationWriter(path, overwrite=True, box=box) as writer:
        for snapshot in snapshots(name=kind):
            writer.append(snapshot)
        writer.finish(artifact)
    return path


@cache
def _written(kind: str) -> bytes:
    with TemporaryDirectory() as folder:
        return write_new(kind, Path(folder) / "artifact.h5").read_bytes()


def write(kind: str, path: Path) -> Path:
    """Copy the example of a kind, which is written but once: for tests of reading."""
    path.write_bytes(_written(kind))
    return path
