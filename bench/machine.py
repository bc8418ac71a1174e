"""Facts about the machine, the processor time of processes, and the size of the database."""

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
    return {name: used.user + used.system for name, used in times.items()}


def database_bytes(file: Path) -> int:
    """Return how many bytes of the database are in use, with its write-ahead log.

    Free pages are not counted. The sizes of the files would say less: the log is overwritten, and
    the database file never shrinks.
    """
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        pages, free, size = (
            int(database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def facts(server_version: str) -> dict[str, str]:
    """Return the facts that are needed to compare figures with those of another machine."""
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
