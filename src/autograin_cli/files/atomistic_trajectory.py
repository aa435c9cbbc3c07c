"""The trajectory of atoms that files hold: streamed, finite, with forces, molecules whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from autograin_cli.errors import InputError
from autograin_cli.files.forces import ForceFile
from autograin_cli.files.formats.boxes import reduced
from autograin_cli.files.formats.frames import FrameFile, corrupt
from autograin_cli.files.timeline import Timeline
from autograin_cli.files.visible import visible
from autograin_cli.molecules import BondTree
from autograin_cli.trajectory import Chunk, join
from autograin_cli.wholeness import make_whole, spans

_CHUNK_SIZE = 4 * 2**20  # bytes of positions in a chunk; with forces and copies it is 8 to 16 MiB
_LEAST_VOLUME = 1e-3  # Å³; less is no box
_LEAST_HEIGHT = 1.0  # Å; no bond fits into less
_LARGEST = 1e30  # Å or kJ/(mol Å); squares of more do not fit into a number
# Shares of the box. The nearest image of a bond that is longer than half of it is shorter than
# half: such bonds show in that some are near to it.
_HALF, _LONGEST_BOND = 0.5, 0.4


@dataclass(frozen=True)
class AtomisticTrajectory:
    """Frames of atoms, read from files anew at every pass.

    files: of positions.
    forces: files of forces; empty where forces stand with the positions, or where there are none.
    timeline: frames used.
    atoms: indices of those selected, (atoms,), int64; None for all.
    periodic: whether the frames have a box.
    has_forces: whether the chunks carry forces.
    tree: along which molecules are made whole; None to leave them as they are.
    """

    files: tuple[FrameFile, ...]
    forces: tuple[ForceFile, ...]
    timeline: Timeline
    atoms: np.ndarray | None
    periodic: bool
    has_forces: bool
    tree: BondTree | None

    @property
    def n_frames(self) -> int:
        """Frames in all."""
        return len(self.timeline)

    @property
    def n_atoms(self) -> int:
        """Atoms in a frame, of those selected."""
        return self.files[0].n_atoms if self.atoms is None else len(self.atoms)

    @property
    def keeper(self) -> None:
        """Nothing is kept here."""
        return

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield the frames in order.

        Raises:
            InputError: a frame is damaged, has a position, force or box that is not finite, or a
                molecule that spans half of the box.
            FileAccessError: a file can no longer be read.
        """
        length = max(1, _CHUNK_SIZE // (24 * self.files[0].n_atoms))
        begin = 0
        for part in self.timeline.runs(length):
            begin += len(part)
            if begin > first:
                yield self._chunk(part)

    def sample(self, n_frames: int) -> Chunk:
        """Read at most so many frames, spread evenly, without reading the others.

        Raises:
            InputError, FileAccessError: as `chunks` does.
        """
        spread = np.linspace(0, self.n_frames - 1, min(n_frames, self.n_frames))
        return self.at(torch.from_numpy(np.unique(spread.round().astype(np.int64))))

    def at(self, frames: torch.Tensor) -> Chunk:
        """Read the frames with the given numbers, (frames,), int64, increasing.

        Raises:
            InputError, FileAccessError: as `chunks` does.
        """
        part = self.timeline.take(frames.numpy())
        return join([self._chunk(run) for run in part.runs(len(part))])

    @property
    def joins(self) -> torch.Tensor:
        """Numbers of the frames that begin another file, (joins,), int64."""
        return torch.from_numpy(np.flatnonzero(np.diff(self.timeline.files)) + 1)

    def _chunk(self, part: Timeline) -> Chunk:
        file = self.files[part.files[0]]
        frames = file.read(part.rows)
        if frames.positions is None:
            raise corrupt(file.path, int(part.rows[0]), "its positions have gone")
        positions = self._selected(frames.positions)
        _check_finite(file.path, part.rows, positions, "position")
        boxes = _checked_boxes(file.path, part.rows, frames.boxes, self.periodic)
        whole = torch.from_numpy(positions)
        if boxes is not None and self.tree is not None:
            whole = _made_whole(file.path, part.rows, whole, boxes, self.tree)
        return Chunk(
            positions=whole,
            times=torch.from_numpy(part.times.copy()),
            boxes=boxes,
            forces=self._forces(part, frames.forces) if self.has_forces else None,
        )

    def _forces(self, part: Timeline, own: np.ndarray | None) -> torch.Tensor:
        if part.force_files is None or part.force_rows is None:
            path, rows, forces = self.files[part.files[0]].path, part.rows, own
            if forces is None:
                raise corrupt(path, int(rows[0]), "its forces have gone")
        else:
            file = self.forces[part.force_files[0]]
            path, rows, forces = file.path, part.force_rows, file.read(part.force_rows)
        forces = self._selected(forces)
        _check_finite(path, rows, forces, "force")
        return torch.from_numpy(forces)

    def _selected(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors of the atoms selected; a file may hold these alone."""
        if self.atoms is None or vectors.shape[1] == len(self.atoms):
            return vectors
        return np.take(vectors, self.atoms, axis=1)  # contiguous, unlike an index


def _check_finite(path: Path, rows: np.ndarray, vectors: np.ndarray, what: str) -> None:
    # With no array beside it; NaN is neither above nor below.
    if not vectors.size or (vectors.max() < _LARGEST and vectors.min() > -_LARGEST):
        return
    wrong = np.argwhere(~(np.abs(vectors) < _LARGEST).all(2))
    if len(wrong):
        frame, atom = wrong[0].tolist()
        raise InputError(
            given=f"{visible(str(path))}, frame {rows[frame]}: the {what} of atom {atom} "
            f"is {vectors[frame, atom].tolist()}",
            expected=f"finite numbers below {_LARGEST:g}: the file is damaged, or the simulation "
            "has failed",
            remedy="copy the file again, or read only the frames before with --end",
            code="not-finite",
        )


def _checked_boxes(
    path: Path, rows: np.ndarray, boxes: np.ndarray | None, periodic: bool
) -> torch.Tensor | None:
    """Reduced boxes of frames that all have one; None where none has."""
    volumes = np.zeros(len(rows)) if boxes is None else _volumes(boxes)
    sound = np.isfinite(volumes) & ((volumes > _LEAST_VOLUME) == periodic)
    if boxes is not None:
        sound &= (np.abs(boxes) < _LARGEST).all((1, 2))
    if not sound.all():
        frame = int(np.argmin(sound))
        box = None if boxes is None else boxes[frame].tolist()
        raise InputError(
            given=f"{visible(str(path))}, frame {rows[frame]}: the box is {box}",
            expected="a box in every frame, or in none: the first frame has "
            + ("one" if periodic else "none"),
            remedy="copy the file again, or give files of one simulation",
            code="box",
        )
    if boxes is None or not periodic:
        return None
    short = reduced(boxes)
    _check_heights(path, rows, short)
    return torch.from_numpy(short)


def _check_heights(path: Path, rows: np.ndarray, boxes: np.ndarray) -> None:
    """Refuse boxes, reduced ones, that are thinner than any atom."""
    volumes, lengths = _volumes(boxes), np.linalg.norm(boxes, axis=2)
    if (volumes * lengths.min(1) >= _LEAST_HEIGHT * lengths.prod(1)).all():
        return  # no face is larger than the product of its sides
    areas = np.linalg.norm(np.cross(boxes, np.roll(boxes, -1, axis=1)), axis=2).max(1)
    thinnest = int((volumes / areas).argmin())
    height = volumes[thinnest] / areas[thinnest]
    if height < _LEAST_HEIGHT:
        raise InputError(
            given=f"{visible(str(path))}, frame {rows[thinnest]}: the box is {height:.3g} Å thick",
            expected=f"a box at least {_LEAST_HEIGHT:g} Å thick, into which atoms fit",
            remedy="look at the unit of the box, which is to be Å; or copy the file again",
            code="box",
        )


def _made_whole(
    path: Path, rows: np.ndarray, broken: torch.Tensor, boxes: torch.Tensor, tree: BondTree
) -> torch.Tensor:
    """Make molecules whole; refuse one that cannot be, or that meets its own image."""
    found = make_whole(broken, boxes, tree)
    if bool((found.step >= _LONGEST_BOND).any()):
        frame = int(found.step.argmax())
        raise _long_bond(path, int(rows[frame]), found.positions[frame], tree)
    # No two atoms are farther apart than twice the way from the first atom.
    doubtful = (found.reach >= _HALF / 2).nonzero().flatten()
    n_molecules = int((tree.parents < 0).sum())
    if len(doubtful) and n_molecules > 1:
        shares, firsts = spans(found.positions[doubtful], boxes[doubtful], tree)
        worst = int(shares.argmax())
        if float(shares[worst]) >= _HALF:
            frame = int(rows[int(doubtful[worst])])
            raise _long_molecule(path, frame, int(firsts[worst]), float(shares[worst]))
    return found.positions


def _long_bond(path: Path, frame: int, positions: torch.Tensor, tree: BondTree) -> InputError:
    atoms = (tree.parents >= 0).nonzero().flatten()
    lengths = (positions[atoms] - positions[tree.parents[atoms]]).norm(dim=1)
    atom = int(atoms[lengths.argmax()])
    return InputError(
        given=f"{visible(str(path))}, frame {frame}: the bond of atoms {int(tree.parents[atom])} "
        f"and {atom} is {float(lengths.max()):.4g} Å long, nearly half of the box",
        expected="bonds much shorter than that: this one does not tell which image it leads to",
        remedy="give the topology of these files, or simulate a bigger box",
        code="long-bonds",
    )


def _long_molecule(path: Path, frame: int, atom: int, share: float) -> InputError:
    return InputError(
        given=f"{visible(str(path))}, frame {frame}: the molecule of atom {atom} spans "
        f"{share:.0%} of the box",
        expected="molecules that span less than half of it: others are near their own images",
        remedy="give a topology with bonds (.tpr, .psf, …) where they were inferred; else simulate "
        "a bigger box, or read that molecule alone with --select",
        code="long-bonds",
    )


def has_box(boxes: np.ndarray | None) -> bool:
    """Whether the first of some frames has a box, (frames, 3, 3) in Å."""
    return boxes is not None and bool(_volumes(boxes[:1])[0] > _LEAST_VOLUME)


def _volumes(boxes: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        volumes: np.ndarray = np.abs(np.linalg.det(boxes))
    return volumes
