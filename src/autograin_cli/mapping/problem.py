"""What the mappings of one type of molecule are judged by."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.mapping.moments import Moments, Survey
from autograin_cli.mapping.scoring import Objective, objective
from autograin_cli.mapping.topology import (
    LARGEST_SYMMETRISED,
    Units,
    average_over_classes,
    pair_classes,
    rigid_groups,
    units,
)
from autograin_cli.molecules import Molecule
from autograin_cli.settings import MappingSettings


@dataclass(frozen=True)
class Problem:
    """One type of molecule, its moments, and what a mapping of it must satisfy.

    molecule: the atoms and bonds.
    settings: choices of fit-mapping.
    blocks: moments of stretches of the trajectory.
    moments: of the whole trajectory.
    classes: of pairs of atoms under the symmetries of the bond graph, (atoms, atoms); None
        where moments are not averaged over them.
    rigid: rigid group of each atom, (atoms,); -1 for none.
    units: atoms that may not be parted.
    atom_weights: of each atom in its bead, (atoms,).
    weights_kind: 'mass', 'uniform' or 'learned'.
    """

    molecule: Molecule
    settings: MappingSettings
    blocks: tuple[Moments, ...]
    moments: Moments
    classes: Tensor | None
    rigid: Tensor
    units: Units
    atom_weights: Tensor
    weights_kind: str

    @property
    def objective_weights(self) -> tuple[float, float, float]:
        """Weights of L_AE, compactness and mean square force."""
        compact = 0.0 if self.settings.objective == "ae" else self.settings.compactness
        return 1.0, compact, self.settings.force_weight

    @property
    def gram(self) -> Tensor:
        """G averaged over the symmetries, Å², (atoms, atoms)."""
        return self._symmetrised(self.moments.gram)

    @property
    def force_gram(self) -> Tensor | None:
        """<f_i·f_j> averaged over the symmetries, (kJ/(mol Å))², (atoms, atoms)."""
        forces = self.moments.force_gram
        return None if forces is None else self._symmetrised(forces)

    def objective(self, moments: Moments) -> Objective:
        """The objective on the moments of some frames."""
        return self._objective(moments.gram, moments.force_gram)

    @property
    def block_objectives(self) -> Objective:
        """The objective on the moments of each block, with leading dimensions (blocks, 1)."""
        grams = torch.stack([block.gram for block in self.blocks])[:, None]
        forces = [block.force_gram for block in self.blocks if block.force_gram is not None]
        return self._objective(grams, torch.stack(forces)[:, None] if forces else None)

    def _objective(self, gram: Tensor, force_gram: Tensor | None) -> Objective:
        return objective(
            self._symmetrised(gram),
            None if force_gram is None else self._symmetrised(force_gram),
            self.atom_weights,
            self.units,
            self.objective_weights,
        )

    def _symmetrised(self, matrix: Tensor) -> Tensor:
        return matrix if self.classes is None else average_over_classes(matrix, self.classes)


def pose(seen: Survey, molecule: Molecule, settings: MappingSettings) -> Problem:
    """Gather what mappings are judged by.

    Raises:
        SettingError: the number of beads is not possible, or masses or forces are asked for
            that are not known.
    """
    rigid = rigid_groups(seen.structures, molecule.bonds)
    parts = units(molecule, rigid, connected=settings.connected)
    check_beads(settings.beads, parts.count, f"parts of {molecule.name} that may be separated")
    if settings.force_weight and seen.total.forces is None:
        raise SettingError(
            given=f"--force-weight {settings.force_weight} and a trajectory without forces",
            expected="forces, for an objective that holds them",
            remedy="give --forces, or leave --force-weight out",
        )
    symmetric = settings.symmetry and molecule.n_atoms <= LARGEST_SYMMETRISED
    kind, atom_weights = _atom_weights(molecule, settings.weights)
    return Problem(
        molecule=molecule,
        settings=settings,
        blocks=seen.blocks,
        moments=seen.total,
        classes=pair_classes(molecule) if symmetric else None,
        rigid=rigid,
        units=parts,
        atom_weights=atom_weights,
        weights_kind=kind,
    )


def check_beads(n_beads: int, most: int, of_what: str) -> None:
    """Refuse a number of beads that the molecule cannot have."""
    if not 1 <= n_beads <= most:
        raise SettingError(
            given=f"--beads {n_beads}",
            expected=f"a number from 1 to {most}, the {of_what}",
            remedy="choose fewer beads" if n_beads > most else "choose at least one bead",
        )


def _atom_weights(molecule: Molecule, kind: str) -> tuple[str, Tensor]:
    """Name of the weights inside a bead, and the weight of each atom, (atoms,)."""
    if kind == "auto":
        kind = "uniform" if molecule.masses is None else "mass"
    if kind != "mass":
        return kind, torch.ones(molecule.n_atoms, dtype=torch.float64)
    if molecule.masses is None:
        raise SettingError(
            given="--weights mass and a trajectory without masses",
            expected="the masses of all atoms",
            remedy="give a --topology that holds masses, or --weights uniform",
        )
    return kind, molecule.masses.to(torch.float64)
