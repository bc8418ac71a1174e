"""How the benchmark's child processes end."""

import asyncio
import signal


async def stop_asked_for() -> None:
    """Return when the process gets SIGTERM."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    await asked.wait()
