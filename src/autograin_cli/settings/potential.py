"""What a user may choose of fit-potential."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class PotentialSettings:
    """Choices of fit-potential."""

    temperature: float = setting(300.0, "temperature of the trajectory", unit="K", least=0.1)
    bond: str = setting("spline", "form of the bonds", choices=("spline", "harmonic", "none"))
    angle: str = setting(
        "spline",
        "form of the angles; cosine is k (cos theta - cos theta0)², as in the paper",
        choices=("spline", "cosine", "none"),
    )
    dihedral: str = setting(
        "spline", "form of the dihedrals", choices=("spline", "fourier", "none")
    )
    pair: str = setting(
        "auto",
        "form of the pair terms; auto is spline in a box with more than one molecule, else none",
        choices=("auto", "lj-12-6", "lj-9-6", "spline", "none"),
    )
    cutoff: float | None = setting(
        None,
        "distance from which pairs feel nothing; 12, or half of the thinnest box if that is less",
        unit="Å",
        least=0.1,
    )
    switch: float | None = setting(
        None,
        "distance from which Lennard-Jones terms are switched off; 1 Å before the cutoff",
        unit="Å",
        least=0.0,
    )
    excluded_bonds: int | None = setting(
        None,
        "beads of a molecule at most so many bonds apart feel no pair term; 2, or 3 where "
        "dihedrals are fitted",
        least=0,
        most=10,
    )
    types: str | None = setting(
        None,
        "types of the beads in place of those from symmetry, as CH3,CH2,CH3 or, by molecule, "
        "propane=CH3,CH2,CH3 water=W",
    )
    knots: int = setting(24, "intervals of a spline over the sampled range", least=4, most=1000)
    pair_knots: int = setting(40, "intervals of a pair spline", least=4, most=1000)
    harmonics: int = setting(6, "harmonics of a Fourier dihedral", least=1, most=24)
    force_map: str = setting(
        "optimal",
        "how forces of atoms become forces of beads: optimal has the least noise, projected is "
        "eq. 7 of the paper",
        choices=("optimal", "projected", "sum"),
    )
    blocks: int = setting(10, "blocks for errors and cross-validation", least=2)


@dataclass(frozen=True)
class NeuralSettings:
    """Choices of fit-potential --neural."""

    neural: bool = setting(
        False, "train a network on what bonds and pair terms leave of the forces"
    )
    neural_cutoff: float = setting(
        6.0, "distance from which beads pass no messages in the network", unit="Å", least=0.1
    )
    features: int = setting(32, "features of a bead in the network", least=1, most=1024)
    interactions: int = setting(2, "interactions of the network, one after the other", least=1)
    rank: int = setting(
        2,
        "highest rank of the moments that see angles; 0 is SchNet, which sees distances alone",
        least=0,
        most=2,
    )
    moments: int = setting(8, "moments of each rank in an interaction", least=1, most=1024)
    ensemble: int = setting(
        1, "networks that are trained; their mean is used, their spread warns", least=1, most=64
    )
    epochs: int = setting(50, "most passes over the frames", least=1)
    batch: int | None = setting(
        None,
        "beads of a step of the optimiser, in whole frames; 1024, or fewer so that an epoch has "
        "30 steps",
        least=1,
    )
    learning_rate: float = setting(2e-3, "first learning rate of Adam", least=0.0)
    patience: int = setting(
        1, "epochs without progress on the frames held out before the rate is halved", least=1
    )
    neural_seed: int = setting(0, "seed of the weights and of the order of frames", least=0)
    device: str = setting(
        "auto",
        "where to train; auto is CUDA where it is there",
        choices=("auto", "cpu", "cuda"),
    )


@dataclass(frozen=True)
class JointSettings:
    """Choices of fit-potential --joint."""

    joint: bool = setting(
        False, "refine the mapping with the potential; a change must win on frames held out"
    )
    joint_weight: float = setting(
        1.0, "weight of the unexplained mean force against the mapping's own objective", least=0.0
    )
    joint_steps: int = setting(400, "optimisation steps of the joint training", least=10)
    joint_seed: int = setting(0, "seed of the joint training", least=0)
