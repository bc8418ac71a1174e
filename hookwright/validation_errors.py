"""Turns what pydantic found wrong into a sentence."""

from pydantic import ValidationError


def described_faults(error: ValidationError) -> str:
    """Return the faults, each with the place where it is. Never the input: it may be a secret."""
    faults = [(".".join(map(str, it["loc"])), it["msg"]) for it in error.errors()]
    plain = [(key, reason.removeprefix("Value error, ")) for key, reason in faults]
    return "; ".join(f"{key}: {reason}" if key else reason for key, reason in plain)
