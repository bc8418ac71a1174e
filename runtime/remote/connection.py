"""Which API the command line talks to, and with which key: options, environment, profiles."""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from runtime.defaults import DEFAULT_API_URL, DEFAULT_STATE_DIR, KEYS_FILE
from runtime.errors import CommandError, ExitStatus

URL, KEY, PROFILE = "HOOKWRIGHT_URL", "HOOKWRIGHT_KEY", "HOOKWRIGHT_PROFILE"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
VISIBLE = re.compile(r"[!-~]+")
OTHERS_MAY_READ = 0o077
PROFILE_FIELDS = {"url", "key"}


@dataclass(frozen=True)
class Connection:
    """An API's URL, without a slash at its end, and the key or token that opens it."""

    url: str
    key: str = field(repr=False)


def find_connection(
    url: str | None,
    key: str | None,
    profile: str | None,
    *,
    environment: Mapping[str, str] = os.environ,
    state_dir: Path = DEFAULT_STATE_DIR,
) -> Connection:
    """Return where the API is, and its key.

    Options come first, then the profile, then the environment; but a profile takes the place of the
    URL and the key of the environment, so that no call goes to an API that the profile does not
    name. For an API on this machine the key of `hookwright dev` is the last resort.

    Raises:
        CommandError: No key is known, or what is given is not valid.
    """
    chosen = profile or environment.get(PROFILE)
    if not profile and chosen and (environment.get(URL) or environment.get(KEY)):
        raise CommandError(
            f"{PROFILE} is set, and so is {URL} or {KEY}; unset one of them, or give --profile."
        )
    known = (
        _profile(chosen, environment)
        if chosen
        else {"url": environment.get(URL), "key": environment.get(KEY)}
    )
    parts = _checked_url(url or known.get("url") or DEFAULT_API_URL)
    found_key = key or known.get("key") or _key_of_dev(parts, state_dir)
    if not found_key:
        raise CommandError(
            f"No key is known for {parts.geturl()}. Set {KEY} to an operator key, give --profile,"
            f" or run this in the folder where `hookwright dev` has its state folder {state_dir}.",
            ExitStatus.NO_ACCESS,
        )
    if not VISIBLE.fullmatch(found_key):
        raise CommandError(
            f"The key has a space, a line end or another character that no key has. Set {KEY} to"
            " the key alone.",
            ExitStatus.NO_ACCESS,
        )
    return Connection(parts.geturl().rstrip("/"), found_key)


def profiles_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where profiles are kept."""
    home = environment.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(home) / "hookwright" / "profiles.toml"


def _profile(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return a profile's `url` and `key`.

    Raises:
        CommandError: There is no such profile, others can read the file, or it is not valid.
    """
    file = profiles_file(environment)
    try:
        if file.stat().st_mode & OTHERS_MAY_READ:
            raise CommandError(f"Other users can read {file}. Run: chmod 600 {file}")
        profiles = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CommandError(
            f"The profile {name} is not known: there is no file {file}. Write it with the lines"
            f' [{name}], url = "https://..." and key = "...".'
        ) from None
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}.") from None
    if name not in profiles:
        names = ", ".join(profiles) or "none"
        raise CommandError(f"{file} has no profile {name}. It has: {names}.")
    profile = profiles[name]
    if (
        not isinstance(profile, dict)
        or not profile.keys() <= PROFILE_FIELDS
        or not all(isinstance(value, str) for value in profile.values())
        or "url" not in profile
    ):
        raise CommandError(f"The profile {name} in {file} must have a text `url` and a text `key`.")
    return profile


def _checked_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.rstrip("/"))
        is_valid = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and parts.port != 0
            and VISIBLE.fullmatch(url)
            and not (parts.query or parts.fragment)
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        raise CommandError(
            f"The API's URL is not valid. Write it as https://host or {DEFAULT_API_URL}."
        )
    if "@" in parts.netloc:
        raise CommandError(
            f"The API's URL has a name or a password in it. Leave it out; set {KEY}."
        )
    return parts


def _key_of_dev(parts: SplitResult, state_dir: Path) -> str | None:
    """Return the operator key of a local `hookwright dev`, which no other machine is given."""
    if parts.hostname not in LOOPBACK:
        return None
    try:
        keys = json.loads((state_dir / KEYS_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    key = keys.get("operator_key") if isinstance(keys, dict) else None
    return key if isinstance(key, str) else None
