"""Wrong usage, as click tells it, in the parts that every error has."""

import click

_EXPECTED = "; expected: "


def wrong_value(given: str, expected: str) -> click.BadParameter:
    """Give the error of a value that an option does not take."""
    return click.BadParameter(given + _EXPECTED + expected)


def parts_of(error: click.ClickException, command: str) -> tuple[str, str, str]:
    """Give what was given, what was expected and what to do.

    Args:
        error: of click.
        command: as it was typed, where the error does not know it.
    """
    given, _, expected = error.format_message().partition(_EXPECTED)
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else command
    return (
        " ".join(given.split()),
        expected or _expected(error) or f"what {command} takes",
        f"{command} --help lists what there is, with units and ranges",
    )


def _expected(error: click.ClickException) -> str:
    """What click does not tell in so many words; '' where there is nothing to add."""
    if near := getattr(error, "possibilities", None):
        return f"one that there is, such as {', '.join(near)}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _taken(error.param)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return error.ctx.get_usage().removeprefix("Usage: ")
    return ""


def _taken(param: click.Parameter) -> str:
    """Say what an option or an argument takes."""
    if isinstance(param.type, click.Choice):
        return f"one of {', '.join(param.type.choices)}"
    if param.type is click.BOOL:
        return "true or false"
    meaning = param.help if isinstance(param, click.Option) else None
    return f"{param.opts[-1]}: {meaning}" if meaning else param.human_readable_name
