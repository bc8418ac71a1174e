"""Hookwright: a durable webhook sender on Temporal. This package is the domain, in plain Python."""
