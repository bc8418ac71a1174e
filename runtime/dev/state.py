"""The state folder of `hookwright dev`: keys and a database that only their owner can read."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from runtime.defaults import KEYS_FILE
from runtime.errors import CommandError
from runtime.keys import new_encryption_key, new_jwt_key, new_operator_key, new_tenant_key

OPERATOR_KEY = re.compile(r"hwk_[A-Za-z0-9]+_[A-Za-z0-9_-]+")


class DevKeys(BaseModel):
    """The secrets of one state folder.

    A folder of an earlier version may lack the fields that have a default here.
    """

    encryption_key: str
    operator_key: str
    codec_token: str
    tenant_key: str = Field(default_factory=new_tenant_key)
    jwt_key: str = Field(default_factory=new_jwt_key)


@contextmanager
def open_state(state_dir: Path, operator_key: str | None) -> Iterator[DevKeys]:
    """Lock the state folder and yield its keys. A given operator key replaces the stored one.

    Raises:
        CommandError: Another process uses the folder, or it is not a state folder.
    """
    _prepare(state_dir)
    with locked(state_dir, "stop it, or choose another --state-dir and other ports"):
        keys = read_keys(state_dir) or _save(
            state_dir,
            DevKeys(
                encryption_key=new_encryption_key(),
                operator_key=new_operator_key(),
                codec_token=secrets.token_urlsafe(32),
            ),
        )
        if operator_key or keys.model_fields_set != {*DevKeys.model_fields}:
            new_key = _check_operator_key(operator_key) if operator_key else keys.operator_key
            keys = _save(state_dir, keys.model_copy(update={"operator_key": new_key}))
        yield keys


@contextmanager
def locked(state_dir: Path, remedy: str) -> Iterator[None]:
    """Keep other processes from using the state folder while the context is open.

    Raises:
        CommandError: Another process uses the folder; `remedy` says what to do then.
    """
    folder = os.open(state_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"a `hookwright dev` is using {state_dir}; {remedy}"
            raise CommandError(text) from None
        yield
    finally:
        os.close(folder)


def read_keys(state_dir: Path) -> DevKeys | None:
    """Return the keys of a state folder, or None if it has no file of keys.

    Raises:
        CommandError: The file cannot be read.
    """
    file = state_dir / KEYS_FILE
    try:
        return DevKeys.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise CommandError(
            f"{file} cannot be read; restore it, or remove {state_dir} with everything in it"
        ) from None


def _prepare(state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A database without its keys cannot be read. And any other folder may have other users,
        # whom the change of its mode would lock out.
        if any(state_dir.iterdir()) and not (state_dir / KEYS_FILE).exists():
            raise CommandError(
                f"{state_dir} is not empty and has no {KEYS_FILE}; choose another --state-dir"
            )
        state_dir.chmod(0o700)
    except OSError as error:
        raise CommandError(f"{state_dir} cannot be used: {error.strerror}") from None


def _check_operator_key(operator_key: str) -> str:
    if not OPERATOR_KEY.fullmatch(operator_key):
        raise CommandError("--api-key is not of the form hwk_<id>_<secret>")
    return operator_key


def _save(state_dir: Path, keys: DevKeys) -> DevKeys:
    """Write the keys to a new file, which then replaces the old one.

    A crash can never leave a half-written file: without its keys the database would be lost.
    """
    new_file = state_dir / f"{KEYS_FILE}.new"
    new_file.touch(mode=0o600)
    new_file.write_text(keys.model_dump_json(indent=2))
    new_file.replace(state_dir / KEYS_FILE)
    return keys
