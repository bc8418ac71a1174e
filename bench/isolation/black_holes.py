"""Hookwright on a machine whose resolver hangs for some names: `-m bench.isolation.black_holes`.

A name of `DOMAIN` behaves as one whose name servers do not answer: the system's resolver blocks its
thread for ten seconds, as glibc does by default, and then gives up.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from bench.site import PORT
from runtime.cli import app

DOMAIN = ".black-hole.example"
GIVES_UP_SECONDS = 10.0
SERVE = ("-m", "bench.isolation.black_holes", "serve", "--port", PORT)


def hanging(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """Return a resolver that hangs for black-holed names, and asks this one for all others."""

    def resolver(host: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - getaddrinfo's
        if str(host).endswith(DOMAIN):
            time.sleep(GIVES_UP_SECONDS)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, *arguments, **options)

    return resolver


if __name__ == "__main__":
    socket.getaddrinfo = hanging(socket.getaddrinfo)
    app()
