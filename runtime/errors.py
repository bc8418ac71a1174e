"""Faults of use."""


class CommandError(Exception):
    """A fault that whoever typed the command can mend: one sentence, and no traceback."""
