"""Checkpoints: what is saved is loaded, with every bit; what is no checkpoint is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from autograin_cli.errors import FileAccessError, InputError, OutputExistsError, ResumeError
from autograin_cli.files.artifacts import InputFile, load
from autograin_cli.files.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from autograin_cli.files.resuming import Begun, check_no_checkpoint, check_same, checkpoint_path
from autograin_cli.files.storage.hdf5 import Contents
from autograin_cli.potential.neural.potential import TrainingHistory
from autograin_cli.potential.neural.training_state import MemberState, TrainingState
from autograin_cli.trajectory import PassState
from damage import Mutation, changed, removed, replaced, text
from example_artifacts import KINDS, bits, write

SETTINGS = {"features": 32, "cutoff": None, "batch": 1024}
WEIGHTS = "state/members/000000/weights"


def checkpoint(seed: int = 0) -> Checkpoint:
    """A training of two networks, the first of them finished, the second just begun."""
    random = torch.Generator().manual_seed(seed)

    def tensors() -> dict[str, torch.Tensor]:
        shapes = {"embedding": (2, 4), "layers.0.filter.inner": (3, 4), "unit": ()}
        return {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}

    def member(n_epochs: int, best: dict[str, torch.Tensor]) -> MemberState:
        losses = torch.rand(3, n_epochs, dtype=torch.float64, generator=random)
        return MemberState(
            weights=tensors(),
            first_moments=tensors(),
            second_moments=tensors(),
            averages=tensors(),
            best=best,
            steps=10 * n_epochs + 1,
            epoch=n_epochs,
            batch=1,
            epoch_loss=0.1 + float(torch.rand((), generator=random)),
            learning_rate=1e-3,
            stale=n_epochs // 2,
            finished=n_epochs > 0,
            history=TrainingHistory(*losses),
        )

    return Checkpoint(
        settings=json.dumps(SETTINGS),
        inputs=tuple(_input(role) for role in ("artifact", "trajectory", "forces")),
        seconds=12.5,
        state=TrainingState((member(3, tensors()), member(0, {}))),
        passes=(PassState(250, {"counts/000000": torch.arange(3)}), PassState(64, tensors())),
    )


def _input(role: str) -> InputFile:
    return InputFile(f"{role}.h5", role, 1000, role.encode().hex(), 250, 0.5, 500.0, 2)


def begun(found: Checkpoint) -> Begun:
    return Begun(found.settings, found.inputs)


def contents(state: TrainingState) -> object:
    """All bits of a state; dictionaries have no order."""
    return tuple(
        bits(tuple(sorted(value.items())) if isinstance(value, dict) else value)
        for member in state.members
        for value in vars(member).values()
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_checkpoint(checkpoint(), tmp_path / "p.ckpt.h5")
    return tmp_path / "p.ckpt.h5"


def test_a_checkpoint_comes_back_with_every_bit(path: Path) -> None:
    found, expected = load_checkpoint(path), checkpoint()
    assert contents(found.state) == contents(expected.state)
    assert contents(found.state) != contents(checkpoint(seed=1).state)
    assert (found.settings, found.inputs) == (expected.settings, expected.inputs)
    assert found.seconds == 12.5


def test_the_next_checkpoint_takes_the_place_of_the_one_before(path: Path) -> None:
    save_checkpoint(checkpoint(seed=1), path)
    assert contents(load_checkpoint(path).state) == contents(checkpoint(seed=1).state)
    assert [file.name for file in path.parent.iterdir()] == ["p.ckpt.h5"]


def test_a_checkpoint_lies_beside_the_output() -> None:
    assert checkpoint_path(Path("a/potential.h5")) == Path("a/potential.ckpt.h5")
    assert checkpoint_path(Path("b.hdf5")) == Path("b.hdf5.ckpt.h5")


def test_a_checkpoint_is_not_begun_over_in_silence(path: Path) -> None:
    with pytest.raises(OutputExistsError, match=r"p.ckpt.h5 exists") as caught:
        check_no_checkpoint(path, overwrite=False)
    assert "--resume" in caught.value.remedy
    check_no_checkpoint(path, overwrite=True)
    check_no_checkpoint(path.with_name("q.ckpt.h5"), overwrite=False)


def test_the_same_training_may_go_on_though_its_files_have_other_names() -> None:
    before = checkpoint()
    moved = tuple(replace(file, path=f"/elsewhere/{file.path}") for file in before.inputs)
    reordered = json.dumps(dict(reversed(SETTINGS.items())))
    check_same(begun(before), Begun(reordered, moved))


def _without_forces(inputs: tuple[InputFile, ...]) -> tuple[InputFile, ...]:
    return inputs[:-1]


def _with(**changes: object) -> Callable[[tuple[InputFile, ...]], tuple[InputFile, ...]]:
    return lambda inputs: (inputs[0], replace(inputs[1], **changes), *inputs[2:])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "change", "message"),
    [
        (SETTINGS | {"features": 64}, _with(), "--features was 32 and is 64"),
        (SETTINGS | {"cutoff": 9.0}, _with(), "--cutoff was None and is 9.0"),
        (SETTINGS | {"new_one": 1}, _with(), "--new-one was None and is 1"),
        (SETTINGS, _with(fingerprint="0"), "trajectory.h5 is not the trajectory that it was"),
        (SETTINGS, _with(stride=1), "of trajectory.h5 it was 250 frames, 0.5 to 500 ps, every 2"),
        (SETTINGS, _without_forces, "the inputs were artifact, trajectory, forces and are"),
    ],
)
def test_another_training_does_not_go_on_and_is_told_what_differs(
    settings: dict[str, object],
    change: Callable[[tuple[InputFile, ...]], tuple[InputFile, ...]],
    message: str,
) -> None:
    before = checkpoint()
    with pytest.raises(ResumeError, match=message) as caught:
        check_same(begun(before), Begun(json.dumps(settings), change(before.inputs)))
    assert caught.value.exit_code == 78


def with_digest(path: Path, mutation: Mutation) -> Path:
    """Do something to a checkpoint, and put its digest right again."""
    with h5py.File(path, "r+") as file:
        mutation(file)
    with h5py.File(path, "r") as file:
        digest = Contents(file, lambda _: None).digest()
    with h5py.File(path, "r+") as file:
        file.attrs["content_sha256"] = np.bytes_(digest)
    return path


def linked(file: h5py.File) -> None:
    del file[f"{WEIGHTS}/embedding"]
    file[f"{WEIGHTS}/embedding"] = h5py.SoftLink(f"/{WEIGHTS}/unit")


def attribute(name: str, value: object) -> Mutation:
    def mutate(file: h5py.File) -> None:
        file.attrs[name] = value

    return mutate


HOSTILE = [
    (attribute("schema", np.bytes_("autograin-artifact")), "not a checkpoint"),
    (attribute("complete", False), "was not finished"),
    (changed(f"{WEIGHTS}/embedding", (0, 1), np.nan), "embedding is not finite"),
    (replaced(f"{WEIGHTS}/embedding", np.zeros((2, 5), "f4")), "first_moments"),
    (replaced(f"{WEIGHTS}/embedding", np.zeros((2, 4), "f8")), "first_moments"),
    (replaced(f"{WEIGHTS}/embedding", np.zeros((2, 4), ">f4")), "of type >f4"),
    (replaced(f"{WEIGHTS}/embedding", text("pickle")), "records cannot be read"),
    (removed(f"{WEIGHTS}/embedding"), "first_moments"),
    (removed("state/members/000000/best/unit"), "best"),
    (removed("state/members/000000/steps"), "no state/members/000000/steps"),
    (replaced("state/members/000000/steps", -1), "counts of"),
    (replaced("state/members/000000/steps", text("x")), "records cannot be read"),
    (replaced("state/members/000000/steps", np.zeros(3, int)), "records cannot be read"),
    (replaced("state/members/000000/learning_rate", np.inf), "finite numbers"),
    (replaced("state/members/000000/history/training_loss", np.zeros(2)), "one length"),
    (replaced("state/members/000000/history/learning_rate", np.zeros((3, 1))), "a list"),
    (replaced("settings", text("[1]")), "without settings"),
    (replaced("settings", text("{")), "records cannot be read"),
    (removed("state/members"), "no state/members"),
    (removed("passes"), "no passes"),
    (replaced("passes/000001/n_frames", -1), "pass 1: -1 frames"),
]


@pytest.mark.parametrize(("mutation", "message"), HOSTILE)
def test_what_cannot_be_of_a_training_is_refused_and_left_where_it_is(
    mutation: Mutation, message: str, path: Path
) -> None:
    hostile = with_digest(path, mutation).read_bytes()
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint(path)
    assert "p.ckpt.h5" in caught.value.given
    assert path.read_bytes() == hostile


def test_a_structure_that_is_not_plain_is_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        linked(file)
    with pytest.raises(InputError, match="soft or external link"):
        load_checkpoint(path)


def test_a_changed_weight_is_noticed(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file[f"{WEIGHTS}/unit"][...] = 3.0
    with pytest.raises(InputError, match="changed since it was written"):
        load_checkpoint(path)


def test_a_checkpoint_of_another_format_is_refused_by_name(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = np.bytes_("1.0")
    with pytest.raises(ResumeError, match=r"format 1\.0"):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n"])
def test_what_is_not_hdf5_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.ckpt.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not an HDF5 file|damaged or cut short"):
        load_checkpoint(path)


def test_every_cut_of_a_checkpoint_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for share in range(1, 10):
        path.write_bytes(whole[: len(whole) * share // 10])
        with pytest.raises(InputError):
            load_checkpoint(path)


def test_checkpoints_and_artifacts_are_not_taken_for_each_other(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an artifact of autograin"):
        load(path, KINDS)
    with pytest.raises(InputError, match="not a checkpoint of autograin"):
        load_checkpoint(write("potential", tmp_path / "potential.h5"))
    with pytest.raises(FileAccessError):
        load_checkpoint(tmp_path / "none.ckpt.h5")
