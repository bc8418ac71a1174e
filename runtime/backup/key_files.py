"""Which encryption keys a state folder has, without the keys themselves."""

from pathlib import Path

from hookwright.temporal import read_key_ring
from runtime.defaults import KEYS_FILE
from runtime.dev import read_keys
from runtime.errors import CommandError
from runtime.keys import fingerprints


def fingerprints_of(state_dir: Path) -> dict[str, str] | None:
    """Return the fingerprint of each key by its id, that which encrypts first; None without a file.

    Raises:
        CommandError: the file cannot be read.
    """
    keys = read_keys(state_dir)
    if keys is None:
        return None
    try:
        return fingerprints(read_key_ring(keys.encryption_key))
    except ValueError as error:
        raise CommandError(f"{state_dir / KEYS_FILE}: encryption_key: {error}") from None
