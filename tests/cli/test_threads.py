"""Threads: those of the user, then of the batch system; one where more would only wait."""

import pytest
import torch

from autograin_cli.cli.threads import fitting_threads, job_threads


def test_threads_are_those_of_the_user_then_of_the_batch_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert job_threads(0) == 3
    assert job_threads(2) == 2
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "many")
    assert job_threads(0) == 0
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    assert job_threads(0) == 0


def test_a_small_system_is_computed_with_one_thread_and_the_number_is_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    for n_atoms, threads in ((32, 1), (5000, 3)):
        with fitting_threads(n_atoms):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == before
