"""The errors that commands show to the user, and the exit statuses that tell them apart."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit status of a command. 2 is a command line that is not valid, as everywhere."""

    FAILED = 1
    UNAVAILABLE = 3
    NO_ACCESS = 4
    NOT_FOUND = 5
    INTERRUPTED = 130


class CommandError(Exception):
    """An error that the user of the command can correct. It is shown without a traceback."""

    def __init__(self, text: str, status: ExitStatus = ExitStatus.FAILED) -> None:
        super().__init__(text)
        self.status = status
