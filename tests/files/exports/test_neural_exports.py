"""A potential with a network: what other programs cannot hold is refused, not cut down."""

from dataclasses import replace
from pathlib import Path

import pytest

from autograin_cli.errors import SettingError
from autograin_cli.files.exports import EXPORTS
from export_models import artifact
from tabulated_networks import neural

NETWORK = replace(artifact(), neural=neural(("A", "B", "W")))
HELD = {"psf", "pdb", "openmscg"}  # beads, atoms and mappings, not energies


@pytest.mark.parametrize("to", sorted(set(EXPORTS) - HELD))
def test_what_needs_energies_is_refused(to: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"(?s)a network.*autograin simulate"):
        EXPORTS[to](NETWORK, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", sorted(HELD))
def test_what_has_no_energies_is_written(to: str, tmp_path: Path) -> None:
    EXPORTS[to](NETWORK, tmp_path)
    assert list(tmp_path.iterdir())
