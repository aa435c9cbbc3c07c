"""Mapping: which atoms make which bead, and how it acts on positions and on forces."""

from dataclasses import dataclass

from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.mapping.copies import map_copies
from autograin_cli.molecules import Molecule


@dataclass(frozen=True)
class History:
    """How the best annealing went; `steps` are those at which it was recorded.

    steps: (records,), int64.
    beta: inverse temperature of the softmax, (records,).
    loss: L_AE of the soft encoder, Å², mean over atoms, (records,).
    assignments: share of each atom in each bead, (records, beads, atoms).
    """

    steps: Tensor
    beta: Tensor
    loss: Tensor
    assignments: Tensor


@dataclass(frozen=True)
class Certificate:
    """How far a fitted mapping may be trusted; losses are means over atoms, in Å².

    objective: what was minimised, 'ae' or 'ae+compactness'.
    compactness_weight: lambda of the objective.
    force_weight: rho of the optional force term of the objective.
    weights: 'mass', 'uniform' or 'learned': the weights inside a bead.
    symmetry: whether the moments were averaged over the automorphisms of the bond graph.
    connected: whether only connected mappings were considered.
    method: what found the mapping: 'anneal', 'enumeration', 'local search' or 'polish'.
    proved_optimal: whether every admissible mapping was evaluated.
    loss: L_AE of the hard mapping, over frames and, with symmetry, their images.
    loss_sampled: L_AE of the hard mapping with its best decoder over the frames alone: what
        published values compare with.
    soft_loss: L_AE of the best annealed encoder before rounding; None where nothing was annealed.
    compactness: mean square distance of atoms from their own bead.
    mean_square_force: mean over beads of |summed force|², (kJ/(mol Å))²; None without forces.
    bound: the least L_AE that any encoder of so many beads can have.
    objective_value: objective of the mapping, Å².
    annealed_objective: objective of the best annealed mapping, rounded, before any polishing,
        Å²; None where nothing was annealed.
    n_candidates: mappings evaluated.
    n_equivalent: mappings with the same objective, itself included: images under symmetries.
    n_within_one_percent: mappings whose objective is within 1 % of the best, itself included.
    n_within_one_percent_ae: mappings whose L_AE is within 1 % of the least L_AE.
    margin: relative distance of the second mapping's objective; None where there is no second.
    rank_ae: rank of the mapping by L_AE alone among those evaluated, from 1.
    rank_compactness: rank of the mapping by compactness alone, from 1.
    block_agreement: share of blocks of the trajectory that give the same mapping.
    seed_agreement: share of annealing seeds that give it before polishing; None without annealing.
    n_frames: frames times copies that entered the moments.
    rmsd: sqrt(loss), Å.
    loss_per_component: loss / 3, what the authors' program prints.
    """

    objective: str
    compactness_weight: float
    force_weight: float
    weights: str
    symmetry: bool
    connected: bool
    method: str
    proved_optimal: bool
    loss: float
    loss_sampled: float
    soft_loss: float | None
    compactness: float
    mean_square_force: float | None
    bound: float
    objective_value: float
    annealed_objective: float | None
    n_candidates: int
    n_equivalent: int
    n_within_one_percent: int
    n_within_one_percent_ae: int
    margin: float | None
    rank_ae: int
    rank_compactness: int
    block_agreement: float
    seed_agreement: float | None
    n_frames: int

    @property
    def rmsd(self) -> float:
        """Root of the loss, Å."""
        return self.loss**0.5

    @property
    def loss_per_component(self) -> float:
        """Loss as the authors' program prints it: mean over atoms and components, Å²."""
        return self.loss / 3


@dataclass(frozen=True)
class Mapping:
    """A linear map from the atoms of one type of molecule to its beads.

    molecule: the atoms.
    assignment: bead of each atom, (atoms,), int64; -1 where unmapped.
    encoder: weight of each atom in a bead, (beads, atoms); rows sum to 1.
    decoder: weight of each bead in an atom's reconstruction, (atoms, beads); rows sum to 1.
    force_map: share of each atom's force in a bead's force, (beads, atoms).
    force_map_kind: 'sum', 'projected' or 'optimal'.
    bead_names: one for each bead, unique in the molecule.
    bead_types: one for each bead; beads of one type are equivalent.
    bead_masses: u, (beads,); None where the masses of the atoms are unknown.
    bead_bonds: bonded pairs of beads, (bonds, 2), int64, the smaller index first.
    rigid_groups: number of the rigid group of each atom, (atoms,), int64; -1 for none.
    orbits: number of the symmetry class of each atom, (atoms,), int64.
    mean_structure: Å, (atoms, 3), in a frame of its own.
    certificate: how far to trust it; None for a mapping made by hand.
    history: of the annealing; None where there was none.
    reconstruction_errors: root mean square distance of each atom from where the decoder puts it,
        Å, (atoms,), over the frames that the mapping was made from; None in a file of schema 1.2.
    bond_lengths: root mean square length of each bond of the molecule in these frames, Å,
        (bonds,); None in a file of schema 1.2.
    """

    molecule: Molecule
    assignment: Tensor
    encoder: Tensor
    decoder: Tensor
    force_map: Tensor
    force_map_kind: str
    bead_names: tuple[str, ...]
    bead_types: tuple[str, ...]
    bead_masses: Tensor | None
    bead_bonds: Tensor
    rigid_groups: Tensor
    orbits: Tensor
    mean_structure: Tensor
    certificate: Certificate | None
    history: History | None
    reconstruction_errors: Tensor | None = None
    bond_lengths: Tensor | None = None

    @property
    def n_beads(self) -> int:
        """Beads of one molecule."""
        return self.encoder.shape[0]

    def map_positions(self, positions: Tensor) -> Tensor:
        """Positions of the beads of every copy of the molecule.

        Args:
            positions: Å, (frames, atoms of the whole frame, 3), molecules whole.

        Returns:
            Å, (frames, copies, beads, 3).

        Raises:
            InputError: the frame has fewer atoms than the copies name.

        Source: Eq. (2) of arXiv:1812.02706, z = E x.
        """
        return self._map(self.encoder, positions, "positions")

    def map_forces(self, forces: Tensor) -> Tensor:
        """Forces on the beads of every copy of the molecule.

        Args:
            forces: kJ/(mol Å), (frames, atoms of the whole frame, 3).

        Returns:
            kJ/(mol Å), (frames, copies, beads, 3).

        Raises:
            InputError: the frame has fewer atoms than the copies name.

        Source: Eq. (7) of arXiv:1812.02706; docs/method.md lists the valid matrices.
        """
        return self._map(self.force_map, forces, "forces")

    def _map(self, matrix: Tensor, atoms: Tensor, what: str) -> Tensor:
        n_needed = int(self.molecule.copies.max()) + 1
        if atoms.shape[1] < n_needed:
            raise InputError(
                given=f"{what} of {atoms.shape[1]} atoms",
                expected=f"at least {n_needed} atoms, as when the mapping was fitted",
                remedy="give the trajectory and the selection that were given to fit-mapping",
            )
        return map_copies(matrix, atoms, self.molecule.copies)
