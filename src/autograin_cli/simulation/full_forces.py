"""Forces of a network and of the classical terms beneath it on all replicas of a run."""

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.evaluation import Evaluator
from autograin_cli.simulation.external import in_one_system
from autograin_cli.simulation.langevin import Felt
from autograin_cli.simulation.neural_forces import NeuralForces
from autograin_cli.simulation.neural_prior import PriorForces
from autograin_cli.simulation.system_start import is_isolated


class FullForces:
    """Forces and energies of all replicas of a run."""

    def __init__(
        self,
        force_field: ForceField,
        start: Start,
        device: str = "cpu",
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        """Prepare for the replicas of a start.

        Args:
            force_field: of one replica.
            start: with the replicas and their box.
            device: of the network, 'cpu' or 'cuda'; all else is on the CPU.
            pool: threads for the networks of an ensemble.

        Raises:
            SettingError: the box is too small for a cutoff.
        """
        self.force_field, self._pool = force_field, pool
        n_replicas, neural = len(start.positions), force_field.neural
        self._networks = None
        if neural is not None:
            given = (neural, force_field.system, start.box, n_replicas, device)
            self._networks = NeuralForces(*given)
        prior = force_field.prior
        is_one = is_isolated(force_field, start.box)
        self._evaluate = None if is_one else Evaluator(prior, start.box)
        if is_one:
            # Molecules that feel nothing of others: all of them are one system.
            self._priors = [PriorForces(in_one_system(prior, n_replicas), None)]
        else:
            self._priors = [PriorForces(prior, start.box) for _ in start.positions]

    def feel(self, positions: Tensor) -> Felt:
        """Forces on the beads, Å, (replicas, beads, 3), and bonded instances outside."""
        if not bool(positions.isfinite().all()):
            # Pairs cannot be found; the run stops after this step.
            n_bonded = sum(len(one.terms) for one in self.force_field.potentials)
            return Felt(torch.full_like(positions, torch.nan), torch.zeros(n_bonded).double())
        frames = positions.reshape(len(self._priors), -1, 3)
        found = [one(frame) for one, frame in zip(self._priors, frames, strict=True)]
        forces = torch.stack([each for each, _ in found]).reshape(positions.shape)
        if self._networks is not None:
            forces = forces + self._networks(positions, self._pool)[1]
        return Felt(forces, torch.stack([counts for _, counts in found]).sum(0))

    def forget(self) -> None:
        """Find pairs anew for the next frame; the order of sums so depends on it alone."""
        for prior in self._priors:
            prior.forget()
        if self._networks is not None:
            self._networks.forget()

    def energies(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Energy of each replica, kJ/mol, (replicas,), and shares of near pairs, (pair terms,)."""
        prior = self.force_field.prior
        if self._evaluate is None:
            energy, near = prior.energy(positions, None), positions.new_zeros(0)
        else:
            n_bonded = sum(len(one.terms) for one in prior.potentials)
            found = [self._evaluate(frame) for frame in positions]
            energy = torch.tensor([one.energy for one in found], dtype=torch.float64)
            near = torch.stack([one.outside[n_bonded:] for one in found]).mean(0)
        if self._networks is not None:
            energy = energy + self._networks(positions, self._pool)[0]
        return energy, near
