"""The error that commands show to the user."""


class CommandError(Exception):
    """An error that the user of the command can correct. It is shown without a traceback."""
