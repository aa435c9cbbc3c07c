"""The molecules of the sample data: their atoms, an ideal geometry, and what is bonded.

Units: Å.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Atoms = tuple[int, ...]
Site = tuple[str, str, Array]  # name, OPLS type, position in Å


# --- molecules ------------------------------------------------------------------------


def benzene_ring(
    first: int, centre: Array, x: Array, y: Array, special: dict[int, str]
) -> list[Site]:
    """Carbons numbered from `first` in the plane of x and y, then their hydrogens.

    Carbon number k lies k sixths of a turn from x towards y. A carbon named in
    `special` has that type and no hydrogen. centre: Å; x, y: orthogonal unit vectors.
    """
    turn = np.arange(6)[:, None] * np.pi / 3
    outward = np.cos(turn) * x + np.sin(turn) * y
    carbons: list[Site] = [
        (f"C{first + k}", special.get(k, "opls_145"), centre + 1.40 * outward[k]) for k in range(6)
    ]
    hydrogens: list[Site] = [
        (f"H{first + k}", "opls_146", centre + 2.48 * outward[k])
        for k in range(6)
        if k not in special
    ]
    return carbons + hydrogens


def ortho_terphenyl() -> list[Site]:
    """C18H14: central ring C1-C6, ring A C7-C12 on C1, ring B C13-C18 on C2."""
    x, y, z = np.eye(3)
    biaryl = "opls_145B"
    sites = benzene_ring(1, np.zeros(3), x, y, {0: biaryl, 1: biaryl})
    for first, turn in ((7, 0.0), (13, np.pi / 3)):
        outward = np.cos(turn) * x + np.sin(turn) * y
        across = np.cos(turn) * y - np.sin(turn) * x
        twisted = 0.5 * across + np.sqrt(0.75) * z
        sites += benzene_ring(first, 4.26 * outward, -outward, twisted, {0: biaryl})
    return sites


def aniline() -> list[Site]:
    """C6H5NH2: ring C1-C6, the nitrogen N on C1."""
    x, y, z = np.eye(3)
    sites = benzene_ring(1, np.zeros(3), x, y, {0: "opls_916"})
    nitrogen = 2.74 * x
    sites.append(("N", "opls_900", nitrogen))
    for name, side in (("HN1", 0.8), ("HN2", -0.8)):
        direction = 0.5 * x + side * y + 0.3 * z
        bond = 1.01 * direction / np.linalg.norm(direction)
        sites.append((name, "opls_909", nitrogen + bond))
    return sites


def methyl(number: int, kind: str, carbon: Array, side: float) -> list[Site]:
    """A carbon (place in Å) with three hydrogens, its fourth bond along side * x."""
    x, y, z = np.eye(3)
    sites: list[Site] = [(f"C{number}", kind, carbon)]
    for k in range(3):
        turn = 2 * np.pi * k / 3
        radial = side * (np.cos(turn) * y + np.sin(turn) * z)
        direction = np.sqrt(8) / 3 * radial - side / 3 * x
        sites.append((f"H{number}{k + 1}", "opls_140", carbon + 1.09 * direction))
    return sites


def ethane() -> list[Site]:
    """C2H6, staggered: C1 with H11-H13, C2 with H21-H23."""
    half = np.array([0.765, 0.0, 0.0])
    return methyl(1, "opls_135", -half, 1.0) + methyl(2, "opls_135", half, -1.0)


def methane() -> list[Site]:
    """CH4: C1 with H11-H14."""
    last: Site = ("H14", "opls_140", np.array([1.09, 0.0, 0.0]))
    return [*methyl(1, "opls_138", np.zeros(3), 1.0), last]


MOLECULES: dict[str, tuple[str, Callable[[], list[Site]]]] = {
    "otp": ("OTP", ortho_terphenyl),
    "aniline": ("ANL", aniline),
    "ethane": ("ETH", ethane),
    "methane": ("MET", methane),
}


# --- topology -------------------------------------------------------------------------


@dataclass(frozen=True)
class Topology:
    """What is bonded, and what follows from it.

    ring_bonds: the bonds that are part of a cycle.
    impropers: one per ring atom with a substituent: its neighbours in the ring, itself,
        the substituent.
    """

    bonds: tuple[Atoms, ...]
    ring_bonds: frozenset[Atoms]
    angles: tuple[Atoms, ...]
    dihedrals: tuple[Atoms, ...]
    impropers: tuple[Atoms, ...]


def neighbours(bonds: tuple[Atoms, ...]) -> dict[int, list[int]]:
    """The atoms bonded to each atom, in ascending order."""
    atoms = sorted({atom for bond in bonds for atom in bond})
    return {a: sorted(sum(bond) - a for bond in bonds if a in bond) for a in atoms}


def in_ring(bond: Atoms, bonds: tuple[Atoms, ...]) -> bool:
    """Whether the ends of a bond stay connected without it."""
    near = neighbours(tuple(other for other in bonds if other != bond))
    reached, waiting = {bond[0]}, [bond[0]]
    while waiting:
        fresh = set(near.get(waiting.pop(), [])) - reached
        reached |= fresh
        waiting += fresh
    return bond[1] in reached


def topology(sites: list[Site]) -> Topology:
    """Bonds from the distances of the ideal geometry, and all that they imply."""
    reach = [0.4 if name.startswith("H") else 0.8 for name, _, _ in sites]  # Å
    bonds = tuple(
        (i, j)
        for i, j in combinations(range(len(sites)), 2)
        if np.linalg.norm(sites[i][2] - sites[j][2]) < reach[i] + reach[j]
    )
    near = neighbours(bonds)
    ring_bonds = frozenset(bond for bond in bonds if in_ring(bond, bonds))
    impropers = []
    for centre, around in near.items():
        ring = [a for a in around if (min(a, centre), max(a, centre)) in ring_bonds]
        if len(ring) == 2 and len(around) == 3:
            impropers.append((*ring, centre, sum(around) - sum(ring)))
    return Topology(
        bonds=bonds,
        ring_bonds=ring_bonds,
        angles=tuple((i, j, k) for j in near for i, k in combinations(near[j], 2)),
        dihedrals=tuple(
            (h, i, j, k)
            for i, j in bonds
            for h in near[i]
            for k in near[j]
            if h != j and k not in (h, i)
        ),
        impropers=tuple(impropers),
    )
