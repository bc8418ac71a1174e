"""The socket on which an HTTP server listens."""

import socket

import pytest

from runtime.http import listening_socket


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_are_sent_at_once(host: str) -> None:
    """An accepted connection does not hold back small packets, such as an answer's body."""
    with (
        listening_socket(host, 0) as listener,
        socket.create_connection(listener.getsockname()[:2]),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
