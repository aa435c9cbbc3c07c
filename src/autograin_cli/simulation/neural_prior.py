"""Forces of the classical terms beneath a network, step by step, by the kernels of liquids."""

import numpy as np
import torch
from torch import Tensor

from autograin_cli import liquid_kernels
from autograin_cli.kernel_arrays import Floats
from autograin_cli.liquid_arrays import Rows
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.liquid_state import model_of, new_block, rows_of

_SKIN = 1.2  # Å


class PriorForces:
    """Forces of one frame after another; frames near each other share their rows."""

    def __init__(self, force_field: ForceField, box: Tensor | None) -> None:
        """Tabulate the terms; box in Å, (3, 3), rows are the box vectors, None in vacuum.

        Raises:
            SettingError: the box is too small for the cutoff.
        """
        self._model, n_beads = model_of(force_field, box), force_field.system.n_beads
        self._block, self._has_pairs = new_block(self._model), force_field.nonbonded is not None
        self._quads, self._columns = np.zeros((n_beads, 4)), np.zeros((3, n_beads))
        self._forces = np.zeros((3, n_beads))
        self._reference: Floats | None = None
        self._rows: Rows | None = None

    def __call__(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Forces, and instances of the bonded terms that are outside.

        Args:
            positions: Å, (beads, 3); molecules whole.

        Returns:
            kJ/(mol Å), (beads, 3), and a number for each bonded term, (bonded terms,).
        """
        model, block = self._model, self._block
        here = model.lattice.turned(positions).numpy()
        self._columns[:], self._quads[:, :3] = here.T, here
        block.noise.fill(0.0)
        self._forces.fill(0.0)
        if self._has_pairs:
            span = (0, len(here))
            liquid_kernels.pair_forces(
                self._quads, self._forces, self._near(), model.tables, model.box, span
            )
        units = (0, len(model.molecules.units))
        liquid_kernels.bonded_forces(self._columns, self._forces, units, model.molecules, block)
        forces = model.lattice.returned(torch.from_numpy(self._forces.T.copy()))
        return forces, torch.from_numpy(block.noise.copy())

    def forget(self) -> None:
        """Find the rows anew for the next frame."""
        self._reference = None

    def _near(self) -> Rows:
        """The rows of before as long as no bead has moved too far, else new ones."""
        if self._rows is not None and self._reference is not None:
            way = np.square(self._columns - self._reference).sum(0).max(initial=0.0)
            if way < (_SKIN / 2) ** 2:
                return self._rows
        self._reference = self._columns.copy()
        self._rows = rows_of(self._columns, self._model, self._model.cutoff + _SKIN, self._rows)
        return self._rows
