"""The bound on memory: it holds while a foreign reader works, and is gone after it."""

import resource
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.formats.memory import bounded_by
from autograin_cli.files.topology import read_topology

LIMIT = resource.RLIMIT_AS


def test_no_more_is_given_than_a_file_can_need(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1000)
    before = resource.getrlimit(LIMIT)
    with bounded_by([path]):
        np.empty(2**28, np.uint8)
        with pytest.raises(MemoryError):
            np.empty(2**31, np.uint8)
    assert resource.getrlimit(LIMIT) == before
    np.empty(2**31, np.uint8)


def test_a_topology_that_claims_too_many_atoms_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gro"
    path.write_text("x\n2147483647\n    1ETH     C1    1   0.100   0.200   0.300\n   2 2 2\n")
    with pytest.raises(InputError, match="claims more atoms"):
        read_topology(path)
