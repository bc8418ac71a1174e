"""The bar that a command shows on a terminal while something goes on elsewhere."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from runtime.running import error_console

NARROWEST, WIDEST = 10, 40
BESIDE_THE_BAR = 32
"""Columns for a word, a count such as 100000/100000, and the `^C` that a terminal shows. Without
room for `^C` the line breaks, and the bar stands there twice."""


def progress_bar() -> Progress:
    """Return a bar on the error output, which vanishes at its end. Only a terminal shows it."""
    width = max(NARROWEST, min(WIDEST, error_console.width - BESIDE_THE_BAR))
    return Progress(
        TextColumn("{task.description:<9}", markup=False),
        BarColumn(width),
        MofNCompleteColumn(),
        console=error_console,
        transient=True,
        disable=not error_console.is_terminal,
    )
