"""The native routes: each parses and answers; the services do the work."""
