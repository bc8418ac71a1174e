"""The native routes. They parse requests and build answers; the services do the work."""
