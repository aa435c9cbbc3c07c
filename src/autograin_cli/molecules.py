"""Which atoms are bonded, rigid, one molecule; molecules made whole."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Molecule:
    """One type of molecule, and where its copies stand in a frame.

    name: of the type, as in the topology; a letter or underscore first, then letters, digits, _ . + -.
    atom_names: one for each atom.
    elements: one for each atom; '' where unknown.
    masses: u, (atoms,); None where unknown.
    bonds: pairs of atoms of the molecule, (bonds, 2), int64, the smaller index first.
    copies: index in the frame of each atom of each copy, (copies, atoms), int64.
    """

    name: str
    atom_names: tuple[str, ...]
    elements: tuple[str, ...]
    masses: Tensor | None
    bonds: Tensor
    copies: Tensor

    @property
    def n_atoms(self) -> int:
        """Atoms of one copy."""
        return len(self.atom_names)

    @property
    def n_copies(self) -> int:
        """Copies in a frame."""
        return self.copies.shape[0]
