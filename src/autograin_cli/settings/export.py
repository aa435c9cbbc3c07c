"""What a user may choose of export."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class ExportSettings:
    """Choices of export."""

    to: str = setting(
        "lammps",
        "program, or kind of file: psf is PSF and PDB of the beads, pdb the atoms with their bead",
        choices=("lammps", "openmm", "gromacs", "openmscg", "votca", "psf", "pdb"),
    )
