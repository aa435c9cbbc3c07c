"""What a user may choose of compare."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class ComparisonSettings:
    """Choices of compare."""

    bins: int = setting(50, "bins of a distribution over the range of both runs", least=5)
    rdf_spacing: float = setting(0.1, "width of a bin of g(r)", unit="Å", least=0.001)
    rdf_range: float | None = setting(
        None, "longest distance of g(r); half of the thinnest box if not given", unit="Å", least=0.1
    )
    shell: float | None = setting(
        None,
        "distance up to which beads of other molecules are neighbours, for angles between them; "
        "the first minimum of g(r) of the reference, for each pair of types, if not given",
        unit="Å",
        least=0.1,
    )
    model_step_time: float | None = setting(
        None,
        "time of a step of the program that wrote --model, where its file counts steps and holds "
        "no times",
        unit="ps",
        least=1e-9,
    )
    resamples: int = setting(400, "resamples of the block bootstrap", least=50)
    fail_above: float | None = setting(
        None,
        "exit with 3 if a score over its floor is larger: Jensen-Shannon of a distribution, of one "
        "coordinate or two, or the rms deviation of g(r), triplet angles and P2(r)",
        least=0.0,
    )
    seed: int = setting(0, "seed of the bootstrap", least=0)
