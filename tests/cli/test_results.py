"""Results on standard output: a path, or JSON that any reader takes."""

import json

import pytest

from autograin_cli.cli.results import tell_result, write_json


def test_a_result_is_a_path_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    tell_result("mapping.h5", {"loss": 0.5}, as_json=False)
    assert capsys.readouterr().out == "mapping.h5\n"
    tell_result("mapping.h5", {"loss": 0.5}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"output": "mapping.h5", "loss": 0.5}


def test_json_has_null_for_what_is_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"r_hat": float("nan"), "ratios": [1.0, float("inf")]})
    assert json.loads(capsys.readouterr().out) == {"r_hat": None, "ratios": [1.0, None]}
