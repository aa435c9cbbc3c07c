"""What a user may choose of every command that may take long: when to stop, whether to go on."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class StoppingSettings:
    """When long work stops, and how it goes on."""

    max_hours: float | None = setting(
        None,
        "time after which the work stops with a checkpoint, from the start of the command",
        unit="h",
        least=0.0,
    )
    resume: bool = setting(
        False,
        "go on from the checkpoint that the same command left when it was stopped; begin where "
        "there is none",
    )
