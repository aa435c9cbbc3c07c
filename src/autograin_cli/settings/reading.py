"""How an atomistic trajectory is read."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class ReadingSettings:
    """How an atomistic trajectory is read."""

    topology: str | None = setting(None, "topology with names, masses and bonds: PSF, TPR, PDB, …")
    forces: tuple[str, ...] = setting(
        (),
        "force files, in the order of the trajectories: TRR, DCD, LAMMPS dump, AMBER NetCDF, H5MD, "
        ".npy, .npz, extended XYZ; not needed where forces stand with the positions",
    )
    force_unit: str | None = setting(
        None,
        "unit of the forces; needed where the file does not fix it (DCD, .npy, .npz, extended XYZ, "
        "a LAMMPS dump without units, H5MD without a unit)",
        choices=("kJ/mol/A", "kJ/mol/nm", "kcal/mol/A", "eV/A", "hartree/bohr"),
    )
    select: str | None = setting(None, "atoms to read, in the selection language of MDAnalysis")
    begin: float | None = setting(None, "first time to read", unit="ps")
    end: float | None = setting(None, "time to stop before", unit="ps")
    step_time: float | None = setting(
        None,
        "time of a step of the simulation, where a file counts steps and holds no times (a LAMMPS "
        "dump written without dump_modify time yes)",
        unit="ps",
        least=1e-9,
    )
    stride: int = setting(1, "read every so many frames", least=1)
