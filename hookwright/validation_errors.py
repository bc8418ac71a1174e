"""Pydantic's validation errors as one sentence."""

from pydantic import ValidationError


def described_faults(error: ValidationError) -> str:
    """Return all errors in one text, without the input."""
    return "; ".join(fault_lines(error))


def fault_lines(error: ValidationError) -> list[str]:
    """Return each error with the path of its field, but never the input: it may be a secret."""
    faults = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()]
    plain = [(path, reason.removeprefix("Value error, ")) for path, reason in faults]
    return [f"{path}: {reason}" if path else reason for path, reason in plain]
