"""Bonded terms and a network on soft beads, both fitted while the encoder is trained."""

from collections.abc import Callable

import torch
from torch import Tensor

from autograin_cli.joint.bonded import Bonded, least_squares
from autograin_cli.passes import State
from autograin_cli.potential.neural.learning import adam_step, gradient_of, on_one_vector
from autograin_cli.potential.neural.network import Graph, energies_along, energy_and_forces
from autograin_cli.potential.neural.potential import detached
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.settings import NeuralSettings
from autograin_cli.steps import like

_STEP = 1e-4  # Å; the largest displacement of a difference of forces


class Learned:
    """The bonded terms, solved for in every batch, and a network that follows by Adam.

    The network sees the beads of one molecule; its rate is that of the settings.
    """

    def __init__(
        self,
        bonded: Bonded,
        bead_types: tuple[str, ...],
        settings: NeuralSettings,
        force: float,
    ) -> None:
        """Begin with random weights.

        Args:
            bonded: the bonded terms.
            bead_types: of the beads of a molecule.
            settings: of the network.
            force: rms of a component of the forces on the beads, kJ/(mol Å).
        """
        names = list(dict.fromkeys(bead_types))
        generator = torch.Generator().manual_seed(settings.neural_seed)
        scales = Scales(max(force, 1e-150), (float(len(bead_types) - 1), 0.0))
        self._bonded, self._settings, self._scale = bonded, settings, scales.force
        self._types = torch.tensor([names.index(name) for name in bead_types])
        self._module = Trainable(len(names), settings, scales, generator).double()
        self._weights = on_one_vector(self._module)
        self._first, self._second = torch.zeros(2, len(self._weights), dtype=torch.float64)
        self._steps = 0

    def fitted(self, positions: Tensor, forces: Tensor) -> Tensor:
        """Forces of the potential, differentiable by the positions; the network takes a step.

        Args:
            positions: Å, (structures, beads, 3).
            forces: on the beads, kJ/(mol Å), (structures, beads, 3).

        Returns:
            kJ/(mol Å), (structures, beads, 3).
        """
        network = detached(self._module.network())

        def evaluate(moved: Tensor) -> Tensor:
            return energy_and_forces(network, self._graph(moved))[1].reshape(moved.shape)

        learned: Tensor = _Forces.apply(positions, evaluate)  # type: ignore[no-untyped-call]
        basis = self._bonded.basis(positions)
        found = basis @ least_squares(basis, forces - learned) + learned
        self._step(positions.detach(), (found - forces).detach())
        return found

    def state(self) -> State:
        """Give the weights of the network and their moments."""
        return {"weights": self._weights, "first": self._first, "second": self._second}

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many batches."""
        for name, own in self.state().items():
            own.copy_(like(state[name], own))
        self._steps = n_steps

    def _step(self, positions: Tensor, missed: Tensor) -> None:
        """Lower the mean square of what is missed by one step of Adam."""
        direction = missed.flatten(0, 1) * (2 / (missed.numel() * self._scale**2))
        lost = -energies_along(self._module.network(), self._graph(positions), direction).sum()
        gradient, rate = gradient_of(lost, self._module), self._settings.learning_rate
        self._steps += 1
        adam_step((self._weights, self._first, self._second), gradient, self._steps, rate)

    def _graph(self, positions: Tensor) -> Graph:
        """All pairs of every structure, those within the molecule alone."""
        n_structures, n_beads, _ = positions.shape
        first, second = torch.triu_indices(n_beads, n_beads, 1)
        starts = n_beads * torch.arange(n_structures)[:, None]
        return Graph(
            types=self._types.repeat(n_structures),
            first=(starts + first).flatten(),
            second=(starts + second).flatten(),
            n_inside=n_structures * len(first),
            apart=(positions[:, second] - positions[:, first]).flatten(0, 1),
        )


class _Forces(torch.autograd.Function):
    """Forces of a potential, with their derivative along a direction from two more evaluations.

    The matrix of second derivatives is symmetric, so the gradient of v · F by the positions is
    the derivative of F along v.
    """

    @staticmethod
    def forward(ctx, positions, evaluate: Callable[[Tensor], Tensor]):  # type: ignore[no-untyped-def]
        """Evaluate, and remember where."""
        ctx.save_for_backward(positions)
        ctx.evaluate = evaluate
        with torch.enable_grad():
            return evaluate(positions.detach())

    @staticmethod
    def backward(ctx, direction):  # type: ignore[no-untyped-def]
        """Difference of the forces on both sides, over the step."""
        (positions,) = ctx.saved_tensors
        shift = _STEP / direction.abs().max().clamp_min(1e-300)
        with torch.enable_grad():
            ahead = ctx.evaluate(positions.detach() + shift * direction)
            behind = ctx.evaluate(positions.detach() - shift * direction)
        return (ahead - behind) / (2 * shift), None
