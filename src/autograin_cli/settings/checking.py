"""Which checks of the input are run."""

from dataclasses import dataclass

from autograin_cli.settings.setting import setting

# In the order in which they are told. Each has a page in docs/checks.
CHECKS = (
    "length-unit",
    "broken-molecules",
    "repeated-frames",
    "rigid-bonds",
    "effective-samples",
    "zero-forces",
    "constant-forces",
    "positions-as-forces",
    "force-sign",
    "shifted-frames",
    "force-stride",
    "permuted-atoms",
    "mismatched-forces",
    "force-unit",
    "temperature",
    "net-force",
)


@dataclass(frozen=True)
class CheckSettings:
    """Which checks of the input are run."""

    check_only: bool = setting(
        False, "check the input, tell what was found, and stop: nothing is written"
    )
    skip_check: tuple[str, ...] = setting(
        (), "check of the input to leave out, by its code", choices=CHECKS
    )
