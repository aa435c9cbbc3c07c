"""Where a training computes: the device, and what processes agree on."""

import pytest
import torch
from torch import Tensor

from autograin_cli.cli.processes import Place, chosen_device, joined
from autograin_cli.errors import DeviceError
from autograin_cli.potential.neural.parallel import Group


def test_one_process_stops_for_its_own_reasons() -> None:
    place = Place("cpu", Group())
    assert place.speaks
    assert place.agreed(None) is None
    assert place.agreed("SIGTERM") == "SIGTERM"


def test_all_processes_stop_when_one_is_asked_to_and_the_first_speaks() -> None:
    def asked_elsewhere(values: Tensor) -> Tensor:
        return values + 1.0

    def nowhere(values: Tensor) -> Tensor:
        return values

    second = Place("cpu", Group(rank=1, size=2, total=asked_elsewhere))
    assert not second.speaks
    assert second.agreed(None) == "a signal to another process"
    assert second.agreed("SIGTERM") == "SIGTERM"
    assert Place("cpu", Group(rank=1, size=2, total=nowhere)).agreed(None) is None


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with joined("cpu", together=True) as place:
        assert (place.device, place.group.size) == ("cpu", 1)
    assert not torch.distributed.is_initialized()


def test_what_is_not_done_together_joins_no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with joined("auto", together=False) as place:
        assert (place.device, place.group.size) == ("cpu", 1)


def test_the_device_is_a_gpu_where_there_is_one_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [chosen_device(name) for name in ("auto", "cuda", "cpu")] == ["cuda", "cuda", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [chosen_device(name) for name in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(DeviceError, match="--device cuda") as caught:
        chosen_device("cuda")
    assert caught.value.exit_code == 69
