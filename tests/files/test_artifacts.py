"""Artifacts: what is saved is loaded, with every bit; kinds, digests, determinism, memory."""

import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import torch

from autograin_cli.errors import FileAccessError, InputError, OutputExistsError
from autograin_cli.files.artifacts import (
    Artifact,
    SimulationWriter,
    cg_trajectory,
    load,
    save,
)
from example_artifacts import (
    BOX,
    EXAMPLES,
    KINDS,
    N_BEADS,
    N_FRAMES,
    REPLICAS,
    bits,
    example,
    liquid,
    snapshots,
    write,
    write_new,
)


def digest_of(path: Path) -> str:
    with h5py.File(path) as file:
        return str(file.attrs["content_sha256"])


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("seed", [0, 1])
def test_save_and_load_give_back_every_bit(kind: str, seed: int, tmp_path: Path) -> None:
    path = write_new(kind, tmp_path / "artifact.h5", seed)
    assert bits(load(path, KINDS)) == bits(example(kind, seed))


def test_the_frames_of_a_simulation_come_back_with_every_bit(tmp_path: Path) -> None:
    write("simulation", tmp_path / "simulation.h5")
    trajectory = cg_trajectory(tmp_path / "simulation.h5")
    assert (trajectory.n_frames, trajectory.n_atoms) == (N_FRAMES, REPLICAS * N_BEADS)
    assert not trajectory.has_forces
    for _ in range(2):
        chunks = list(trajectory.chunks())
        positions = torch.cat([chunk.positions for chunk in chunks])
        expected = torch.stack([snapshot.positions.flatten(0, 1) for snapshot in snapshots()])
        assert torch.equal(positions, expected)
        times = torch.cat([chunk.times for chunk in chunks])
        assert times.tolist() == [snapshot.time for snapshot in snapshots()]


def test_the_frames_of_a_liquid_come_back_with_their_box(tmp_path: Path) -> None:
    trajectory = cg_trajectory(write("liquid simulation", tmp_path / "simulation.h5"))
    (chunk,) = trajectory.chunks()
    assert trajectory.n_atoms == chunk.positions.shape[1] == 2 * (3 + 2) * N_BEADS
    assert chunk.boxes is not None
    assert torch.equal(chunk.boxes, (2 * BOX).expand(N_FRAMES, 3, 3))
    expected = [snapshot.positions for snapshot in snapshots(name="liquid simulation")]
    assert torch.equal(chunk.positions, torch.stack(expected).flatten(1, 2))
    write("simulation", tmp_path / "vacuum.h5")
    (chunk,) = cg_trajectory(tmp_path / "vacuum.h5").chunks()
    assert chunk.boxes is None


def test_the_same_artifact_is_the_same_file_at_another_time(tmp_path: Path) -> None:
    names = (*KINDS, "liquid simulation")
    first = {name: write_new(name, tmp_path / f"{name}.h5").read_bytes() for name in names}
    time.sleep(1.1)  # longer than the resolution of the times that HDF5 could store
    for name in names:
        assert write_new(name, tmp_path / "again.h5").read_bytes() == first[name]


def test_another_provenance_leaves_digest_and_content_as_they_were(tmp_path: Path) -> None:
    artifact = example("potential")
    created = replace(artifact.provenance, created="2027-12-31T23:59:59Z", device="gpu")
    save(artifact, tmp_path / "a.h5", overwrite=False)
    save(replace(artifact, provenance=created), tmp_path / "b.h5", overwrite=False)
    assert digest_of(tmp_path / "a.h5") == digest_of(tmp_path / "b.h5")
    a, b = (tmp_path / "a.h5").read_bytes(), (tmp_path / "b.h5").read_bytes()
    differing = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    assert len(differing) <= len("2027-12-31T23:59:59Z") + len("gpu")


def test_any_change_of_the_content_changes_the_digest(tmp_path: Path) -> None:
    artifact = example("comparison")
    comparison, simulation = artifact.comparison, artifact.simulation
    assert comparison is not None and simulation is not None
    one_bit = artifact.mappings[0].mean_structure.clone()
    one_bit.view(torch.int64)[3, 1] ^= 1
    variants: list[Artifact] = [
        artifact,
        replace(artifact, warnings=()),
        replace(
            artifact,
            mappings=artifact.mappings[::-1],
            potentials=artifact.potentials[::-1],
            simulation=replace(simulation, molecules=simulation.molecules[::-1]),
        ),
        liquid(artifact),
        replace(liquid(artifact), nonbonded=None, simulation=simulation),
        replace(artifact, inputs=artifact.training, training=artifact.inputs),
        replace(artifact, simulation=replace(simulation, device="cuda")),
        replace(artifact, simulation=None),
        replace(artifact, comparison=replace(comparison, overlap=5e-324)),
        replace(
            artifact,
            mappings=(replace(artifact.mappings[0], mean_structure=one_bit), artifact.mappings[1]),
        ),
    ]
    digests = set()
    for variant in variants:
        save(variant, tmp_path / "a.h5", overwrite=True)
        digests.add(digest_of(tmp_path / "a.h5"))
    assert len(digests) == len(variants)


def test_the_digest_covers_the_frames(tmp_path: Path) -> None:
    write("simulation", tmp_path / "a.h5")
    moved = snapshots()
    moved[-1] = replace(moved[-1], velocities=-moved[-1].velocities)
    with SimulationWriter(tmp_path / "b.h5", overwrite=False) as writer:
        for snapshot in moved:
            writer.append(snapshot)
        writer.finish(example("simulation"))
    assert digest_of(tmp_path / "a.h5") != digest_of(tmp_path / "b.h5")


def test_an_artifact_of_the_wrong_kind_names_both_kinds_and_the_command(tmp_path: Path) -> None:
    path = write("mapping", tmp_path / "mapping.h5")
    with pytest.raises(InputError) as caught:
        load(path, ("potential",))
    assert "mapping.h5: a mapping artifact was given" in caught.value.given
    assert "a potential artifact" in caught.value.expected
    assert "fit-potential" in caught.value.remedy
    assert caught.value.exit_code == 65


def test_only_a_simulation_has_frames_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected: a simulation artifact"):
        cg_trajectory(write("comparison", tmp_path / "comparison.h5"))


def test_an_artifact_that_lacks_the_record_of_its_stage_is_not_written(tmp_path: Path) -> None:
    artifact = replace(example("potential"), kind="simulation")
    with pytest.raises(InputError, match="without a simulation"):
        save(artifact, tmp_path / "a.h5", overwrite=False)
    assert not list(tmp_path.iterdir())


def test_a_tensor_of_another_type_or_shape_is_not_written(tmp_path: Path) -> None:
    artifact = example("mapping")
    single = replace(artifact.mappings[0], encoder=artifact.mappings[0].encoder.float())
    short = replace(artifact.mappings[0], orbits=artifact.mappings[0].orbits[:-1])
    with pytest.raises(InputError, match=r"encoder is of type <f4\s+expected: float64"):
        save(replace(artifact, mappings=(single,)), tmp_path / "a.h5", overwrite=False)
    with pytest.raises(InputError, match=r"orbits is of shape \(6,\)\s+expected: shape \(7\)"):
        save(replace(artifact, mappings=(short,)), tmp_path / "a.h5", overwrite=False)
    assert not list(tmp_path.iterdir())


def test_the_number_of_frames_must_be_that_of_the_record(tmp_path: Path) -> None:
    with SimulationWriter(tmp_path / "a.h5", overwrite=False) as writer:
        for snapshot in snapshots()[:-1]:
            writer.append(snapshot)
        with pytest.raises(InputError, match=r"\(6, 15\) frames and beads"):
            writer.finish(example("simulation"))
    assert not list(tmp_path.iterdir())


def interrupted_run(path: Path) -> None:
    with SimulationWriter(path, overwrite=True) as writer:
        writer.append(snapshots()[0])
        raise KeyboardInterrupt


def test_a_run_that_ends_early_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "simulation.h5"
    write("simulation", path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(path)
    with SimulationWriter(path, overwrite=True) as writer:
        writer.append(snapshots()[0])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    path = write("potential", tmp_path / "potential.h5")
    before = path.read_bytes()
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from example_artifacts import write_new\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write_new('potential', Path({str(path)!r}), seed=1)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, timeout=60)
    assert run.returncode == -9
    assert path.read_bytes() == before
    assert bits(load(path, ("potential",))) == bits(example("potential", 0))


def test_an_existing_file_is_refused_before_and_after_the_work(tmp_path: Path) -> None:
    path = tmp_path / "simulation.h5"
    with SimulationWriter(path, overwrite=False) as writer:
        for snapshot in snapshots():
            writer.append(snapshot)
        path.write_text("someone else's")
        with pytest.raises(OutputExistsError, match="--overwrite"):
            writer.finish(example("simulation"))
    assert path.read_text() == "someone else's"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputExistsError):
        SimulationWriter(path, overwrite=False)


def test_a_missing_file_is_an_error_of_access(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        load(tmp_path / "nothing.h5", KINDS)


def peak_memory_after(n_frames: int, path: Path) -> int:
    """Bytes at most in use so far, after frames of 14 kB are written and read."""
    first, artifact = snapshots()[0], example("simulation")
    assert artifact.simulation is not None
    simulation = replace(artifact.simulation, n_frames=n_frames, replicas=20 * REPLICAS)
    positions, velocities = first.positions.repeat(20, 1, 1), first.velocities.repeat(20, 1, 1)
    with SimulationWriter(path, overwrite=True) as writer:
        for step in range(n_frames):
            frame = replace(first, step=step, positions=positions, velocities=velocities)
            writer.append(frame)
        writer.finish(replace(artifact, simulation=simulation))
    load(path, KINDS)
    assert sum(chunk.n_frames for chunk in cg_trajectory(path).chunks()) == n_frames
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    path = tmp_path / "simulation.h5"
    few = peak_memory_after(1_500, path)
    small = path.stat().st_size
    many = peak_memory_after(6_000, path)
    assert many - few < (path.stat().st_size - small) / 10
