"""The keys that encrypt what Temporal stores, as `HOOKWRIGHT_ENCRYPTION_KEYS` has them."""

import base64
import binascii
import re

KEY_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
MAKE_A_KEY = (
    "make one with: python3 -c 'import base64, secrets; "
    'print("k" + secrets.token_hex(4) + ":" + base64.b64encode(secrets.token_bytes(32)).decode())\''
)


def named_values(text: str) -> dict[str, str]:
    """Read `name:value,name:value`.

    Raises:
        ValueError: it is not written so, or a name occurs twice.
    """
    pairs = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    # The name is checked because errors repeat it: it must not be a secret in the wrong place.
    if any(not NAME.fullmatch(name) or not value for name, _, value in pairs):
        raise ValueError("write it as name:value, separated by commas")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise ValueError("a name stands there twice")
    return {name: value for name, _, value in pairs}


def read_key_ring(text: str) -> dict[str, bytes]:
    """Read `id:base64,id:base64`: the payload keys by id, the encrypting one first.

    Raises:
        ValueError: it is not written so, or a key does not have 32 bytes. No key is repeated.
    """
    return {key_id: _key(key_id, key) for key_id, key in named_values(text).items()}


def _key(key_id: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"key {key_id}: not 32 bytes in base64; {MAKE_A_KEY}")
    return key
