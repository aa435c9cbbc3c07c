"""The schema: every field of every record has a row, and every row a field."""

import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from torch import Tensor

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.pages.format_page import schema_page
from autograin_cli.files.storage.conformance import named_group, place, unit_of
from autograin_cli.files.storage.field import Field
from autograin_cli.files.storage.places import path_of
from autograin_cli.files.storage.records import flatten, without_none
from autograin_cli.files.storage.schema import H5MD, SCHEMA
from example_artifacts import example

TYPES = {"text": "str", "bool": "bool", "int64": "int", "float64": "float"}


def rows(record: type[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """The path and the type of every field of a record and of those inside it."""
    for item in fields(record):
        hint, _ = without_none(typing.get_type_hints(record)[item.name])
        parts = [part for part in typing.get_args(hint) if part not in (type(None), Ellipsis)]
        inner = parts[0] if parts else hint
        if not is_dataclass(inner):
            yield path_of(f"{prefix}{item.name}"), hint
        elif typing.get_origin(hint) is tuple:
            yield from rows(inner, f"{prefix}{item.name}/*/")  # type: ignore[arg-type]
        else:
            yield from rows(inner, f"{prefix}{item.name}/")  # type: ignore[arg-type]


FIELDS = {path: hint for path, hint in rows(Artifact, "") if path != "kind"}


def test_every_field_of_every_record_has_a_row_and_every_row_a_field() -> None:
    assert set(FIELDS) == set(SCHEMA) - set(H5MD)


@pytest.mark.parametrize("path", sorted(FIELDS))
def test_the_type_of_a_row_is_that_of_its_field(path: str) -> None:
    hint, field = FIELDS[path], SCHEMA[path]
    if Tensor in (hint, *typing.get_args(hint)):
        assert field.dtype in ("float64", "int64")
        assert field.axes
    elif typing.get_origin(hint) is tuple:
        assert (field.dtype, len(field.axes)) == ("text", 1)
    else:
        assert TYPES[field.dtype] in str(hint)
        assert field.axes == ()


@pytest.mark.parametrize("path", sorted(SCHEMA))
def test_numbers_have_a_unit_and_texts_have_none(path: str) -> None:
    field: Field = SCHEMA[path]
    assert (field.unit == "") == (field.dtype == "text")


def test_a_path_finds_its_row_and_the_names_in_it() -> None:
    found = place("autograin/potential/bonded/OTP/terms/bond A-B/table/low")
    assert found is not None
    assert found.template == "autograin/potential/bonded/*/terms/*/table/low"
    assert found.names == ("OTP", "bond A-B")
    assert place("autograin/potential/bonded/OTP/terms/bond A-B/table") is None
    assert place("autograin/mapping/OTP/encoder/x") is None
    assert place("autograin/mapping/*/encoder") is not None


def test_a_unit_depends_on_the_coordinate_of_the_same_term() -> None:
    term = "autograin/potential/bonded/OTP/terms/x"
    assert named_group(f"{term}/table/low") == term
    for coordinate, unit in (("bond", "Angstrom"), ("angle", "rad"), ("dihedral", "rad")):
        texts = {f"{term}/coordinate": coordinate}
        assert unit_of(f"{term}/table/low", texts) == unit
        assert unit_of(f"{term}/table/slope", texts) == f"kJ mol-1 {unit}-1"
    assert unit_of("autograin/warnings", {}) == ""


def test_the_unit_of_a_pair_distribution_depends_on_its_kind_and_that_of_a_score_on_itself() -> (
    None
):
    pairs = "autograin/comparison/pair_distributions/A-B"
    for kind, unit in (("intermolecular", "1"), ("intramolecular", "Angstrom-1")):
        assert unit_of(f"{pairs}/model", {f"{pairs}/kind": kind}) == unit
    texts = {f"{pairs}/kind": "intramolecular", f"{pairs}/scores/x/unit": "1/Å"}
    assert unit_of(f"{pairs}/scores/x/value", texts) == "Angstrom-1"
    diffusion = "autograin/comparison/quantities/diffusion"
    assert unit_of(f"{diffusion}/model", {f"{diffusion}/unit": "Å²/ps"}) == "Angstrom+2 ps-1"
    assert unit_of(f"{diffusion}/model", {f"{diffusion}/unit": "bar"}) == "bar"


def test_the_examples_have_a_dataset_of_every_row_that_may_be_absent() -> None:
    examples = ("liquid comparison", "neural potential")
    written = {path for name in examples for path in flatten(example(name), path_of).arrays}
    templates = {found.template for path in written if (found := place(path)) is not None}
    assert templates >= set(FIELDS) - {
        path for path in FIELDS if path.endswith(("/soft_loss", "/annealed_objective"))
    }


def test_the_page_describes_every_dataset_with_its_unit_and_what_it_means() -> None:
    lines = [line for line in schema_page().splitlines() if line.startswith("| `")]
    assert len(lines) == len(SCHEMA)
    for line in lines:
        name, _, _, _, meaning = (cell.strip() for cell in line.strip("|").split(" | "))
        assert name.startswith("`")
        assert meaning.strip("| ")
