"""Trainable: the module whose parameters are trained, and the network that they stand for."""

from dataclasses import dataclass
from math import ceil, pi

import torch
from torch import Tensor, nn

from autograin_cli.potential.neural.network import Interaction, Moments, Network, act
from autograin_cli.settings import NeuralSettings

_CELLS = 40  # of the grid of distances, at least
_WIDEST = 0.15  # Å; of a cell
_GAUSSIANS = 32  # over the distances up to the cutoff, for each 40 cells
_SHARPNESS = 2.0  # of the first hidden layer of a filter
_LENGTH = 1 / 6  # of the cutoff, which gives energies their unit together with that of forces
_FIRST = 0.1  # energies before training, in that unit
_MESSAGES = 0.3  # before training, over the features that they are made of
_KINDS = 2  # of pairs: inside molecules and between them


@dataclass(frozen=True)
class Scales:
    """What the residuals look like, so that training sees numbers of the order of 1.

    force: rms of the components of the residual forces, kJ/(mol Å).
    neighbours: mean number of beads that pass a bead messages, of its molecule and of others.
    """

    force: float
    neighbours: tuple[float, float]


class Filter(nn.Module):
    """Filters of distances: Gaussians, a hidden layer, and a smooth end at the cutoff.

    Its values on an even grid are the control points of cubic B-splines. The last three are 0, so
    that the filters vanish at the cutoff together with two derivatives.
    """

    gaussians: Tensor
    end: Tensor

    def __init__(
        self,
        grid: "Grid",
        sizes: tuple[int, int],
        neighbours: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        """Draw the first weights.

        Args:
            grid: of distances.
            sizes: of the hidden layer, and number of filters.
            neighbours: by whose number messages are scaled, those inside molecules and between.
            generator: of the weights.
        """
        super().__init__()
        self.register_buffer("gaussians", grid.gaussians, persistent=False)
        self.register_buffer("end", grid.end, persistent=False)
        hidden, n_filters = sizes
        self.inner = drawn((_KINDS, grid.gaussians.shape[1], hidden), generator, _SHARPNESS)
        self.bias = nn.Parameter(torch.zeros(_KINDS, 1, hidden))
        self.outer = drawn((_KINDS, hidden, n_filters), generator)
        with torch.no_grad():
            usual = torch.tensor(neighbours).clamp(min=1.0)[:, None, None]
            sizes_now = (usual * self().square().mean((1, 2), keepdim=True)).sqrt()
            self.outer.mul_(_MESSAGES / sizes_now)

    def forward(self) -> Tensor:
        """Control points for each kind of pairs, (2, rows, filters)."""
        points: Tensor = act(self.gaussians @ self.inner + self.bias) @ self.outer
        return points * self.end


@dataclass(frozen=True)
class Grid:
    """Functions at the control points of the filters.

    gaussians: of the distance, (rows, Gaussians).
    end: 1 at distance 0, falling to 0 at the cutoff and beyond, (rows, 1).
    """

    gaussians: Tensor
    end: Tensor


def grid_of(cutoff: float) -> Grid:
    """Lay the grid for a cutoff, Å."""
    n_cells = max(_CELLS, ceil(cutoff / _WIDEST))
    shares = (torch.arange(n_cells + 3) - 1.0) / n_cells  # of the cutoff, of each control point
    centres = torch.linspace(0, 1, _GAUSSIANS * n_cells // _CELLS)
    gaussians = torch.exp(-0.5 * ((shares[:, None] - centres) / centres[1]) ** 2)
    end = torch.where(torch.arange(n_cells + 3) < n_cells, 0.5 + 0.5 * (pi * shares).cos(), 0.0)
    return Grid(gaussians, end[:, None])


class TrainableMoments(nn.Module):
    """The parameters of the moments of one rank."""

    def __init__(
        self, grid: Grid, settings: NeuralSettings, scales: Scales, generator: torch.Generator
    ) -> None:
        super().__init__()
        n_features, n_moments = settings.features, settings.moments
        self.mixing = drawn((n_features, n_moments), generator)
        self.filter = Filter(grid, (n_features, n_moments), scales.neighbours, generator)
        self.left = drawn((2 * n_moments, 2 * n_moments), generator)
        self.right = drawn((2 * n_moments, 2 * n_moments), generator)

    def moments(self) -> Moments:
        """What they stand for."""
        return Moments(self.mixing, self.filter(), self.left, self.right)


class TrainableInteraction(nn.Module):
    """The parameters of an interaction."""

    def __init__(
        self, grid: Grid, settings: NeuralSettings, scales: Scales, generator: torch.Generator
    ) -> None:
        super().__init__()
        size = settings.features
        self.mixing = drawn((size, size), generator)
        self.filter = Filter(grid, (size, size), scales.neighbours, generator)
        ranks = range(settings.rank)
        parts = [TrainableMoments(grid, settings, scales, generator) for _ in ranks]
        self.ranked = nn.ModuleList(parts)
        self.hidden = drawn((size + 2 * settings.moments * settings.rank, size), generator)
        self.hidden_bias = nn.Parameter(torch.zeros(size))
        self.update = drawn((size, size), generator)

    def interaction(self) -> Interaction:
        """What they stand for."""
        ranked = [part for part in self.ranked if isinstance(part, TrainableMoments)]
        return Interaction(
            mixing=self.mixing,
            filters=self.filter(),
            moments=tuple(part.moments() for part in ranked),
            hidden=self.hidden,
            hidden_bias=self.hidden_bias,
            update=self.update,
        )


class Trainable(nn.Module):
    """The parameters of a network, in units in which the residual forces are of the order of 1.

    The unit of energy is a parameter as well, one that is not trained: so it is kept with them.
    """

    def __init__(
        self, n_types: int, settings: NeuralSettings, scales: Scales, generator: torch.Generator
    ) -> None:
        """Draw the first weights.

        Args:
            n_types: types of beads.
            settings: cutoff and sizes.
            scales: of what is learned.
            generator: of the weights.
        """
        super().__init__()
        self.cutoff, size = settings.neural_cutoff, settings.features
        grid, n_hidden = grid_of(self.cutoff), max(1, settings.features // 2)
        self.embedding = nn.Parameter(torch.randn(n_types, size, generator=generator))
        self.interactions = nn.ModuleList(
            TrainableInteraction(grid, settings, scales, generator)
            for _ in range(settings.interactions)
        )
        self.readout = drawn((size, n_hidden), generator)
        self.readout_bias = nn.Parameter(torch.zeros(n_hidden))
        self.energies = drawn((n_hidden, 1), generator, _FIRST)
        unit = torch.tensor(scales.force * self.cutoff * _LENGTH)
        self.unit = nn.Parameter(unit, requires_grad=False)

    def network(self) -> Network:
        """The network; differentiable by the parameters."""
        layers = [part for part in self.interactions if isinstance(part, TrainableInteraction)]
        return Network(
            cutoff=self.cutoff,
            embedding=self.embedding,
            interactions=tuple(layer.interaction() for layer in layers),
            readout=self.readout,
            readout_bias=self.readout_bias,
            energies=self.unit * self.energies[:, 0],
        )


def drawn(shape: tuple[int, ...], generator: torch.Generator, gain: float = 1.0) -> nn.Parameter:
    """Normal random weights of matrices that act from the right and keep the size of a row."""
    spread = gain / shape[-2] ** 0.5
    return nn.Parameter(spread * torch.randn(shape, generator=generator))
