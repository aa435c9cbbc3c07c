"""Whether a kernel has been compiled on this machine before."""

from pathlib import Path
from typing import Any


def is_cached(kernel: Any, module: str) -> bool:
    """Whether machine code of a kernel, made after its module was last changed, is kept.

    Args:
        kernel: a compiled function.
        module: path of its file.
    """
    folder, path = Path(str(kernel.stats.cache_path)), Path(module)
    made, pattern = path.stat().st_mtime, f"{path.stem}.{kernel.__name__}-*.nbi"
    return any(index.stat().st_mtime >= made for index in folder.glob(pattern))
