"""Files that once led to a traceback, a hang or too much memory, and new ones drawn at random.

A long search is `python -m fuzz.fuzz SURFACE`; what it finds goes into tests/fuzz/corpus/SURFACE.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograin_cli.errors import AutograinError
from fuzz.fuzz import MOST_CPU, attempt
from fuzz.surfaces import SURFACES

HERE = Path(__file__).parent
CORPUS = sorted(path for path in (HERE / "corpus").rglob("*") if path.is_file())


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_what_once_failed_is_answered(case: Path, tmp_path: Path) -> None:
    path = tmp_path / f"case{''.join(case.suffixes)}"
    shutil.copy(case, path)
    assert attempt(SURFACES[case.parent.name], path) == ""


@pytest.mark.parametrize("name", ["checkpoints", "logs", "mappings", "topologies"])
def test_the_files_that_damage_begins_with_are_sound(name: str, tmp_path: Path) -> None:
    """Else nothing behind the first check would ever be reached."""
    for number, (seed, content) in enumerate(sorted(SURFACES[name].seeds().items())):
        path = tmp_path / f"{number}{''.join(Path(seed).suffixes)}"
        path.write_bytes(content)
        SURFACES[name].read(path)


QUICK = ("logs", "mappings", "arrays", "forces", "checkpoints", "topologies")


@pytest.mark.parametrize("name", QUICK)
def test_damage_gives_an_error_and_no_traceback(name: str, tmp_path: Path) -> None:
    for number in range(8):
        path = SURFACES[name].case(f"quick {number}", tmp_path)
        assert attempt(SURFACES[name], path) == "", f"case {number}"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SURFACES))
def test_some_seconds_of_damage_give_no_traceback(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.fuzz", name, "--seconds", "12", "--keep", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60 + 10 * MOST_CPU,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], done.stderr


# --- texts of the right form, with anything in it ------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(("CH3", "W", "../../x", "\x1b[2J", "<script>", "a" * 70))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)
NUMBERS = st.integers(-2, 40) | SCALARS
SITES = st.fixed_dictionaries(
    {
        "index": st.lists(NUMBERS, max_size=4) | VALUES,
        "x-weight": st.lists(NUMBERS, max_size=4) | VALUES,
    },
    optional={"f-weight": VALUES, "more": VALUES},
)
GROUPS = st.fixed_dictionaries(
    {"anchor": NUMBERS, "repeat": NUMBERS, "offset": NUMBERS},
    optional={
        "sites": st.lists(st.tuples(st.sampled_from(("CH3", "W")), NUMBERS).map(list), max_size=3),
        "groups": VALUES,
    },
)
SYSTEMS = st.fixed_dictionaries(
    {
        "site-types": st.dictionaries(st.sampled_from(("CH3", "W")) | st.text(), SITES | VALUES),
        "system": st.lists(GROUPS | VALUES, max_size=3),
    }
)


def read_all(name: str, text: str, folder: Path) -> None:
    """Read a text on a surface; an AutograinError is as good as an answer."""
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    surface = {".yaml": "mappings", ".toml": "configuration", ".ckpt": "logs"}[path.suffix]
    with suppress(AutograinError):
        SURFACES[surface].read(path)


def toml(value: object) -> str:
    """What TOML writes for a value; texts as JSON does."""
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value) if value is not None else "2026-01-01"


def check_toml(values: dict[str, object], folder: Path) -> None:
    lines = [f"{key} = {toml(value)}\n" for key, value in values.items()]
    read_all("a.toml", "".join(lines), folder)


def check_yaml(system: object, folder: Path) -> None:
    read_all("a.yaml", yaml.safe_dump(system, allow_unicode=True), folder)


NAMES = ("beads", "seed", "method", "select", "forces", "json", "config", "stride", "o")
KEYS = st.sampled_from((*NAMES, "fit-mapping", "simulate"))
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)
FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=400)


@FEW
@given(system=SYSTEMS)
def test_mappings_of_any_content_are_answered(system: object, tmp_path: Path) -> None:
    check_yaml(system, tmp_path)


@FEW
@given(values=TABLES)
def test_configurations_of_any_content_are_answered(
    values: dict[str, object], tmp_path: Path
) -> None:
    check_toml(values, tmp_path)


@pytest.mark.slow
@MANY
@given(system=SYSTEMS)
def test_many_mappings_of_any_content_are_answered(system: object, tmp_path: Path) -> None:
    check_yaml(system, tmp_path)


@pytest.mark.slow
@MANY
@given(values=TABLES)
def test_many_configurations_of_any_content_are_answered(
    values: dict[str, object], tmp_path: Path
) -> None:
    check_toml(values, tmp_path)
