"""The autograin group, and the error boundary."""

import errno
import os
import sys
import traceback
from types import TracebackType
from typing import Any

import click
from click.exceptions import Exit

from autograin_cli import __version__
from autograin_cli.cli.compare import compare
from autograin_cli.cli.decode import decode
from autograin_cli.cli.export import export
from autograin_cli.cli.fit_mapping import fit_mapping
from autograin_cli.cli.fit_potential import fit_potential
from autograin_cli.cli.inspect import inspect
from autograin_cli.cli.results import write_json
from autograin_cli.cli.simulate import simulate
from autograin_cli.cli.streams import patient_streams, refusal
from autograin_cli.cli.usage import parts_of
from autograin_cli.errors import AutograinError, FileAccessError
from autograin_cli.files.visible import visible

_INTERRUPTED = 130
_OF_INTERRUPT = ("Ctrl-C", "a command that ends by itself", "give it again")
_AS_JSON = "autograin.json"
# No room, no room for this user, no room for a file so large.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TRACEBACK = "AUTOGRAIN_TRACEBACK"

_EPILOG = """\b
Units: Å, ps, u, kJ/mol, K, degrees; forces kJ/(mol Å). A time is in ps unless
fs, ps, ns or us stands behind it: 500, 0.5ns.

\b
Example, fitted on the first 3 ns and compared with the rest:
  autograin fit-mapping   md.xtc -s md.psf --end 3ns --beads 3
  autograin fit-potential mapping.h5 md.xtc -s md.psf --end 3ns --temperature 300 \\
                          --forces md_forces.dcd --force-unit kJ/mol/A
  autograin simulate      potential.h5 --time 1ns
  autograin compare       simulation.h5 md.xtc -s md.psf --begin 3ns --report report.html
  autograin decode        simulation.h5 -o atoms.pdb
  autograin export        potential.h5 --to lammps
  autograin inspect       comparison.h5

\b
Exit codes:
   0  done
   1  internal error
   2  wrong usage: an option, or a setting that does not fit the data
   3  a score exceeds --fail-above
  65  the data are wrong, or a fit or a simulation diverged
  69  a device or a program was asked for that is not there
  73  the output exists (--overwrite)
  74  a file cannot be read or written
  75  stopped before the end, with a checkpoint: go on with --resume
  78  --resume with other settings or inputs than before
 130  interrupted

Standard output carries only the result: the path of the file written, or JSON with
--json, on success and on failure. All else goes to standard error.
"""


class ErrorBoundary(click.Group):
    """Show an AutograinError as a message, with its own exit code."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read what stands before the command; an error is told like those of the command."""
        as_json = "--json" in args
        try:
            context = super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            _show(error, info_name or "", as_json=as_json)
            raise Exit(error.exit_code) from error
        context.meta[_AS_JSON] = as_json
        return context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands, in the order in which they are used."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (AutograinError, click.ClickException) as error:
            command = f"{ctx.command_path} {ctx.invoked_subcommand or ''}".rstrip()
            _show(error, command, as_json=ctx.meta[_AS_JSON])
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            _show(_full(error), "", as_json=ctx.meta[_AS_JSON])
            ctx.exit(FileAccessError.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            if ctx.meta[_AS_JSON]:
                _write_failure("interrupted", _OF_INTERRUPT, _INTERRUPTED)
            ctx.exit(_INTERRUPTED)


def _show(error: AutograinError | click.ClickException, command: str, *, as_json: bool) -> None:
    """Tell an error on standard error, and as JSON on standard output where that is wanted."""
    if isinstance(error, AutograinError):
        # Each part has been made safe to see where it was composed; this is the last door.
        click.echo("\n".join(map(visible, f"error: {error}".split("\n"))), err=True)
        kind, parts = type(error).__name__, (error.given, error.expected, error.remedy)
    else:
        error.show()
        kind, parts = "UsageError", parts_of(error, command)
    if as_json:
        _write_failure(kind, parts, error.exit_code, getattr(error, "code", ""))


def _write_failure(kind: str, parts: tuple[str, str, str], exit_code: int, code: str = "") -> None:
    """Write a failure as JSON: what was given, what was expected and what to do, whatever it is."""
    described = {"type": kind} | dict(zip(("given", "expected", "to_fix"), parts, strict=True))
    write_json({"error": described | ({"code": code} if code else {}), "exit_code": exit_code})


@click.group(
    cls=ErrorBoundary,
    epilog=_EPILOG,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="autograin")
def autograin() -> None:
    """Learn a coarse-grained model of a molecule from an atomistic trajectory with forces.

    Four commands, in this order; each writes one file, which holds all that the next one needs.
    Then decode writes atoms from beads, export the model for other programs, and inspect shows
    what is in such a file.
    """


for command in (fit_mapping, fit_potential, simulate, compare, decode, export, inspect):
    autograin.add_command(command)


def main() -> None:
    """Run the program; the entry point of the console script."""
    sys.excepthook = _internal_error
    output = patient_streams()
    try:
        autograin(prog_name="autograin")
    except SystemExit as end:
        if not end.code and (reason := refusal(output)):
            _show(_untold(reason), "", as_json=False)
            sys.exit(FileAccessError.exit_code)
        raise


def _full(error: OSError) -> FileAccessError:
    """Error of a disk that is full where a library writes, such as the cache of numba."""
    where = visible(str(error.filename)) if error.filename else "a file of this run"
    return FileAccessError(
        given=f"{where} cannot be written: {error.strerror}",
        expected="room on the disk, also in the home and for temporary files",
        remedy="make room, or name other folders in NUMBA_CACHE_DIR and TMPDIR",
    )


def _untold(reason: str) -> FileAccessError:
    return FileAccessError(
        given=f"standard output cannot be written: {reason}",
        expected="room for the result, which is told there",
        remedy="make room; what the command was to write is written",
    )


def _internal_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Tell in few lines that the program is wrong, not the user."""
    if os.environ.get(_TRACEBACK):
        traceback.print_exception(kind, error, trace)
    told = f"{kind.__name__}: {visible(str(error))}"
    remedy = f"please report it; {_TRACEBACK}=1 shows where it is"
    click.echo(f"internal error: {told}\n  this is a mistake in autograin, {remedy}", err=True)
    if "--json" in sys.argv:
        _write_failure("internal error", (told, "no mistake in autograin", remedy), 1)
