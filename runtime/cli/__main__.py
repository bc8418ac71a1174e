"""`python -m runtime.cli` is `hookwright`."""

from runtime.cli import app

app()
