"""Values of options from a TOML file."""

from pathlib import Path
from typing import Any

import click

from autograin_cli.errors import SettingError


def read_config(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    """Make the values of a TOML file the defaults of this run."""
    if path is None:
        return
    from autograin_cli.files.configuration import read_configuration

    known = {
        option.lstrip("-"): parameter
        for parameter in ctx.command.params
        if isinstance(parameter, click.Option) and parameter is not param
        for option in parameter.opts
        if option.startswith("--")
    }
    values: dict[str, Any] = {}
    for key, value in _of_command(path, read_configuration(Path(path)), ctx).items():
        option = known.get(key.replace("_", "-"))
        if option is None:
            raise SettingError(
                given=f"{path} has the key {key!r}",
                expected="option names of this command: " + ", ".join(sorted(known)),
                remedy="correct the key, or take it out",
            )
        values[str(option.name)] = _plain(f"{path}: {key} = {value!r}", option, value)
    ctx.default_map = values


def _of_command(path: str, values: dict[str, Any], ctx: click.Context) -> dict[str, Any]:
    """Give the values outside tables, and those of the table named after the command."""
    group = ctx.parent.command if ctx.parent else None
    commands = group.commands if isinstance(group, click.Group) else {}
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    unknown = sorted(set(tables) - set(commands))
    if unknown:
        raise SettingError(
            given=f"{path} has the table [{unknown[0]}]",
            expected="tables named after commands: " + ", ".join(commands),
            remedy="correct the name of the table, or take it out",
        )
    shared = {key: value for key, value in values.items() if key not in tables}
    return shared | tables.get(str(ctx.info_name), {})


def _plain(given: str, option: click.Option, value: Any) -> Any:
    """Turn a value of a configuration file into what could have been typed."""
    several = value if option.multiple and isinstance(value, list) else [value]
    if option.is_flag and isinstance(value, bool):
        return value
    if option.is_flag or not all(type(part) in (str, int, float) for part in several):
        raise SettingError(
            given=given,
            expected="true or false" if option.is_flag else "a text or a number",
            remedy=f"write what could stand behind {option.opts[-1]} on the command line",
        )
    return [str(part) for part in several] if option.multiple else str(value)
