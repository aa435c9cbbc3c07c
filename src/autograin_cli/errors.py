"""Every error a user is meant to see: what was given, what was expected, what to do."""


class AutograinError(Exception):
    """Something the user can put right; each subclass carries its exit code."""

    exit_code = 65

    def __init__(self, *, given: str, expected: str, remedy: str, code: str = "") -> None:
        told = f"{given}\n  expected: {expected}\n  to fix:   {remedy}"
        super().__init__(f"{told}\n  code:     {code}" if code else told)
        self.code = code  # of a check of the input: docs/checks
        self.given = given
        self.expected = expected
        self.remedy = remedy


class InputError(AutograinError):
    """The data are wrong: counts, shapes, values, a file of another kind."""


class SettingError(AutograinError):
    """A setting is outside its range or does not fit the data."""

    exit_code = 2


class ScoreExceededError(AutograinError):
    """A comparison is worse than the bound the user gave."""

    exit_code = 3


class DeviceError(AutograinError):
    """A device was asked for that is not there."""

    exit_code = 69


class OutputExistsError(AutograinError):
    """The output is there already and `--overwrite` was not given."""

    exit_code = 73


class FileAccessError(AutograinError):
    """A file cannot be opened, read or written."""

    exit_code = 74


class DivergenceError(AutograinError):
    """A fit or a simulation met a value that is not finite, or left every bound."""


class EngineError(AutograinError):
    """An engine was asked for whose program is not there, or fails."""

    exit_code = 69


class CheckpointedError(AutograinError):
    """A training was asked to stop before its end; its checkpoint says where it goes on."""

    exit_code = 75


class ResumeError(AutograinError):
    """A training cannot go on: settings, inputs or program are not those of its checkpoint."""

    exit_code = 78
