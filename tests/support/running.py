"""Commands that run until they are stopped, `hookwright dev` among them."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from runtime.dev import free_port
from support.commands import BARE, HOOKWRIGHT
from support.stack import unique
from support.waiting import eventually


@dataclass
class Running:
    """A command that runs until it is stopped."""

    process: asyncio.subprocess.Process
    log: Path

    def output(self) -> str:
        return self.log.read_text()

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until it has printed something."""

        async def found() -> re.Match[str] | None:
            assert self.process.returncode is None, self.output()
            return re.search(pattern, self.output())

        match = await eventually(found, within=45)
        assert match is not None
        return match

    async def stop(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return await self.process.wait()


@asynccontextmanager
async def running(*arguments: str, folder: Path, **environment: str) -> AsyncIterator[Running]:
    """Run a command while the context lasts."""
    log = folder / f"{unique('log')}.txt"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *HOOKWRIGHT,
            *arguments,
            cwd=folder,
            env=BARE | environment,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        yield Running(process, log)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@dataclass(frozen=True)
class Dev:
    """A `hookwright dev` that is ready."""

    command: Running
    api_url: str

    @property
    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.command.process.pid).children(recursive=True)

    @property
    def curls(self) -> list[str]:
        return re.findall(r"^curl .+$", self.command.output(), re.MULTILINE)

    @property
    def tenant_keys(self) -> set[str]:
        return set(re.findall(r"\bsk_dev_\w+", self.command.output()))

    async def register(self, path: str, body: dict[str, object], key: str) -> httpx.Response:
        """Register a webhook at a facade."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
            return await http.post(self.api_url + path, json=body)

    async def get(self, path: str) -> httpx.Response:
        """Ask the API with the operator key that it printed."""
        [key] = set(re.findall(r"\bhwk_\w+", self.command.output()))
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http:
            return await http.get(self.api_url + path)


@asynccontextmanager
async def dev(folder: Path, *options: str) -> AsyncIterator[Dev]:
    """Run `hookwright dev` on free ports while the context lasts."""
    names = ("--port", "--temporal-port", "--ui-port", "--listen-port")
    ports = {name: str(free_port()) for name in names}
    flat = [argument for pair in ports.items() for argument in pair]
    async with running("dev", *flat, *options, folder=folder) as command:
        await command.says(r"Ctrl-C stops everything")
        yield Dev(command, f"http://localhost:{ports['--port']}")
