"""Reading plus second moments against merely iterating a Universe of MDAnalysis.

Two systems are written to a temporary folder as XTC, DCD and TRR with forces: a molecule of 32
atoms in vacuum, as ortho-terphenyl is, and a liquid of 125 molecules of 8 atoms, as ethane is,
wrapped atom by atom into its box. Both sides read the same files. The Universe does nothing with
the frames, and may keep its index file; `read` scans the file anew, checks every number,
makes molecules whole, and the second moments of the molecule are summed. CPU times of one thread.

    python benchmarks/reading.py [--frames 6000] [--repeats 5]
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import MDAnalysis
import torch
from torch import Tensor

from autograin_cli.files.atomistic import read
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.mapping.moments import survey
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk

GOALS = {"xtc": 2.0, "dcd": 3.0, "trr": 1.7}


@dataclass(frozen=True)
class System:
    """Copies of a chain of atoms that diffuse, turn and vibrate.

    name: of the system.
    n_atoms: of a molecule.
    n_molecules: copies.
    box: Å; None in vacuum.
    """

    name: str
    n_atoms: int
    n_molecules: int
    box: float | None

    def frames(self, n_frames: int) -> Chunk:
        """Draw frames, with forces that mean nothing."""
        generator = torch.Generator().manual_seed(1)

        def noise(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        steps = noise(self.n_atoms, 3)
        shape = (1.4 * steps / steps.norm(dim=1, keepdim=True)).cumsum(0)
        start = noise(1, self.n_molecules, 3, 3)
        turns, _ = torch.linalg.qr(start + 0.02 * noise(n_frames, self.n_molecules, 3, 3))
        walk = 0.1 * noise(n_frames, self.n_molecules, 1, 3).cumsum(0)
        atoms = shape @ turns + (self.box or 0.0) * noise(1, self.n_molecules, 1, 3) + walk
        atoms += 0.05 * noise(*atoms.shape)
        positions = atoms.reshape(n_frames, -1, 3)
        boxes = None
        if self.box is not None:
            positions = positions % self.box
            boxes = (self.box * torch.eye(3, dtype=torch.float64)).expand(n_frames, 3, 3)
        times = torch.arange(n_frames, dtype=torch.float64)
        return Chunk(positions, times, boxes, 20 * noise(*positions.shape))

    def write_topology(self, path: Path) -> None:
        """Write a PSF file."""
        count = self.n_atoms * self.n_molecules
        lines = ["PSF", "", "       1 !NTITLE", " REMARKS chains", "", f"{count:8d} !NATOM"]
        lines += [
            f"{atom + 1:8d} MOL  {atom // self.n_atoms + 1:<4d} MOL  "
            f"{f'C{atom % self.n_atoms + 1}':<4s} C    {0.0:10.6f} {12.011:13.4f} {0:11d}"
            for atom in range(count)
        ]
        bonded = [atom for atom in range(1, count) if atom % self.n_atoms]
        ends = [end for atom in bonded for end in (atom, atom + 1)]
        lines += ["", f"{len(bonded):8d} !NBOND: bonds"]
        lines += ["".join(f"{end:8d}" for end in ends[k : k + 8]) for k in range(0, len(ends), 8)]
        path.write_text("\n".join([*lines, ""]))


SYSTEMS = (System("gas, 32 atoms", 32, 1, None), System("liquid, 1000 atoms", 8, 125, 22.0))


def read_and_sum(trajectory: Path, topology: Path) -> Tensor:
    """Read a trajectory and sum its second moments, Å², (atoms, atoms)."""
    found = read([trajectory], ReadingSettings(topology=str(topology)))
    return survey(found.trajectory, found.molecules[0], 8).total.positions


def iterate(trajectory: Path, topology: Path) -> None:
    """Iterate a Universe, and do nothing with the frames."""
    universe = MDAnalysis.Universe(str(topology), str(trajectory), to_guess=())
    for _ in universe.trajectory:
        pass


def least_times(functions: list[Callable[[], object]], repeats: int) -> list[float]:
    """Least CPU time of each function, s; they take turns, after one unmeasured turn."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats + 1):
        for function, measured in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            measured.append(time.process_time() - start)
    return [min(measured[1:]) for measured in times]


def measure(system: System, folder: Path, n_frames: int, repeats: int) -> None:
    """Print a line for each format."""
    topology = folder / "topology.psf"
    system.write_topology(topology)
    frames = system.frames(n_frames)
    for ending, goal in GOALS.items():
        path = folder / f"trajectory.{ending}"
        write_trajectory(path, iter([frames]), overwrite=True)
        ours, universe = least_times(
            [
                lambda path=path: read_and_sum(path, topology),  # type: ignore[misc]
                lambda path=path: iterate(path, topology),  # type: ignore[misc]
            ],
            repeats,
        )
        times = [seconds / n_frames * 1e6 for seconds in (ours, universe)]
        print(
            f"{system.name:20s} {ending}: read and moments {times[0]:6.2f} µs a frame, "
            f"Universe {times[1]:6.2f}; ratio {universe / ours:5.2f} (goal {goal})"
        )


def main() -> None:
    """Measure both systems."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=6000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for system in SYSTEMS:
        with tempfile.TemporaryDirectory() as folder:
            measure(system, Path(folder), options.frames, options.repeats)


if __name__ == "__main__":
    main()
