"""A mapping that the data do not single out says so; a clear one is silent."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograin_cli.files.atomistic import read
from autograin_cli.mapping.cautions import cautions
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import Certificate
from autograin_cli.settings import MappingSettings, ReadingSettings

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def certificate(objective: str) -> Certificate:
    """Of aniline in two beads, enumerated."""
    topology = str(SAMPLES / "aniline.psf")
    found = read([SAMPLES / "aniline_6ps.xtc"], ReadingSettings(topology=topology))
    settings = MappingSettings(beads=2, method="exact", objective=objective)
    fitted = fit_mapping(found.trajectory, found.molecules[0], settings).certificate
    assert fitted is not None
    return fitted


@pytest.fixture(scope="module")
def clear() -> Certificate:
    return certificate("ae+compactness")


def test_the_default_objective_singles_out_a_mapping_of_aniline(clear: Certificate) -> None:
    assert cautions(clear) == ()


def test_the_autoencoder_loss_alone_does_not_and_says_so() -> None:
    (told,) = (text for text in cautions(certificate("ae")) if "within 1 %" in text)
    assert "L_AE alone does not identify the chemistry" in told


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"n_within_one_percent": 3}, "3 mappings lie within 1 %"),
        ({"block_agreement": 0.75}, "only 75% of the blocks"),
        (
            {"method": "anneal", "proved_optimal": False, "seed_agreement": 0.25},
            "only 25% of the annealings",
        ),
    ],
)
def test_what_may_mislead_is_said(
    clear: Certificate, change: dict[str, Any], sentence: str
) -> None:
    (told,) = cautions(replace(clear, **change))
    assert sentence in told


def test_images_under_symmetries_are_no_ties(clear: Certificate) -> None:
    assert cautions(replace(clear, n_within_one_percent=4, n_equivalent=4)) == ()
