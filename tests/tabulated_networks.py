"""Small networks with smooth random weights, made by hand, for tests of all that runs them."""

from dataclasses import replace

import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.network import Interaction, Moments, Network
from autograin_cli.potential.neural.potential import NeuralPotential

_CELLS = 24


def network(
    n_types: int,
    *,
    seed: int = 0,
    cutoff: float = 6.0,
    rank: int = 2,
    scale: float = 20.0,
    n_features: int = 12,
) -> Network:
    """A network of two interactions; `scale` is of its energies, kJ/mol, and so of its forces."""
    random = torch.Generator().manual_seed(seed)
    n_moments = n_features // 3

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random) / shape[-2 if len(shape) > 1 else 0] ** 0.5

    def filters(width: int) -> Tensor:
        """Sums of wide Gaussians of the distance, which vanish at the cutoff."""
        r = torch.arange(-1, _CELLS + 2) / _CELLS
        waves = torch.exp(-(((r[:, None] - torch.linspace(0, 1, 6)) / 0.25) ** 2))
        envelope = 0.5 + 0.5 * torch.cos(torch.pi * r.clamp(0, 1))
        points = torch.einsum("rk,tkf->trf", waves * envelope[:, None], normal(2, 6, width))
        points[:, -3:] = 0.0
        return points

    def moments() -> Moments:
        sides = (normal(2 * n_moments, n_moments), normal(2 * n_moments, n_moments))
        return Moments(normal(n_features, n_moments), filters(n_moments), *sides)

    def interaction() -> Interaction:
        products = n_features + rank * n_moments
        return Interaction(
            mixing=normal(n_features, n_features),
            filters=filters(n_features),
            moments=tuple(moments() for _ in range(rank)),
            hidden=normal(products, n_features),
            hidden_bias=normal(n_features),
            update=normal(n_features, n_features),
        )

    return Network(
        cutoff=cutoff,
        embedding=torch.randn((n_types, n_features), generator=random),
        interactions=(interaction(), interaction()),
        readout=normal(n_features, n_features),
        readout_bias=normal(n_features),
        energies=scale * torch.randn(n_features, generator=random),
    )


def neural(
    type_names: tuple[str, ...],
    n_networks: int = 1,
    *,
    spread_high: float | None = None,
    cutoff: float = 6.0,
    scale: float = 20.0,
) -> NeuralPotential:
    """An ensemble of networks that differ in their seeds."""
    networks = tuple(
        network(len(type_names), seed=k, cutoff=cutoff, scale=scale) for k in range(n_networks)
    )
    spread = None if spread_high is None else spread_high / 3
    return NeuralPotential(type_names, networks, (), spread, spread_high, (), 100)


def with_network(force_field: ForceField, n_networks: int = 1, **given: float) -> ForceField:
    """The force field with an ensemble on top of it."""
    names = force_field.system.type_names
    return replace(force_field, neural=neural(names, n_networks, **given))
