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
        "unit of the forces; needed where the file format does not fix it (DCD, LAMMPS dump, .npy, "
        ".npz)",
        choices=("kJ/mol/A", "kJ/mol/nm", "kcal/mol/A", "eV/A", "hartree/bohr"),
    )
    select: str | None = _setting(None, "atoms to read, in the selection language of MDAnalysis")
    begin: float | None = _setting(None, "first time to read", unit="ps")
    end: float | None = _setting(None, "time to stop before", unit="ps")
    stride: int = _setting(1, "read every so many frames", least=1)


@dataclass(frozen=True)
class BeadSettings:
    """How many beads fit-mapping gives to a molecule."""

    beads: str = _setting(
        "3", "beads of a molecule: a number for every type, or by type as ethane=2,water=1"
    )


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
    pair: str = _setting(
        "auto",
        "form of the pair terms; auto is spline in a box with more than one molecule, else none",
        choices=("auto", "lj-12-6", "lj-9-6", "spline", "none"),
    )
    cutoff: float | None = _setting(
        None,
        "distance from which pairs feel nothing; 12, or half of the thinnest box if that is less",
        unit="Å",
        least=0.1,
    )
    switch: float | None = _setting(
        None,
        "distance from which Lennard-Jones terms are switched off; 1 Å before the cutoff",
        unit="Å",
        least=0.0,
    )
    excluded_bonds: int | None = _setting(
        None,
        "beads of a molecule at most so many bonds apart feel no pair term; 2, or 3 where "
        "dihedrals are fitted",
        least=0,
        most=10,
    )
    types: str | None = _setting(
        None,
        "types of the beads in place of those from symmetry, as CH3,CH2,CH3 or, by molecule, "
        "propane=CH3,CH2,CH3 water=W",
    )
    knots: int = _setting(24, "intervals of a spline over the sampled range", least=4, most=1000)
    pair_knots: int = _setting(40, "intervals of a pair spline", least=4, most=1000)
    harmonics: int = _setting(6, "harmonics of a Fourier dihedral", least=1, most=24)
    force_map: str = _setting(
        "optimal",
        "how forces of atoms become forces of beads: optimal has the least noise, projected is "
        "eq. 7 of the paper",
        choices=("optimal", "projected", "sum"),
    )
    blocks: int = _setting(10, "blocks for errors and cross-validation", least=2)


@dataclass(frozen=True)
class NeuralSettings:
    """Choices of fit-potential --neural."""

    neural: bool = _setting(
        False, "train a network on what bonds and pair terms leave of the forces"
    )
    neural_cutoff: float = _setting(
        6.0, "distance from which beads pass no messages in the network", unit="Å", least=0.1
    )
    features: int = _setting(32, "features of a bead in the network", least=1, most=1024)
    interactions: int = _setting(2, "interactions of the network, one after the other", least=1)
    rank: int = _setting(
        2,
        "highest rank of the moments that see angles; 0 is SchNet, which sees distances alone",
        least=0,
        most=2,
    )
    moments: int = _setting(8, "moments of each rank in an interaction", least=1, most=1024)
    ensemble: int = _setting(
        1, "networks that are trained; their mean is used, their spread warns", least=1, most=64
    )
    epochs: int = _setting(50, "most passes over the frames", least=1)
    batch: int | None = _setting(
        None,
        "beads of a step of the optimiser, in whole frames; 1024, or fewer so that an epoch has "
        "30 steps",
        least=1,
    )
    learning_rate: float = _setting(2e-3, "first learning rate of Adam", least=0.0)
    patience: int = _setting(
        1, "epochs without progress on the frames held out before the rate is halved", least=1
    )
    neural_seed: int = _setting(0, "seed of the weights and of the order of frames", least=0)
    device: str = _setting(
        "auto",
        "where to train; auto is CUDA where it is there",
        choices=("auto", "cpu", "cuda"),
    )
    max_hours: float | None = _setting(
        None,
        "time after which a training stops with a checkpoint, from the start of the command",
        unit="h",
        least=0.0,
    )
    resume: bool = _setting(
        False,
        "go on from the checkpoint that a training left when it was stopped; begin where there "
        "is none",
    )


@dataclass(frozen=True)
class JointSettings:
    """Choices of fit-potential --joint."""

    joint: bool = _setting(
        False, "refine the mapping with the potential; a change must win on frames held out"
    )
    joint_weight: float = _setting(
        1.0, "weight of the unexplained mean force against the mapping's own objective", least=0.0
    )
    joint_steps: int = _setting(400, "optimisation steps of the joint training", least=10)
    joint_seed: int = _setting(0, "seed of the joint training", least=0)


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
    replicas: int | None = _setting(
        None,
        "copies of the system that do not feel one another, in one batch; 64 of a single "
        "molecule, 1 of a box",
        least=1,
    )
    molecules: str | None = _setting(
        None,
        "molecules in the box: a number, or by type as ethane=300,water=100; as many as in the "
        "reference if not given",
    )
    density: float | None = _setting(
        None, "density of the box; that of the reference if not given", unit="g/cm3", least=0.0
    )
    box: str | None = _setting(
        None, "box in Å in place of a density: 40, or 40,40,60 for its three edges"
    )
    replicate: str | None = _setting(
        None, "start from copies of the reference box, as 2,2,2, in place of a packed box"
    )
    engine: str = _setting(
        "builtin",
        "what moves the beads; openmm and lammps need the extra of that name",
        choices=("builtin", "openmm", "lammps"),
    )
    ranks: int = _setting(1, "MPI ranks of the lammps engine", least=1)
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
    rdf_spacing: float = _setting(0.1, "width of a bin of g(r)", unit="Å", least=0.001)
    rdf_range: float | None = _setting(
        None, "longest distance of g(r); half of the thinnest box if not given", unit="Å", least=0.1
    )
    shell: float | None = _setting(
        None,
        "distance up to which beads of other molecules are neighbours, for angles between them; "
        "the first minimum of g(r) of the reference, for each pair of types, if not given",
        unit="Å",
        least=0.1,
    )
    resamples: int = _setting(400, "resamples of the block bootstrap", least=50)
    fail_above: float | None = _setting(
        None,
        "exit with 3 if a score over its floor is larger: Jensen-Shannon of a distribution, of one "
        "coordinate or two, or the rms deviation of g(r), triplet angles and P2(r)",
        least=0.0,
    )
    seed: int = _setting(0, "seed of the bootstrap", least=0)


@dataclass(frozen=True)
class ExportSettings:
    """Choices of export."""

    to: str = _setting(
        "lammps",
        "program, or kind of file: psf is PSF and PDB of the beads, pdb the atoms with their bead",
        choices=("lammps", "openmm", "gromacs", "openmscg", "votca", "psf", "pdb"),
    )
