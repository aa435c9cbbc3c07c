"""inspect: everything in an artifact, for people and as JSON, on standard output."""

import json
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from autograin_cli.cli import autograin, console
from autograin_cli.files.artifacts import content_digest, load, save
from example_artifacts import BOX, EXAMPLES, LIQUIDS, N_FRAMES, REPLICAS, example, write


def run(*arguments: str) -> Result:
    return CliRunner().invoke(autograin, ["inspect", *arguments])


def json_of(path: Path) -> dict[str, Any]:
    result = run(str(path), "--json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.mark.parametrize("kind", EXAMPLES)
def test_json_holds_every_record_under_the_names_of_its_fields(kind: str, tmp_path: Path) -> None:
    path, artifact = write(kind, tmp_path / "artifact.h5"), example(kind)
    shown = json_of(path)
    assert shown["artifact"] == str(path)
    assert shown["content_sha256"] == content_digest(path)
    assert shown["kind"] == artifact.kind
    mapping = artifact.mappings[0]
    assert shown["mappings"][0]["molecule"]["atom_names"] == list(mapping.molecule.atom_names)
    assert shown["mappings"][0]["encoder"]["shape"] == [3, 7]
    assert shown["mappings"][0]["encoder"]["values"] == mapping.encoder.tolist()
    assert shown["mappings"][1]["certificate"] is None
    assert [p["molecule"] for p in shown["potentials"]] == [p.molecule for p in artifact.potentials]
    assert (shown["simulation"] is None) == (artifact.simulation is None)
    assert (shown["comparison"] is None) == (artifact.comparison is None)
    assert (shown["nonbonded"] is not None) == (kind in LIQUIDS)
    assert (shown["configuration"] is not None) == (kind in LIQUIDS)
    assert shown["provenance"]["created"] == "2026-01-01T00:00:00Z"
    assert shown["warnings"] == list(artifact.warnings)


def test_json_keeps_the_shape_and_the_range_of_a_large_array(tmp_path: Path) -> None:
    artifact = example("mapping")
    first, second = artifact.mappings
    offsets = 100 * torch.arange(1, 101).repeat_interleave(2)[:, None]
    copies = first.molecule.copies.repeat(100, 1) + offsets
    molecule = replace(first.molecule, copies=copies)
    large = replace(artifact, mappings=(replace(first, molecule=molecule), second))
    save(large, tmp_path / "large.h5", overwrite=False)
    shown = json_of(tmp_path / "large.h5")["mappings"][0]["molecule"]["copies"]
    assert shown == {
        "shape": [200, 7],
        "values": None,
        "min": int(copies.min()),
        "max": int(copies.max()),
    }


def test_json_writes_null_where_a_number_is_infinite(tmp_path: Path) -> None:
    shown = json_of(write("potential", tmp_path / "potential.h5"))
    assert shown["potentials"][0]["terms"][0]["parameter_errors"]["values"] == [0.5, None]


def test_a_person_sees_beads_terms_and_sampled_ranges_with_angles_in_degrees(
    tmp_path: Path,
) -> None:
    result = run(str(write("potential", tmp_path / "potential.h5")))
    assert result.exit_code == 0
    text = result.stdout
    assert "potential artifact" in text
    assert "C1 H1" in text
    assert "A1-B1, B1-A2" in text
    angle = example("potential").potentials[0].terms[1]
    low, high = (
        f"{value * 57.29577951308232:.1f}" for value in (angle.sampled_low, angle.sampled_high)
    )
    assert f"{low} to {high} degrees" in text
    assert "kJ/mol/Å²" in text
    assert "\x1b" not in text


def test_a_person_sees_diagnostics_scores_and_floors(tmp_path: Path) -> None:
    text = run(str(write("comparison", tmp_path / "comparison.h5"))).stdout
    assert f"{REPLICAS} replicas, {N_FRAMES} frames" in text
    assert "299.5 ±" in text
    assert "0.02 (0.01 to 0.03)" in text
    assert "0.015" in text
    assert "3000 ps; 0.0% seen in the training" in text
    assert "runs/part 11.xtc" in text
    assert "autograin fit-mapping 'a b.xtc'" in text
    assert "masses are guessed" in text


def test_a_person_sees_the_pair_terms_and_the_box_of_a_liquid(tmp_path: Path) -> None:
    result = run(str(write("liquid comparison", tmp_path / "comparison.h5")))
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "pair OTP:A-β/x %.:B spline" in text
    assert "pair OTP:A-OTP:A: A stands on its bound" in text
    assert "21.00 × 22.36 × 23.73 Å" in text
    assert "3 OTP, 2 β/x %." in text
    assert "-123.4 ± 5.6 bar" in text
    assert "outside, pair OTP:A-OTP:B" in text
    assert "first peak position 4.5 ± 0.01 Å 4.6 ± 0.02 Å" in text
    assert "S(q) OTP:A-OTP:B 30 0.300 to 4.000" in text


def test_json_of_a_liquid_holds_its_box_and_its_pair_terms(tmp_path: Path) -> None:
    shown = json_of(write("liquid simulation", tmp_path / "simulation.h5"))
    assert shown["simulation"]["box"]["values"] == (2 * BOX).tolist()
    assert shown["simulation"]["molecules"] == ["OTP", "β/x %."]
    assert shown["simulation"]["copies"]["values"] == [3, 2]
    assert [term["on_bounds"] for term in shown["nonbonded"]["terms"]] == [[], ["A"], []]
    assert shown["nonbonded"]["channels"][0]["ceiling"] is None


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    artifact = replace(example("mapping"), warnings=("\x1b[2J\x07[red]",))
    save(artifact, tmp_path / "a.h5", overwrite=False)
    text = run(str(tmp_path / "a.h5")).stdout
    assert r"\x1b[2J\x07[red]" in text
    assert not {"\x1b", "\x07"} & set(text)


def test_a_file_name_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    artifact = example("mapping")
    odd = replace(artifact.inputs[0], path="a\udcff.xtc")
    save(replace(artifact, inputs=(odd,)), tmp_path / "a.h5", overwrite=False)
    assert json_of(tmp_path / "a.h5")["inputs"][0]["path"] == "a\ufffd.xtc"
    assert r"a\udcff.xtc" in run(str(tmp_path / "a.h5")).stdout


def test_what_is_no_artifact_is_refused_with_the_documented_code(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no")
    assert run(str(tmp_path / "text.h5")).exit_code == 65
    assert run(str(tmp_path / "missing.h5")).exit_code == 74


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_large_artifact_writes_a_line_from_time_to_time_in_a_log(
    form: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error; the result is what it is without."""
    path = write("mapping", tmp_path / "mapping.h5")
    quick = run(str(path), *form)

    def slow(*_: Any) -> Any:
        sleep(0.2)
        return load(path, ("mapping",))

    monkeypatch.setattr("autograin_cli.files.artifacts.load", slow)
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_LINES", 0.02)
    result = run(str(path), *form)
    assert (result.exit_code, result.stdout) == (0, quick.stdout)
    assert len(result.stderr.splitlines()) > 3
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == {"working"}
