"""Measured comparisons, runnable by anyone: `python -m bench`."""
