"""The programs and their wiring: command line, settings, worker, HTTP server, `hookwright dev`."""
