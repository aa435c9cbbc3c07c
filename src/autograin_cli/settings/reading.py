"""How an atomistic trajectory is read."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class ReadingSettings:
    """How an atomistic trajectory is read."""

    topology: str | None = setting(None, "topology with names, masses and bonds: PSF, TPR, PDB, …")
    forces: tuple[str, ...] = setting((), "force files, in the order of the trajectories")
    force_unit: str | None = setting(
        None,
        "unit of the forces; needed where the file format does not fix it (DCD, LAMMPS dump, .npy, "
        ".npz)",
        choices=("kJ/mol/A", "kJ/mol/nm", "kcal/mol/A", "eV/A", "hartree/bohr"),
    )
    select: str | None = setting(None, "atoms to read, in the selection language of MDAnalysis")
    begin: float | None = setting(None, "first time to read", unit="ps")
    end: float | None = setting(None, "time to stop before", unit="ps")
    stride: int = setting(1, "read every so many frames", least=1)
