"""`hookwright dev`: it runs all of Hookwright on one machine."""

from runtime.dev.embedded import EmbeddedServer, free_port, temporal_version, until_it_serves
from runtime.dev.listen import Forward, Listener, SignatureCheck
from runtime.dev.processes import ManagedProcess, managed_process
from runtime.dev.run import Dev
from runtime.dev.state import locked, read_keys

__all__ = [
    "Dev",
    "EmbeddedServer",
    "Forward",
    "Listener",
    "ManagedProcess",
    "SignatureCheck",
    "free_port",
    "locked",
    "managed_process",
    "read_keys",
    "temporal_version",
    "until_it_serves",
]
