"""g(r) against freud, mdtraj and MDAnalysis: a liquid's worth of beads in a cubic box, in one run.

Beads at the density of liquid methane, one type, bins of 0.1 Å: 512 and 5,120 beads up to half of
the box, as compare takes them, and 5,120 up to 12 Å. Each program runs every way that it offers,
on one thread, and the fastest counts; those that are not installed are left out. Times are of
the CPU, per frame, the best of some turns in which all take part, so that others at work on the
machine do not matter. The curves are compared, too.

    python benchmarks/rdf.py [--turns 5]
"""

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from math import pi
from typing import Any

import numpy as np
import torch

from autograin_cli.comparison.pairs import PairCounts, PairKind
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import divide
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, StoredTrajectory

DENSITY = 0.0165  # beads in an Å³
SPACING = 0.1  # Å
Curve = Callable[[], Any]
CASES = ((512, None, 200), (5120, None, 3), (5120, 12.0, 20))  # beads, range in Å, frames


def autograin(positions: np.ndarray, edge: float, edges: np.ndarray) -> np.ndarray:
    """g(r) as compare finds it."""
    n_frames, n_beads, _ = positions.shape
    none = torch.zeros(0, 2, dtype=torch.int64)
    system = System((Component("methane", ("A",), none, None, n_beads),))
    boxes = (edge * torch.eye(3, dtype=torch.float64)).expand(n_frames, 3, 3)
    chunk = Chunk(torch.from_numpy(positions), torch.arange(n_frames).double(), boxes)
    run = Run(StoredTrajectory(chunk), system, 1)
    counts = PairCounts(run, torch.from_numpy(edges), divide(n_frames, 1, 1e9))
    run.add_up(counts)
    sample = counts.sample(PairKind((0, 0), within=False), divide(n_frames, 1, 1.0))
    return sample.curves(torch.ones(sample.n_blocks, dtype=torch.float64)).numpy()


def normalised(counts: np.ndarray, positions: np.ndarray, edge: float, edges: np.ndarray) -> Any:
    """g(r) from counts of pairs."""
    n_frames, n_beads, _ = positions.shape
    shells = 4 / 3 * pi * np.diff(edges**3)
    return counts * edge**3 / (n_frames * n_beads * (n_beads - 1) / 2 * shells)


def freud_ways(positions: np.ndarray, edge: float, edges: np.ndarray) -> dict[str, Curve]:
    """The neighbour searches of freud but LinkCell, which takes three to ten times as long."""
    freud: Any = import_module("freud")
    freud.parallel.set_num_threads(1)
    box = freud.box.Box.cube(edge)
    points = (positions - edge / 2).astype(np.float32)
    n_beads = points.shape[1]

    def run(query: Callable[..., Any]) -> np.ndarray:
        rdf = freud.density.RDF(bins=len(edges) - 1, r_max=float(edges[-1]))
        for frame in points:
            rdf.compute(query(box, frame), reset=False)
        return np.asarray(rdf.rdf) * n_beads / (n_beads - 1)

    queries = {
        "freud": lambda box, frame: (box, frame),
        "freud AABBQuery": freud.locality.AABBQuery,
    }
    return {name: partial(run, query) for name, query in queries.items()}


def mdtraj_ways(positions: np.ndarray, edge: float, edges: np.ndarray) -> dict[str, Curve]:
    """compute_rdf of mdtraj, of all pairs."""
    mdtraj: Any = import_module("mdtraj")
    n_frames, n_beads, _ = positions.shape
    topology = mdtraj.Topology()
    chain = topology.add_chain()
    for _ in range(n_beads):
        residue = topology.add_residue("A", chain)
        topology.add_atom("A", mdtraj.element.carbon, residue)
    frames = mdtraj.Trajectory(
        positions / 10,
        topology,
        unitcell_lengths=np.full((n_frames, 3), edge / 10),
        unitcell_angles=np.full((n_frames, 3), 90.0),
    )
    pairs = np.stack(np.triu_indices(n_beads, 1), axis=1)

    def run() -> np.ndarray:
        reach = (0.0, float(edges[-1]) / 10)
        _, g = mdtraj.compute_rdf(frames, pairs, r_range=reach, n_bins=len(edges) - 1)
        return np.asarray(g)

    return {"mdtraj compute_rdf": run}


def mdanalysis_ways(positions: np.ndarray, edge: float, edges: np.ndarray) -> dict[str, Curve]:
    """InterRDF of MDAnalysis, and histograms of its arrays of distances."""
    import MDAnalysis
    from MDAnalysis.analysis.rdf import InterRDF
    from MDAnalysis.lib import distances

    n_frames, n_beads, _ = positions.shape
    dimensions = np.array([edge, edge, edge, 90, 90, 90], dtype=np.float32)
    points = positions.astype(np.float32)
    universe = MDAnalysis.Universe.empty(n_beads, trajectory=True)
    universe.load_new(points, dimensions=np.tile(dimensions, (n_frames, 1)))
    reach = (0.0, float(edges[-1]))

    def inter() -> np.ndarray:
        beads = universe.atoms
        found = InterRDF(beads, beads, nbins=len(edges) - 1, range=reach, exclusion_block=(1, 1))
        return np.asarray(found.run().results.rdf) * n_beads / (n_beads - 1)

    def capped(frame: np.ndarray) -> np.ndarray:
        return np.asarray(distances.self_capped_distance(frame, reach[1], box=dimensions)[1])

    def every(frame: np.ndarray) -> np.ndarray:
        return np.asarray(distances.self_distance_array(frame, box=dimensions))

    def histogram(measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        counts = sum(np.histogram(measure(frame), edges)[0] for frame in points)
        return np.asarray(normalised(np.asarray(counts), positions, edge, edges))

    return {
        "MDAnalysis InterRDF": inter,
        "MDAnalysis self_capped_distance": partial(histogram, capped),
        "MDAnalysis self_distance_array": partial(histogram, every),
    }


def installed(positions: np.ndarray, edge: float, edges: np.ndarray) -> dict[str, Curve]:
    """All ways of the programs that are installed."""
    ways: dict[str, Curve] = {}
    for peer in (freud_ways, mdtraj_ways, mdanalysis_ways):
        try:
            ways |= peer(positions, edge, edges)
        except ImportError as error:
            print(f"left out: {error}")
    return ways


def measure(n_beads: int, reach: float | None, n_frames: int, turns: int) -> None:
    """Time one case and print it."""
    edge = (n_beads / DENSITY) ** (1 / 3)
    edges = SPACING * np.arange(int((reach or edge / 2) / SPACING + 1e-9) + 1)
    positions = edge * np.random.default_rng(0).random((n_frames, n_beads, 3))
    ways: dict[str, Curve] = {"autograin": partial(autograin, positions, edge, edges)}
    ways |= installed(positions, edge, edges)
    curves = {name: way() for name, way in ways.items()}
    best = dict.fromkeys(ways, np.inf)
    for _ in range(turns):
        for name, way in ways.items():
            begin = time.process_time()
            way()
            best[name] = min(best[name], (time.process_time() - begin) / n_frames)
    print(f"\n{n_beads} beads up to {edges[-1]:.1f} Å, ms of CPU time a frame")
    mine = best.pop("autograin")
    print(f"  {'autograin':<34} {1e3 * mine:9.3f}")
    far = edges[:-1] > edges[-1] / 4  # where bins hold enough pairs for the rounding not to matter
    for name, seconds in sorted(best.items(), key=lambda item: item[1]):
        off = np.abs(curves[name] - curves["autograin"])[far].max()
        print(f"  {name:<34} {1e3 * seconds:9.3f}  x {seconds / mine:6.1f}  g(r) within {off:.1e}")
    if best:
        print(f"  ratio to the fastest: {min(best.values()) / mine:.1f}")


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="of which the best counts")
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for n_beads, reach, n_frames in CASES:
        measure(n_beads, reach, n_frames, turns)


if __name__ == "__main__":
    main()
