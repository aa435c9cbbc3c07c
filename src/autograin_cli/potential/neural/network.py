"""Network: the energy of beads from continuous-filter convolutions, as equations on tensors.

    x_i = embedding[type_i]
    m_i = sum_j w(r_ij) o (M x_j)
    m_ic^l = sum_j w^l(r_ij) o (M_l x_j) Y_lc(r_ij / |r_ij|)      of each rank l = 1, 2
    s_i^l = sum_c (Q_l m_ic^l) o (R_l m_ic^l)
    x_i <- x_i + V act(U [m_i, s_i^1, s_i^2] + u)
    E = sum_i c . act(C x_i + b)

The messages m are those of SchNet; the moments m^l say where they come from, inside a molecule and
between molecules apart, and their products s^l depend on angles: of two neighbours at a bead, and
of a neighbour to the bonds of the bead. Without them ("rank" 0) this is SchNet.

Sources: Schütt et al., J. Chem. Phys. 148, 241722 (2018); docs/neural.md.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.potential.neural.convolution import Edges, Weights, convolve, convolve_along


@dataclass(frozen=True)
class Moments:
    """The weights of the moments of one rank in an interaction.

    mixing: M_l, (features, moments).
    filters: control points of w^l inside molecules and between them, (2, rows, moments).
    left, right: Q_l and R_l, (2 moments, products): of moments inside, then between molecules.
    """

    mixing: Tensor
    filters: Tensor
    left: Tensor
    right: Tensor


@dataclass(frozen=True)
class Interaction:
    """The weights of one interaction.

    mixing: M, (features, features).
    filters: control points of w inside molecules and between them, (2, rows, features).
    moments: of rank 1, 2, ...; none in SchNet.
    hidden, hidden_bias: U and u, (features + products, features) and (features,).
    update: V, (features, features).
    """

    mixing: Tensor
    filters: Tensor
    moments: tuple[Moments, ...]
    hidden: Tensor
    hidden_bias: Tensor
    update: Tensor


@dataclass(frozen=True)
class Network:
    """The weights of a network; matrices act from the right.

    cutoff: distance from which beads pass no messages, Å.
    embedding: of each type of bead, (types, features).
    interactions: in order.
    readout, readout_bias: C and b, (features, hidden) and (hidden,).
    energies: c, kJ/mol, (hidden,).
    """

    cutoff: float
    embedding: Tensor
    interactions: tuple[Interaction, ...]
    readout: Tensor
    readout_bias: Tensor
    energies: Tensor

    @property
    def n_cells(self) -> int:
        """Cells of the grid of distances."""
        return self.interactions[0].filters.shape[1] - 3

    @property
    def spacing(self) -> float:
        """Width of a cell, Å."""
        return self.cutoff / self.n_cells

    @property
    def rank(self) -> int:
        """Of the highest moments."""
        return len(self.interactions[0].moments)


@dataclass(frozen=True)
class Graph:
    """Beads and their pairs; several frames are one graph of more beads.

    types: of the beads, (beads,), int64.
    first, second: the pairs, each once, those inside molecules first, (pairs,), int64.
    n_inside: pairs inside molecules.
    apart: from the first to the second, Å, (pairs, 3).
    """

    types: Tensor
    first: Tensor
    second: Tensor
    n_inside: int
    apart: Tensor


def angular_factors(u: Tensor, rank: int) -> Tensor:
    """Real spherical harmonics of directions, scaled so that sum_c Y_c(u) Y_c(v) = P_l(u . v).

    Args:
        u: unit vectors, (pairs, 3).
        rank: l, 0 to 2.

    Returns:
        (pairs, 2 l + 1).
    """
    if rank == 0:
        return torch.ones_like(u[:, :1])
    if rank == 1:
        return u
    x, y, z = u.unbind(1)
    half = 0.75**0.5
    quadrupole = (2 * half * x * y, 2 * half * y * z, 2 * half * x * z)
    return torch.stack((*quadrupole, 1.5 * z * z - 0.5, half * (x * x - y * y)), dim=1)


def _angular_factors_along(u: Tensor, du: Tensor, rank: int) -> Tensor:
    """Derivatives of `angular_factors` as directions turn by du, (pairs, 3)."""
    if rank == 0:
        return torch.zeros_like(u[:, :1])
    if rank == 1:
        return du
    (x, y, z), (dx, dy, dz) = u.unbind(1), du.unbind(1)
    twice = 3**0.5
    mixed = (twice * (x * dy + y * dx), twice * (y * dz + z * dy), twice * (x * dz + z * dx))
    return torch.stack((*mixed, 3 * z * dz, twice * (x * dx - y * dy)), dim=1)


def weights_of(network: Network, apart: Tensor) -> tuple[Weights, ...]:
    """Weights of the filters at each pair, one for each rank; apart in Å, (pairs, 3)."""
    radial, factors = _geometry(network, apart)
    return _ranked(radial, factors)


def _ranked(radial: Tensor, factors: tuple[Tensor, ...]) -> tuple[Weights, ...]:
    return tuple(Weights(radial, each, (-1) ** rank) for rank, each in enumerate(factors))


def _geometry(network: Network, apart: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Cubic B-splines of the four control points of each pair, and its angular factors."""
    distances = apart.norm(dim=1)
    place = (distances / network.spacing).clamp(max=network.n_cells)
    t = place - _cells(network, place)
    u = 1 - t
    cubic = (u**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * u**2 + 3 * u**3, t**3)
    directions = apart / distances[:, None]
    factors = tuple(angular_factors(directions, rank) for rank in range(network.rank + 1))
    return torch.stack(cubic, dim=1) / 6, factors


def _geometry_along(
    network: Network, apart: Tensor, relative: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Derivatives of `_geometry` as the second bead of each pair moves against the first."""
    distances = apart.norm(dim=1, keepdim=True)
    directions = apart / distances
    lengthening = (directions * relative).sum(1, keepdim=True)
    turning = (relative - directions * lengthening) / distances
    place = distances / network.spacing
    t = place - _cells(network, place)
    u = 1 - t
    slopes = torch.cat((-(u**2), 3 * t**2 - 4 * t, 4 * u - 3 * u**2, t**2), dim=1) / 2
    ranks = range(network.rank + 1)
    factors = tuple(_angular_factors_along(directions, turning, rank) for rank in ranks)
    return slopes * lengthening * (place < network.n_cells) / network.spacing, factors


def _cells(network: Network, place: Tensor) -> Tensor:
    return place.detach().floor().clamp(max=network.n_cells - 1)


def edges_of(network: Network, graph: Graph) -> Edges:
    """Where the pairs lie on the grids of the filters; in the last cell beyond the cutoff."""
    rows = _cells(network, graph.apart.detach().norm(dim=1) / network.spacing).long()
    rows[graph.n_inside :] += network.n_cells + 3
    return Edges(graph.first, graph.second, rows, graph.n_inside)


def energies(network: Network, graph: Graph) -> Tensor:
    """Energy of each bead, kJ/mol, (beads,); differentiable by graph.apart."""
    edges, weights = edges_of(network, graph), weights_of(network, graph.apart)
    x = network.embedding.index_select(0, graph.types)
    for layer in network.interactions:
        points = layer.filters.flatten(0, 1)
        told = [convolve(x @ layer.mixing, weights[0], points, edges, points.shape[1])[0]]
        for given, moments in zip(weights[1:], layer.moments, strict=True):
            points = moments.filters.flatten(0, 1)
            m = convolve(x @ moments.mixing, given, points, edges, 2 * points.shape[1])
            told.append(((m @ moments.left) * (m @ moments.right)).sum(0))
        inner = torch.cat(told, dim=1) @ layer.hidden + layer.hidden_bias
        x = x + act(inner) @ layer.update
    return act(x @ network.readout + network.readout_bias) @ network.energies


def energies_along(network: Network, graph: Graph, direction: Tensor) -> Tensor:
    """Derivative of the energy of each bead as the beads move along a direction.

    It is carried along with the energy, so that one derivative of it by the weights, and not a
    derivative of a derivative, says how the weights change the forces.

    Args:
        network: the weights; differentiable by all of them.
        graph: the beads.
        direction: of each bead, (beads, 3).

    Returns:
        kJ/(mol Å) times the unit of the direction, (beads,).
    """
    edges = edges_of(network, graph)
    here, turned = _weights_along(network, graph, direction)
    along = tuple(zip(here, turned, strict=True))
    x = network.embedding.index_select(0, graph.types)
    dx = torch.zeros_like(x)
    for layer in network.interactions:
        told = [_messages_along(layer, (x, dx), along[0], edges)]
        for given, moments in zip(along[1:], layer.moments, strict=True):
            told.append(_products_along(moments, (x, dx), given, edges))
        m, dm = torch.cat([a for a, _ in told], 1), torch.cat([b for _, b in told], 1)
        value, slope = act_with_slope(m @ layer.hidden + layer.hidden_bias)
        x, dx = x + value @ layer.update, dx + (slope * (dm @ layer.hidden)) @ layer.update
    slope = act_with_slope(x @ network.readout + network.readout_bias)[1]
    return (slope * (dx @ network.readout)) @ network.energies


def _weights_along(
    network: Network, graph: Graph, direction: Tensor
) -> tuple[tuple[Weights, ...], tuple[Weights, ...]]:
    """Weights of the filters, and their derivatives along a direction."""
    relative = direction[graph.second] - direction[graph.first]
    with torch.no_grad():
        here = _geometry(network, graph.apart)
        return _ranked(*here), _ranked(*_geometry_along(network, graph.apart, relative))


def _messages_along(
    layer: Interaction,
    values: tuple[Tensor, Tensor],
    weights: tuple[Weights, Weights],
    edges: Edges,
) -> tuple[Tensor, Tensor]:
    points, (x, dx) = layer.filters.flatten(0, 1), values
    mixed = (x @ layer.mixing, dx @ layer.mixing)
    m, dm = convolve_along(mixed, weights, points, edges, points.shape[1])
    return m[0], dm[0]


def _products_along(
    moments: Moments,
    values: tuple[Tensor, Tensor],
    weights: tuple[Weights, Weights],
    edges: Edges,
) -> tuple[Tensor, Tensor]:
    points, (x, dx) = moments.filters.flatten(0, 1), values
    mixed = (x @ moments.mixing, dx @ moments.mixing)
    m, dm = convolve_along(mixed, weights, points, edges, 2 * points.shape[1])
    left, right = m @ moments.left, m @ moments.right
    along = (dm @ moments.left) * right + left * (dm @ moments.right)
    return (left * right).sum(0), along.sum(0)


def act(values: Tensor) -> Tensor:
    """The activation, x sigmoid(x): smooth to any order."""
    return torch.nn.functional.silu(values)


def act_with_slope(values: Tensor) -> tuple[Tensor, Tensor]:
    """The activation and its derivative."""
    gate = torch.sigmoid(values)
    value = values * gate
    return value, gate + value * (1 - gate)


def energy_and_forces(network: Network, graph: Graph) -> tuple[Tensor, Tensor]:
    """Energies of the beads and forces on them.

    Returns:
        kJ/mol, (beads,), and kJ/(mol Å), (beads, 3).
    """
    apart = graph.apart.detach().requires_grad_()
    by_bead = energies(network, replace(graph, apart=apart))
    (pull,) = torch.autograd.grad(by_bead.sum(), apart)
    forces = pull.new_zeros(len(graph.types), 3)
    forces = forces.index_add(0, graph.first, pull).index_add(0, graph.second, -pull)
    return by_bead.detach(), forces
