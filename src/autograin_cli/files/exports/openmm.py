"""A model in the files of OpenMM: the system serialised, its topology, and a script to run it."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.model import Model, model_of
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.simulation.openmm_system import load_openmm, openmm_system

_FRICTION = 1.0  # 1/ps
_LENGTH = 100.0  # ps, of many molecules in a box
_LENGTH_ALONE = 2000.0  # ps, of one molecule, which alone has to visit all that it can do
_FEW = 100  # beads: threads would only wait for one another
_INTERVAL = 1.0  # ps
_NAME, _RESIDUE = 4, 3  # characters of a name in a PDB file

_SCRIPT = '''\
"""Run the coarse-grained model in system.xml; OpenMM counts in nm, ps, u, kJ/mol and K."""

{threads}import openmm
from openmm import app

with open("system.xml") as file:
    system = openmm.XmlSerializer.deserialize(file.read())
pdb = app.PDBFile("topology.pdb")
integrator = openmm.LangevinMiddleIntegrator({temperature!r}, {friction!r}, {timestep!r})
simulation = app.Simulation(pdb.topology, system, integrator)
simulation.context.setPositions(pdb.positions)
simulation.context.setVelocitiesToTemperature({temperature!r})
simulation.reporters.append(app.DCDReporter("frames.dcd", {interval}))
simulation.reporters.append(
    app.StateDataReporter(
        "log.csv", {interval}, step=True, time=True, potentialEnergy=True, temperature=True
    )
)
simulation.step({steps})
'''

_ONE_THREAD = """\
import os

os.environ.setdefault("OPENMM_CPU_THREADS", "1")  # beads are few: threads would wait

"""


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write system.xml, topology.pdb and run.py.

    Raises:
        InputError: the artifact has no potential.
        SettingError: masses are unknown.
        EngineError: OpenMM is not installed.
    """
    model = model_of(artifact)
    mm = load_openmm()
    system = openmm_system(model.force_field, model.masses, model.configuration.box)
    texts = {
        "system.xml": mm.XmlSerializer.serialize(system),
        "topology.pdb": _pdb(model, [mapping.bead_names for mapping in artifact.mappings]),
        "run.py": _script(model),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    notes = [
        "run it with: python run.py",
        "then compare it with: autograin compare POTENTIAL.h5 TRAJ... --model frames.dcd",
    ]
    if model.is_turned:
        notes.append("the box and all positions are turned so that OpenMM takes the box")
    return tuple(notes)


def _script(model: Model) -> str:
    interval = max(round(_INTERVAL / model.timestep), 1)
    alone = model.configuration.box is None
    return _SCRIPT.format(
        threads=_ONE_THREAD if model.force_field.system.n_beads <= _FEW else "",
        temperature=model.temperature,
        friction=_FRICTION,
        timestep=model.timestep,
        interval=interval,
        steps=interval * round((_LENGTH_ALONE if alone else _LENGTH) / _INTERVAL),
    )


def _pdb(model: Model, bead_names: Sequence[Sequence[str]]) -> str:
    """Beads, molecules as residues, bonds and box, as OpenMM writes them."""
    from openmm import app, unit

    topology = app.Topology()
    chain = topology.addChain()
    parts = model.force_field.system.components
    residue_names = plain_names([part.name for part in parts], _RESIDUE)
    for part, names, residue_name in zip(parts, bead_names, residue_names, strict=True):
        short = plain_names(names, _NAME)
        for _ in range(part.n_copies):
            residue = topology.addResidue(residue_name, chain)
            beads = [topology.addAtom(name, None, residue) for name in short]
            for first, second in part.bonds.tolist():
                topology.addBond(beads[first], beads[second])
    lattice = lattice_of(model.configuration.box)
    if lattice.box is not None:
        topology.setPeriodicBoxVectors(lattice.box.tolist() * unit.angstrom)
    text = StringIO()
    positions = lattice.turned(model.configuration.positions.double()).numpy()
    app.PDBFile.writeFile(topology, positions * unit.angstrom, text)
    return text.getvalue()
