"""Forces of a network and of the terms beneath it as a force of OpenMM, which asks Python."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from autograin_cli.errors import EngineError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.full_forces import FullForces
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.simulation.openmm_system import load_openmm
from autograin_cli.units import angstrom_from_nm, force_per_nm

Answer = tuple[float, np.ndarray[Any, np.dtype[np.float64]]]


def without_terms(force_field: ForceField) -> ForceField:
    """The same beads, which feel nothing of what OpenMM computes itself."""
    bare = tuple(replace(potential, terms=()) for potential in force_field.potentials)
    return replace(force_field, potentials=bare, nonbonded=None, neural=None)


def force_of(forces: FullForces, start: Start) -> Any:
    """Give an `openmm.PythonForce` on the beads of all replicas.

    The classical terms are in it as well: the kernels of liquids take a tenth of the time that
    OpenMM takes for their tables on a CPU. Its energy is 0, as no integrator of ours asks for it;
    snapshots ask `FullForces`.

    Args:
        forces: of the run.
        start: with the replicas and their box.

    Raises:
        EngineError: OpenMM is not installed, or too old to call Python.
    """
    mm = load_openmm()
    if not hasattr(mm, "PythonForce"):
        raise EngineError(
            given=f"OpenMM {mm.__version__}, which cannot call a network",
            expected="one with PythonForce, such as OpenMM 8.6",
            remedy="pip install --upgrade openmm, or --engine builtin",
        )
    shape, lattice = start.positions.shape, lattice_of(start.box)

    def answer(state: Any) -> Answer:
        """Energy, and forces in kJ/(mol nm), (beads, 3), in the frame of the turned box."""
        here = torch.from_numpy(np.array(state.getPositions(asNumpy=True)._value))
        positions = lattice.returned(angstrom_from_nm(here.double()).reshape(shape))
        pulls = lattice.turned(forces.feel(positions).forces).flatten(0, 1)
        return 0.0, force_per_nm(pulls).numpy()

    force = mm.PythonForce(answer)
    force.setName("network and terms")
    return force
