"""Coordinates that heat works on, and the forces along them: what the thermometer is made of.

For any field G of displacements that constraints allow, -<G·F> = k_B T <div G>. Here G changes one
coordinate q by d = q - <q>, so that -<d Q> = k_B T <D>, with Q the force along q and D the
divergence:

* a bond of length r from atom i to atom j, moved at both ends, each with all that constraints tie
  to it: Q = (F_j - F_i)·r̂ / 2 and D = 1 + 2d/r;
* an angle θ at atom j, of which the outer atom k, that nothing else holds, turns about j:
  Q = R F_k·ê_θ with R = |x_k - x_j|, and D = 1 + d cot θ.

<q> may be any constant; the mean gives the least noise. Forces of constraints drop out of Q: they
act inside a group, or along the bond j-k.

Source: J. O. Hirschfelder, J. Chem. Phys. 33, 1462 (1960), for the theorem; docs/checks/index.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.checking.rigid import angle_triples, is_rigid, rigid_groups
from autograin_cli.checking.sample import Sample
from autograin_cli.molecules import Molecule

_TINY = 1e-9  # Å
_STRAIGHT = 0.99  # cosine of an angle, in any frame


@dataclass(frozen=True)
class Probe:
    """One kind of coordinates of one type of molecule, in all copies and frames.

    kind: 'bond' or 'angle'.
    molecule: the type.
    atoms: of each coordinate, in the molecule, (coordinates, 2 or 3).
    means: <q>, Å or rad, (coordinates,).
    deviations: d, Å or rad, (frames, copies, coordinates).
    divergences: D, (frames, copies, coordinates).
    directions: of Q by the force, so that Q = direction · force, 1 or Å, (frames, copies,
        coordinates, 3).
    forces: that act along, kJ/(mol Å), (frames, copies, coordinates, 3).
    """

    kind: str
    molecule: Molecule
    atoms: Tensor
    means: Tensor
    deviations: Tensor
    divergences: Tensor
    directions: Tensor
    forces: Tensor


def probes(sample: Sample, rigid: Sequence[Tensor] | None = None) -> tuple[Probe, ...]:
    """Give the flexible bonds; where there is none, angles at outer atoms; or nothing.

    Args:
        sample: of the frames.
        rigid: from `rigid_groups`, for each type of molecule; None to find them.
    """
    kinds = sample.molecules
    groups = [rigid_groups(sample, kind) for kind in kinds] if rigid is None else rigid
    found = [_bonds(sample, kind, held) for kind, held in zip(kinds, groups, strict=True)]
    if not any(found):
        found = [_angles(sample, kind) for kind in kinds]
    return tuple(probe for probe in found if probe is not None)


def _bonds(sample: Sample, molecule: Molecule, groups: Tensor) -> Probe | None:
    bonds = molecule.bonds[groups[molecule.bonds[:, 0]] != groups[molecule.bonds[:, 1]]]
    if not len(bonds) or sample.forces is None:
        return None
    x, f = sample.positions[:, molecule.copies], _together(sample.forces, molecule, groups)
    along = x[:, :, bonds[:, 1]] - x[:, :, bonds[:, 0]]
    lengths = along.norm(dim=3).clamp(min=_TINY)
    means = lengths.mean((0, 1))
    deviations = lengths - means
    return Probe(
        kind="bond",
        molecule=molecule,
        atoms=bonds,
        means=means,
        deviations=deviations,
        divergences=1 + 2 * deviations / lengths,
        directions=along / lengths[..., None] / 2,
        forces=f[:, :, bonds[:, 1]] - f[:, :, bonds[:, 0]],
    )


def _together(forces: Tensor, molecule: Molecule, groups: Tensor) -> Tensor:
    """Force on the group of each atom, (frames, copies, atoms, 3)."""
    own = forces[:, molecule.copies]
    if len(groups.unique()) == len(groups):
        return own
    sums = torch.zeros(*own.shape[:2], int(groups.max()) + 1, 3, dtype=own.dtype)
    return sums.index_add(2, groups, own)[:, :, groups]


def _angles(sample: Sample, molecule: Molecule) -> Probe | None:
    triples = _free_angles(sample, molecule)
    if not len(triples) or sample.forces is None:
        return None
    x, f = sample.positions[:, molecule.copies], sample.forces[:, molecule.copies]
    inner = x[:, :, triples[:, 0]] - x[:, :, triples[:, 1]]
    outer = x[:, :, triples[:, 2]] - x[:, :, triples[:, 1]]
    normal = torch.linalg.cross(inner, outer)
    sine = normal.norm(dim=3)
    angles = torch.atan2(sine, (inner * outer).sum(3))
    means = angles.mean((0, 1))
    deviations = angles - means
    return Probe(
        kind="angle",
        molecule=molecule,
        atoms=triples,
        means=means,
        deviations=deviations,
        divergences=1 + deviations / angles.tan(),
        directions=torch.linalg.cross(normal / sine[..., None], outer),
        forces=f[:, :, triples[:, 2]],
    )


def _free_angles(sample: Sample, molecule: Molecule) -> Tensor:
    """Angles whose last atom has one bond and is held by nothing else, (angles, 3).

    Angles that constraints hold are left out, and those that are straight: they have no normal.
    """
    both = angle_triples(molecule)
    triples = torch.cat([both, both.flip(1)])
    n_bonds = torch.bincount(molecule.bonds.flatten(), minlength=molecule.n_atoms)
    triples = triples[n_bonds[triples[:, 2]] == 1]
    if not len(triples):
        return triples
    x = sample.positions[:, molecule.copies]
    across = (x[:, :, triples[:, 2]] - x[:, :, triples[:, 0]]).norm(dim=3)
    held = is_rigid(across)
    caught = torch.isin(triples[:, 2], triples[held][:, 2])
    inner = x[:, :, triples[:, 0]] - x[:, :, triples[:, 1]]
    outer = x[:, :, triples[:, 2]] - x[:, :, triples[:, 1]]
    cosines = torch.nn.functional.cosine_similarity(inner, outer, dim=3).flatten(0, 1)
    return triples[~caught & (cosines.abs().amax(0) < _STRAIGHT)]
