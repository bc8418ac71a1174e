"""Commands that are run to their end, as processes and in this one."""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from runtime.cli import app

HOOKWRIGHT = [sys.executable, "-P", "-m", "runtime.cli"]

# Not what the developer's shell says: each test states its own.
BARE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("HOOKWRIGHT_", "TEMPORAL_"))
}


@dataclass(frozen=True)
class Ended:
    """A command that ended, and what it wrote to both of its outputs."""

    status: int
    output: str


async def hookwright(*arguments: str, folder: Path, **environment: str) -> Ended:
    """Run a command of Hookwright to its end."""
    return await run_command(*HOOKWRIGHT, *arguments, folder=folder, **environment)


def hookwright_here(*arguments: str, folder: Path) -> Ended:
    """Run a command of Hookwright in this process, which costs a second less.

    For commands that return: those that run services end the process.
    """
    without = dict.fromkeys(os.environ.keys() - BARE.keys())
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, arguments, env=without, catch_exceptions=False)
    return Ended(done.exit_code, done.output)


async def run_command(*command: str | Path, folder: Path, **environment: str) -> Ended:
    """Run any command to its end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=BARE | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode())
