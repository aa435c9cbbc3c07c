import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import export_models
from autograin_cli.errors import SettingError
from autograin_cli.files.exports import votca
from autograin_cli.files.hand_made import read_hand_made
from autograin_cli.mapping.mapping import Mapping

needs_votca = pytest.mark.skipif(
    shutil.which("csg_map") is None or shutil.which("csg_resample") is None,
    reason="VOTCA is not installed",
)


def run(folder: Path, *arguments: str) -> None:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def gro(mappings: tuple[Mapping, ...], positions: Tensor) -> str:
    """Atoms of the copies of molecules, one residue each; nm."""
    lines = ["atoms", str(len(positions))]
    atom = residue = 0
    for mapping in mappings:
        for copy in mapping.molecule.copies.tolist():
            residue += 1
            for name, index in zip(mapping.molecule.atom_names, copy, strict=True):
                atom += 1
                x, y, z = positions[index].tolist()
                label = f"{residue:5d}{mapping.molecule.name:<5s}{name:>5s}{atom:5d}"
                lines.append(f"{label}{x:8.3f}{y:8.3f}{z:8.3f}")
    return "\n".join((*lines, "2.4 2.4 2.4")) + "\n"


@needs_votca
def test_csg_map_gives_our_beads(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    votca.write(artifact, tmp_path)
    n_atoms = sum(mapping.molecule.copies.numel() for mapping in artifact.mappings)
    random = torch.Generator().manual_seed(0)
    atoms = torch.randint(0, 800, (n_atoms, 3), generator=random).double() / 1000  # nm
    (tmp_path / "atoms.gro").write_text(gro(artifact.mappings, atoms))
    chains, singles = export_models.N_CHAINS, export_models.N_SINGLES
    (tmp_path / "top.xml").write_text(
        '<topology base="atoms.gro"><molecules><clear/>'
        f'<define name="chain" first="1" nbeads="9" nmols="{chains}"/>'
        f'<define name="W" first="{9 * chains + 1}" nbeads="2" nmols="{singles}"/>'
        "</molecules></topology>"
    )
    options = ("--top", "top.xml", "--trj", "atoms.gro", "--cg", "chain.xml;W.xml")
    run(tmp_path, "csg_map", *options, "--out", "beads.pdb")
    lines = (tmp_path / "beads.pdb").read_text().splitlines()
    rows = [[float(line[k : k + 8]) for k in (30, 38, 46)] for line in lines if "ATOM" in line]
    theirs = torch.tensor(rows, dtype=torch.float64)  # Å
    ours = torch.cat([m.map_positions(10 * atoms[None]).reshape(-1, 3) for m in artifact.mappings])
    torch.testing.assert_close(theirs, ours, atol=6e-4, rtol=0.0)


@needs_votca
def test_votca_reads_our_tables(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    votca.write(artifact, tmp_path)
    term = artifact.potentials[0].terms[0]
    low, high = term.table.low / 10, term.table.high / 10
    step = (high - low) / 100
    grid = f"{low:.6f}:{step:.6f}:{high:.6f}"
    options = ("--in", "chain_bond_A-B.pot", "--grid", grid, "--type", "cubic")
    run(tmp_path, "csg_resample", *options, "--out", "again.pot")
    rows = [line.split() for line in (tmp_path / "again.pot").read_text().splitlines()]
    table = torch.tensor([[float(row[0]), float(row[1])] for row in rows if row[0] != "#"]).double()
    expected = term.table.evaluate(10 * table[:, 0])[0]
    torch.testing.assert_close(table[:, 1], expected, atol=2e-3, rtol=1e-4)


def test_points_never_visited_have_another_flag(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    votca.write(artifact, tmp_path)
    term = artifact.potentials[0].terms[0]
    flags = [line.split()[2] for line in (tmp_path / "chain_bond_A-B.pot").read_text().splitlines()]
    assert flags == ["i" if count else "o" for count in term.counts.tolist()]
    assert set(flags) == {"i", "o"}


def test_what_is_written_is_read_back_as_the_same_mapping(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    votca.write(artifact, tmp_path)
    for mapping in artifact.mappings:
        reading = export_models.reading(artifact)
        (again,) = read_hand_made(tmp_path / f"{mapping.molecule.name}.xml", reading)
        torch.testing.assert_close(again.encoder, mapping.encoder, rtol=1e-15, atol=0.0)
        assert torch.equal(again.assignment, mapping.assignment)
        assert again.bead_names == mapping.bead_names
        assert torch.equal(again.bead_bonds, mapping.bead_bonds)
        assert again.bead_masses is not None
        torch.testing.assert_close(again.bead_masses, mapping.bead_masses)


def test_atoms_of_one_name_are_refused(tmp_path: Path) -> None:
    artifact = export_models.artifact()
    first = artifact.mappings[0]
    molecule = replace(first.molecule, atom_names=("C",) * first.molecule.n_atoms)
    twice = replace(artifact, mappings=(replace(first, molecule=molecule), artifact.mappings[1]))
    with pytest.raises(SettingError, match="atoms of chain called 'C'"):
        votca.write(twice, tmp_path)
    assert not list(tmp_path.iterdir())
