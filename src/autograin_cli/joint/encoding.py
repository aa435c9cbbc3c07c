"""Soft encoder of a molecule: shares of atoms in beads, what they cost, and how forces map.

Symbols: n atoms, N beads; P share of each atom in each bead; E encoder, rows sum to 1; D decoder;
G second moments of the positions; S metric of the forces; W force map.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.mapping.autoencoder import (
    compactness,
    decoder,
    encoder,
    one_hot,
    reconstruction_loss,
)
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.moments import Moments
from autograin_cli.mapping.topology import (
    LARGEST_SYMMETRISED,
    Units,
    average_over_classes,
    pair_classes,
    units,
)
from autograin_cli.settings import MappingSettings

_RIDGE = 1e-3  # of the mean diagonal of a covariance of forces


@dataclass(frozen=True)
class Goal:
    """What a mapping of one type of molecule is judged by, and how it maps forces.

    units: atoms that may not be parted.
    connected: whether beads must be connected.
    atom_weights: of each atom in its bead, (atoms,).
    compactness: lambda.
    classes: of pairs of atoms, (atoms, atoms), if moments are averaged over them.
    gram: G of the frames that are trained on, Å², (atoms, atoms).
    members: 1 where an atom belongs to a rigid group, or is free and so its own group,
        (atoms, groups).
    metric: S of the groups, (groups, groups).
    """

    units: Units
    connected: bool
    atom_weights: Tensor
    compactness: float
    classes: Tensor | None
    gram: Tensor
    members: Tensor
    metric: Tensor

    def symmetrised(self, moments: Moments) -> Tensor:
        """G of some frames, averaged as that of training is, Å², (atoms, atoms)."""
        gram = moments.gram
        return gram if self.classes is None else average_over_classes(gram, self.classes)


def goal_of(mapping: Mapping, trained: Moments, force_map: str) -> Goal:
    """State what a mapping is to be judged by: what it was fitted by.

    Args:
        mapping: hard.
        trained: moments of the frames that are trained on, with forces.
        force_map: 'optimal', 'projected' or 'sum'.

    Raises:
        SettingError: an atom is in no bead, or weighs nothing in its bead.
    """
    molecule, seal = mapping.molecule, mapping.certificate
    connected = seal.connected if seal else MappingSettings.connected
    symmetric = seal.symmetry if seal else MappingSettings.symmetry
    small = molecule.n_atoms <= LARGEST_SYMMETRISED
    classes = pair_classes(molecule) if symmetric and small else None
    weights = _atom_weights(mapping)
    members = _group_members(mapping.rigid_groups)
    gram = trained.gram if classes is None else average_over_classes(trained.gram, classes)
    return Goal(
        units=units(molecule, mapping.rigid_groups, connected=connected),
        connected=connected,
        atom_weights=weights,
        compactness=seal.compactness_weight if seal else MappingSettings.compactness,
        classes=classes,
        gram=gram,
        members=members,
        metric=_metric(force_map, trained, weights, members, classes),
    )


def _atom_weights(mapping: Mapping) -> Tensor:
    """Weight of each atom, in any bead, (atoms,)."""
    shares = one_hot(mapping.assignment, mapping.n_beads)
    inside = (shares * mapping.encoder).sum(0)
    if not bool((inside > 0).all()):
        outside = mapping.molecule.atom_names[int((inside <= 0).int().argmax())]
        raise SettingError(
            given=f"--joint and a mapping in which atom {outside} has no part",
            expected="a mapping in which every atom is in a bead, with a weight above 0: others "
            "are not refined",
            remedy="leave --joint out, or let fit-mapping find the beads",
        )
    masses = mapping.molecule.masses
    for weights in (torch.ones_like(inside), *(() if masses is None else (masses.double(),))):
        if torch.allclose(encoder(shares, weights), mapping.encoder, rtol=1e-6, atol=1e-9):
            return weights
    return inside * shares.sum(1)[mapping.assignment]


def _group_members(rigid: Tensor) -> Tensor:
    own = -1 - torch.arange(len(rigid))
    labels = torch.where(rigid < 0, own, rigid).unique(return_inverse=True)[1]
    return torch.nn.functional.one_hot(labels).double()


def _metric(
    force_map: str, trained: Moments, weights: Tensor, members: Tensor, classes: Tensor | None
) -> Tensor:
    """S, for which W = (E S⁻¹ Eᵀ)⁻¹ E S⁻¹ is the force map of that name, (groups, groups)."""
    if force_map == "projected":
        return (members.T @ members).double()
    covariance = trained.force_gram
    if force_map == "sum" or covariance is None:
        return (members.T * weights) @ members
    even = covariance if classes is None else average_over_classes(covariance, classes)
    reduced = members.T @ even @ members
    return reduced + _RIDGE * reduced.diagonal().mean() * torch.eye(len(reduced)).double()


def soft_encoder(goal: Goal, logits: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Shares and encoder; atoms that may not be parted share their logits.

    Args:
        goal: the units and the weights of the atoms.
        logits: (beads, units).
        beta: inverse temperature of the softmax over beads.

    Returns:
        P and E, (beads, atoms).

    Source: Algorithm 1 of arXiv:1812.02706, corrected as in docs/method.md.
    """
    shares = torch.log_softmax(beta * logits, dim=0)[:, goal.units.labels]
    # From logarithms, so that a bead that all atoms leave still is where its last atom is.
    return shares.exp(), torch.softmax(shares + goal.atom_weights.log(), dim=1)


def hard_encoder(goal: Goal, assignment: Tensor) -> tuple[Tensor, Tensor]:
    """Shares and encoder of a hard assignment, (atoms,): P and E, (beads, atoms)."""
    shares = one_hot(assignment, int(assignment.max()) + 1)
    return shares, encoder(shares, goal.atom_weights)


def mapping_losses(goal: Goal, shares: Tensor, encoding: Tensor) -> tuple[Tensor, Tensor]:
    """L_AE with the best decoder, and compactness, Å², () each; differentiable."""
    with torch.no_grad():  # the loss is stationary in the best decoder
        decoding = decoder(encoding, goal.gram)
    loss = reconstruction_loss(encoding, decoding, goal.gram)
    return loss, compactness(shares, encoding, goal.gram)


def soft_force_map(goal: Goal, encoding: Tensor) -> Tensor:
    """W = (E S⁻¹ Eᵀ)⁻¹ E S⁻¹ on rigid groups: unbiased for any encoder, as W Eᵀ = I.

    S = 1 is eq. 7 of the paper; the weights of the atoms give the sum where the encoder is hard;
    the covariance of the forces the map of least noise.

    Args:
        goal: the metric.
        encoding: E, (beads, atoms).

    Returns:
        (beads, atoms); not finite where two beads are one.
    """
    weights = encoding @ goal.members
    whitened = torch.linalg.solve(goal.metric, weights.T).T
    mapped: Tensor = torch.linalg.solve_ex(whitened @ weights.T, whitened).result
    return mapped @ goal.members.T
