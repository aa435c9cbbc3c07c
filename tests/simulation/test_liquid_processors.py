"""The engine of liquids on processors other than this one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.liquid import LiquidEngine
from tabulated_liquids import dumbbells, placed, triclinic


def moved() -> NDArray[np.float64]:
    """Where beads are after a few steps, Å, (beads, 3)."""
    force_field, box = dumbbells(40), triclinic(18.0)
    masses = force_field.system.masses
    assert masses is not None
    start = Start(placed(force_field, box), masses, 300.0, 0.001, box)
    settings = SimulationSettings(time=0.02, interval=0.02, equilibration=0.0)
    (last,) = LiquidEngine(1).run(force_field, start, settings)
    return np.asarray(last.positions[0].numpy(), np.float64)


@pytest.mark.slow
def test_a_processor_with_no_wide_vectors_moves_the_beads_alike(tmp_path: Path) -> None:
    script = (
        f"import numpy, test_liquid_processors as t; numpy.save({str(tmp_path / 'x')!r}, t.moved())"
    )
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "PYTHONPATH": ":".join([str(Path(__file__).parent), *sys.path]),
    }
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=600)
    torch.testing.assert_close(np.load(tmp_path / "x.npy"), moved(), rtol=0, atol=1e-9)
