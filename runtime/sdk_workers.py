"""Running several SDK workers together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.worker import Worker


@asynccontextmanager
async def run_all(*workers: Worker) -> AsyncIterator[None]:
    """Run workers while the context is open. Then stop all of them at the same time.

    If one fails, its failure is raised here. The SDK's own contexts of several workers that fail
    together would cancel each other's ends.
    """
    inside, failures = asyncio.current_task(), list[BaseException]()

    def note(run: asyncio.Task[None]) -> None:
        if error := None if run.cancelled() else run.exception():
            failures.append(error)
            if inside and len(failures) == 1:
                inside.cancel()

    for run in (runs := [asyncio.create_task(sdk_worker.run()) for sdk_worker in workers]):
        run.add_done_callback(note)
    try:
        yield
    except asyncio.CancelledError:
        if inside and failures:
            inside.uncancel()
            raise failures[0] from None
        raise
    finally:
        for run in runs:
            run.remove_done_callback(note)
        await asyncio.gather(*(sdk_worker.shutdown() for sdk_worker in workers))
        await asyncio.gather(*runs, return_exceptions=True)
