"""The same surfaces under atheris, which seeks files that reach new lines of the program.

PYTHONPATH=tests python -m fuzz.guided SURFACE [options of libFuzzer, such as -max_total_time=600]

atheris is no dependency of the tests: `pip install atheris` where this is to be run.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris  # type: ignore[import-untyped]

SOURCE = Path(__file__).parents[2] / "src"
MODULES = [path.relative_to(SOURCE) for path in (SOURCE / "autograin_cli").rglob("*.py")]
# What is compiled by numba must stay as it is.
COMPILED = [path for path in MODULES if "numba" in (SOURCE / path).read_text(encoding="utf-8")]
LEFT_OUT = [".".join(path.with_suffix("").parts) for path in COMPILED]

with atheris.instrument_imports(include=["autograin_cli"], exclude=LEFT_OUT):
    from fuzz.fuzz import attempt
    from fuzz.surfaces import SURFACES


def main() -> None:
    """Seek until the time is over, or to the first failure, whose file libFuzzer writes."""
    surface = SURFACES[sys.argv[1]]
    with TemporaryDirectory() as seeds, TemporaryDirectory() as folder:
        endings = sorted({"".join(Path(name).suffixes) for name in surface.seeds()})
        for name, content in surface.seeds().items():
            number = endings.index("".join(Path(name).suffixes))
            (Path(seeds) / name).write_bytes(bytes([number]) + content)

        def once(data: bytes) -> None:
            path = Path(folder) / f"case{endings[data[0] % len(endings)] if data else endings[0]}"
            path.write_bytes(data[1:])
            reason = attempt(surface, path)
            if reason:
                raise RuntimeError(reason)

        atheris.Setup(
            [sys.argv[0], *sys.argv[2:], "-timeout=10", "-rss_limit_mb=3000", seeds], once
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
