"""Files made to mislead, to exhaust the machine or to reach outside: all are refused."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.artifacts import Artifact, cg_trajectory, load
from autograin_cli.files.pages.format_page import schema_page
from autograin_cli.files.storage.conformance import check_arrays, check_numbers, place
from autograin_cli.files.storage.places import path_of
from autograin_cli.files.storage.records import Flat, build, flatten
from damage import (
    MAPPING,
    REFERENCE,
    TERM,
    Mutation,
    attribute,
    change,
    changed,
    damaged,
    order,
    put,
    removed,
    replaced,
    unit,
)
from example_artifacts import KINDS, example, write

KINDS_DAMAGED = ("mapping", "liquid simulation")


def soft_link(file: h5py.File) -> None:
    del file[f"{MAPPING}/encoder"]
    file[f"{MAPPING}/encoder"] = h5py.SoftLink(f"/{MAPPING}/force_map")


def external_link(file: h5py.File) -> None:
    del file[f"{MAPPING}/encoder"]
    file[f"{MAPPING}/encoder"] = h5py.ExternalLink("/etc/passwd", "/x")


def external_storage(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", None, shape=(3, 7), dtype="f8", external="/etc/passwd")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(3, 7), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(3, 7))
    del file[f"{MAPPING}/encoder"]
    file.create_virtual_dataset(f"{MAPPING}/encoder", layout)


def loop(file: h5py.File) -> None:
    file[f"{MAPPING}/history/again"] = file["autograin"]


def shared_group(file: h5py.File) -> None:
    file["autograin/mapping/copy"] = file[MAPPING]


def deep(file: h5py.File) -> None:
    file.create_group("autograin/" + "/".join("a" * 40))


def terabytes(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", None, shape=(3, 2**40), chunks=(1, 1024), dtype="f8")


def terabytes_in_one_piece(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", None, shape=(3, 2**40), dtype="f8")


def many_names_of_one_dataset(file: h5py.File) -> None:
    file["autograin/big"] = np.zeros(30_000)
    for i in range(10):
        file[f"autograin/big{i}"] = file["autograin/big"]


def huge_chunk(file: h5py.File) -> None:
    path = f"{MAPPING}/encoder"
    put(file, path, np.zeros((3, 7)), chunks=(3, 2**20), maxshape=(3, None), dtype="f8")
    del file[path]
    file.create_dataset(path, shape=(0, 7), maxshape=(None, 7), chunks=(2**24, 7), dtype="f8")


def compressed(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", np.zeros((3, 7)), compression="gzip")


def text_without_length(file: h5py.File) -> None:
    put(file, f"{MAPPING}/force_map_kind", "sum")


def references(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", np.array([file.ref] * 21, dtype=h5py.ref_dtype).reshape(3, 7))


def compound(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", np.zeros((3, 7), dtype=[("a", "f4"), ("b", "f4")]))


def named_type(file: h5py.File) -> None:
    file["autograin/type"] = np.dtype("f8")


def named_type_of_a_dataset(file: h5py.File) -> None:
    named_type(file)
    path = f"{MAPPING}/encoder"
    put(file, path, np.zeros((3, 7)), dtype=file["autograin/type"])
    del file["autograin/type"]


def no_values(file: h5py.File) -> None:
    put(file, f"{MAPPING}/encoder", h5py.Empty("f8"))


def group_for_a_dataset(file: h5py.File) -> None:
    del file[f"{MAPPING}/encoder"]
    file.create_group(f"{MAPPING}/encoder")


def reference_arrays_in_an_attribute(file: h5py.File) -> None:
    file["h5md"].attrs["x"] = np.array([file.ref] * 3, dtype=h5py.ref_dtype)


STRUCTURE = [
    (soft_link, "encoder is a soft or external link"),
    (external_link, "encoder is a soft or external link"),
    (external_storage, "encoder is stored outside the file"),
    (virtual, "encoder is stored outside the file"),
    (loop, "a group that is reached twice"),
    (shared_group, "a group that is reached twice"),
    (deep, "nested too deeply"),
    (terabytes, "declared as 26388279066624 bytes"),
    (terabytes_in_one_piece, "declared as 26388279066624 bytes"),
    (many_names_of_one_dataset, "declared as 240000 bytes"),
    (huge_chunk, "chunks of 939524096 bytes"),
    (compressed, "compressed or filtered"),
    (text_without_length, "texts without a length"),
    (references, "type that is not plain"),
    (compound, "type that is not plain"),
    (named_type, "neither a group nor a dataset"),
    (named_type_of_a_dataset, "type that is not plain"),
    (no_values, "encoder is empty"),
    (group_for_a_dataset, "no autograin/mapping/OTP/encoder in the file"),
    (reference_arrays_in_an_attribute, "an array of references"),
]


@pytest.mark.parametrize(("mutation", "message"), STRUCTURE)
def test_a_structure_that_is_not_plain_is_refused(
    mutation: Mutation, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, mutation)
    with pytest.raises(InputError, match=message) as caught:
        load(path, KINDS)
    assert "damaged.h5" in caught.value.given
    assert caught.value.exit_code == 65


HEADER = [
    (attribute("schema", "other"), "not an artifact of autograin"),
    (attribute("schema", 1.0), "not an artifact of autograin"),
    (attribute("schema", None), "not an artifact of autograin"),
    (attribute("schema_version", "2.0"), "schema 2.0, from a newer autograin"),
    (attribute("schema_version", "x"), "schema x, from another autograin"),
    (attribute("schema_version", None), "schema of no version"),
    (attribute("complete", None), "was not finished"),
    (attribute("complete", False), "was not finished"),
    (attribute("kind", "weights"), "a weights artifact was given"),
    (attribute("kind", "\x1b[31mred"), r"a \\x1b\[31mred artifact was given"),
]


@pytest.mark.parametrize(("mutation", "message"), HEADER)
def test_a_header_that_is_not_ours_is_refused_by_name(
    mutation: Mutation, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, mutation)
    with pytest.raises(InputError, match=message):
        load(path, KINDS)


def unknown_dataset(file: h5py.File) -> None:
    file["autograin/mapping/OTP/\x1b[2Jencoder2"] = 1.0


SCHEMA = [
    (removed(f"{MAPPING}/encoder"), "no autograin/mapping/OTP/encoder"),
    (removed("autograin/provenance/command"), "no autograin/provenance/command"),
    (removed("particles/cg/position"), "no particles/cg/position/step"),
    (unknown_dataset, r"a dataset autograin/mapping/OTP/\\x1b\[2Jencoder2"),
    (replaced(f"{MAPPING}/encoder", np.zeros((3, 7), "f4")), "encoder is of type <f4"),
    (replaced(f"{MAPPING}/encoder", np.zeros((3, 7), ">f8")), "encoder is of type >f8"),
    (replaced(f"{MAPPING}/encoder", np.zeros((3, 8))), "of shape"),
    (replaced(f"{MAPPING}/encoder", np.zeros(21)), r"encoder is of shape \(21,\)"),
    (replaced(f"{MAPPING}/bead_bonds", np.zeros((2, 3), "i8")), r"bead_bonds is of shape \(2, 3\)"),
    (replaced(f"{TERM}/table/energy", np.zeros(8)), "of shape"),
    (changed(f"{MAPPING}/encoder", (1, 2), np.nan), r"encoder is nan at \(1, 2\)"),
    (changed(f"{REFERENCE}/mean_structure", (2, 0), np.inf), r"structure is inf at \(2, 0\)"),
    (changed(f"{TERM}/parameter_errors", 0, np.nan), r"parameter_errors is nan at \(0,\)"),
    (unit(f"{TERM}/table/low", "nm"), "table/low in 'nm'"),
    (unit("particles/cg/position/value", "nm"), "position/value in 'nm'"),
    (unit(f"{TERM}/table/low", 3.0), "table/low in 'None'"),
    (order("autograin/mapping", [b"OTP"]), "does not name its members"),
    (order("autograin/mapping", [b"OTP", b"OTP"]), "does not name its members"),
    (order("autograin/mapping", [b"OTP", b"../potential/bonded/OTP"]), "does not name"),
]


@pytest.mark.parametrize(("mutation", "message"), SCHEMA)
def test_content_that_is_not_of_the_schema_is_refused(
    mutation: Mutation, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, mutation)
    with pytest.raises(InputError, match=message):
        load(path, KINDS)


def test_a_changed_number_is_noticed(tmp_path: Path) -> None:
    path = write("potential", tmp_path / "potential.h5")
    with h5py.File(path, "r+") as file:
        change(file, f"{TERM}/table/energy", 0, 1.0)
    with pytest.raises(InputError, match="changed since it was written"):
        load(path, KINDS)


def test_a_newer_minor_version_may_hold_more(tmp_path: Path) -> None:
    def newer(file: h5py.File) -> None:
        file.attrs["schema_version"] = np.bytes_("1.7")
        file["autograin/new"] = 1.0

    assert load(damaged(tmp_path, newer), KINDS).kind == "potential"


def test_what_an_older_autograin_did_not_write_is_not_called_damage(tmp_path: Path) -> None:
    """A comparison of schema 1.1 has no triplets."""

    def older(file: h5py.File) -> None:
        file.attrs["schema_version"] = np.bytes_("1.1")
        del file["autograin/comparison/triplet_distributions"]

    with pytest.raises(InputError, match=r"schema 1.1, from an older autograin.*triplet") as told:
        load(damaged(tmp_path, older, "comparison"), KINDS)
    assert "is damaged" not in str(told.value) and "write the artifact again" in str(told.value)


def test_an_artifact_of_schema_1_2_is_read_without_what_came_later(tmp_path: Path) -> None:
    def older(file: h5py.File) -> None:
        file.attrs["schema_version"] = np.bytes_("1.2")
        del file[f"{MAPPING}/reconstruction_errors"]
        del file[f"{REFERENCE}/bond_lengths"]

    (mapping, _) = load(damaged(tmp_path, older, "simulation"), KINDS).mappings
    assert mapping.reconstruction_errors is None
    assert mapping.bond_lengths is None


def test_provenance_is_text_and_no_more(tmp_path: Path) -> None:
    path = damaged(tmp_path, replaced("autograin/provenance/device", 3.0, unit=""))
    with pytest.raises(InputError, match="provenance/device is of type float64"):
        load(path, KINDS)


def test_a_frame_that_is_not_finite_is_refused_when_it_is_read(tmp_path: Path) -> None:
    mutation = changed("particles/cg/position/value", (4, 0, 0), np.nan)
    path = damaged(tmp_path, mutation, "simulation")
    with pytest.raises(InputError, match=r"frame 4 of .* is not finite"):
        list(cg_trajectory(path).chunks())


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"])
def test_what_is_not_hdf5_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not an HDF5 file|damaged or cut short"):
        load(path, KINDS)


def test_folders_and_pipes_are_no_artifacts(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(FileAccessError, match="not a regular file"):
            load(path, KINDS)


def test_a_box_of_a_frame_that_is_not_finite_or_flat_is_refused(tmp_path: Path) -> None:
    edges = "particles/cg/box/edges/value"
    broken = damaged(tmp_path, changed(edges, (4, 0, 0), np.nan), "liquid simulation")
    with pytest.raises(InputError, match=r"frame 4 of .* is not finite"):
        list(cg_trajectory(broken).chunks())
    flat = damaged(tmp_path, changed(edges, (3, 2), 0.0), "liquid simulation")
    with pytest.raises(InputError, match=r"frame 3 of .* is in a flat box"):
        list(cg_trajectory(flat).chunks())


@pytest.mark.parametrize("name", ["comparison", "liquid comparison", "neural potential"])
def test_every_dataset_is_guarded_against_numbers_and_shapes_that_cannot_be(name: str) -> None:
    arrays = flatten(example(name), path_of).arrays
    for path, array in arrays.items():
        if array.dtype.kind == "f" and array.size:
            with pytest.raises(InputError, match="is nan at"):
                check_numbers(path, np.full_like(array, np.nan))
        if path != "kind":
            other = np.zeros((2, *array.shape), array.dtype)
            with pytest.raises(InputError, match="is of shape"):
                check_arrays(arrays | {path: other})


@pytest.mark.parametrize("name", ["comparison", "liquid comparison", "neural potential"])
def test_a_dataset_is_missed_unless_the_format_lets_it_be_absent(name: str) -> None:
    flat = flatten(example(name), path_of)
    optional = {path for path, may in optional_rows() if may}
    for path in flat.arrays:
        found = place(path)
        rest = {other: array for other, array in flat.arrays.items() if other != path}
        if found is not None and found.template not in optional:
            with pytest.raises(InputError, match=r"no .* in the file"):
                build(Artifact, Flat(rest, flat.orders), path_of)


def optional_rows() -> list[tuple[str, bool]]:
    """Rows of the schema, and whether the page of the format says that they may be absent."""
    rows, group = [], ""
    for line in schema_page().splitlines():
        if line.startswith("## "):
            group = line.removeprefix("## ").strip("`/")
        if line.startswith("| `"):
            rows.append((f"{group}/{line.split('`')[1]}", line.endswith("May be absent. |")))
    return rows


_SURVIVE = """
import random, sys
from pathlib import Path
from autograin_cli.errors import AutograinError
from autograin_cli.files.artifacts import cg_trajectory, load

target, draw = Path(sys.argv[1]) / "damaged.h5", random.Random(1)
refused = 0
for name in sys.argv[2:]:
    original = Path(name).read_bytes()
    for _ in range(50):
        damaged = bytearray(original)
        for _ in range(draw.choice([1, 1, 4])):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        if draw.random() < 0.2:
            del damaged[draw.randrange(len(damaged)):]
        target.write_bytes(damaged)
        try:
            load(target, ("mapping", "potential", "simulation", "comparison"))
            list(cg_trajectory(target).chunks())
        except AutograinError:
            refused += 1
print(refused)
"""


def test_random_damage_is_refused_and_never_ends_the_process(tmp_path: Path) -> None:
    paths = [str(write(kind, tmp_path / f"{kind}.h5")) for kind in KINDS_DAMAGED]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _SURVIVE, str(tmp_path), *paths]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) >= 60
