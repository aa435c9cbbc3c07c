"""The file is valid H5MD 1.1 in every stage, and MDAnalysis reads it."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from MDAnalysis.coordinates.H5MD import H5MDReader

from autograin_cli.units import BOLTZMANN
from example_artifacts import (
    BOX,
    EXAMPLES,
    LIQUIDS,
    N_BEADS,
    N_FRAMES,
    REPLICAS,
    example,
    snapshots,
    write,
)


def is_fixed_text(attributes: h5py.AttributeManager, name: str) -> bool:
    return h5py.check_string_dtype(attributes.get_id(name).dtype).length is not None


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_stage_has_what_h5md_demands(kind: str, tmp_path: Path) -> None:
    with h5py.File(write(kind, tmp_path / "a.h5")) as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        for group, name in (("author", "name"), ("creator", "name"), ("creator", "version")):
            assert file[f"h5md/{group}"].attrs[name]
            assert is_fixed_text(file[f"h5md/{group}"].attrs, name)
        (beads,) = file["particles"].values()
        assert beads["box"].attrs["dimension"] == 3
        boundary = b"periodic" if kind in LIQUIDS else b"none"
        assert beads["box"].attrs["boundary"].tolist() == [boundary] * 3
        assert ("edges" in beads["box"]) == (kind in LIQUIDS)
        n_frames, n_particles, n_dimensions = beads["position/value"].shape
        assert n_dimensions == 3
        elements = [beads["box/edges"]] if kind in LIQUIDS else []
        for element in [beads["position"], *elements, *file.get("observables", {}).values()]:
            assert element["step"].shape == element["time"].shape == (n_frames,)
            assert element["step"].dtype.kind == "i"
            assert len(element["value"]) == n_frames
            assert (np.diff(element["step"][()]) > 0).all()
        assert beads["mass"].shape == beads["species"].shape == (n_particles,)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_connectivity_refers_to_the_particles(kind: str, tmp_path: Path) -> None:
    with h5py.File(write(kind, tmp_path / "a.h5")) as file:
        n_particles = len(file["particles/cg/mass"])
        for name, size in (("bonds", 2), ("angles", 3), ("dihedrals", 4)):
            tuples = file[f"connectivity/{name}"]
            assert tuples.shape[1] == size
            assert ((tuples[()] >= 0) & (tuples[()] < n_particles)).all()
            assert file[tuples.attrs["particles_group"]] == file["particles/cg"]


@pytest.mark.parametrize(("kind", "n_shared"), [("simulation", 4), ("liquid simulation", 5)])
def test_steps_and_times_are_shared_by_hard_links(kind: str, n_shared: int, tmp_path: Path) -> None:
    with h5py.File(write(kind, tmp_path / "a.h5")) as file:
        position = file["particles/cg/position"]
        edges = [file["particles/cg/box/edges"]] if kind in LIQUIDS else []
        shared = [file["particles/cg/velocity"], *edges, *file["observables"].values()]
        assert len(shared) == n_shared
        for element in shared:
            assert element["step"] == position["step"]
            assert element["time"] == position["time"]


def test_replicas_repeat_species_masses_and_bonds(tmp_path: Path) -> None:
    mapping = example("simulation").mappings[0]
    assert mapping.bead_masses is not None
    with h5py.File(write("simulation", tmp_path / "a.h5")) as file:
        species = file["particles/cg/species"]
        names = {number: name for name, number in h5py.check_enum_dtype(species.dtype).items()}
        expected = [f"OTP:{bead}" for bead in mapping.bead_types] * REPLICAS
        assert [names[number] for number in species[()].tolist()] == expected
        masses = file["particles/cg/mass"][()]
        assert masses.tolist() == mapping.bead_masses.tolist() * REPLICAS
        bonds = file["connectivity/bonds"][()].tolist()
        assert bonds == [
            [first + N_BEADS * replica, second + N_BEADS * replica]
            for replica in range(REPLICAS)
            for first, second in mapping.bead_bonds.tolist()
        ]
        angles = file["connectivity/angles"][()].tolist()
        assert angles == [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(REPLICAS)]


def test_components_stand_one_after_another_in_every_replica(tmp_path: Path) -> None:
    first, second = example("liquid simulation").mappings
    with h5py.File(write("liquid simulation", tmp_path / "a.h5")) as file:
        species = file["particles/cg/species"]
        names = {number: name for name, number in h5py.check_enum_dtype(species.dtype).items()}
        found = [names[number] for number in species[()].tolist()]
        masses = file["particles/cg/mass"][()].tolist()
        bonds = file["connectivity/bonds"][()].tolist()
        angles = file["connectivity/angles"][()].tolist()
    of_first = [f"OTP:{kind}" for kind in first.bead_types]
    of_second = [f"β/x %.:{kind}" for kind in second.bead_types]
    assert found == 2 * (3 * of_first + 2 * of_second)
    assert first.bead_masses is not None and second.bead_masses is not None
    assert masses == 2 * (3 * first.bead_masses.tolist() + 2 * second.bead_masses.tolist())
    assert bonds == [[n, n + 1] for copy in range(10) for n in (3 * copy, 3 * copy + 1)]
    of_otp = [copy for copy in range(10) if copy % 5 < 3]
    assert angles == [[3 * copy, 3 * copy + 1, 3 * copy + 2] for copy in of_otp]


@pytest.mark.parametrize("kind", ["liquid potential", "liquid comparison"])
def test_a_frame_of_the_reference_is_the_frame_of_what_was_fitted(
    kind: str, tmp_path: Path
) -> None:
    configuration = example(kind).configuration
    assert configuration is not None
    with h5py.File(write(kind, tmp_path / "a.h5")) as file:
        beads = file["particles/cg"]
        assert beads["position/value"][0].tolist() == configuration.positions.tolist()
        assert beads["box/edges/value"][()].tolist() == [BOX.tolist()]
        assert len(beads["species"]) == 12


def test_without_one_the_frame_is_the_mapped_mean_structure(tmp_path: Path) -> None:
    mappings = example("potential").mappings
    with h5py.File(write("potential", tmp_path / "a.h5")) as file:
        beads = torch.cat([m.encoder @ m.mean_structure for m in mappings])
        assert torch.equal(torch.from_numpy(file["particles/cg/position/value"][0]), beads)
        assert file["connectivity/bonds"][()].tolist() == [[0, 1], [1, 2], [3, 4], [4, 5]]
        names = h5py.check_enum_dtype(file["particles/cg/species"].dtype)
        assert list(names) == ["OTP:A", "OTP:B", "β/x %.:A", "β/x %.:B"]


def test_thermodynamics_are_means_over_the_replicas(tmp_path: Path) -> None:
    with h5py.File(write("simulation", tmp_path / "a.h5")) as file:
        observables = {name: group["value"][()] for name, group in file["observables"].items()}
    for frame, snapshot in enumerate(snapshots()):
        energy = snapshot.potential_energy.mean().item()
        kinetic = snapshot.kinetic_energy.mean().item()
        assert observables["potential_energy"][frame] == pytest.approx(energy, rel=1e-14)
        temperature = kinetic / (1.5 * N_BEADS * BOLTZMANN)
        assert observables["kinetic_temperature"][frame] == pytest.approx(temperature, rel=1e-14)
        assert observables["outside"][frame].tolist() == snapshot.outside.tolist()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_mdanalysis_reads_the_frames_in_its_own_units(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path / "a.h5")
    with H5MDReader(str(path)) as reader:
        assert (reader.units["length"], reader.units["time"]) == ("Angstrom", "ps")
        assert (reader.ts.dimensions is None) == (kind not in LIQUIDS)
        frames = [(ts.time, ts.positions.copy()) for ts in reader]
    with h5py.File(path) as file:
        assert len(frames) == len(file["particles/cg/position/value"])
        for (_, positions), stored in zip(frames, file["particles/cg/position/value"], strict=True):
            np.testing.assert_array_equal(positions, stored.astype(np.float32))


def test_mdanalysis_reads_velocities_times_and_observables(tmp_path: Path) -> None:
    path = write("simulation", tmp_path / "a.h5")
    with H5MDReader(str(path)) as reader:
        assert (reader.n_frames, reader.n_atoms) == (N_FRAMES, REPLICAS * N_BEADS)
        assert reader.units["velocity"] == "Angstrom/ps"
        for ts, snapshot in zip(reader, snapshots(), strict=True):
            velocities = snapshot.velocities.flatten(0, 1).numpy().astype(np.float32)
            np.testing.assert_array_equal(ts.velocities, velocities)
            assert ts.time == snapshot.time
            assert ts.data["step"] == snapshot.step
            assert ts.data["outside"].tolist() == snapshot.outside.tolist()


@pytest.mark.parametrize(("kind", "scale"), [("liquid potential", 1), ("liquid simulation", 2)])
def test_mdanalysis_reads_a_triclinic_box_in_every_frame(
    kind: str, scale: int, tmp_path: Path
) -> None:
    box = scale * BOX.numpy()
    with H5MDReader(str(write(kind, tmp_path / "a.h5"))) as reader:
        for ts in reader:
            assert ts.dimensions is not None
            assert ts.dimensions[:3] == pytest.approx(np.linalg.norm(box, axis=1), rel=1e-6)
            assert ts.triclinic_dimensions == pytest.approx(box, rel=1e-5, abs=1e-4)
