"""Where reports go, and what is told meanwhile."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.site import ROOT

RESULTS = ROOT / "docs" / "benchmarks"


def new_report(folder: Path, name: str) -> Path:
    """Return the file of a new report: older ones of the same name are kept."""
    path, number = folder / f"{name}.md", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.md"
    return path


def say(line: str) -> None:
    """Tell the progress, apart from the report."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)
