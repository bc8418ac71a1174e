"""Checks of the settings and the keys: are they valid, and is something missing?"""

import json
import os

from runtime.defaults import DEFAULT_STATE_DIR, EGRESS_OF_DEV, KEYS_FILE
from runtime.doctor.findings import Finding, failed, ok, warning
from runtime.errors import CommandError
from runtime.settings import Settings, load_settings


def examine() -> tuple[Settings | None, list[Finding]]:
    """Return the settings if they are valid, and what was found."""
    is_dev = _use_settings_of_dev()
    try:
        settings = load_settings()
        # Each is read from a file, or fits only together with others.
        _ = settings.key_ring, settings.tokens, settings.contracts, settings.egress_authorities
    except CommandError as error:
        remedy = "Correct them in the environment or in .env; docs/settings.md has each."
        return None, [failed("settings", f"They are not valid: {error}.", remedy)]
    where = f"from {DEFAULT_STATE_DIR} of `hookwright dev`" if is_dev else "valid"
    return settings, [ok("settings", f"They are {where}."), *_keys(settings)]


def _use_settings_of_dev() -> bool:
    """Where no encryption key is set, use that of the state folder here, as `dev` does.

    Webhooks may then go to this machine, as without `--strict-egress`.
    """
    name = "HOOKWRIGHT_ENCRYPTION_KEYS"
    try:
        has_keys = bool(load_settings().encryption_keys)
        keys = json.loads((DEFAULT_STATE_DIR / KEYS_FILE).read_bytes())
    except (CommandError, OSError, ValueError):
        return False
    if has_keys or not isinstance(keys, dict) or "encryption_key" not in keys:
        return False
    from runtime.keys import digest  # noqa: PLC0415 - only here

    os.environ[name] = str(keys["encryption_key"])
    os.environ.setdefault("HOOKWRIGHT_API_KEYS", f"dev:{digest(str(keys['operator_key']))}")
    os.environ.setdefault("HOOKWRIGHT_JWT_KEY", str(keys.get("jwt_key", "")))
    for name, value in EGRESS_OF_DEV.items():
        os.environ.setdefault(name, value)
    return True


def _keys(settings: Settings) -> list[Finding]:
    first, *older = settings.key_ring
    others = f"; {', '.join(older)} only decrypt" if older else ""
    findings = [ok("encryption keys", f"The key {first} encrypts{others}.")]
    material = list(settings.key_ring.values())
    if len(set(material)) < len(material):
        findings = [
            warning(
                "encryption keys",
                "Two ids have the same key.",
                "Make another key with `hookwright keys`; a rotation needs a new one.",
            )
        ]
    if settings.api_keys:
        findings.append(ok("operator keys", f"There are {len(settings.api_keys)}."))
    else:
        remedy = "Set HOOKWRIGHT_API_KEYS; `hookwright keys` makes one."
        findings.append(warning("operator keys", "There is none: nobody gets in.", remedy))
    if not (settings.jwt_key or settings.jwt_public_key_file or settings.jwt_jwks_file):
        remedy = "Set HOOKWRIGHT_JWT_KEY if tenants are to have tokens."
        findings.append(warning("token keys", "There is none, so tenants have no tokens.", remedy))
    return findings
