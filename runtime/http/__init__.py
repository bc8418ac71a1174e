"""The HTTP server that runs the API."""

from runtime.http.server import listening_socket, serve

__all__ = ["listening_socket", "serve"]
