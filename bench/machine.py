"""Facts about the machine, the processor time and memory of processes, and the database's size."""

import asyncio
import os
import platform
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

GIB = 2**30
MB = 1e6
SAMPLE_SECONDS = 2.0

Group = Sequence[psutil.Process]
"""Processes that count together, each with all its descendants."""


def cpu_seconds(groups: Mapping[str, Group]) -> dict[str, float]:
    """Return the processor seconds that each group has used so far.

    Descendants that have ended are in the account of their parents.
    """
    used = {}
    for name, group in groups.items():
        times = [process.cpu_times() for process in _running(group)]
        used[name] = sum(
            each.user + each.system + each.children_user + each.children_system for each in times
        )
    return used


def busy_seconds() -> float:
    """Return the processor seconds that the whole machine has used so far, all cores together."""
    times = psutil.cpu_times()
    waiting = times.idle + getattr(times, "iowait", 0.0)
    # The kernel's account of guests is a part of `user` and of `nice`.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - waiting - guests)


def pss_mb(groups: Mapping[str, Group]) -> dict[str, float]:
    """Return the memory of each group in MB (of 10^6 bytes), pages that are shared in parts."""
    return {
        name: sum(process.memory_full_info().pss for process in _running(group)) / MB
        for name, group in groups.items()
    }


def _running(group: Group) -> list[psutil.Process]:
    found = []
    for process in group:
        with suppress(psutil.NoSuchProcess):
            found += [process, *process.children(recursive=True)]
    return found


@dataclass
class MemoryWatch:
    """The memory of groups of processes over a while: when (`time.perf_counter`), and how much."""

    samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def highest(self) -> dict[str, float]:
        """Return the most that each group had, and as `together` the most that all had at once."""
        names = self.samples[0][1]
        most = {name: max(sizes[name] for _, sizes in self.samples) for name in names}
        return {**most, "together": max(sum(sizes.values()) for _, sizes in self.samples)}


@asynccontextmanager
async def watched_memory(groups: Mapping[str, Group]) -> AsyncIterator[MemoryWatch]:
    """Sample the memory of groups while the context is open, at least at its end."""
    watch = MemoryWatch()

    async def sample() -> None:
        sizes = await asyncio.to_thread(pss_mb, groups)
        watch.samples.append((time.perf_counter(), sizes))

    async def keep_sampling() -> None:
        while True:
            await sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(keep_sampling())
    try:
        yield watch
    finally:
        sampling.cancel()
        await asyncio.wait([sampling])
    await sample()


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
