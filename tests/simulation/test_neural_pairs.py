"""The list of pairs of a network: that of a plain search, however the beads move."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.potential.neural.network import Graph
from autograin_cli.simulation.neural_pairs import PairList
from autograin_cli.simulation.neural_prior import PriorForces
from autograin_cli.simulation.outside import shares_outside
from autograin_cli.system import System
from tabulated import structures
from tabulated_liquids import cubic, dumbbells, isolated_chain, mixture, placed, triclinic

CUTOFF = 6.0


def rows(graph: Graph) -> Tensor:
    """Pairs, whether they are inside a molecule, and vectors from the lesser bead, sorted."""
    inside = torch.arange(len(graph.first)) < graph.n_inside
    turned = graph.first > graph.second
    low, high = torch.minimum(graph.first, graph.second), torch.maximum(graph.first, graph.second)
    apart = torch.where(turned[:, None], -graph.apart, graph.apart).double()
    found = torch.cat((torch.stack((low, high, inside.long()), 1).double(), apart), 1)
    return found[torch.argsort(low * len(graph.types) + high)]


def check(system: System, frames: Tensor, box: Tensor | None, listed: PairList) -> None:
    names = system.type_names
    plain = graph_of([(frame, box) for frame in frames], system, names, CUTOFF)
    quick = listed(frames)
    assert torch.equal(quick.types, plain.types)
    torch.testing.assert_close(rows(quick), rows(plain), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("edge", [22.0, 13.2])
@pytest.mark.parametrize("n_frames", [1, 2])
def test_pairs_are_those_of_a_plain_search_along_a_path(edge: float, n_frames: int) -> None:
    field = mixture() if edge > 20 else dumbbells(12)
    box, random = triclinic(edge), torch.Generator().manual_seed(1)
    x = torch.cat([placed(field, box, seed=k) for k in range(n_frames)])
    listed = PairList(field.system, field.system.type_names, box, n_frames, CUTOFF)
    for size in (0.0, 0.05, 0.05, 0.3, 3.0, 0.05):
        x = x + size * torch.randn(x.shape, generator=random, dtype=torch.float64)
        check(field.system, x, box, listed)


def test_pairs_of_molecules_alone_are_those_of_a_plain_search() -> None:
    system, x = isolated_chain().system, structures(5, noise=0.4)
    listed = PairList(system, system.type_names, None, 5, CUTOFF)
    for stretch in (1.0, 1.1, 2.0, 0.9, 50.0):  # at the last no pair is left
        check(system, stretch * x, None, listed)


def test_several_molecules_without_a_box_have_no_pairs_between_them() -> None:
    field = mixture()
    x = placed(field, triclinic(21.0))
    listed = PairList(field.system, field.system.type_names, None, 1, CUTOFF)
    graph = listed(x)
    assert len(graph.first) == graph.n_inside
    check(field.system, x, None, listed)


def test_a_box_of_just_twice_the_cutoff_has_no_room_for_a_skin_and_needs_none() -> None:
    field, box = dumbbells(12), cubic(2 * CUTOFF)
    listed = PairList(field.system, field.system.type_names, box, 1, CUTOFF)
    x, random = placed(field, box), torch.Generator().manual_seed(1)
    for _ in range(3):
        x = x + 0.2 * torch.randn(x.shape, generator=random, dtype=torch.float64)
        check(field.system, x, box, listed)


def test_forces_of_the_terms_are_those_of_the_force_field_along_a_path() -> None:
    field, box, random = mixture(), triclinic(22.0), torch.Generator().manual_seed(1)
    x, forces = placed(field, box)[0], PriorForces(field, box)
    for size in (0.0, 0.02, 0.02, 0.1, 0.02):
        x = x + size * torch.randn(x.shape, generator=random, dtype=torch.float64)
        quick, counts = forces(x)
        plain = field.forces(x[None], box)[0]
        assert float((quick - plain).norm() / plain.norm()) < 1e-6
        bonded = replace(field, nonbonded=None)
        shares = shares_outside(bonded, x[None], box)
        parts = zip(field.potentials, field.system.components, strict=True)
        instances = [len(term.beads) * part.n_copies for one, part in parts for term in one.terms]
        torch.testing.assert_close(counts, shares * torch.tensor(instances))
