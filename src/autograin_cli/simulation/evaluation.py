"""Energy, forces and virial of single frames, compiled: for diagnostics and for relaxing."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograin_cli import liquid_kernels
from autograin_cli.kernel_arrays import Bath
from autograin_cli.liquid_arrays import Rows
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.liquid_state import model_of, new_block, new_liquid, rows_of


@dataclass(frozen=True)
class Evaluation:
    """What a force field says of a frame.

    energy: kJ/mol.
    virial: sum of positions times forces, kJ/mol.
    forces: kJ/(mol Å), (beads, 3).
    outside: share of the instances of each bonded term that are outside its sampled range; share
        of the pairs of each pair term that are nearer than was sampled, (terms,).
    """

    energy: float
    virial: float
    forces: Tensor
    outside: Tensor


class Evaluator:
    """Evaluates frames of one system in one box; frames near each other share their rows."""

    def __init__(self, force_field: ForceField, box: Tensor | None, skin: float = 0.5) -> None:
        """Tabulate the force field.

        Args:
            force_field: of the system.
            box: Å, (3, 3), rows are the box vectors; None in vacuum.
            skin: way of a pair beyond the cutoff that the rows have room for, Å.

        Raises:
            SettingError: the box is too small for the cutoff.
        """
        self._model, self._skin = model_of(force_field, box), skin
        system = force_field.system
        self._instances = torch.tensor(
            [
                len(term.beads) * part.n_copies
                for potential, part in zip(force_field.potentials, system.components, strict=True)
                for term in potential.terms
            ],
            dtype=torch.float64,
        )
        self._rows: Rows | None = None
        self._reference: np.ndarray | None = None

    def __call__(self, positions: Tensor) -> Evaluation:
        """Evaluate a frame; Å, (beads, 3), molecules whole."""
        model = self._model
        here = model.lattice.turned(positions.double()).numpy()
        none = np.zeros(len(here))
        liquid = new_liquid(
            here, np.zeros_like(here), Bath(0.0, none, none, 1.0, none, 0.0, np.uint64(0))
        )
        rows = self._near(here, liquid.reference)
        n_terms = model.n_terms
        sums = np.zeros(2 + n_terms + 2 * len(model.tables.near))
        block = new_block(model)
        liquid_kernels.evaluate(
            liquid, 0, rows, model.molecules, model.tables, model.box, block, sums
        )
        found = torch.from_numpy(sums)
        bonded = found[2 : 2 + n_terms] / self._instances.clamp(min=1)
        met, near = found[2 + n_terms :: 2], found[3 + n_terms :: 2]
        return Evaluation(
            energy=float(sums[0]),
            virial=float(sums[1]),
            forces=model.lattice.returned(torch.from_numpy(liquid.forces.T.copy())),
            outside=torch.cat((bonded, near / met.clamp(min=1.0))),
        )

    def _near(self, here: np.ndarray, columns: np.ndarray) -> Rows:
        """The rows of before as long as no bead has moved too far, else new ones."""
        if self._rows is not None and self._reference is not None:
            way = np.square(here - self._reference).sum(1).max(initial=0.0)
            if way < (self._skin / 2) ** 2:
                return self._rows
        reach = self._model.cutoff + self._skin
        self._reference = here.copy()
        self._rows = rows_of(columns, self._model, reach, self._rows)
        return self._rows
