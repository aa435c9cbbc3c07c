"""Networks that their equations are not defined for are refused, even with the right digest."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import load, save
from damage import Mutation, changed, damaged, order, put, removed, replaced, texts
from example_artifacts import KINDS, bits, example

NEURAL = "autograin/potential/neural"
NETWORK = f"{NEURAL}/networks/000000"
INTERACTION = f"{NETWORK}/interactions/000001"
MOMENTS = f"{INTERACTION}/moments/000000"


def another_width(file: h5py.File) -> None:
    """An interaction of 5 features among those of 4: each dataset of it fits the others."""
    for name, shape in (
        ("mixing", (5, 5)),
        ("filters", (2, 12, 5)),
        ("hidden", (12, 5)),
        ("hidden_bias", (5,)),
        ("update", (5, 5)),
    ):
        put(file, f"{INTERACTION}/{name}", np.zeros(shape))


def no_interactions(file: h5py.File) -> None:
    del file[f"{NETWORK}/interactions"]
    file.create_group(f"{NETWORK}/interactions").attrs["order"] = np.zeros(0, "S1")


def without_last_rank(file: h5py.File) -> None:
    del file[f"{INTERACTION}/moments/000001"]
    file[f"{INTERACTION}/moments"].attrs["order"] = np.array([b"000000"])


def of_higher_rank(file: h5py.File) -> None:
    for number in ("000000", "000001"):
        group = file[f"{NETWORK}/interactions/{number}/moments"]
        file.copy(group["000000"], group, "000002")
        group.attrs["order"] = np.array([b"000000", b"000001", b"000002"])


def without_a_history(file: h5py.File) -> None:
    del file[f"{NEURAL}/histories/000001"]
    file[f"{NEURAL}/histories"].attrs["order"] = np.array([b"000000"])


LAWS: list[tuple[Mutation, str]] = [
    (replaced(f"{NETWORK}/cutoff", 0.0), "network 0: a cutoff of 0.0 Å"),
    (replaced(f"{NETWORK}/cutoff", np.nan), "cutoff is nan"),
    (changed(f"{NETWORK}/energies", 2, np.inf), r"energies is inf at \(2,\)"),
    (replaced(f"{NETWORK}/embedding", np.zeros((3, 4))), "embedding of shape"),
    (replaced(f"{NETWORK}/embedding", np.zeros((4, 4), "f4")), "embedding is of type <f4"),
    (replaced(f"{NETWORK}/readout_bias", np.zeros(4)), "readout_bias is of shape"),
    (replaced(f"{NETWORK}/readout", np.zeros((3, 5))), "readout is of shape"),
    (
        changed(f"{INTERACTION}/filters", (1, 9, 0), 1e-300),
        "network 0: interaction 1: a filter ends at the cutoff",
    ),
    (changed(f"{MOMENTS}/filters", (0, 11, 2), 1.0), "interaction 1: rank 1: a filter ends"),
    (replaced(f"{INTERACTION}/filters", np.zeros((2, 13, 4))), "filters of shape"),
    (replaced(f"{MOMENTS}/filters", np.zeros((3, 12, 3))), "filters is of shape"),
    (replaced(f"{MOMENTS}/mixing", np.zeros((5, 3))), "rank 1: mixing of shape"),
    (replaced(f"{MOMENTS}/left", np.zeros((6, 5))), "right is of shape"),
    (replaced(f"{INTERACTION}/hidden", np.zeros((11, 4))), "hidden of shape"),
    (another_width, "interaction 1: filters of shape"),
    (no_interactions, "network 0: no interactions"),
    (without_last_rank, "interaction 1: moments of 1 ranks"),
    (of_higher_rank, "network 0: rank 3"),
    (without_a_history, "1 histories of networks"),
    (order(f"{NEURAL}/networks", [b"000000"]), "does not name its members"),
    (removed(f"{MOMENTS}/left"), f"no {MOMENTS}/left in the file"),
    (removed(f"{NEURAL}/spread"), "a spread of"),
    (replaced(f"{NEURAL}/spread", -1.0), "a spread of"),
    (replaced(f"{NEURAL}/n_frames", 0), "networks: 0 frames"),
    (changed(f"{NEURAL}/histories/000000/training_loss", 2, -1.0), "training_loss: -1"),
    (replaced(f"{NEURAL}/type_names", texts("OTP:A", "OTP:B", "OTP:A", "X")), "OTP:A twice"),
    (replaced(f"{NEURAL}/type_names", texts("OTP:A", "OTP:B", "Y", "X")), "as mapped"),
]


@pytest.mark.parametrize(("mutation", "message"), LAWS)
def test_networks_that_break_a_law_are_refused(
    mutation: Mutation, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, mutation, "neural potential")
    with pytest.raises(InputError, match=message):
        load(path, KINDS)


def test_an_artifact_without_networks_has_none(tmp_path: Path) -> None:
    assert load(damaged(tmp_path, removed(NEURAL), "neural potential"), KINDS).neural is None


def test_networks_are_handed_down_with_the_potential(tmp_path: Path) -> None:
    given = example("neural potential")
    save(given, tmp_path / "potential.h5", overwrite=False)
    found = load(tmp_path / "potential.h5", ("potential",))
    assert found.neural is not None
    assert bits(found.neural) == bits(given.neural)
    assert found.neural.cutoff == 6.0
    assert [network.rank for network in found.neural.networks] == [2, 0]
