"""Inputs of VOTCA's csg_fmatch for one-bead molecules, and the force that it finds."""

import subprocess
from pathlib import Path

import MDAnalysis
import numpy as np
import torch
from torch import Tensor

from autograin_cli.potential.normal_equations import forces_of
from autograin_cli.trajectory import Chunk

_TOPOLOGY = """<topology base="beads.gro"><molecules>
<define name="MOL" first="1" nbeads="1" nmols="{n_beads}"/></molecules></topology>
"""
_MAPPING = """<cg_molecule><name>MOL</name><ident>MOL</ident>
<topology><cg_beads><cg_bead><name>A</name><type>A</type><mapping>one</mapping>
<beads>1:MOL:A</beads></cg_bead></cg_beads></topology>
<maps><map><name>one</name><weights>1</weights></map></maps></cg_molecule>
"""
_SETTINGS = """<cg><fmatch><frames_per_block>{n_frames}</frames_per_block>
<constrainedLS>true</constrainedLS></fmatch>
<non-bonded><name>A-A</name><type1>A</type1><type2>A</type2><fmatch><min>{low}</min>
<max>{high}</max><step>{step}</step><out_step>{out}</out_step></fmatch></non-bonded></cg>
"""


def write_inputs(
    folder: Path, chunk: Chunk, low: float, high: float, intervals: int, frames_per_block: int
) -> None:
    """Write frames of beads in orthorhombic boxes, and what VOTCA needs beside them.

    Args:
        folder: where to.
        chunk: frames with boxes and forces.
        low, high: ends of the cubic spline of the force, Å.
        intervals: between its knots.
        frames_per_block: frames that are solved for at once.
    """
    n_frames, n_beads = chunk.positions.shape[:2]
    beads = MDAnalysis.Universe.empty(
        n_beads, n_residues=n_beads, atom_resindex=range(n_beads), trajectory=True, forces=True
    )
    beads.add_TopologyAttr("names", ["A"] * n_beads)
    beads.add_TopologyAttr("resnames", ["MOL"] * n_beads)
    beads.add_TopologyAttr("resids", np.arange(n_beads) % 99999 + 1)
    assert chunk.boxes is not None
    with MDAnalysis.Writer(str(folder / "beads.trr"), n_beads) as file:
        for frame in range(n_frames):
            beads.trajectory.ts.frame, beads.trajectory.ts.time = frame, float(frame)
            beads.trajectory.ts.data["step"] = frame
            beads.dimensions = [*chunk.boxes[frame].diagonal().tolist(), 90, 90, 90]
            beads.atoms.positions = chunk.positions[frame].numpy()
            beads.atoms.forces = forces_of(chunk)[frame].numpy()
            file.write(beads.atoms)
    beads.atoms.write(str(folder / "beads.gro"))
    (folder / "topology.xml").write_text(_TOPOLOGY.format(n_beads=n_beads))
    (folder / "mapping.xml").write_text(_MAPPING)
    nanometres = {"low": low / 10, "high": high / 10, "step": (high - low) / intervals / 10}
    settings = _SETTINGS.format(n_frames=frames_per_block, out=1e-3, **nanometres)
    (folder / "settings.xml").write_text(settings)


def run_fmatch(folder: Path) -> tuple[Tensor, Tensor]:
    """Run csg_fmatch on what `write_inputs` wrote.

    Returns:
        Distances, Å, and minus the slope of the energy, kJ/(mol Å), both (points,).
    """
    names = ("--top", "topology.xml", "--trj", "beads.trr", "--cg", "mapping.xml")
    command = ["csg_fmatch", *names, "--options", "settings.xml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    table = np.loadtxt(folder / "A-A.force", usecols=(0, 1))
    return torch.from_numpy(10 * table[:, 0]), torch.from_numpy(table[:, 1] / 10)
