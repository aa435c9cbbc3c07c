"""What the linear decoder of the paper gives back of a molecule."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from autograin_cli.files.atomistic import read
from autograin_cli.geometry import bond_lengths
from autograin_cli.mapping import decoding
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import gather


@dataclass(frozen=True)
class Fidelity:
    """How near decoded structures are to the original ones.

    loss: L_AE, mean over atoms and components, Å².
    errors: root mean square distance of each atom from where it was, Å, (atoms,).
    ratios: decoded over original length of each bond, (frames, bonds).
    """

    loss: float
    errors: Tensor
    ratios: Tensor

    @property
    def near(self) -> Tensor:
        """Share of the frames in which a bond has its length within 15 %, (bonds,)."""
        return ((self.ratios - 1).abs() <= decoding.NEAR).double().mean(0)


def frames_of(stem: Path, name: str, begin: float | None) -> Tensor:
    """Read the structures of one molecule, Å, (frames, atoms, 3).

    Args:
        stem: folder and name of the molecule: its topology is stem.psf.
        name: of the trajectory beside it.
        begin: first time to read, ps; all where None.
    """
    settings = ReadingSettings(topology=f"{stem}.psf", begin=begin)
    trajectory = read([stem.parent / name], settings).trajectory
    return gather(trajectory, trajectory.n_frames).positions


def decode(mapping: Mapping, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Beads of structures, and the atoms that the decoder puts back.

    Args:
        mapping: of the one molecule in the frames.
        positions: Å, (frames, atoms, 3).

    Returns:
        z = E x, Å, (frames, beads, 3), and D z, Å, (frames, atoms, 3).

    Source: section II A of arXiv:1812.02706.
    """
    beads = mapping.map_positions(positions)[:, 0]
    return beads, decoding.decode(beads, [mapping])


def fidelity(original: Tensor, decoded: Tensor, bonds: Tensor) -> Fidelity:
    """Compare decoded with original structures.

    Args:
        original, decoded: Å, (frames, atoms, 3).
        bonds: pairs of atoms, (bonds, 2).
    """
    squares = (decoded - original).square()
    return Fidelity(
        loss=float(squares.mean()),
        errors=squares.sum(2).mean(0).sqrt(),
        ratios=bond_lengths(decoded, bonds) / bond_lengths(original, bonds),
    )
