"""The workflows about encryption keys."""

from workflows.keys.encryption_keys import EncryptionKeys
from workflows.keys.reencryption import Reencryption

__all__ = ["EncryptionKeys", "Reencryption"]
