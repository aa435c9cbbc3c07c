"""What reads files of strangers: files to begin with, what happens to them, what reads them."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from autograin_cli.errors import AutograinError
from autograin_cli.files.artifacts import cg_trajectory, load
from autograin_cli.files.atomistic import read
from autograin_cli.files.checkpoints import load_checkpoint, save_checkpoint
from autograin_cli.files.forces import open_forces
from autograin_cli.files.hand_made import read_hand_made
from autograin_cli.files.run_log import find_log
from autograin_cli.files.topology import check_masses, read_topology, select_atoms
from autograin_cli.settings import ReadingSettings
from example_artifacts import EXAMPLES, KINDS, write
from files.test_checkpoints import checkpoint
from files.test_hand_made import ALL_NDX, BOTH, NDX, XML, YAML
from files.test_run_log import BEGUN, SHAPE, written
from fuzz.mutations import damage_bytes, damage_hdf5, damage_text
from pipeline import SAMPLES, run

DATA = Path(__file__).parents[1] / "data"
PROGRAMS = ("lammps", "openmm", "gromacs", "votca", "openmscg", "pdb", "psf")
EXIT_CODES = {0, 2, 3, 65, 69, 73, 74}
GRO = """ethane
    4
    1ETH     C1    1   0.100   0.200   0.300
    1ETH     H1    2   0.200   0.200   0.300
    2ETH     C1    3   1.100   0.200   0.300
    2ETH     H1    4   1.200   0.200   0.300
   2.00000   2.00000   2.00000
"""
ITP = """[ moleculetype ]
ETH 3
[ atoms ]
1 opls_135 1 ETH C1 1 0.0 12.011
2 opls_140 1 ETH H1 1 0.0 1.008
[ bonds ]
1 2 1
[ system ]
ethane
[ molecules ]
ETH 2
"""
MOL2 = """@<TRIPOS>MOLECULE
eth
2 1 1 0 0
SMALL
USER_CHARGES

@<TRIPOS>ATOM
1 C1 0.0 0.0 0.0 C.3 1 ETH 0.0
2 H1 1.1 0.0 0.0 H 1 ETH 0.0
@<TRIPOS>BOND
1 1 2 1
"""
LAMMPS_DATA = """LAMMPS data

2 atoms
1 bonds
2 atom types
1 bond types

0.0 10.0 xlo xhi
0.0 10.0 ylo yhi
0.0 10.0 zlo zhi

Masses

1 12.011
2 1.008

Atoms # full

1 1 1 0.0 1.0 1.0 1.0
2 1 2 0.0 2.0 1.0 1.0

Bonds

1 1 1 2
"""
TOML = b"""beads = 2
method = "exact"
seed = 1
select = "not name H*"
end = "3ns"
[fit-mapping]
anneal-seeds = 4
compactness = 10.0
weights = "mass"
connected = true
forces = ["a.trr", "b.trr"]
[simulate]
time = "1ns"
"""

Damage = Callable[[bytes, bytes, Random], bytes]
Seeds = dict[str, bytes]


@dataclass(frozen=True)
class Surface:
    """A place where the program reads what others wrote.

    seeds: whole files, by name.
    damage: gives the bytes of a file that something happened to.
    read: reads such a file to its end; an AutograinError is a good answer.
    hdf5: whether the content of HDF5 files is changed too.
    """

    seeds: Callable[[], Seeds]
    damage: Damage
    read: Callable[[Path], None]
    hdf5: bool = False

    def case(self, number: str, folder: Path) -> Path:
        """Write the case of a number into a folder; the same number gives the same case."""
        draw = Random(number)  # noqa: S311  a game of chance, no secret
        seeds = self.seeds()
        name = draw.choice(sorted(seeds))
        path = folder / f"case{''.join(Path(name).suffixes)}"
        of_content = name.endswith((".h5", ".h5md")) and self.hdf5 and draw.random() < 0.7
        if of_content:
            path.write_bytes(seeds[name])
            damage_hdf5(path, draw)
        else:
            other = seeds[draw.choice(sorted(seeds))]
            path.write_bytes(self._damaged(name, seeds[name], other, draw))
        return path

    def _damaged(self, name: str, content: bytes, other: bytes, draw: Random) -> bytes:
        if name.endswith(".gz") and draw.random() < 0.5:
            return gzip.compress(damage_text(gzip.decompress(content), b"", draw), 1)
        of_text = name.endswith(_TEXTS)
        return (damage_text if of_text else self.damage)(content, other, draw)


_TEXTS = (".lammpstrj", ".dump", ".xyz", ".extxyz")


# --- artifacts ---------------------------------------------------------------------------


@cache
def artifacts() -> Seeds:
    with TemporaryDirectory() as folder:
        names = {kind: Path(folder) / f"{kind.replace(' ', '_')}.h5" for kind in EXAMPLES}
        return {path.name: write(kind, path).read_bytes() for kind, path in names.items()}


def read_artifact(path: Path) -> None:
    """Load it, with its frames."""
    if load(path, KINDS).kind == "simulation":
        list(cg_trajectory(path).chunks())


def show_artifact(path: Path) -> None:
    """Show it, and write the files of another program from it, where it is sound."""
    read_artifact(path)
    answered("inspect", path, "--json")
    answered("inspect", path)
    program = PROGRAMS[path.stat().st_size % len(PROGRAMS)]
    answered("export", path, "--to", program, "-o", path.with_name("export"))


def answered(*arguments: str | Path) -> None:
    """Run a command inside this process; any documented exit code is an answer."""
    done = run(*arguments)
    assert done.exit_code in EXIT_CODES, f"exit code {done.exit_code}: {done.stderr[-500:]}"
    told = done.stdout + done.stderr
    assert "\x1b" not in told and "\x00" not in told, "a control character on the terminal"


# --- mappings, checkpoints, logs, configuration -----------------------------------------------


def mappings() -> Seeds:
    texts = {"a.yaml": YAML, "a.xml": XML, "a.ndx": NDX, "b.ndx": ALL_NDX}
    return {name: text.encode() for name, text in texts.items()}


@cache
def checkpoints() -> Seeds:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.ckpt.h5"
        save_checkpoint(checkpoint(), path)
        return {path.name: path.read_bytes()}


@cache
def logs() -> Seeds:
    with TemporaryDirectory() as folder:
        return {"s.ckpt": written(Path(folder) / "s.ckpt").read_bytes()}


def read_log(path: Path) -> None:
    """Find the log, read its snapshots, and go on with it."""
    found = find_log(path, BEGUN, SHAPE)
    list(found.snapshots())
    with found.go_on():
        pass


def read_configuration(path: Path) -> None:
    """Give it to two commands that end at once: their input is not there."""
    nowhere = path.with_name("nowhere")
    answered("fit-mapping", nowhere, "--config", path, "-o", path.with_name("m.h5"))
    answered("simulate", nowhere, "--config", path, "-o", path.with_name("s.h5"))


# --- frames and topologies -----------------------------------------------------------------


@cache
def trajectories() -> Seeds:
    """Files of every format, of a few kilobytes each."""
    seeds = {path.name: path.read_bytes() for path in DATA.iterdir() if path.suffix != ".py"}
    seeds["head.xtc"] = (SAMPLES / "aniline_6ps.xtc").read_bytes()[:6000]
    return {name: content for name, content in seeds.items() if len(content) < 40_000}


def arrays(seeds: Seeds) -> Seeds:
    return {n: c for n, c in seeds.items() if n.endswith((".npy", ".npz"))}


def frames() -> Seeds:
    return {n: c for n, c in trajectories().items() if n not in arrays(trajectories())}


def read_trajectory(path: Path) -> None:
    for chunk in read([path], ReadingSettings(force_unit=None)).trajectory.chunks():
        assert bool(chunk.positions.isfinite().all()), "positions that are not finite"


def read_forces(path: Path) -> None:
    for unit in ("kJ/mol/A", None):
        try:
            found = open_forces(path, unit, None)
            found.read(found.rows[:100])
        except AutograinError:
            continue


@cache
def topologies() -> Seeds:
    names = ("aniline.psf", "otp.psf", "aniline.pdb")
    seeds = {name: (SAMPLES / name).read_bytes() for name in names}
    texts = {"a.gro": GRO, "a.itp": ITP, "a.mol2": MOL2, "a.data": LAMMPS_DATA}
    return seeds | {name: text.encode() for name, text in texts.items()}


def read_atoms(path: Path) -> None:
    topology = read_topology(path)
    check_masses(topology)
    select_atoms(topology, "index 0:1")


SURFACES = {
    "artifacts": Surface(artifacts, damage_bytes, read_artifact, hdf5=True),
    "commands": Surface(artifacts, damage_bytes, show_artifact, hdf5=True),
    "checkpoints": Surface(
        checkpoints, damage_bytes, lambda path: _kept(load_checkpoint(path)), hdf5=True
    ),
    "logs": Surface(logs, damage_bytes, read_log),
    "mappings": Surface(mappings, damage_text, lambda path: _kept(read_hand_made(path, BOTH))),
    "configuration": Surface(lambda: {"a.toml": TOML}, damage_text, read_configuration),
    "trajectories": Surface(frames, damage_bytes, read_trajectory, hdf5=True),
    "forces": Surface(trajectories, damage_bytes, read_forces, hdf5=True),
    "arrays": Surface(partial(arrays, trajectories()), damage_bytes, read_forces),
    "topologies": Surface(topologies, damage_text, read_atoms),
}


def _kept(_: object) -> None:
    """What was read is of no further use."""
