"""The `hookwright` command line.

Only Typer is imported with it. Each command imports the rest when it runs, so that `--help` and the
completion of the shell answer at once.
"""

from runtime.cli.root import app

__all__ = ["app"]
