"""Which bead of a frame is what."""

import torch

from autograin_cli.system import Component, System


def chain(name: str, n_beads: int, n_copies: int) -> Component:
    return Component(
        name=name,
        bead_types=tuple("AB"[i % 2] for i in range(n_beads)),
        bonds=torch.stack((torch.arange(n_beads - 1), torch.arange(1, n_beads)), dim=1),
        masses=torch.arange(1.0, n_beads + 1, dtype=torch.float64),
        n_copies=n_copies,
    )


MIXTURE = System((chain("trimer", 3, 2), chain("single", 1, 3)))


def test_beads_stand_component_after_component_and_copy_after_copy() -> None:
    assert MIXTURE.n_beads == 9
    assert MIXTURE.n_molecules == 5
    assert MIXTURE.type_names == ("A", "B")
    assert MIXTURE.types.tolist() == [0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert MIXTURE.molecules.tolist() == [0, 0, 0, 1, 1, 1, 2, 3, 4]
    assert MIXTURE.slices == (slice(0, 6), slice(6, 9))
    masses = MIXTURE.masses
    assert masses is not None
    assert masses.tolist() == [1, 2, 3, 1, 2, 3, 1, 1, 1]


def test_members_of_a_component_are_those_of_every_copy() -> None:
    assert MIXTURE.members(0, torch.tensor([[0, 2]])).tolist() == [[0, 2], [3, 5]]
    assert MIXTURE.members(1, torch.tensor([[0]])).tolist() == [[6], [7], [8]]


def test_exclusions_reach_as_many_bonds_as_they_say() -> None:
    pentamer = System((chain("pentamer", 5, 1),))
    for n_bonds in range(5):
        expected = [[i, j] for i in range(5) for j in range(i + 1, 5) if j - i <= n_bonds]
        assert pentamer.exclusions(n_bonds).tolist() == expected


def test_exclusions_take_the_shortest_way_around_a_ring() -> None:
    ring = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [0, 4]])
    system = System((Component("ring", ("A",) * 5, ring, None, 2),))
    assert len(system.exclusions(1)) == 10
    assert len(system.exclusions(2)) == 20  # every pair of a ring of five is two bonds apart
    assert system.masses is None


def test_molecules_without_bonds_exclude_nothing() -> None:
    assert System((chain("single", 1, 4),)).exclusions(3).shape == (0, 2)


def test_the_same_molecules_in_other_numbers() -> None:
    larger = MIXTURE.with_copies((4, 1))
    assert larger.n_beads == 13
    assert larger.n_molecules == 5
    assert [part.bead_types for part in larger.components] == [("A", "B", "A"), ("A",)]
