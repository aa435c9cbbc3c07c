"""How many threads a command may use, and when more than one only gets in the way."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

# Below this, the matrices are so small that threads wait for one another longer than they work:
# a molecule of 32 atoms takes 2 s with one thread, and 2 to 40 s with two, as busy as the
# machine is with other things.
_SMALL = 500


def job_threads(chosen: int) -> int:
    """Threads that the user chose, else those that a batch system gave; 0 where neither did."""
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return chosen or (int(allotted) if allotted.isdecimal() else 0)


def fitting_threads(n_atoms: int) -> AbstractContextManager[None]:
    """Compute with one thread where the system is small, else with those of the job."""
    return threads(1 if n_atoms < _SMALL else job_threads(0))


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Compute with so many threads while it lasts; 0 is as many as now."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
