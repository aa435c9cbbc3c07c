"""What a user may choose of fit-mapping."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class BeadSettings:
    """How many beads fit-mapping gives to a molecule."""

    beads: str | None = setting(
        None,
        "beads of a molecule: a number for every type, or by type as ethane=2,water=1; needed "
        "unless only the input is checked",
    )


@dataclass(frozen=True)
class MappingSettings:
    """Choices of fit-mapping."""

    beads: int = setting(3, "beads of the molecule", least=1)
    method: str = setting(
        "auto",
        "anneal is Algorithm 1 of the paper; exact enumerates the connected mappings, or searches "
        "where there are too many; auto does both and keeps the best",
        choices=("auto", "anneal", "exact"),
    )
    noise: str = setting(
        "none",
        "noise of the softmax while annealing: gumbel is the authors' program",
        choices=("none", "gumbel"),
    )
    objective: str = setting(
        "ae+compactness",
        "what is minimised: ae is eq. 1 of the paper alone",
        choices=("ae", "ae+compactness"),
    )
    compactness: float = setting(
        10.0, "weight of the compactness against the autoencoder loss", least=0.0
    )
    force_weight: float = setting(
        0.0, "weight of the mean square force on a bead", unit="Å² per (kJ/(mol Å))²", least=0.0
    )
    connected: bool = setting(
        True, "consider only beads that are connected in the bond graph, hydrogens with their atom"
    )
    weights: str = setting(
        "auto",
        "weights of the atoms inside a bead; auto is mass where masses are known, else uniform",
        choices=("auto", "mass", "uniform", "learned"),
    )
    symmetry: bool = setting(True, "average the moments over the symmetries of the bond graph")
    anneal_seeds: int = setting(8, "independent annealings", least=1)
    anneal_steps: int = setting(1000, "optimisation steps of one annealing", least=10)
    blocks: int = setting(8, "blocks of the trajectory whose agreement is reported", least=2)
    seed: int = setting(0, "seed of every random number", least=0)
