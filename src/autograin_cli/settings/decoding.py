"""What a user may choose of decode."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting


@dataclass(frozen=True)
class DecodingSettings:
    """Choices of decode."""

    replica: int = setting(
        1, "which of the replicas of a simulation, each of which is a system of its own", least=1
    )
