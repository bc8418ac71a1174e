"""Copies of the state folder of `hookwright dev`: making them, and going back to one.

docs/backup.md tells what a copy holds and what going back means, and
docs/decisions/0038-backup.md has the reasons.
"""

from runtime.backup.making import Backup, make_backup
from runtime.backup.restoring import Restored, restore_backup

__all__ = ["Backup", "Restored", "make_backup", "restore_backup"]
