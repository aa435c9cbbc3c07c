"""Numbers of the sample data that must not change unnoticed; `make golden` writes them anew."""

import json
import os
from pathlib import Path

import pytest

from autograin_cli.files.artifacts import load
from pipeline import PSF, XTC, forces_and_temperature, run

GOLDEN = Path(__file__).with_name("golden.json")
Numbers = dict[str, list[float]]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    """Mapping and potential of aniline in the forms of the paper."""
    folder = tmp_path_factory.mktemp("golden")
    mapping, potential = folder / "mapping.h5", folder / "potential.h5"
    fit: tuple[str | Path, ...] = (
        "fit-mapping",
        XTC,
        "-s",
        PSF,
        "--beads",
        "2",
        "--method",
        "exact",
        "-o",
        mapping,
    )
    match: tuple[str | Path, ...] = (
        "fit-potential",
        mapping,
        XTC,
        "-s",
        PSF,
        *forces_and_temperature(),
    )
    assert run(*fit).exit_code == 0
    assert run(*match, "--bond", "harmonic", "-o", potential).exit_code == 0
    found = load(potential, ("potential",))
    certificate, bond = found.mappings[0].certificate, found.potentials[0].terms[0]
    assert certificate is not None
    return {
        "assignment": found.mappings[0].assignment.tolist(),
        "loss, bound, compactness (Å²)": [
            certificate.loss,
            certificate.bound,
            certificate.compactness,
        ],
        "k (kJ/(mol Å²)), r0 (Å)": bond.parameters.tolist(),
        "errors of k, r0": bond.parameter_errors.tolist(),
        "R², ceiling of the bond": [
            found.potentials[0].channels[0].r_squared,
            found.potentials[0].channels[0].ceiling,
        ],
    }


def test_the_numbers_of_aniline_are_those_of_the_golden_file(numbers: Numbers) -> None:
    if os.environ.get("AUTOGRAIN_GOLDEN") == "1":
        text = json.dumps(numbers, indent=1, ensure_ascii=False)
        GOLDEN.write_text(text + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert numbers.keys() == golden.keys()
    for name, values in numbers.items():
        assert values == pytest.approx(golden[name], rel=1e-6), name
