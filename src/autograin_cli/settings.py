"""What a user may choose at each stage: defaults, units, ranges.

A default is written here once; the command line, the artifacts and the documentation take it
from here.
"""

from dataclasses import dataclass, field
from typing import Any


def _setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """Describe one setting: its default, what it means, its unit and what is allowed."""
    description = {"help": meaning, "unit": unit, "choices": choices, "least": least, "most": most}
    return field(default=default, metadata=description)


@dataclass(frozen=True)
class ReadingSettings:
    """How an atomistic trajectory is read."""

    topology: str | None = _setting(None, "topology with names, masses and bonds: PSF, TPR, PDB, …")
    forces: tuple[str, ...] = _setting((), "force files, in the order of the trajectories")
    force_unit: str | None = _setting(
        None,
        "unit of the forces; needed where the file format does not fix it (DCD, .npy, .npz)",
        choices=("kJ/mol/A", "kJ/mol/nm", "kcal/mol/A", "eV/A", "hartree/bohr"),
    )
    select: str | None = _setting(None, "atoms to read, in the selection language of MDAnalysis")
    begin: float | None = _setting(None, "first time to read", unit="ps")
    end: float | None = _setting(None, "time to stop before", unit="ps")
    stride: int = _setting(1, "read every so many frames", least=1)


@dataclass(frozen=True)
class MappingSettings:
    """Choices of fit-mapping."""

    beads: int = _setting(3, "beads of the molecule", least=1)
    method: str = _setting(
        "auto",
        "anneal is Algorithm 1 of the paper; exact enumerates the connected mappings, or searches "
        "where there are too many; auto does both and keeps the best",
        choices=("auto", "anneal", "exact"),
    )
    noise: str = _setting(
        "none",
        "noise of the softmax while annealing: gumbel is the authors' program",
        choices=("none", "gumbel"),
    )
    objective: str = _setting(
        "ae+compactness",
        "what is minimised: ae is eq. 1 of the paper alone",
        choices=("ae", "ae+compactness"),
    )
    compactness: float = _setting(
        10.0, "weight of the compactness against the autoencoder loss", least=0.0
    )
    force_weight: float = _setting(
        0.0, "weight of the mean square force on a bead", unit="Å² per (kJ/(mol Å))²", least=0.0
    )
    connected: bool = _setting(
        True, "consider only beads that are connected in the bond graph, hydrogens with their atom"
    )
    weights: str = _setting(
        "auto",
        "weights of the atoms inside a bead; auto is mass where masses are known, else uniform",
        choices=("auto", "mass", "uniform", "learned"),
    )
    symmetry: bool = _setting(True, "average the moments over the symmetries of the bond graph")
    anneal_seeds: int = _setting(8, "independent annealings", least=1)
    anneal_steps: int = _setting(1000, "optimisation steps of one annealing", least=10)
    blocks: int = _setting(8, "blocks of the trajectory whose agreement is reported", least=2)
    seed: int = _setting(0, "seed of every random number", least=0)


@dataclass(frozen=True)
class PotentialSettings:
    """Choices of fit-potential."""

    temperature: float = _setting(300.0, "temperature of the trajectory", unit="K", least=0.1)
    bond: str = _setting("spline", "form of the bonds", choices=("spline", "harmonic", "none"))
    angle: str = _setting(
        "spline",
        "form of the angles; cosine is k (cos theta - cos theta0)², as in the paper",
        choices=("spline", "cosine", "none"),
    )
    dihedral: str = _setting(
        "spline", "form of the dihedrals", choices=("spline", "fourier", "none")
    )
    knots: int = _setting(24, "intervals of a spline over the sampled range", least=4, most=1000)
    harmonics: int = _setting(6, "harmonics of a Fourier dihedral", least=1, most=24)
    force_map: str = _setting(
        "optimal",
        "how forces of atoms become forces of beads: optimal has the least noise, projected is "
        "eq. 7 of the paper",
        choices=("optimal", "projected", "sum"),
    )
    blocks: int = _setting(10, "blocks for errors and cross-validation", least=2)


@dataclass(frozen=True)
class SimulationSettings:
    """Choices of simulate."""

    time: float = _setting(1000.0, "length of the run of every replica", unit="ps", least=0.0)
    temperature: float | None = _setting(
        None, "temperature of the heat bath; that of the fit if not given", unit="K", least=0.1
    )
    timestep: float | None = _setting(
        None, "time step; a quarter of 2/omega_max if not given", unit="ps", least=0.0
    )
    friction: float = _setting(1.0, "friction of the heat bath", unit="1/ps", least=0.0)
    replicas: int = _setting(64, "copies that do not feel one another, in one batch", least=1)
    interval: float = _setting(1.0, "time between frames kept", unit="ps", least=0.0)
    equilibration: float = _setting(50.0, "time before the first frame kept", unit="ps", least=0.0)
    device: str = _setting(
        "auto",
        "where to compute; auto is CUDA where it is worth it",
        choices=("auto", "cpu", "cuda"),
    )
    threads: int = _setting(0, "threads; 0 is all that the job was given", least=0)
    seed: int = _setting(0, "seed of every random number", least=0)


@dataclass(frozen=True)
class ComparisonSettings:
    """Choices of compare."""

    bins: int = _setting(50, "bins of a distribution over the range of both runs", least=5)
    resamples: int = _setting(400, "resamples of the block bootstrap", least=50)
    fail_above: float | None = _setting(
        None, "exit with 3 if a Jensen-Shannon score over its floor is larger", least=0.0
    )
    seed: int = _setting(0, "seed of the bootstrap", least=0)
