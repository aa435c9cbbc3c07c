"""Write frames of OpenMM with MDTraj as DCD, which then holds no times.

PYTHONPATH=tests python tests/data/make_with_mdtraj.py
"""

from pathlib import Path

import mdtraj  # type: ignore[import-not-found]

import dumbbells as model

HERE = Path(__file__).parent


def main() -> None:
    """Write the frames of `openmm.xtc`."""
    topology = mdtraj.Topology()
    chain = topology.add_chain()
    for k in range(model.N_ATOMS):
        if k % 2 == 0:
            residue = topology.add_residue("DB", chain)
        element = mdtraj.element.carbon if k % 2 == 0 else mdtraj.element.nitrogen
        topology.add_atom("AB"[k % 2], element, residue)
    frames = mdtraj.load(str(HERE / "openmm.xtc"), top=topology)
    frames.save_dcd(str(HERE / "mdtraj.dcd"))


if __name__ == "__main__":
    main()
