"""Wiring only: settings, connection, worker, embedded server, command line."""
