"""What a user should be warned of in a fitted mapping."""

from autograin_cli.mapping.mapping import Certificate

_MOST_SEEDS = 0.5  # share of annealings that must agree where nothing is proved


def cautions(certificate: Certificate) -> tuple[str, ...]:
    """Sentences about ties, about parts of the data that disagree, and about chance."""
    told = []
    if certificate.n_within_one_percent > certificate.n_equivalent:
        told.append(_ties(certificate))
    if certificate.block_agreement < 1.0:
        told.append(
            f"only {certificate.block_agreement:.0%} of the blocks of the trajectory give this "
            "mapping: give a longer trajectory, or another number of beads"
        )
    chance = certificate.seed_agreement is not None and certificate.seed_agreement < _MOST_SEEDS
    if chance and certificate.method == "anneal" and not certificate.proved_optimal:
        told.append(
            f"only {certificate.seed_agreement:.0%} of the annealings end in this mapping, and "
            "nothing proves it the best: use --method auto"
        )
    return tuple(told)


def _ties(certificate: Certificate) -> str:
    found = (
        f"{certificate.n_within_one_percent:,} mappings lie within 1 % of the best by the "
        "objective, so the data hardly single this one out"
    )
    if certificate.objective != "ae":
        return f"{found}: compare them, or choose another number of beads"
    return (
        f"{found}: L_AE alone does not identify the chemistry, and the mapping of the paper need "
        "not be the least; the default --objective ae+compactness does"
    )
