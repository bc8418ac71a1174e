"""What the operating system knows: the machine, processor time, the size of the database."""

import os
import platform
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import psutil

GIB = 2**30


def cpu_seconds(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Return the processor seconds that each process has used so far."""
    times = {name: process.cpu_times() for name, process in processes.items()}
    return {name: each.user + each.system for name, each in times.items()}


def database_bytes(file: Path) -> int:
    """Return how much of the database is in use, its write-ahead log read and free pages left out.

    The sizes of the files say less: the log is written over and the file never shrinks.
    """
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        pages, free, size = (
            int(database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def facts(server_version: str) -> dict[str, str]:
    """Return what a reader must know of the machine to compare its figures with others."""
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "load before the run": f"{os.getloadavg()[0]:.1f}",
        "Temporal server": server_version,
        "Temporal Python SDK": version("temporalio"),
        "Python": platform.python_version(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
