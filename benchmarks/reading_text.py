"""Reading text, NetCDF and H5MD with forces against MDAnalysis and, where it is installed, ASE.

A liquid of 125 molecules of 8 atoms is written as a text dump of LAMMPS, the same packed, extended
XYZ, AMBER NetCDF and H5MD. Both sides read every position and force; what autograin does counts
from opening the file. CPU times of one thread, the best of several turns.

    python benchmarks/reading_text.py [--frames 200] [--repeats 3]
"""

import argparse
import gzip
import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import MDAnalysis
import numpy as np
from MDAnalysis.coordinates.LAMMPS import DumpReader

from autograin_cli.files.formats.trajectories import open_frame_file

N_ATOMS, BOX = 1000, 22.0


def write_all(folder: Path, n_frames: int) -> None:
    """Write the same frames in every format, with forces that mean nothing."""
    rng = np.random.default_rng(1)
    start = rng.uniform(0, BOX, (N_ATOMS, 3))
    universe = MDAnalysis.Universe.empty(N_ATOMS, trajectory=True, forces=True)
    with (
        (folder / "a.lammpstrj").open("w") as dump,
        (folder / "a.extxyz").open("w") as xyz,
        MDAnalysis.Writer(str(folder / "a.nc"), N_ATOMS, forces=True) as netcdf,
        MDAnalysis.Writer(
            str(folder / "a.h5md"),
            N_ATOMS,
            velocities=False,
            forces=True,
            lengthunit="nm",
            timeunit="ps",
            forceunit="kJ/(mol*nm)",
        ) as h5md,
    ):
        for frame in range(n_frames):
            step = universe.trajectory.ts
            step.positions, step.forces = start + rng.normal(size=(2, N_ATOMS, 3))
            step.dimensions, step.time = [BOX] * 3 + [90] * 3, float(frame)
            step.data["step"] = frame
            _write_text(dump, xyz, step, frame, rng.permutation(N_ATOMS))
            for writer in (netcdf, h5md):
                writer.write(universe.atoms)
        h5md.h5md_file.close()
    packed = gzip.compress((folder / "a.lammpstrj").read_bytes(), 6)
    (folder / "b.lammpstrj.gz").write_bytes(packed)


def _write_text(dump, xyz, step, frame: int, order: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    """Write a frame as LAMMPS does, atoms in any order, and as ASE does."""
    dump.write(f"ITEM: TIMESTEP\n{frame}\nITEM: NUMBER OF ATOMS\n{N_ATOMS}\n")
    dump.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0.0 {BOX}\n" * 3)
    dump.write("ITEM: ATOMS id type x y z fx fy fz\n")
    table = np.concatenate([step.positions, step.forces], axis=1).astype(float)
    rows = table[order].tolist()
    dump.writelines(
        f"{k + 1} 1 " + " ".join(f"{v:g}" for v in row) + "\n"
        for k, row in zip(order.tolist(), rows, strict=True)
    )
    lattice = f"{BOX} 0.0 0.0 0.0 {BOX} 0.0 0.0 0.0 {BOX}"
    properties = "species:S:1:pos:R:3:forces:R:3"
    xyz.write(f'{N_ATOMS}\nLattice="{lattice}" Properties={properties} pbc="T T T"\n')
    xyz.writelines("C  " + "".join(f"{v:16.8f}" for v in row) + "\n" for row in table.tolist())


def ours(path: Path) -> float:
    """Read all frames in chunks; give a number that depends on all."""
    file = open_frame_file(path)
    total = 0.0
    for first in range(0, file.n_frames, 100):
        frames = file.read(np.arange(first, min(first + 100, file.n_frames)))
        assert frames.positions is not None and frames.forces is not None  # noqa: S101
        total += float(frames.positions.sum() + frames.forces.sum())
    return total


def of_mdanalysis(path: Path) -> float:
    """Read all frames with a reader of MDAnalysis."""
    total = 0.0
    if ".lammpstrj" in path.name:
        for step in DumpReader(str(path), additional_columns=["fx", "fy", "fz"]):
            total += float(
                step.positions.sum() + sum(step.data[c].sum() for c in ("fx", "fy", "fz"))
            )
        return total
    universe = MDAnalysis.Universe.empty(N_ATOMS, trajectory=False)
    universe.load_new(str(path))
    for step in universe.trajectory:
        total += float(step.positions.sum() + step.forces.sum())
    return total


def of_ase(path: Path) -> float:
    """Read all frames with ASE."""
    from ase.io import iread  # type: ignore[import-not-found]

    frames = iread(str(path), index=":")
    return sum(float(f.positions.sum() + f.get_forces().sum()) for f in frames)


def least_time(function: Callable[[], object], repeats: int) -> float:
    """Least CPU time of a function, s, after one unmeasured turn."""
    measured = []
    for _ in range(repeats + 1):
        start = time.process_time()
        function()
        measured.append(time.process_time() - start)
    return min(measured[1:])


def main() -> None:
    """Print a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    names = ("a.lammpstrj", "b.lammpstrj.gz", "a.nc", "a.h5md")
    peers = dict.fromkeys(names, ("MDAnalysis", of_mdanalysis))
    peers["a.extxyz"] = ("ASE", of_ase)
    with tempfile.TemporaryDirectory() as folder:
        write_all(Path(folder), options.frames)
        for name, (peer, function) in peers.items():
            path = Path(folder) / name
            here = least_time(lambda path=path: ours(path), options.repeats)  # type: ignore[misc]
            if peer == "ASE" and importlib.util.find_spec("ase") is None:
                print(f"{name:16s} autograin {here / options.frames * 1e6:8.1f} µs a frame")
                continue
            there = least_time(
                lambda path=path, function=function: function(path),  # type: ignore[misc]
                options.repeats,
            )
            print(
                f"{name:16s} autograin {here / options.frames * 1e6:8.1f} µs a frame, {peer:10s} "
                f"{there / options.frames * 1e6:8.1f}; ratio {there / here:6.1f}"
            )


if __name__ == "__main__":
    main()
