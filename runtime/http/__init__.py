"""The HTTP server that the API runs on."""

from runtime.http.server import listening_socket, serve

__all__ = ["listening_socket", "serve"]
