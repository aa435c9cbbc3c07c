"""Energy, forces and virial of single frames, compiled: for diagnostics and for relaxing."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from autograin_cli import liquid_kernels
from autograin_cli.kernel_arrays import Bath
from autograin_cli.liquid_arrays import Rows
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.liquid_state import model_of, new_block, new_liquid, rows_of
from autograin_cli.simulation.neural_forces import NeuralForces


@dataclass(frozen=True)
class Evaluation:
    """What a force field says of a frame.

    energy: kJ/mol.
    virial: sum of positions times forces, kJ/mol.
    forces: kJ/(mol Å), (beads, 3).
    outside: share of the instances of each bonded term that are outside its sampled range; share
        of the pairs of each pair term that are nearer than was sampled, (terms,).
    spread: how far the networks of an ensemble disagree on the force on each bead, kJ/(mol Å),
        (beads,); None without one.
    """

    energy: float
    virial: float
    forces: Tensor
    outside: Tensor
    spread: Tensor | None


class Evaluator:
    """Evaluates frames of one system in one box; frames near each other share their rows.

    What a network adds is part of energy, virial and forces.
    """

    def __init__(self, force_field: ForceField, box: Tensor | None, skin: float = 0.5) -> None:
        """Tabulate the terms of the force field.

        Args:
            force_field: of the system.
            box: Å, (3, 3), rows are the box vectors; None in vacuum.
            skin: way of a pair beyond the cutoff that the rows have room for, Å.

        Raises:
            SettingError: the box is too small for the cutoff.
        """
        self._model, self._skin = model_of(force_field, box), skin
        system, neural = force_field.system, force_field.neural
        self._networks = None if neural is None else NeuralForces(neural, system, box)
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
        counts = torch.from_numpy(sums)
        bonded = counts[2 : 2 + n_terms] / self._instances.clamp(min=1)
        met, near = counts[2 + n_terms :: 2], counts[3 + n_terms :: 2]
        found = Evaluation(
            energy=float(sums[0]),
            virial=float(sums[1]),
            forces=model.lattice.returned(torch.from_numpy(liquid.forces.T.copy())),
            outside=torch.cat((bonded, near / met.clamp(min=1.0))),
            spread=None,
        )
        return found if self._networks is None else _with(found, self._networks, positions)

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


def _with(prior: Evaluation, networks: NeuralForces, positions: Tensor) -> Evaluation:
    """Add what networks say of a frame, Å, (beads, 3), to what the terms say."""
    state = networks.in_full(positions[None])
    return replace(
        prior,
        energy=prior.energy + float(state.energy),
        virial=prior.virial + float(state.virial),
        forces=prior.forces + state.forces[0],
        spread=None if state.spread is None else state.spread[0],
    )
