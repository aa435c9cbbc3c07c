"""Exports: a model in the files of other programs, one module for each of them."""

from collections.abc import Callable
from pathlib import Path

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports import gromacs, lammps, openmm, openmscg, pdb, psf, votca

# Writes a model into an empty folder, and tells in sentences what the user should know.
Export = Callable[[Artifact, Path], tuple[str, ...]]

EXPORTS: dict[str, Export] = {
    "lammps": lammps.write,
    "openmm": openmm.write,
    "gromacs": gromacs.write,
    "openmscg": openmscg.write,
    "votca": votca.write,
    "psf": psf.write,
    "pdb": pdb.write,
}
