"""Networks trained by the command: stopped and gone on with, refused, told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from click.testing import Result

from autograin_cli.cli import keeping, neural_training
from autograin_cli.cli.neural_training import Teller, ceiling
from autograin_cli.errors import FileAccessError
from autograin_cli.files.artifacts import Artifact, content_digest, load
from autograin_cli.files.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.training import train
from autograin_cli.potential.neural.training_state import Progress, TrainingState
from autograin_cli.potential.potential import Channel
from example_artifacts import bits, example
from pipeline import SAMPLES, run

SOURCE = Path(__file__).parents[2] / "src"
ETHANE = (str(SAMPLES / "ethane_short.trr"), "-s", str(SAMPLES / "ethane.psf"))
SMALL = ("--features", "4", "--rank", "1", "--moments", "2", "--batch", "1024")
ON = ("--device", "cpu")
TRAINED = ("--temperature", "120", "--types", "CH3,CH3", "--neural", "--epochs", "2", *SMALL, *ON)


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CH3 | CH3 of 64 ethane molecules as index groups; atoms count from 1."""
    path = tmp_path_factory.mktemp("ethane") / "beads.ndx"
    path.write_text("[ CH3 ]\n1 2 3 4\n[ CH3B ]\n5 6 7 8\n")
    return path


def arguments(by_hand: Path, path: Path, *options: str) -> tuple[str, ...]:
    return ("fit-potential", str(by_hand), *ETHANE, *TRAINED, "-o", str(path), *options)


@pytest.fixture(scope="module")
def whole(by_hand: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The potential of a training without a break."""
    path = tmp_path_factory.mktemp("whole") / "potential.h5"
    done = run(*arguments(by_hand, path))
    assert done.exit_code == 0, done.stderr
    assert [file.name for file in path.parent.iterdir()] == ["potential.h5"]
    return path


def hurried(command: tuple[str, ...]) -> Result:
    """Run a command that has no time again and again, until it has trained for a batch."""
    for resume in ((), ("--resume",), ("--resume",), ("--resume",)):
        done = run(*command, "--max-hours", "0", *resume)
        assert done.exit_code == 75, done.stderr
    return done


@pytest.fixture(scope="module")
def begun(by_hand: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of a command that had no time: after each of three passes, then one batch."""
    folder = tmp_path_factory.mktemp("begun")
    done = hurried(arguments(by_hand, folder / "p.h5"))
    assert done.stdout == ""
    assert "stopped by --max-hours 0" in done.stderr
    assert "in epoch 1 of at most 2" in done.stderr
    assert "--resume" in done.stderr
    assert [file.name for file in folder.iterdir()] == ["p.ckpt.h5"]
    return (folder / "p.ckpt.h5").read_bytes()


@pytest.fixture
def stopped(begun: bytes, tmp_path: Path) -> Path:
    """That checkpoint, in a folder of its own."""
    (tmp_path / "p.ckpt.h5").write_bytes(begun)
    return tmp_path / "p.ckpt.h5"


def test_a_training_that_was_stopped_and_gone_on_with_gives_what_one_without_a_break_gives(
    whole: Path, stopped: Path, by_hand: Path
) -> None:
    assert load_checkpoint(stopped).state.members[0].steps == 1
    path = stopped.with_name("p.h5")
    again = run(*arguments(by_hand, path, "--resume", "--max-hours", "0"))
    assert again.exit_code == 75
    assert load_checkpoint(stopped).state.members[0].steps == 2
    done = run(*arguments(by_hand, path, "--resume"))
    assert done.exit_code == 0, done.stderr
    assert "going on after" in done.stderr
    assert not stopped.exists()
    assert content_digest(path) == content_digest(whole)
    first, second = (load(each, ("potential",)) for each in (whole, path))
    assert bits(first.neural) == bits(second.neural)


def test_the_artifact_holds_the_network_in_double_precision_and_its_prior(whole: Path) -> None:
    artifact = load(whole, ("potential",))
    neural = artifact.neural
    assert neural is not None and artifact.nonbonded is not None
    assert neural.type_names == ("CH3",)
    assert neural.networks[0].embedding.dtype == torch.float64
    assert neural.networks[0].rank == 1
    assert [channel.name for channel in neural.channels] == ["all", "prior"]
    assert len(neural.histories[0].training_loss) == 2
    assert neural.n_frames == 16
    settings = json.loads(artifact.provenance.settings)
    assert (settings["features"], settings["epochs"], settings["neural"]) == (4, 2, True)


def test_json_holds_the_network_and_the_energy_of_two_lone_beads(whole: Path) -> None:
    shown = json.loads(run("inspect", str(whole), "--json").stdout)
    (curve,) = shown["pair_curves"]
    assert curve["types"] == ["CH3", "CH3"]
    assert len(curve["energy"]) == len(curve["distances"])
    assert curve["distances"][-1] == pytest.approx(shown["nonbonded"]["terms"][0]["cutoff"])
    assert curve["energy"][-1] == 0.0
    assert shown["neural"]["networks"][0]["embedding"]["shape"] == [1, 4]
    told = run("inspect", str(whole)).stdout
    assert "with the networks" in told
    assert "network on top of these terms" in told


def test_a_checkpoint_is_not_lost_by_beginning_again(stopped: Path, by_hand: Path) -> None:
    before = stopped.read_bytes()
    refused = run(*arguments(by_hand, stopped.with_name("p.h5")))
    assert refused.exit_code == 73
    assert "--resume" in refused.stderr
    assert stopped.read_bytes() == before
    anew = arguments(by_hand, stopped.with_name("p.h5"), "--overwrite", "--max-hours", "0")
    assert run(*anew).exit_code == 75
    assert not load_checkpoint(stopped).state.members
    assert len(load_checkpoint(stopped).passes) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--features", "5"), "--features was 4 and is 5"),
        (("--neural-seed", "1"), "--neural-seed was 0 and is 1"),
        (("--cutoff", "8"), "--cutoff was None and is 8.0"),
        (("--stride", "2"), "--stride was 1 and is 2"),
    ],
)
def test_a_resume_with_other_settings_is_refused_and_nothing_is_lost(
    options: tuple[str, ...], told: str, stopped: Path, by_hand: Path
) -> None:
    before = stopped.read_bytes()
    refused = run(*arguments(by_hand, stopped.with_name("p.h5"), "--resume", *options))
    assert refused.exit_code == 78
    assert told in refused.stderr
    assert stopped.read_bytes() == before
    assert not stopped.with_name("p.h5").exists()


def test_a_resume_from_another_mapping_is_refused(
    stopped: Path, by_hand: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.ndx"
    other.write_text(by_hand.read_text().replace("CH3B", "CH3C"))
    refused = run(*arguments(other, stopped.with_name("p.h5"), "--resume"))
    assert refused.exit_code == 78
    assert "other.ndx is not the artifact that it was" in refused.stderr


def test_a_damaged_checkpoint_is_refused_and_stays_where_it_is(
    stopped: Path, by_hand: Path
) -> None:
    with h5py.File(stopped, "r+") as file:
        file["state/members/000000/weights/embedding"][...] = 0.0
    before = stopped.read_bytes()
    refused = run(*arguments(by_hand, stopped.with_name("p.h5"), "--resume", "--json"))
    assert refused.exit_code == 65
    assert json.loads(refused.stdout)["exit_code"] == 65
    assert "p.ckpt.h5" in refused.stderr
    assert stopped.read_bytes() == before


def test_a_checkpoint_of_another_network_is_refused_whatever_its_settings_say(
    stopped: Path, by_hand: Path
) -> None:
    found = load_checkpoint(stopped)
    member = found.state.members[0]
    wider = {
        name: {"embedding": torch.zeros(2, 4)}
        for name in ("weights", "first_moments", "second_moments", "averages")
    }
    state = TrainingState((replace(member, **wider),))  # type: ignore[arg-type]
    save_checkpoint(replace(found, state=state), stopped)
    refused = run(*arguments(by_hand, stopped.with_name("p.h5"), "--resume"))
    assert refused.exit_code == 65
    assert "weights of another network" in refused.stderr


def test_a_checkpoint_from_beyond_the_end_is_refused(stopped: Path, by_hand: Path) -> None:
    found = load_checkpoint(stopped)
    beyond = replace(found.state.members[0], batch=10**6)
    save_checkpoint(replace(found, state=TrainingState((beyond,))), stopped)
    refused = run(*arguments(by_hand, stopped.with_name("p.h5"), "--resume"))
    assert refused.exit_code == 65
    assert "batch 1000001 of 2 in epoch 1 of 2" in refused.stderr


def test_without_a_checkpoint_resume_begins_and_says_so(by_hand: Path, tmp_path: Path) -> None:
    done = run(*arguments(by_hand, tmp_path / "p.h5", "--resume", "--max-hours", "0"))
    assert done.exit_code == 75
    assert "the work begins" in done.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_signal_stops_a_training_with_a_checkpoint(
    name: str, by_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = train

    def signalled(*given: Any, **named: Any) -> Iterator[Progress]:
        for progress in real(*given, **named):
            os.kill(os.getpid(), getattr(signal, name))
            yield progress

    monkeypatch.setattr(neural_training, "train", signalled)
    before = signal.getsignal(getattr(signal, name))
    done = run(*arguments(by_hand, tmp_path / "p.h5"))
    assert done.exit_code == 75
    assert f"stopped by {name}" in done.stderr
    assert load_checkpoint(tmp_path / "p.ckpt.h5").state.members[0].steps == 1
    assert signal.getsignal(getattr(signal, name)) == before


def test_a_checkpoint_is_written_from_time_to_time(
    by_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training that ends by an error leaves the last one."""
    monkeypatch.setattr(keeping, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    real = train

    def broken(*given: Any, **named: Any) -> Iterator[Progress]:
        for number, progress in enumerate(real(*given, **named)):
            if number == 2:
                raise ZeroDivisionError
            yield progress

    monkeypatch.setattr(neural_training, "train", broken)
    with pytest.raises(ZeroDivisionError):
        run(*arguments(by_hand, tmp_path / "p.h5"))
    assert load_checkpoint(tmp_path / "p.ckpt.h5").state.members[0].steps == 2


def test_a_disk_that_is_full_for_a_while_does_not_end_a_training(
    by_hand: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(checkpoint: Checkpoint, path: Path) -> None:
        given = f"{path} cannot be written: {checkpoint.seconds} s"
        raise FileAccessError(given=given, expected="room", remedy="make room")

    monkeypatch.setattr(keeping, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    monkeypatch.setattr(keeping, "SECONDS_WORTH_KEEPING", 0.0)
    monkeypatch.setattr(keeping, "save_checkpoint", full)
    stopped = run(*arguments(by_hand, tmp_path / "p.h5", "--max-hours", "0"))
    assert stopped.exit_code == 74
    done = run(*arguments(by_hand, tmp_path / "p.h5"))
    assert done.exit_code == 0
    assert "no checkpoint was written" in done.stderr
    assert content_digest(tmp_path / "p.h5") == content_digest(whole)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_training_on_a_gpu_has_the_losses_of_one_on_a_cpu(
    by_hand: Path, whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.h5"
    command = arguments(by_hand, path, "--device", "cuda")
    assert run(*command, "--max-hours", "0").exit_code == 75
    assert run(*command, "--resume").exit_code == 0
    ours, alone = (load(each, ("potential",)) for each in (path, whole))
    assert ours.provenance.device == "cuda"
    assert ours.neural is not None and alone.neural is not None
    on_gpu, on_cpu = (each.histories[0].validation_loss for each in (ours.neural, alone.neural))
    assert torch.allclose(on_gpu, on_cpu, rtol=1e-3)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_asked_for_and_absent_is_the_documented_error(by_hand: Path, tmp_path: Path) -> None:
    done = run(*arguments(by_hand, tmp_path / "p.h5", "--device", "cuda"))
    assert done.exit_code == 69
    assert "--device cuda" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("options", "code"), [((), 73), (("--resume",), 78)])
def test_a_classical_fit_does_not_touch_the_checkpoint_of_a_training(
    options: tuple[str, ...], code: int, stopped: Path, by_hand: Path
) -> None:
    """It would write a potential without the network that the checkpoint is of."""
    before, path = stopped.read_bytes(), stopped.with_name("p.h5")
    done = run(*arguments(by_hand, path, "--no-neural", *options))
    assert done.exit_code == code
    assert not path.exists()
    assert stopped.read_bytes() == before


def test_a_network_of_a_liquid_without_pair_terms_says_that_it_sees_molecules_alone(
    whole: Path, by_hand: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.h5"
    done = run(*arguments(by_hand, path, "--pair", "none", "--epochs", "1"))
    assert done.exit_code == 0, done.stderr
    (told,) = (one for one in load(path, ("potential",)).warnings if "--pair none" in one)
    assert "every molecule alone" in told and told in done.stderr
    assert not any("--pair none" in one for one in load(whole, ("potential",)).warnings)


def progress(batch: int, validation: float | None) -> Progress:
    return Progress(1, 2, batch, 3, 10, 20, 0.6, validation, 0.62, TrainingState(()))


def force_field(artifact: Artifact) -> ForceField:
    from autograin_cli.mapping.components import system_of

    system = system_of(artifact.mappings)
    return ForceField(system, artifact.potentials, artifact.nonbonded)


def test_progress_is_told_with_what_is_explained_and_the_time_that_is_left() -> None:
    teller = Teller(force_field(example("liquid potential")))
    done, total, words = teller.told(progress(4, None), now=100.0)
    assert (done, total) == (245, 600)
    assert words == "network 2 of 3, epoch 3 of 10, R² 0.3800 without network, loss 0.6000"
    done, total, words = teller.told(progress(9, 0.59), now=110.0)
    assert done == 250
    # Ahead of the rest, which a narrow terminal cuts off.
    told = "network 2 of 3, epoch 3 of 10, at most 12 min left, R² 0.4100 (0.3800 without network)"
    assert words.startswith(told)


def test_the_best_possible_is_told_where_it_is_known() -> None:
    alone = force_field(example("potential"))
    found = Channel("all", 0.3, 0.01, ceiling=0.47, ceiling_error=0.01)
    known = replace(alone.potentials[0], channels=(found,))
    single = replace(alone, potentials=(known,))
    assert ceiling(single) == 0.47
    assert ceiling(force_field(example("liquid potential"))) is None
    words = Teller(single).told(progress(0, None), now=0.0)[2]
    assert "R² 0.3800 without network, 0.4700 the best possible" in words


def finished(process: "subprocess.Popen[str]") -> int:
    """Wait for a process, and end it if it takes too long."""
    with process:
        try:
            return process.wait(timeout=120)
        finally:
            process.kill()


def started(folder: Path, *given: str) -> "subprocess.Popen[str]":
    """Begin a process; what it says is in two files of a folder."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(
            [sys.executable, *given], env=environment, stdout=out, stderr=err, text=True
        )


def is_training(folder: Path, process: "subprocess.Popen[str]") -> bool:
    """Wait until the training begins; say whether it did before the process ended."""
    while process.poll() is None:
        if "fitting the potential:" in (folder / "err").read_text():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_the_command_stopped_by_signals_and_gone_on_with_gives_the_same_content(
    by_hand: Path, tmp_path: Path
) -> None:
    """All but the provenance: there the command line differs, and the time."""
    long = ("--epochs", "20", "--features", "16", "--rank", "2")
    whole, parts = tmp_path / "whole.h5", tmp_path / "parts.h5"
    command = arguments(by_hand, whole, *long)
    assert finished(started(tmp_path, "-m", "autograin_cli", *command)) == 0
    command = arguments(by_hand, parts, *long, "--resume")
    for name in ("SIGTERM", "SIGUSR1"):
        process = started(tmp_path, "-m", "autograin_cli", *command)
        assert is_training(tmp_path, process)
        time.sleep(0.3)
        process.send_signal(getattr(signal, name))
        assert finished(process) == 75
        assert f"stopped by {name}" in (tmp_path / "err").read_text()
    assert load_checkpoint(tmp_path / "parts.ckpt.h5").state.members[0].steps >= 2
    assert finished(started(tmp_path, "-m", "autograin_cli", *command)) == 0
    assert not (tmp_path / "parts.ckpt.h5").exists()
    assert content_digest(parts) == content_digest(whole)


@pytest.mark.slow
def test_two_processes_of_torchrun_write_one_potential_of_the_same_losses(
    by_hand: Path, whole: Path, tmp_path: Path
) -> None:
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
    command, path = (*torchrun, "-m", "autograin_cli"), tmp_path / "p.h5"
    process = started(tmp_path, *command, *arguments(by_hand, path, "--max-hours", "0"))
    assert finished(process) != 0
    assert (tmp_path / "err").read_text().count("stopped by --max-hours") == 1
    assert (tmp_path / "p.ckpt.h5").exists() and not path.exists()
    process = started(tmp_path, *command, *arguments(by_hand, path, "--resume"))
    assert finished(process) == 0, (tmp_path / "err").read_text()
    assert (tmp_path / "out").read_text() == f"{path}\n"
    assert (tmp_path / "err").read_text().count("going on after") == 1
    assert not (tmp_path / "p.ckpt.h5").exists()
    ours, alone = (load(each, ("potential",)).neural for each in (path, whole))
    assert ours is not None and alone is not None
    for name in ("training_loss", "validation_loss"):
        of_two, of_one = (getattr(each.histories[0], name) for each in (ours, alone))
        assert torch.allclose(of_two, of_one, rtol=1e-4)
