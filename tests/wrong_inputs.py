"""Wrong inputs, each made from the samples by what people do wrong, and what puts them right.

python tests/wrong_inputs.py FOLDER    write them all, check each, and tell what was found
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

from autograin_cli.units import FORCE_UNITS
from pipeline import SAMPLES, run

Array = np.ndarray
Arguments = tuple[str | Path, ...]
KJ = "kJ/mol/A"
TEMPERATURES = {"aniline": 300, "aniline_6ps": 300, "otp": 300, "ethane": 120}
INDEX = {
    "aniline": "[ A ]\n1 2 3 4 5 6\n[ B ]\n7 8 9 10 11 12 13 14\n",
    "aniline_6ps": "[ A ]\n1 2 3 4 5 6\n[ B ]\n7 8 9 10 11 12 13 14\n",
    "otp": "[ A ]\n1 2 3 4 5 6\n[ B ]\n" + " ".join(map(str, range(7, 33))) + "\n",
    "ethane": "[ CH3 ]\n1 2 3 4\n[ CH3B ]\n5 6 7 8\n",
}


@dataclass(frozen=True)
class Run:
    """Frames of a sample: positions Å, forces kJ/(mol Å), boxes Å, times ps."""

    stem: str
    positions: Array
    forces: Array
    boxes: Array
    times: Array

    def take(self, frames: Array | slice) -> "Run":
        arrays = (self.positions, self.forces, self.boxes, self.times)
        return Run(self.stem, *(array[frames] for array in arrays))


@dataclass(frozen=True)
class Case:
    """A wrong input.

    name: what is wrong.
    code: that it has to be found by.
    wrong: writes the files into a folder, and gives the command line.
    right: follows the remedy.
    remedy: what the remedy has to say.
    outcome: 'failed', or 'warning'.
    """

    name: str
    code: str
    wrong: Callable[[Path], Arguments]
    right: Callable[[Path], Arguments]
    remedy: str = ""
    outcome: str = "failed"


@cache
def sample(stem: str, n_frames: int | None = None) -> Run:
    with XTCFile(str(SAMPLES / f"{stem}.xtc")) as file:
        frames = list(file)
    with DCDFile(str(SAMPLES / f"{stem}_forces.dcd")) as file:
        forces = file.readframes().xyz.astype(np.float64)
    whole = Run(
        stem=stem,
        positions=10 * np.array([frame.x for frame in frames], dtype=np.float64),
        forces=forces,
        boxes=10 * np.array([frame.box for frame in frames], dtype=np.float64),
        times=np.array([frame.time for frame in frames]),
    )
    return whole.take(slice(n_frames))


ANILINE, ETHANE = partial(sample, "aniline", 240), partial(sample, "ethane", 40)


def topology(stem: str) -> Path:
    return SAMPLES / f"{stem.split('_')[0]}.psf"


def write_trr(path: Path, run: Run, with_forces: bool = False) -> Path:
    nm, per_nm = (run.positions / 10).astype(np.float32), (run.forces * 10).astype(np.float32)
    with TRRFile(str(path), "w") as file:
        for k, (time, box) in enumerate(zip(run.times, run.boxes, strict=True)):
            forces = per_nm[k] if with_forces else None
            file.write(nm[k], None, forces, (box / 10).astype(np.float32), k, time, 0.0, len(nm[k]))
    return path


def write_npy(path: Path, array: Array) -> Path:
    np.save(path, array)
    return path


def write_dcd(path: Path, vectors: Array) -> Path:
    with DCDFile(str(path), "w") as file:
        file.write_header("", vectors.shape[1], 0, 1, 1.0, False)
        for frame in vectors.astype(np.float32):
            file.write(frame, [0, 0, 0, 90, 90, 90])
    return path


def potential(folder: Path, run: Run, *options: str | Path, temperature: float = 0) -> Arguments:
    """Command line of fit-potential --check-only for a trajectory that is in the folder."""
    beads = folder / "beads.ndx"
    beads.write_text(INDEX[run.stem])
    warm = str(temperature or TEMPERATURES[run.stem])
    traj = folder / "md.trr"
    start = ("fit-potential", beads, traj, "-s", topology(run.stem), "--temperature", warm)
    return (*start, *options, "--check-only")


def with_forces(
    folder: Path, run: Run, forces: Array | None = None, unit: str = KJ, *options: str | Path
) -> Arguments:
    """Write a trajectory and an array of forces, and give the command line."""
    write_trr(folder / "md.trr", run)
    path = write_npy(folder / "forces.npy", run.forces if forces is None else forces)
    return potential(folder, run, "--forces", path, "--force-unit", unit, *options)


def sound(folder: Path, make: Callable[[], Run] = ANILINE) -> Arguments:
    return with_forces(folder, make())


def changed(
    change: Callable[[Run], Array], folder: Path, make: Callable[[], Run] = ANILINE
) -> Arguments:
    """Command line for forces that were changed."""
    run = make()
    return with_forces(folder, run, change(run))


def in_unit(make: Callable[[], Run], true: str, declared: str, folder: Path) -> Arguments:
    run = make()
    return with_forces(folder, run, run.forces / FORCE_UNITS[true], declared)


def moved(frames: slice, forces: slice, folder: Path) -> Arguments:
    """Command line for some frames with the forces of others."""
    run = ANILINE()
    return with_forces(folder, run.take(frames), run.forces[forces])


def long_moved(frames: slice, forces: slice, folder: Path) -> Arguments:
    run = sample("aniline", 1200)
    return with_forces(folder, run.take(frames), run.forces[forces])


def in_trr(factor: float, folder: Path) -> Arguments:
    run = ETHANE()
    scaled = Run(run.stem, run.positions, run.forces * factor, run.boxes, run.times)
    write_trr(folder / "md.trr", scaled, with_forces=True)
    return potential(folder, run)


def swapped(run: Run, order: list[int] | Array) -> Array:
    return run.forces[:, order]


def by_element(run: Run) -> Array:
    """Order of the atoms of a liquid sorted by element, as programs do that sort by type."""
    return np.argsort(np.tile([0, 1, 1, 1, 0, 1, 1, 1], run.forces.shape[1] // 8), kind="stable")


def stale(run: Run) -> Array:
    return np.repeat(run.forces[::3], 3, axis=0)


def without(run: Run, atoms: slice, frames: slice) -> Array:
    forces = run.forces.copy()
    forces[frames, atoms] = 0.0
    return forces


def noisy(run: Run) -> Array:
    """Forces with a third of random noise, as LAMMPS dumps them after fix langevin."""
    random = np.random.default_rng(1)
    spread = 0.33 * np.sqrt((run.forces**2).mean())
    return run.forces + spread * random.standard_normal(run.forces.shape)


def lacking(run: Run) -> Array:
    """Forces that lack a frame in the middle, and have one more at the end."""
    return np.delete(sample(run.stem, len(run.forces) + 1).forces, 120, axis=0)


def half_in_kcal(run: Run) -> Array:
    forces = run.forces.copy()
    forces[120:] /= 4.184
    return forces


def mapping(folder: Path, run: Run, *options: str | Path) -> Arguments:
    write_trr(folder / "md.trr", run)
    start = ("fit-mapping", folder / "md.trr", "-s", topology(run.stem), "--beads", "2")
    return (*start, *options, "--check-only")


def unknown_temperature(factor: float, declared: str, folder: Path) -> Arguments:
    """fit-mapping, which is told no temperature, with forces in a unit so many times as large."""
    run = ANILINE()
    path = write_npy(folder / "f.npy", run.forces / factor)
    return mapping(folder, run, "--forces", path, "--force-unit", declared)


def scaled_positions(factor: float, folder: Path) -> Arguments:
    run = ANILINE()
    path = write_dcd(folder / "md.dcd", run.positions * factor)
    return ("fit-mapping", path, "-s", topology(run.stem), "--beads", "2", "--check-only")


def wrapped_without_box(wrapped: bool, folder: Path) -> Arguments:
    run, edge = ANILINE(), 30.0
    shifts = np.random.default_rng(1).uniform(0, edge, (len(run.positions), 1, 3))
    positions = np.mod(run.positions + shifts, edge) if wrapped else run.positions + shifts
    path = write_dcd(folder / "md.dcd", positions)
    return ("fit-mapping", path, "-s", topology(run.stem), "--beads", "2", "--check-only")


def unnamed_positions(factor: float, folder: Path) -> Arguments:
    path = write_dcd(folder / "md.dcd", ANILINE().positions * factor)
    return ("fit-mapping", path, "--beads", "2", "--check-only")


def copied(name: str, cut: int, folder: Path) -> Path:
    """Copy of a sample without its last bytes."""
    content = (SAMPLES / name).read_bytes()
    path = folder / name
    path.write_bytes(content[: len(content) - cut])
    return path


def plain(name: str, cut: int, folder: Path) -> Arguments:
    path = copied(name, cut, folder)
    stem = path.stem.split("_")[0]
    return ("fit-mapping", path, "-s", topology(stem), "--beads", "2", "--check-only")


def cut_forces(cut: int, folder: Path) -> Arguments:
    path = copied("aniline_forces.dcd", cut, folder)
    return of_file(folder, path, KJ)


def of_file(folder: Path, path: Path, unit: str | None, stem: str = "aniline") -> Arguments:
    """Command line with a trajectory of the samples and a file of forces."""
    beads = folder / "beads.ndx"
    beads.write_text(INDEX[stem])
    options = () if unit is None else ("--force-unit", unit)
    start = ("fit-potential", beads, SAMPLES / f"{stem}.xtc", "-s", topology(stem))
    warm = ("--temperature", str(TEMPERATURES[stem]))
    return (*start, *warm, "--forces", path, *options, "--check-only")


def cut_npy(cut: int, folder: Path) -> Arguments:
    arguments = sound(folder)
    path = folder / "forces.npy"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    return arguments


def not_a_number(what: str, fixed: bool, folder: Path) -> Arguments:
    run = ANILINE()
    arrays = {"positions": run.positions.copy(), "forces": run.forces.copy()}
    arrays[what][0, 3, 1] = np.nan
    spoilt = Run(run.stem, arrays["positions"], arrays["forces"], run.boxes, run.times)
    options = ("--begin", f"{run.times[1]:g}") if fixed else ()
    return with_forces(folder, spoilt, spoilt.forces, KJ, *options)


def timed(times: Callable[[Array], Array], folder: Path) -> Arguments:
    run = ANILINE()
    return mapping(folder, Run(run.stem, run.positions, run.forces, run.boxes, times(run.times)))


def backwards(times: Array) -> Array:
    return np.concatenate([times[120:], times[:120]])


def as_they_are(times: Array) -> Array:
    return times


def other_topology(stem: str, folder: Path) -> Arguments:
    write_trr(folder / "md.trr", ANILINE())
    return ("fit-mapping", folder / "md.trr", "-s", topology(stem), "--beads", "2", "--check-only")


def rewritten(change: Callable[[list[list[str]]], list[list[str]]], folder: Path) -> Arguments:
    """A topology whose atoms were changed: their number, name, type, charge and mass."""
    lines = topology("aniline").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if "!NATOM" in line) + 1
    atoms = change([line.split() for line in lines[first : first + 14]])
    lines[first : first + 14] = [
        f"{n + 1:8d} {atom[1]:4} {atom[2]:4} {atom[3]:4} {atom[4]:4} {atom[5]:4} "
        f"{float(atom[6]):10.6f} {float(atom[7]):13.4f} {0:11d}"
        for n, atom in enumerate(atoms)
    ]
    psf = folder / "other.psf"
    psf.write_text("\n".join(lines) + "\n")
    write_trr(folder / "md.trr", ANILINE())
    return ("fit-mapping", folder / "md.trr", "-s", psf, "--beads", "2", "--check-only")


def all_carbon(atoms: list[list[str]]) -> list[list[str]]:
    return [[*atom[:4], f"C{n}", "C", atom[6], "12.011"] for n, atom in enumerate(atoms)]


def reordered_topology(fixed: bool, folder: Path) -> Arguments:
    """Positions in the order of an engine that sorts atoms by another rule than the topology."""
    run = ANILINE()
    order = np.arange(14) if fixed else np.random.default_rng(1).permutation(14)
    write_trr(
        folder / "md.trr",
        Run(run.stem, run.positions[:, order], run.forces, run.boxes, run.times),
    )
    start = ("fit-mapping", folder / "md.trr", "-s", topology("aniline"), "--beads", "2")
    return (*start, "--check-only", "--skip-check", "effective-samples")


def early(frames: slice, forces: slice, folder: Path) -> Arguments:
    """Frames 20 fs apart with the forces of others."""
    run = sample("aniline_6ps")
    return with_forces(folder, run.take(frames), run.forces[forces])


def empty(folder: Path) -> Arguments:
    path = folder / "md.xtc"
    path.write_bytes(b"")
    return ("fit-mapping", path, "-s", topology("aniline"), "--beads", "2", "--check-only")


def text(folder: Path) -> Arguments:
    path = folder / "md.xtc"
    path.write_text("this is no trajectory\n" * 100)
    return ("fit-mapping", path, "-s", topology("aniline"), "--beads", "2", "--check-only")


def of_samples(*files: str) -> Callable[[Path], Arguments]:
    paths = tuple(SAMPLES / name for name in files)
    psf = topology("aniline")
    return lambda _: ("fit-mapping", *paths, "-s", psf, "--beads", "2", "--check-only")


def window(end: str, folder: Path) -> Arguments:
    return mapping(folder, ANILINE(), "--begin", "100ps", "--end", end)


def massless(options: Arguments, folder: Path) -> Arguments:
    """A topology in which the last atom is a virtual site."""
    lines = topology("aniline").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if "!NATOM" in line) + 1
    words = lines[first + 13].split()
    lines[first + 13] = lines[first + 13].replace(words[7], "0".ljust(len(words[7])), 1)
    psf = folder / "vsite.psf"
    psf.write_text("\n".join(lines) + "\n")
    write_trr(folder / "md.trr", ANILINE())
    start = ("fit-mapping", folder / "md.trr", "-s", psf, "--beads", "2", "--check-only")
    return (*start, *options)


def stiffened(index: str, folder: Path) -> Arguments:
    """Ethane whose bond C-C is held rigid."""
    run = ETHANE()
    x, edge = run.positions.copy(), run.boxes[0, 0, 0]
    first, second = x[:, 0::8], x[:, 4::8]
    between = second - first
    between -= edge * np.round(between / edge)
    length = np.linalg.norm(between, axis=2, keepdims=True)
    shift = between * (1.53 / length - 1)
    for atom in range(4, 8):
        x[:, atom::8] += shift
    held = Run(run.stem, x, run.forces, run.boxes, run.times)
    arguments = with_forces(folder, held)
    (folder / "beads.ndx").write_text(index)
    return (*arguments, "--skip-check", "temperature")


def short(n_frames: int, folder: Path) -> Arguments:
    run = sample("aniline_6ps").take(slice(n_frames))
    return with_forces(folder, run)


def doubled(options: Arguments, folder: Path) -> Arguments:
    run = ANILINE()
    twice = run.take(np.repeat(np.arange(120), 2))
    steady = Run(run.stem, twice.positions, twice.forces, run.boxes, run.times)
    return with_forces(folder, steady, None, KJ, *options)


def without_a_box(fixed: bool, folder: Path) -> Arguments:
    run = ETHANE()
    boxes = run.boxes.copy()
    boxes[-1] = run.boxes[-1] if fixed else 0.0
    return mapping(folder, Run(run.stem, run.positions, run.forces, boxes, run.times))


def forces_without_forces(fixed: bool, folder: Path) -> Arguments:
    run = ETHANE()
    path = write_trr(folder / "forces.trr", run, with_forces=fixed)
    write_trr(folder / "md.trr", run)
    return potential(folder, run, "--forces", path)


def warm(temperature: float, folder: Path) -> Arguments:
    run = ETHANE()
    write_trr(folder / "md.trr", run, with_forces=True)
    return potential(folder, run, temperature=temperature)


def joined(names: tuple[str, ...], folder: Path) -> Arguments:
    """A file of several samples, one behind the other."""
    path = folder / "md.xtc"
    path.write_bytes(b"".join((SAMPLES / name).read_bytes() for name in names))
    return ("fit-mapping", path, "-s", topology("aniline"), "--beads", "2", "--check-only")


def forces_as_trajectory(fixed: bool, folder: Path) -> Arguments:
    run = ANILINE()
    if fixed:
        return mapping(folder, run)
    forces = (run.forces * 10).astype(np.float32)
    with TRRFile(str(folder / "md.trr"), "w") as file:
        for k, time in enumerate(run.times):
            file.write(None, None, forces[k], np.zeros((3, 3)), k, time, 0.0, forces.shape[1])
    return ("fit-mapping", folder / "md.trr", "-s", topology(run.stem), "--beads", "2")


def boxed(edge: float, folder: Path) -> Arguments:
    run = ANILINE()
    boxes = np.broadcast_to(edge * np.eye(3), run.boxes.shape)
    return mapping(folder, Run(run.stem, run.positions, run.forces, boxes, run.times))


def units() -> list[Case]:
    """Forces of ethane in every unit but one, taken for that one, and two more of aniline."""
    pairs = [(ETHANE, true, KJ) for true in FORCE_UNITS if true != KJ]
    pairs += [(ETHANE, KJ, declared) for declared in FORCE_UNITS if declared != KJ]
    pairs += [(ANILINE, "kcal/mol/A", KJ), (ANILINE, "kJ/mol/nm", "kcal/mol/A")]
    return [
        Case(
            name=f"{true} of {make().stem} taken for {declared}",
            code="force-unit",
            wrong=partial(in_unit, make, true, declared),
            right=partial(in_unit, make, true, true),
            remedy=f"--force-unit {true}",
        )
        for make, true, declared in pairs
    ]


@dataclass(frozen=True)
class Frames:
    """Slices of frames and of forces, wrong and right."""

    wrong: tuple[slice, slice]
    right: tuple[slice, slice] = field(default=(slice(None), slice(None)))


def pairings() -> list[Case]:
    """Forces that stand with other frames than their own."""
    shifts = {
        "one too late": (slice(1, None), slice(None, -1), "the first frame of the force file"),
        "one too early": (slice(None, -1), slice(1, None), "the first frame of the trajectory"),
        "three too late": (slice(3, None), slice(None, -3), "first 3 frames of the force file"),
        "17 too early": (slice(None, -17), slice(17, None), "first 17 frames of the trajectory"),
    }
    cases = [
        Case(
            name=f"forces {name}",
            code="shifted-frames",
            wrong=partial(moved, frames, forces),
            right=sound,
            remedy=remedy,
        )
        for name, (frames, forces, remedy) in shifts.items()
    ]
    every = slice(None, None, 5)
    cases += [
        Case(
            "forces of every fifth frame",
            "force-stride",
            partial(long_moved, slice(240), slice(None, None, 5)),
            partial(long_moved, every, every),
            remedy="every 5th frame",
        ),
        Case(
            "forces of every frame for every fifth one",
            "force-stride",
            partial(long_moved, every, slice(240)),
            partial(long_moved, every, every),
            remedy="every 5th frame",
        ),
        Case(
            "forces in reverse order",
            "force-stride",
            partial(changed, lambda run: run.forces[::-1]),
            sound,
            remedy="around",
        ),
        Case(
            "forces of another run",
            "mismatched-forces",
            partial(long_moved, slice(240), slice(700, 940)),
            sound,
            remedy="the simulation of this trajectory",
        ),
        Case(
            "forces of another run, 20 fs apart",
            "mismatched-forces",
            partial(early, slice(0, 100), slice(200, 300)),
            partial(early, slice(0, 100), slice(0, 100)),
        ),
        Case("forces that lack a frame", "mismatched-forces", partial(changed, lacking), sound),
        Case(
            "stale forces",
            "constant-forces",
            partial(changed, stale),
            lambda folder: (*changed(stale, folder), "--stride", "3"),
            remedy="--stride 3",
        ),
    ]
    return cases


def values() -> list[Case]:
    """Forces that are no forces, or not those of these atoms."""
    order = [*range(12), 13, 12]
    return [
        Case(
            "constant forces",
            "constant-forces",
            partial(changed, lambda run: np.broadcast_to(run.forces[:1], run.forces.shape)),
            sound,
        ),
        Case("no force at all", "zero-forces", partial(changed, lambda run: 0 * run.forces), sound),
        Case(
            "an atom without force",
            "zero-forces",
            partial(changed, lambda run: without(run, slice(5, 6), slice(None))),
            lambda folder: (*mapping(folder, ANILINE()),),
        ),
        Case(
            "frames without forces",
            "zero-forces",
            partial(changed, lambda run: without(run, slice(None), slice(0, 1))),
            lambda folder: (
                *changed(lambda run: without(run, slice(None), slice(0, 1)), folder),
                "--begin",
                "3ps",
            ),
            remedy="--begin",
        ),
        Case(
            "positions given as forces",
            "positions-as-forces",
            partial(changed, lambda run: run.positions),
            sound,
            remedy="--forces",
        ),
        Case(
            "positions of another run given as forces",
            "positions-as-forces",
            lambda folder: of_file(folder, SAMPLES / "aniline.dcd", KJ),
            lambda folder: of_file(folder, SAMPLES / "aniline_forces.dcd", KJ),
        ),
        Case(
            "gradients given as forces",
            "force-sign",
            partial(changed, lambda run: -run.forces),
            partial(changed, lambda run: -1 * -run.forces),
            remedy="by -1",
        ),
        Case(
            "two hydrogens swapped",
            "permuted-atoms",
            partial(changed, lambda run: swapped(run, order)),
            sound,
        ),
        Case(
            "atoms sorted by element",
            "permuted-atoms",
            partial(changed, lambda run: swapped(run, by_element(run)), make=ETHANE),
            partial(sound, make=ETHANE),
        ),
        Case(
            "molecules in another order",
            "permuted-atoms",
            partial(changed, lambda run: np.roll(run.forces, 8, axis=1), make=ETHANE),
            partial(sound, make=ETHANE),
        ),
        Case("the second half in kcal/mol/A", "force-unit", partial(changed, half_in_kcal), sound),
        Case(
            "noise of a thermostat",
            "net-force",
            partial(changed, noisy, make=ETHANE),
            partial(sound, make=ETHANE),
            remedy="store/force",
            outcome="warning",
        ),
        Case(
            "a TRR of kJ/mol/A",
            "force-unit",
            partial(in_trr, 0.1),
            partial(in_trr, 1.0),
            remedy="by 10",
        ),
        Case(
            "another temperature",
            "temperature",
            partial(warm, 300),
            partial(warm, 120),
            remedy="--temperature 1",
        ),
        Case(
            "hartree/bohr without temperature",
            "force-unit",
            partial(unknown_temperature, 4961.4753, KJ),
            partial(unknown_temperature, 4961.4753, "hartree/bohr"),
            remedy="--force-unit hartree/bohr",
        ),
        Case(
            "kcal/mol/A without temperature",
            "force-unit",
            partial(unknown_temperature, 4.184, KJ),
            partial(unknown_temperature, 4.184, "kcal/mol/A"),
            remedy="--force-unit kcal/mol/A",
            outcome="warning",
        ),
        Case(
            "no unit declared",
            "force-unit",
            lambda folder: of_file(folder, SAMPLES / "aniline_forces.dcd", None),
            lambda folder: of_file(folder, SAMPLES / "aniline_forces.dcd", KJ),
        ),
    ]


def files() -> list[Case]:
    """Files that are damaged, or do not go with one another."""
    whole = of_samples("aniline.xtc")
    return [
        Case(
            "nm taken for Å",
            "length-unit",
            partial(scaled_positions, 0.1),
            partial(scaled_positions, 1.0),
            remedy="by 10",
        ),
        Case(
            "bohr taken for Å",
            "length-unit",
            partial(scaled_positions, 1 / 0.529177),
            partial(scaled_positions, 1.0),
            remedy="by 0.529",
        ),
        Case(
            "nm taken for Å without topology",
            "length-unit",
            partial(unnamed_positions, 0.1),
            partial(unnamed_positions, 1.0),
            remedy="by 10",
        ),
        Case(
            "a topology that takes every atom for carbon",
            "length-unit",
            partial(rewritten, all_carbon),
            partial(rewritten, lambda atoms: atoms),
            remedy="elements",
            outcome="warning",
        ),
        Case(
            "a topology in another order",
            "length-unit",
            partial(reordered_topology, False),
            partial(reordered_topology, True),
            remedy="in the same order",
        ),
        Case(
            "wrapped atoms without their box",
            "broken-molecules",
            partial(wrapped_without_box, True),
            partial(wrapped_without_box, False),
            remedy="-pbc whole",
        ),
        Case("a truncated XTC", "truncated", partial(plain, "aniline.xtc", 100), whole),
        Case(
            "a truncated TRR",
            "truncated",
            partial(plain, "ethane_short.trr", 100),
            partial(plain, "ethane_short.trr", 0),
        ),
        Case("a truncated DCD", "truncated", partial(plain, "aniline.dcd", 100), whole),
        Case("truncated forces", "truncated", partial(cut_forces, 100), partial(cut_forces, 0)),
        Case("a truncated array", "format", partial(cut_npy, 100), sound),
        Case(
            "a position that is no number",
            "not-finite",
            partial(not_a_number, "positions", False),
            partial(not_a_number, "positions", True),
        ),
        Case(
            "a force that is no number",
            "not-finite",
            partial(not_a_number, "forces", False),
            partial(not_a_number, "forces", True),
        ),
        Case(
            "times that go back",
            "time-order",
            partial(timed, backwards),
            partial(timed, as_they_are),
        ),
        Case(
            "fewer forces than frames",
            "frame-count",
            partial(changed, lambda run: run.forces[:-7]),
            sound,
        ),
        Case(
            "the topology of another molecule",
            "atom-count",
            partial(other_topology, "otp"),
            partial(other_topology, "aniline"),
        ),
        Case(
            "forces on other atoms",
            "atom-count",
            lambda folder: of_file(folder, SAMPLES / "otp_forces.dcd", KJ),
            lambda folder: of_file(folder, SAMPLES / "aniline_forces.dcd", KJ),
        ),
        Case("an empty file", "truncated", empty, whole),
        Case("a text in place of a trajectory", "format", text, whole),
        Case("a file twice", "repeated-files", of_samples("aniline.xtc", "aniline.xtc"), whole),
        Case(
            "files of two molecules in one",
            "damaged",
            partial(joined, ("aniline.xtc", "otp.xtc")),
            partial(joined, ("aniline.xtc",)),
            remedy="first 3000 frames",
        ),
        Case(
            "forces in place of the trajectory",
            "no-positions",
            partial(forces_as_trajectory, False),
            partial(forces_as_trajectory, True),
        ),
        Case("a box that is too small", "long-bonds", partial(boxed, 2.5), partial(boxed, 25.0)),
        Case(
            "no frames in the window",
            "no-frames",
            partial(window, "100ps"),
            partial(window, "400ps"),
            remedy="--begin",
        ),
        Case(
            "a virtual site",
            "massless",
            partial(massless, ()),
            partial(massless, ("--select", "prop mass > 0")),
            remedy="prop mass > 0",
        ),
        Case(
            "a rigid bond between beads",
            "rigid-bonds",
            partial(stiffened, INDEX["ethane"]),
            partial(stiffened, "[ C2H6 ]\n1 2 3 4 5 6 7 8\n"),
        ),
        Case(
            "a few femtoseconds",
            "effective-samples",
            partial(short, 12),
            partial(short, 300),
            outcome="warning",
        ),
        Case(
            "every frame twice",
            "repeated-frames",
            partial(doubled, ()),
            partial(doubled, ("--stride", "2")),
            remedy="--stride",
        ),
        Case(
            "a frame without a box",
            "box",
            partial(without_a_box, False),
            partial(without_a_box, True),
        ),
        Case(
            "a force file without forces",
            "no-forces",
            partial(forces_without_forces, False),
            partial(forces_without_forces, True),
        ),
    ]


def cases() -> list[Case]:
    return [*units(), *pairings(), *values(), *files()]


def found(arguments: Arguments) -> tuple[int, dict[str, str], str]:
    """Check an input: exit code, codes of what is not as it should be, and remedies.

    Returns:
        The codes with 'failed' or 'warning'.
    """
    done = run(*arguments, "--json", "-q")
    told = json.loads(done.stdout)
    if "error" in told:
        return done.exit_code, {told["error"].get("code", ""): "failed"}, told["error"]["to_fix"]
    wrong = [one for one in told["checks"] if one["outcome"] in ("failed", "warning")]
    remedies = " ".join(one["remedy"] for one in wrong)
    return done.exit_code, {one["code"]: one["outcome"] for one in wrong}, remedies


def main(folder: Path) -> int:
    """Write and check all cases; give the number of those that are not found or not put right."""
    n_missed = 0
    for number, case in enumerate(cases()):
        places = [folder / f"{number:02d}_{side}" for side in ("wrong", "right")]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
        status, codes, remedy = found(case.wrong(places[0]))
        right = found(case.right(places[1]))[:2]
        fine = codes == {case.code: case.outcome} and right == (0, {}) and case.remedy in remedy
        n_missed += not fine
        line = f"{'found' if fine else 'MISSED'}: {case.name}: exit {status}, {codes}: {remedy}"
        sys.stdout.write(f"{line}\n" if fine else f"{line}; then {right}\n")
    return n_missed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
