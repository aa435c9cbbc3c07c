"""Files of frames, told apart by their endings."""

from collections.abc import Callable
from pathlib import Path

from autograin_cli.files.formats.dcd import open_dcd
from autograin_cli.files.formats.frames import FrameFile, check_readable
from autograin_cli.files.formats.trr import open_trr
from autograin_cli.files.formats.universe import open_frames
from autograin_cli.files.formats.xtc import open_xtc

NATIVE: dict[str, Callable[[Path], FrameFile]] = {
    ".xtc": open_xtc,
    ".trr": open_trr,
    ".dcd": open_dcd,
}


def open_frame_file(path: Path, topology: Path | None = None) -> FrameFile:
    """Find the frames of a file.

    Args:
        path: of the file; its ending names the format.
        topology: what MDAnalysis may need for formats other than XTC, TRR and DCD.

    Raises:
        FileAccessError: it is missing or cannot be read.
        InputError: it is empty, cut off, damaged, or of an unknown format.
    """
    check_readable(path)
    native = NATIVE.get(path.suffix.lower())
    return native(path) if native else open_frames(path, topology)
