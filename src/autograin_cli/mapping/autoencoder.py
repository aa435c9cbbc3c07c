"""Encoder, decoder and losses: the equations of the paper, on second moments.

Symbols: n atoms, N beads; x positions of atoms, z = E x positions of beads; G = <X Xᵀ> the
moments of the positions; P share of each atom in each bead, columns sum to 1; E encoder, rows
sum to 1; D decoder, rows sum to 1. Leading dimensions are batches. All losses are means over
atoms, in Å².
"""

import torch
from torch import Tensor

_SMALLEST_SHARE = 1e-12
# Elements of a scaled inverse beyond this have lost too many digits: the pseudo-inverse then.
_LARGEST_INVERSE = 1e6
_SMALLEST_SCALE = 1e-9  # Å²; below this beads lie on the centre of the molecule


def encoder(shares: Tensor, weights: Tensor) -> Tensor:
    """Encoder of the atoms' shares in the beads.

    Args:
        shares: P, (..., beads, atoms).
        weights: weight of each atom, or of each atom in each bead, (atoms,) or
            (..., beads, atoms); masses give centres of mass.

    Returns:
        E_Ij = P_Ij w_j / sum_k P_Ik w_k, (..., beads, atoms).

    Source: Algorithm 1 of arXiv:1812.02706, its last normalisation over atoms.
    """
    weighted = shares * weights
    return weighted / weighted.sum(-1, keepdim=True).clamp_min(_SMALLEST_SHARE)


def one_hot(assignment: Tensor, n_beads: int) -> Tensor:
    """Shares of a hard assignment.

    Args:
        assignment: bead of each atom, (..., atoms), int64; -1 for none.
        n_beads: number of beads.

    Returns:
        P, (..., beads, atoms), float64 of zeros and ones.
    """
    beads = torch.arange(n_beads).unsqueeze(-1)
    return (assignment.unsqueeze(-2) == beads).to(torch.float64)


def decoder(encoder: Tensor, gram: Tensor) -> Tensor:
    """Best linear decoder of an encoder whose rows sum to 1, so that it follows translations.

    Solves D (E G Eᵀ) + mu 1ᵀ = G Eᵀ, D 1 = 1 in the least-squares sense: E G Eᵀ is singular
    for some weights, and where beads coincide the bordered matrix is, too.

    Args:
        encoder: E, (..., beads, atoms).
        gram: G, Å², (atoms, atoms).

    Returns:
        D, (..., atoms, beads).

    Source: docs/method.md, "The decoder in closed form"; eq. (1) of arXiv:1812.02706 minimised
    over D.
    """
    inner, border = bordered_inverse(encoder @ gram @ encoder.mT)
    return (gram @ encoder.mT) @ inner + border.unsqueeze(-2)


def bordered_inverse(bead_gram: Tensor) -> tuple[Tensor, Tensor]:
    """Upper blocks of the inverse of [[A, 1], [1ᵀ, 0]] for A = E G Eᵀ.

    Args:
        bead_gram: A, Å², (..., beads, beads).

    Returns:
        The block of A, (..., beads, beads), and of the border, (..., beads).
    """
    n_beads = bead_gram.shape[-1]
    # Scaled, A is as large as the border, and one cut-off serves the pseudo-inverse.
    scale = (
        bead_gram.diagonal(dim1=-2, dim2=-1).mean(-1).clamp_min(_SMALLEST_SCALE)[..., None, None]
    )
    bordered = torch.ones(*bead_gram.shape[:-2], n_beads + 1, n_beads + 1, dtype=bead_gram.dtype)
    bordered[..., :n_beads, :n_beads] = bead_gram / scale
    bordered[..., n_beads, n_beads] = 0.0
    inverse, failed = torch.linalg.inv_ex(bordered)
    largest = inverse.abs().amax((-2, -1))
    singular = (failed != 0) | ~(largest < _LARGEST_INVERSE)
    singular &= bordered.isfinite().all(-1).all(-1)  # what is not finite stays so
    if bool(singular.any()):
        exact = torch.linalg.pinv(bordered[singular], hermitian=True, rtol=1e-12)
        inverse = inverse.masked_scatter(singular[..., None, None], exact)
    return inverse[..., :n_beads, :n_beads] / scale, inverse[..., :n_beads, n_beads]


def reconstruction_loss(encoder: Tensor, decoder: Tensor, gram: Tensor) -> Tensor:
    """L_AE = tr[(I - DE) G (I - DE)ᵀ] / n = (tr G - 2 tr DEG + tr D EGEᵀ Dᵀ) / n.

    The second form takes n² products for each bead, the first takes n³.

    Args:
        encoder: E, (..., beads, atoms).
        decoder: D, (..., atoms, beads).
        gram: G, Å², (atoms, atoms).

    Returns:
        Å², (...).

    Source: Eq. (1) of arXiv:1812.02706; docs/method.md, "The loss needs only second moments".
    """
    crossed = encoder @ gram
    kept = (decoder.mT * crossed).sum((-2, -1))
    decoded = (decoder @ (crossed @ encoder.mT) * decoder).sum((-2, -1))
    return (gram.trace() - 2 * kept + decoded) / gram.shape[0]


def reconstruction_errors(encoder: Tensor, decoder: Tensor, gram: Tensor) -> Tensor:
    """Root mean square distance of each atom from where the decoder puts it.

    Args:
        encoder: E, (..., beads, atoms).
        decoder: D, (..., atoms, beads).
        gram: G, Å², (atoms, atoms).

    Returns:
        Å, (..., atoms); the mean of their squares is L_AE.
    """
    # Not as the loss is: what is left of an atom that comes back exactly would be rounding.
    residual = torch.eye(gram.shape[0], dtype=gram.dtype) - decoder @ encoder
    return (residual @ gram * residual).sum(-1).clamp_min(0).sqrt()


def bond_lengths(gram: Tensor, bonds: Tensor) -> Tensor:
    """Root mean square lengths of bonds, G_ii + G_jj - 2 G_ij under the root.

    Args:
        gram: G, Å², (atoms, atoms).
        bonds: pairs of atoms, (bonds, 2), int64.

    Returns:
        Å, (bonds,).
    """
    first, second = bonds.T
    own = gram.diagonal()
    return (own[first] + own[second] - 2 * gram[first, second]).clamp_min(0).sqrt()


def compactness(shares: Tensor, encoder: Tensor, gram: Tensor) -> Tensor:
    """C = sum_j sum_I P_Ij <|x_j - z_I|²> / n: mean square distance of atoms from their beads.

    Args:
        shares: P, (..., beads, atoms).
        encoder: E, (..., beads, atoms).
        gram: G, Å², (atoms, atoms).

    Returns:
        Å², (...).
    """
    crossed = encoder @ gram
    own = (crossed * encoder).sum(-1, keepdim=True)
    return (shares * (gram.diagonal() - 2 * crossed + own)).sum((-2, -1)) / gram.shape[0]


def mean_square_force(shares: Tensor, force_gram: Tensor) -> Tensor:
    """Mean over beads of the square of the summed force on a bead.

    Args:
        shares: P, (..., beads, atoms).
        force_gram: <f_i·f_j>, (kJ/(mol Å))², (atoms, atoms).

    Returns:
        (kJ/(mol Å))², (...).

    Source: the regulariser of eq. (10) of arXiv:1812.02706, with the sum as force map.
    """
    return (shares @ force_gram * shares).sum((-2, -1)) / shares.shape[-2]


def reconstruction_bound(gram: Tensor, n_beads: int) -> float:
    """Least L_AE of any linear encoder of so many beads with D 1 = 1, Å².

    The decoded structure lies in a space of N - 1 dimensions beside the centre, so at least the
    eigenvalues of G beyond the N - 1 largest are lost.
    """
    eigenvalues = torch.linalg.eigvalsh(gram).clamp_min(0)
    return float(eigenvalues[: gram.shape[0] - (n_beads - 1)].sum()) / gram.shape[0]
