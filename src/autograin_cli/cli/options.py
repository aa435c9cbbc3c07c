"""Options made from the settings, so that a default is written once.

A decorator here adds the options of one record to a command, which is then given that record.
"""

import functools
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, get_type_hints

import click

from autograin_cli import units
from autograin_cli.cli.caches import provide_caches
from autograin_cli.cli.configuration import read_config
from autograin_cli.cli.usage import wrong_value
from autograin_cli.errors import AutograinError

if TYPE_CHECKING:
    from autograin_cli.cli.console import Console

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

# Whether a file may be read shows when it is read: an error of access, not of usage.
PATH = click.Path(readable=False)
SHORT = {"topology": "-s", "begin": "-b", "end": "-e"}
FLAGS = {"connected": "--connected/--any"}


@dataclass(frozen=True)
class Quantity:
    """A finite number in a range; a time may have fs, ps, ns or us behind it.

    kind: int or float.
    unit: of the number; '' for none.
    least, most: bounds; None where there is none.
    """

    kind: type
    unit: str
    least: float | None
    most: float | None

    def parse(self, value: Any) -> int | float:
        """Turn text, or a value of a configuration file, into the number.

        Raises:
            click.BadParameter: it is no number, or outside the range.
        """
        try:
            number = self._number(str(value))
        except (ValueError, AutograinError):
            raise wrong_value(repr(value), self.expected()) from None
        low = -inf if self.least is None else self.least
        high = inf if self.most is None else self.most
        if not (isfinite(number) and low <= number <= high):
            raise wrong_value(str(value), self.expected())
        return number

    def _number(self, text: str) -> int | float:
        if self.kind is int:
            return int(text)
        return units.picoseconds(text) if self.unit == "ps" else float(text)

    def expected(self) -> str:
        """What is allowed, in words."""
        words = {"INTEGER": "a whole number", "TIME": "a time", "NUMBER": "a number"}[self.metavar]
        if self.unit == "ps":
            words += " in ps, or with fs, ps, ns or us behind it"
        elif self.unit:
            words += f" in {self.unit}"
        bounds = _range(self.least, self.most)
        return f"{words}, {bounds}" if bounds else words

    @property
    def metavar(self) -> str:
        """Word that stands for the value in the help."""
        return "INTEGER" if self.kind is int else "TIME" if self.unit == "ps" else "NUMBER"


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"from {least:g} to {most:g}"
    if least is not None:
        return f"at least {least:g}"
    return "" if most is None else f"at most {most:g}"


def settings(
    record: type[Any],
    name: str,
    *,
    required: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
) -> Decorator:
    """Add an option for each field of a record of settings.

    Args:
        record: dataclass whose fields carry help, unit, choices and range.
        name: argument of the command that receives the record.
        required: fields that have no default on the command line.
        without: fields that the command does not offer; they keep their default.
    """
    kinds = get_type_hints(record)
    offered = [item for item in fields(record) if item.name not in without]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def call(**given: Any) -> Any:
            values = {item.name: given.pop(item.name) for item in offered}
            return command(**given, **{name: record(**values)})

        listed = [
            _option(item, kinds[item.name], required=item.name in required) for item in offered
        ]
        return _with(call, listed)

    return decorate


def _option(item: Field[Any], kind: Any, *, required: bool) -> Decorator:
    declared = FLAGS.get(item.name, f"--{item.name.replace('_', '-')}")
    if kind is bool and item.name not in FLAGS:
        declared += f"/--no-{item.name.replace('_', '-')}"
    names = [item.name, *([SHORT[item.name]] if item.name in SHORT else []), declared]
    # click takes any default, even None, as a value: a required option may not have one.
    default: dict[str, Any] = {"required": True} if required else {"default": item.default}
    return click.option(
        *names,
        multiple=kind == tuple[str, ...],
        help=_help(item, kind, required=required),
        **_type(item, kind),
        **default,
    )


def _type(item: Field[Any], kind: Any) -> dict[str, Any]:
    """Type of an option, and the word that stands for it in the help."""
    description = item.metadata
    if description["choices"]:
        return {"type": click.Choice(description["choices"])}
    for number in (int, float):
        if kind in (number, number | None):
            bounds = description["least"], description["most"]
            quantity = Quantity(number, description["unit"], *bounds)
            return {"type": quantity.parse, "metavar": quantity.metavar}
    if kind is bool:
        return {"type": bool}
    return {"type": PATH if item.name in ("topology", "forces") else str}


def _help(item: Field[Any], kind: Any, *, required: bool) -> str:
    """Compose the help of an option: what it means, its unit, its default and its range."""
    description = item.metadata
    has_default = not required and item.default not in (None, ())
    notes = [f"default: {_shown(item)}"] if has_default else []
    if description["unit"] and not has_default:
        notes.append(f"in {description['unit']}")
    bounds = _range(description["least"], description["most"])
    if bounds:
        notes.append(bounds)
    if kind == tuple[str, ...]:
        notes.append("may be repeated")
    return description["help"] + (f"  [{'; '.join(notes)}]" if notes else "")


def _shown(item: Field[Any]) -> str:
    if isinstance(item.default, bool):
        declared = FLAGS.get(item.name, f"--{item.name}/--no-{item.name}".replace("_", "-"))
        return declared.split("/")[0 if item.default else 1].lstrip("-")
    text = f"{item.default:g}" if isinstance(item.default, float) else str(item.default)
    return f"{text} {item.metadata['unit']}".rstrip()


@dataclass(frozen=True)
class Output:
    """Where a result goes and how it is told.

    path: of the artifact.
    overwrite: whether a file that is there is replaced.
    as_json: whether standard output carries JSON instead of the path.
    console: standard error.
    """

    path: str
    overwrite: bool
    as_json: bool
    console: "Console"


def output(default: str, what: str = "file") -> Decorator:
    """Add the options that every command with a result has; the command is given `output`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def call(**given: Any) -> Any:
            from autograin_cli.cli.console import open_console

            console = open_console(quiet=given.pop("quiet"), verbose=given.pop("verbose"))
            for note in provide_caches():
                console.note(note)
            path, overwrite, as_json = (
                given.pop(name) for name in ("path", "overwrite", "as_json")
            )
            with console.working():
                return command(**given, output=Output(path, overwrite, as_json, console))

        return _with(call, _output_options(default, what))

    return decorate


def _output_options(default: str, what: str) -> list[Decorator]:
    return [
        click.option(
            "path",
            "-o",
            "--output",
            type=PATH,
            default=default,
            help=f"{what} to write  [default: {default}]",
        ),
        click.option("--overwrite", is_flag=True, help="replace output files that exist"),
        *telling_options(),
        click.option(
            "--config",
            type=PATH,
            is_eager=True,
            expose_value=False,
            callback=read_config,
            help="TOML file of options: beads = 3, anneal-seeds = 4, for one command under its "
            "name as [fit-mapping]; the command line wins",
        ),
    ]


def telling_options() -> list[Decorator]:
    """List the options for what is told on standard output and on standard error."""
    return [
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="write the result, or the error, to standard output as JSON",
        ),
        click.option(
            "-v", "--verbose", is_flag=True, help="tell more: files, molecules, time step"
        ),
        click.option("-q", "--quiet", is_flag=True, help="tell only warnings and errors"),
    ]


def _with(command: Command, decorators: list[Decorator]) -> Command:
    for decorate in reversed(decorators):
        command = decorate(command)
    return command
