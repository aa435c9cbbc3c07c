"""Write frames and forces of OpenMM as extended XYZ with ASE, in eV/Å; see `make_files.py`.

PYTHONPATH=tests python tests/data/make_with_ase.py
"""

from pathlib import Path

import numpy as np
from ase import Atoms, units  # type: ignore[import-not-found]
from ase.calculators.singlepoint import SinglePointCalculator  # type: ignore[import-not-found]
from ase.io import write  # type: ignore[import-not-found]

import dumbbells as model

HERE = Path(__file__).parent


def main() -> None:
    """Write the frames, some atoms a little displaced, with forces of the model."""
    rng, frames = np.random.default_rng(2), []
    for step in range(5):
        atoms = Atoms("CN" * model.N_MOLECULES, model.start(), cell=model.BOX, pbc=True)
        atoms.positions += rng.normal(0, 0.02, atoms.positions.shape)
        found = model.forces(atoms.positions[None], model.BOX[None])[0]
        found *= units.kJ / units.mol
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=found)
        atoms.info["step"] = 10 * step
        frames.append(atoms)
    write(HERE / "ase.extxyz", frames)


if __name__ == "__main__":
    main()
