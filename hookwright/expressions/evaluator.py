"""Expressions of tenants, evaluated where they hold up nobody else.

What costs little is evaluated at once. All else goes to a process of its own, one job of a tenant
after the other: a tenant whose expressions are costly waits for itself
(docs/decisions/0017-expressions.md).
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from weakref import WeakValueDictionary

from hookwright.expressions.language import (
    SMALL_COST,
    Budget,
    TooCostlyError,
    evaluate,
    is_true,
)

JOB_SECONDS = 20.0
"""A job takes 0.25 s of CPU at most; what does not answer for so long is killed."""

PASSED_ON = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
"""What the process has of our environment: no key."""

Verdicts = dict[str, bool | None]
"""Whether each filter lets an event through; None for one that costs too much."""


def small_verdicts(filters: Iterable[str], document: object) -> Verdicts:
    """Return the verdicts of the first filters, as many as cost little together."""
    found, budget = Verdicts(), Budget(SMALL_COST)
    for expression in filters:
        try:
            found[expression] = passes(expression, document, budget)
        except TooCostlyError:
            break
    return found


def passes(expression: str, document: object, budget: Budget) -> bool:
    """Tell whether an event passes a filter. It does not pass what it does not fit.

    Raises:
        TooCostlyError: the budget does not reach.
    """
    try:
        return is_true(evaluate(expression, document, budget))
    except TooCostlyError:
        raise
    except ValueError:
        return False


@dataclass
class Evaluator:
    """Evaluates expressions. Its process is started when there is need for it."""

    _process: asyncio.subprocess.Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tenants: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def verdicts(self, tenant_id: str, filters: Iterable[str], document: object) -> Verdicts:
        """Return whether an event passes each of these filters, out of one budget."""
        wanted = dict.fromkeys(filters)
        found = small_verdicts(wanted, document)
        costly = [each for each in wanted if each not in found]
        if costly:
            answers = await self._ask(tenant_id, {"filters": costly, "document": document})
            found |= zip(costly, answers or [None] * len(costly), strict=True)
        return found

    async def value(self, tenant_id: str, expression: str, document: object) -> Any:  # noqa: ANN401
        """Return what an expression yields.

        Raises:
            TooCostlyError: it costs too much.
            ValueError: it does not fit the document, or yields what is not JSON.
        """
        with suppress(TooCostlyError):
            return evaluate(expression, document, Budget(SMALL_COST))
        answer = await self._ask(tenant_id, {"expression": expression, "document": document})
        if answer is None:
            raise TooCostlyError
        if "fault" in answer:
            raise ValueError(answer["fault"])
        return answer["value"]

    async def _ask(self, tenant_id: str, job: dict[str, Any]) -> Any:  # noqa: ANN401
        """Return the process's answer to a job; None if it costs too much."""
        own = self._tenants.setdefault(tenant_id, asyncio.Lock())
        async with own, self._turn:
            process = await self._running()
            try:
                async with asyncio.timeout(JOB_SECONDS):
                    return await _exchange(process, job)
            except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
                await self._stop()
                return None
            except asyncio.CancelledError:
                await self._stop()  # its answer would be taken for the next job's
                raise

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            own = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "hookwright.expressions"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=own,
                start_new_session=True,
            )
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, job: dict[str, Any]) -> Any:  # noqa: ANN401
    if process.stdin is None or process.stdout is None:
        raise ConnectionError("the process has no pipes")
    process.stdin.write(frame(job))
    await process.stdin.drain()
    [size] = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    return json.loads(await process.stdout.readexactly(size))


HEAD = struct.Struct(">I")
"""A message is JSON, after its length."""


def frame(message: object) -> bytes:
    """Return a message as it goes through a pipe."""
    content = json.dumps(message).encode()
    return HEAD.pack(len(content)) + content
