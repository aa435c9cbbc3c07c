import pytest
import torch

from autograin_cli.errors import DeviceError, SettingError
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.batched import BatchedEngine
from autograin_cli.simulation.builtin import WORTH_CUDA, builtin_engine, choose_device, engine_of
from autograin_cli.simulation.compiled import CompiledEngine

MANY = SimulationSettings(replicas=WORTH_CUDA)
FEW = SimulationSettings(replicas=WORTH_CUDA - 1)


@pytest.mark.parametrize(
    ("settings", "has_cuda", "device"),
    [
        (MANY, True, "cuda"),
        (MANY, False, "cpu"),
        (FEW, True, "cpu"),
        (SimulationSettings(device="cuda"), True, "cuda"),
        (SimulationSettings(device="cpu", replicas=WORTH_CUDA), True, "cpu"),
    ],
)
def test_cuda_is_used_where_asked_for_or_worth_it(
    settings: SimulationSettings, has_cuda: bool, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert choose_device(settings) == device
    assert isinstance(
        builtin_engine(settings), BatchedEngine if device == "cuda" else CompiledEngine
    )


def test_cuda_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="--device cuda") as caught:
        builtin_engine(SimulationSettings(device="cuda"))
    assert caught.value.exit_code == 69


def test_the_threads_of_the_settings_are_used() -> None:
    assert builtin_engine(SimulationSettings(threads=3)) == CompiledEngine(threads=3)


@pytest.mark.parametrize("engine", ["builtin", "openmm"])
def test_ranks_of_an_engine_without_mpi_are_refused(engine: str) -> None:
    with pytest.raises(SettingError, match="--engine lammps"):
        engine_of(SimulationSettings(engine=engine, ranks=2))
