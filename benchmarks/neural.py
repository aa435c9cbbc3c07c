"""The network against SchNet in eager torch, schnetpack and torchmd-net, in one run.

Force evaluation of 686 beads, 343 two-bead molecules at the density of liquid ethane, and training
on the forces of 8 frames of 128 beads, a step of Adam each. All models have the same cutoff,
features, interactions, Gaussians and hidden layers, one thread, float32, and get the pairs within
the cutoff: nobody searches. Times are seconds of one processor, so that other work on the machine
does not count, medians of `--rounds` turns in which one model comes after another.

    python benchmarks/neural.py [--rounds 15] [--features 128]

The two packages, which need environments of their own, are left out where they are not installed.
"""

import argparse
import shutil
import time
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import pi
from statistics import median
from unittest.mock import patch

import torch
from torch import Tensor, nn

from autograin_cli.potential.neural import network as equations
from autograin_cli.potential.neural.convolution import convolve_plainly
from autograin_cli.potential.neural.learning import adam_step, gradient_of, on_one_vector
from autograin_cli.potential.neural.network import Graph, energies_along, energy_and_forces
from autograin_cli.potential.neural.potential import cast, detached
from autograin_cli.potential.neural.trainable import Scales, Trainable, grid_of
from autograin_cli.potential.pair_search import box_of, pairs_of
from autograin_cli.settings import NeuralSettings

CUTOFF, INTERACTIONS, RATE = 6.0, 2, 1e-3  # Å, and the learning rate
DENSITY, BOND = 0.0124, 1.53  # molecules of ethane per Å³, Å
N_GAUSSIANS = grid_of(CUTOFF).gaussians.shape[1]
PLAIN = "the same, not compiled"
TYPE = 6  # of all beads, in models that count elements

Run = Callable[[], object]


@dataclass(frozen=True)
class Frames:
    """Frames of a liquid as one graph: for the network, and with each pair both ways for peers.

    graph: the beads and pairs.
    positions: Å, (beads, 3).
    first, second: the pairs, both ways, (2 pairs,).
    images: what the box adds to the vector from first to second, Å, (2 pairs, 3).
    frame: of each bead, (beads,).
    forces: to be learned, kJ/(mol Å), (beads, 3).
    """

    graph: Graph
    positions: Tensor
    first: Tensor
    second: Tensor
    images: Tensor
    frame: Tensor
    forces: Tensor

    @property
    def n_frames(self) -> int:
        """Their number."""
        return int(self.frame[-1]) + 1


def liquid(n_frames: int, n_molecules: int) -> Frames:
    """Frames of a liquid, with forces drawn at random."""
    random, edge = torch.Generator().manual_seed(1), (n_molecules / DENSITY) ** (1 / 3)
    frames = placed(n_frames, n_molecules, edge, random)
    graph, n_beads = graph_of(frames, edge), frames.shape[1]
    first, second, positions = graph.first, graph.second, frames.flatten(0, 1).float()
    images = graph.apart - (positions[second] - positions[first])
    return Frames(
        graph=graph,
        positions=positions,
        first=torch.cat((first, second)),
        second=torch.cat((second, first)),
        images=torch.cat((images, -images)),
        frame=torch.arange(n_frames).repeat_interleave(n_beads),
        forces=torch.randn(positions.shape, generator=random),
    )


def placed(n_frames: int, n_molecules: int, edge: float, random: torch.Generator) -> Tensor:
    """Two-bead molecules on a shaken lattice, turned at random, Å, (frames, beads, 3)."""
    side, shape = round(n_molecules ** (1 / 3) + 0.4999), (n_frames, n_molecules, 3)
    lattice = torch.cartesian_prod(*[torch.arange(side).double()] * 3)[:n_molecules]
    middle = lattice * edge / side + 0.4 * torch.randn(shape, generator=random).double()
    turned = nn.functional.normalize(torch.randn(shape, generator=random).double(), dim=2)
    ends = (middle - BOND / 2 * turned, middle + BOND / 2 * turned)
    return torch.stack(ends, dim=2).flatten(1, 2)


def graph_of(frames: Tensor, edge: float) -> Graph:
    """Pairs within the cutoff, those inside molecules first."""
    box = box_of((edge * torch.eye(3, dtype=torch.float64)).numpy())
    found = [pairs_of(frame.numpy(), box, CUTOFF) for frame in frames]
    starts = [number * frames.shape[1] for number in range(len(frames))]
    first, second = (
        torch.cat([torch.from_numpy(ends) + s for ends, s in zip(sides, starts, strict=True)])
        for sides in ([pairs.first for pairs in found], [pairs.second for pairs in found])
    )
    apart = torch.cat([torch.from_numpy(pairs.apart) for pairs in found]).float()
    between = first // 2 != second // 2
    order = torch.argsort(between.long(), stable=True)
    types = torch.zeros(frames.shape[0] * frames.shape[1], dtype=torch.int64)
    return Graph(types, first[order], second[order], int((~between).sum()), apart[order])


def settings_of(features: int, rank: int) -> NeuralSettings:
    """SchNet for rank 0."""
    return NeuralSettings(
        neural=True, neural_cutoff=CUTOFF, features=features, interactions=INTERACTIONS, rank=rank
    )


def module_of(settings: NeuralSettings) -> Trainable:
    """A network with its first, random weights."""
    random = torch.Generator().manual_seed(0)
    return Trainable(1, settings, Scales(1.0, (1.0, 22.0)), random)


def our_forces(settings: NeuralSettings, frames: Frames) -> Run:
    """Forces by the network as it is simulated."""
    network = cast(detached(module_of(settings).network()), torch.float32)
    return lambda: energy_and_forces(network, frames.graph)


def our_training(settings: NeuralSettings, frames: Frames) -> Run:
    """A step of training: forces, then the derivative of the energy along what they miss."""
    module = module_of(settings)
    weights = on_one_vector(module)
    moments = torch.zeros(2, len(weights))
    steps = iter(range(1, 1_000_000))

    def step() -> None:
        network = module.network()
        missed = energy_and_forces(detached(network), frames.graph)[1] - frames.forces
        lost = -energies_along(network, frames.graph, missed * (2 / missed.numel())).sum()
        adam_step((weights, *moments), gradient_of(lost, module), next(steps), RATE)

    return step


class SchNet(nn.Module):
    """SchNet written plainly: what eager torch does with the equations of the paper.

    Source: Schütt et al., J. Chem. Phys. 148, 241722 (2018).
    """

    centres: Tensor

    def __init__(self, features: int) -> None:
        """Draw the weights."""
        super().__init__()
        self.embedding = nn.Embedding(1, features)
        self.register_buffer("centres", torch.linspace(0, CUTOFF, N_GAUSSIANS))
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "filter": perceptron(N_GAUSSIANS, features, features),
                    "before": nn.Linear(features, features, bias=False),
                    "after": perceptron(features, features, features),
                }
            )
            for _ in range(INTERACTIONS)
        )
        self.readout = perceptron(features, features // 2, 1)

    def forward(self, apart: Tensor, frames: Frames) -> Tensor:
        """Energy of all beads; apart from first to second, Å, (2 pairs, 3)."""
        r = apart.norm(dim=1, keepdim=True)
        gaussians = torch.exp(-0.5 * ((r - self.centres) / self.centres[1]) ** 2)
        envelope = 0.5 * (1 + torch.cos(pi * r / CUTOFF))
        x = self.embedding(frames.graph.types)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)  # noqa: S101 - for the type checker
            w = layer["filter"](gaussians) * envelope
            messages = w * layer["before"](x).index_select(0, frames.second)
            x = x + layer["after"](torch.zeros_like(x).index_add(0, frames.first, messages))
        energy: Tensor = self.readout(x).sum()
        return energy


def perceptron(n_in: int, hidden: int, n_out: int) -> nn.Sequential:
    """One hidden layer."""
    return nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, n_out))


Forces = Callable[[Frames], Tensor]
Model = tuple[nn.Module, Forces]


def eager(features: int, compiled: bool = False) -> Model:
    """The plain SchNet, and its forces."""
    module = SchNet(features)
    energy = torch.compile(module) if compiled else module

    def forces(frames: Frames) -> Tensor:
        positions = frames.positions.clone().requires_grad_()
        apart = positions[frames.second] - positions[frames.first] + frames.images
        (slope,) = torch.autograd.grad(
            energy(apart, frames), positions, create_graph=module.training
        )
        return -slope

    return module, forces


def schnetpack(features: int) -> Model:
    """SchNet of schnetpack, with its own modules from positions to forces.

    Raises:
        ImportError: not installed.
    """
    from torch.utils.data import dataloader

    if not hasattr(dataloader, "T_co"):
        # schnetpack 2.1.1 imports this name, which newer torch has no more, for annotations.
        setattr(dataloader, "T_co", typing.TypeVar("T_co", covariant=True))  # noqa: B010
    spk = import_module("schnetpack")
    radial = spk.nn.GaussianRBF(n_rbf=N_GAUSSIANS, cutoff=CUTOFF)
    representation = spk.representation.SchNet(
        n_atom_basis=features,
        n_interactions=INTERACTIONS,
        radial_basis=radial,
        cutoff_fn=spk.nn.CosineCutoff(CUTOFF),
    )
    module = spk.model.NeuralNetworkPotential(
        representation,
        [spk.atomistic.PairwiseDistances()],
        [spk.atomistic.Atomwise(features, output_key="energy"), spk.atomistic.Forces()],
    )

    def forces(frames: Frames) -> Tensor:
        given = {
            spk.properties.Z: torch.full_like(frames.graph.types, TYPE),
            spk.properties.R: frames.positions.clone(),
            spk.properties.idx_i: frames.first,
            spk.properties.idx_j: frames.second,
            spk.properties.offsets: frames.images,
            spk.properties.idx_m: frames.frame,
            spk.properties.n_atoms: torch.bincount(frames.frame),
        }
        found: Tensor = module(given)["forces"]
        return found

    return module, forces


class GivenPairs(nn.Module):
    """In place of the search of torchmd-net: the pairs that it is given."""

    frames: Frames

    def forward(self, positions: Tensor, *_: object) -> tuple[Tensor, Tensor, None]:
        """Pairs, and distances, Å."""
        frames = self.frames
        apart = positions[frames.second] - positions[frames.first] + frames.images
        return torch.stack((frames.first, frames.second)), apart.norm(dim=1), None


def torchmd_net(features: int) -> Model:
    """The graph network of torchmd-net, which is SchNet, with its own modules.

    Raises:
        ImportError: not installed.
    """
    module = import_module("torchmdnet.models.model").create_model(
        {
            "model": "graph-network", "embedding_dimension": features, "num_layers": INTERACTIONS,
            "num_rbf": N_GAUSSIANS, "rbf_type": "gauss", "trainable_rbf": False,
            "activation": "silu", "cutoff_lower": 0.0, "cutoff_upper": CUTOFF, "max_z": 100,
            "max_num_neighbors": 64, "aggr": "add", "neighbor_embedding": False, "precision": 32,
            "derivative": True, "atom_filter": -1, "prior_model": None, "output_model": "Scalar",
            "reduce_op": "add",
        }
    )  # fmt: skip
    given = module.representation_model.distance = GivenPairs()

    def forces(frames: Frames) -> Tensor:
        given.frames = frames
        types = torch.full_like(frames.graph.types, TYPE)
        found: Tensor = module(types, frames.positions.clone(), frames.frame)[1]
        return found

    return module, forces


def forces_of(model: Model, frames: Frames) -> Run:
    """Forces by a model that is not trained."""
    module, forces = model
    module.eval().requires_grad_(False)
    return lambda: forces(frames).detach()


def training_of(model: Model, frames: Frames) -> Run:
    """A step of training, by the derivative of a derivative."""
    module, forces = model
    module.train()
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE)

    def step() -> None:
        optimiser.zero_grad()
        (forces(frames) - frames.forces).square().mean().backward()
        optimiser.step()

    return step


def plainly(run: Run) -> Run:
    """The same without compiled convolutions."""

    def plain() -> None:
        with patch.object(equations, "convolve", convolve_plainly):
            run()

    return plain


def n_parameters(module: nn.Module) -> int:
    """Numbers that are trained; of embeddings, those of one type."""
    counts = [each.numel() for each in module.parameters() if each.requires_grad]
    spare = [e.weight.numel() - e.weight.shape[1] for e in module.modules() if is_table(e)]
    return sum(counts) - sum(spare)


def is_table(module: nn.Module) -> typing.TypeGuard[nn.Embedding]:
    """Whether a module is an embedding of types."""
    return isinstance(module, nn.Embedding)


def milliseconds(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Median processor time of each, in turns, after two that warm up."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 2):
        for name, run in runs.items():
            begin = time.process_time()
            run()
            if turn > 1:
                found[name].append(time.process_time() - begin)
    return {name: 1e3 * median(times) for name, times in found.items()}


def peers(features: int) -> dict[str, Callable[[], Model]]:
    """The models that are here, by name."""
    made: dict[str, Callable[[], Model]] = {"eager torch": partial(eager, features)}
    for name, make in (("schnetpack", schnetpack), ("torchmd-net", torchmd_net)):
        try:
            make(features)
        except ImportError as error:
            print(f"{name} is not installed: {error}")
        else:
            made[name] = partial(make, features)
    return made


def table(title: str, found: dict[str, float], ours: tuple[str, ...]) -> None:
    """Print milliseconds, and how many times ours each of the others takes."""
    print(f"{title:<40}{'ms':>9}   times that of " + ", ".join(ours))
    for name, value in found.items():
        ratios = "".join(f"{value / found[one]:9.2f}" for one in ours)
        print(f"{name:<40}{value:9.2f}   {ratios}")


def main() -> None:
    """Run all models and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--features", type=int, default=128)
    given = parser.parse_args()
    torch.set_num_threads(1)
    wide, usual = settings_of(given.features, 0), settings_of(NeuralSettings.features, 2)
    name, default = f"rank 0, {wide.features} features", f"rank 2, {usual.features} features"
    made = peers(given.features)
    for peer, make in made.items():
        print(f"{peer}: {n_parameters(make()[0])} parameters")
    for own, settings in ((name, wide), (default, usual)):
        print(f"{own}: {n_parameters(module_of(settings))} parameters")

    frames = liquid(1, 343)
    print(f"forces on {len(frames.positions)} beads, {len(frames.graph.first)} pairs")
    ours = our_forces(wide, frames)
    runs = {name: ours, PLAIN: plainly(ours), default: our_forces(usual, frames)}
    runs |= {peer: forces_of(make(), frames) for peer, make in made.items()}
    if shutil.which("g++"):
        runs["eager torch, torch.compile"] = forces_of(eager(given.features, True), frames)
    table("forces", milliseconds(runs, given.rounds), (name, PLAIN))

    batch = liquid(8, 64)
    print(f"training on {batch.n_frames} frames of 128 beads, {len(batch.graph.first)} pairs")
    runs = {name: our_training(wide, batch), default: our_training(usual, batch)}
    runs |= {peer: training_of(make(), batch) for peer, make in made.items()}
    table("a step of Adam", milliseconds(runs, given.rounds), (name, default))


if __name__ == "__main__":
    main()
