"""Graphs: which beads pass messages, and to which frame they belong."""

import pytest
import torch

from autograin_cli.errors import InputError
from autograin_cli.geometry import minimum_image
from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.system import System
from fluids import component
from tabulated_liquids import mixture, placed, triclinic

SYSTEM = mixture().system
NAMES = ("C", "A", "B")  # an order of its own
FRAMES = [
    (placed(mixture(), triclinic(edge), seed)[0], triclinic(edge))
    for seed, edge in enumerate((17.0, 18.5, 17.5))
]


def test_a_graph_holds_every_near_pair_once_those_inside_molecules_first() -> None:
    graph, plain = graph_of(FRAMES, SYSTEM, NAMES, 5.0), set()
    for number, (positions, box) in enumerate(FRAMES):
        first, second = torch.triu_indices(len(positions), len(positions), 1)
        apart = minimum_image((positions[second] - positions[first])[None], box[None])[0]
        near = (apart.norm(dim=1) < 5.0).nonzero()[:, 0]
        start = number * SYSTEM.n_beads
        plain |= {(int(first[k]) + start, int(second[k]) + start) for k in near}
    pairs = list(zip(graph.first.tolist(), graph.second.tolist(), strict=True))
    assert len(pairs) == len(plain)
    assert {(min(pair), max(pair)) for pair in pairs} == plain
    owners = SYSTEM.molecules.repeat(3) + 100 * torch.arange(3).repeat_interleave(SYSTEM.n_beads)
    inside = owners[graph.first] == owners[graph.second]
    assert inside[: graph.n_inside].all() and not inside[graph.n_inside :].any()


def test_the_way_of_a_pair_leads_from_its_first_bead_to_its_second() -> None:
    graph = graph_of(FRAMES, SYSTEM, NAMES, 5.0)
    flat = torch.cat([positions for positions, _ in FRAMES])
    boxes = torch.stack([box for _, box in FRAMES])[graph.first // SYSTEM.n_beads]
    apart = minimum_image((flat[graph.second] - flat[graph.first])[:, None], boxes)[:, 0]
    torch.testing.assert_close(graph.apart, apart, rtol=0, atol=1e-12)


def test_types_are_numbered_as_the_network_knows_them() -> None:
    graph = graph_of(FRAMES, SYSTEM, NAMES, 5.0)
    names = [SYSTEM.type_names[kind] for kind in SYSTEM.types] * 3
    assert [NAMES[kind] for kind in graph.types] == names


def test_molecules_without_a_box_pass_no_messages_to_one_another() -> None:
    system = System((component("AB", "ABA", 4), component("C", "C", 3)))
    random = torch.Generator().manual_seed(1)
    frames = [(torch.randn(15, 3, generator=random).double(), None) for _ in range(5)]
    graph = graph_of(frames, system, NAMES, 2.5)
    owners = system.molecules.repeat(5) + 100 * torch.arange(5).repeat_interleave(15)
    assert graph.n_inside == len(graph.first)
    assert (owners[graph.first] == owners[graph.second]).all()
    flat = torch.cat([positions for positions, _ in frames])
    apart = flat[:, None] - flat
    same = owners[:, None] == owners
    near = int(((apart.norm(dim=2) < 2.5) & same).sum()) - len(flat)
    assert len(graph.first) == near // 2 > 20
    torch.testing.assert_close(graph.apart, flat[graph.second] - flat[graph.first])


def test_a_type_that_the_network_does_not_know_is_named() -> None:
    with pytest.raises(InputError, match="beads of type C") as caught:
        graph_of(FRAMES, SYSTEM, ("A", "B"), 5.0)
    assert "A, B" in caught.value.expected
