"""Keys in a file of settings that only its owner can read. No key that is there is replaced."""

import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hookwright.temporal import read_key_ring
from runtime.errors import CommandError
from runtime.keys.making import digest, new_encryption_key, new_jwt_key, new_operator_key

ENCRYPTION_KEYS = "HOOKWRIGHT_ENCRYPTION_KEYS"
SETTING = re.compile(
    r"^(?:export\s+)?(?P<name>HOOKWRIGHT_[A-Z_]+)[ \t]*=(?P<value>[^\n]*)$", re.MULTILINE
)


def write_new_keys(path: Path) -> str:
    """Add new keys to a file of settings, which is made if need be; return the operator key.

    The file has only the operator key's digest. A setting without a value gets one in its place.

    Raises:
        CommandError: the file has one of these keys already, or cannot be written.
    """
    operator_key = new_operator_key()
    settings = {
        "HOOKWRIGHT_API_KEYS": f"operator:{digest(operator_key)}",
        ENCRYPTION_KEYS: new_encryption_key(),
        "HOOKWRIGHT_JWT_KEY": new_jwt_key(),
        "HOOKWRIGHT_CODEC_TOKEN": secrets.token_urlsafe(32),
    }
    with _changing(path) as text:
        if present := sorted(settings.keys() & _values(text).keys()):
            raise CommandError(
                f"{path} has {', '.join(present)} already, and nothing was changed: without its"
                " keys, what was stored cannot be read. Name another file with --file, or add a"
                " key for a rotation with --add"
            )
        _replace(path, _with_settings(text, settings))
    return operator_key


def add_encryption_key(path: Path) -> str:
    """Add a new encryption key to a file of settings, behind those that are there; return its id.

    Raises:
        CommandError: the file has no encryption keys, or they are not well-formed.
    """
    key = new_encryption_key()
    with _changing(path) as text:
        found = _values(text).get(ENCRYPTION_KEYS)
        if found is None:
            raise CommandError(
                f"{path} has no {ENCRYPTION_KEYS} to add to; `hookwright keys` makes the first"
            )
        try:
            read_key_ring(found)
        except ValueError as error:
            raise CommandError(f"{path}: {ENCRYPTION_KEYS}: {error}") from None
        _replace(path, _with_settings(text, {ENCRYPTION_KEYS: f"{found},{key}"}))
    return key.partition(":")[0]


@contextmanager
def _changing(path: Path) -> Iterator[str]:
    """Yield a file's text, empty if there is none. Another call waits until this one is done."""
    try:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield path.read_text() if path.exists() else ""
        finally:
            os.close(folder)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CommandError(f"{path} cannot be changed: {reason}") from None


def _values(text: str) -> dict[str, str]:
    """Return the settings of a file that have a value, as they are read: the last one counts."""
    found = {it["name"]: it["value"].strip().strip("\"'") for it in SETTING.finditer(text)}
    return {name: value for name, value in found.items() if value}


def _with_settings(text: str, settings: Mapping[str, str]) -> str:
    """Return the text with these settings, each in the place of its last line, or at the end."""
    for name, value in settings.items():
        line = f"{name}={value}"
        places = [it for it in SETTING.finditer(text) if it["name"] == name]
        if places:
            text = text[: places[-1].start()] + line + text[places[-1].end() :]
        else:
            text += ("\n" if text and not text.endswith("\n") else "") + line + "\n"
    return text


def _replace(path: Path, text: str) -> None:
    """Write a new file of mode 0600, which then replaces the old one: a crash loses no key."""
    target = path.resolve()  # a link stays one
    descriptor, new_file = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(new_file).replace(target)
    except BaseException:
        Path(new_file).unlink(missing_ok=True)
        raise
