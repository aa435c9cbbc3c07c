import torch

from autograin_cli.potential.topology import bonded_terms


def found(bonds: list[tuple[int, int]], types: str) -> dict[str, list[list[int]]]:
    terms = bonded_terms(torch.tensor(bonds, dtype=torch.int64).reshape(-1, 2), tuple(types))
    assert all(term.name.startswith(term.coordinate) for term in terms)
    return {term.name: term.beads.tolist() for term in terms}


def test_a_chain_has_bonds_angles_and_dihedrals_grouped_by_type() -> None:
    assert found([(0, 1), (1, 2), (2, 3)], "ABBA") == {
        "bond A-B": [[0, 1], [3, 2]],
        "bond B-B": [[1, 2]],
        "angle A-B-B": [[0, 1, 2], [3, 2, 1]],
        "dihedral A-B-B-A": [[0, 1, 2, 3]],
    }


def test_names_do_not_depend_on_the_direction_or_order_of_the_bonds() -> None:
    there = found([(0, 1), (1, 2), (2, 3)], "CABD")
    back = found([(3, 2), (1, 0), (2, 1)], "CABD")
    assert there == back
    assert list(there) == [
        "bond A-B",
        "bond A-C",
        "bond B-D",
        "angle A-B-D",
        "angle B-A-C",
        "dihedral C-A-B-D",
    ]


def test_a_ring_of_three_has_bonds_alone_as_they_determine_its_angles() -> None:
    assert list(found([(0, 1), (1, 2), (0, 2)], "AAA")) == ["bond A-A"]


def test_what_hangs_on_a_ring_of_three_has_angles_and_dihedrals_with_it() -> None:
    terms = found([(0, 1), (1, 2), (0, 2), (0, 3)], "ABCD")
    assert [name for name in terms if name.startswith("angle")] == ["angle B-A-D", "angle C-A-D"]
    assert terms["dihedral B-C-A-D"] == [[1, 2, 0, 3]]


def test_a_ring_of_four_has_four_of_each() -> None:
    terms = found([(0, 1), (1, 2), (2, 3), (3, 0)], "AAAA")
    assert [len(beads) for beads in terms.values()] == [4, 4, 4]


def test_a_star_has_an_angle_for_each_pair_of_arms() -> None:
    terms = found([(0, 1), (0, 2), (0, 3), (0, 4)], "CHHHH")
    assert len(terms["angle H-C-H"]) == 6
    assert len(terms) == 2


def test_a_bead_alone_has_no_terms() -> None:
    assert found([], "A") == {}
