"""The stop signal of the benchmark's child processes."""

import asyncio
import signal


async def wait_for_sigterm() -> None:
    """Return when the process receives SIGTERM."""
    received = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, received.set)
    await received.wait()
