"""The keys that a namespace's data needs: their log, and the rewriting under another key."""

from activities.keys.key_log import KeyLog, KeyUse, WrongKeysError, knowing_foreign_keys
from activities.keys.key_uses import OldKey, number_to_look_into, old_keys
from activities.keys.reencryption import ReencryptionActivities

__all__ = [
    "KeyLog",
    "KeyUse",
    "OldKey",
    "ReencryptionActivities",
    "WrongKeysError",
    "knowing_foreign_keys",
    "number_to_look_into",
    "old_keys",
]
