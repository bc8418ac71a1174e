"""Keys: making them, writing them to a file, and comparing them with those of what is stored.

The modules that need Temporal's client are entered by themselves: `hookwright keys` starts without.
"""

from runtime.keys.files import add_encryption_key, write_new_keys
from runtime.keys.making import (
    cursor_key,
    digest,
    fingerprints,
    new_encryption_key,
    new_jwt_key,
    new_operator_key,
    new_tenant_key,
    portal_key,
)

__all__ = [
    "add_encryption_key",
    "cursor_key",
    "digest",
    "fingerprints",
    "new_encryption_key",
    "new_jwt_key",
    "new_operator_key",
    "new_tenant_key",
    "portal_key",
    "write_new_keys",
]
