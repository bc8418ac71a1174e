"""Evaluation of tenants' expressions, without delaying the work of others.

An expression that costs little is evaluated at once. The others are sent to a separate process,
which gets one job of a tenant at a time: a tenant with costly expressions delays mostly itself
(docs/decisions/0017-expressions.md).
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from weakref import WeakValueDictionary

from cachetools import TTLCache

from hookwright.expressions.language import (
    SMALL_COST,
    Budget,
    TooCostlyError,
    evaluate,
    is_true,
)

JOB_SECONDS = 20.0
"""The process is killed if it does not answer within this time. A job takes 0.25 s of CPU at
most."""

MAX_COSTLY, COSTLY_SECONDS = 10_000, 60.0
"""An expression that cost more than the loop gives is not tried there again for so long. Each of
200 endpoints' attempts would take 7 ms of the loop, to find out once more."""

NICENESS = 10
"""Where processors are short, the process gets a tenth of what its worker or API gets. A job has
its 0.25 s of CPU within JOB_SECONDS all the same."""

ENVIRONMENT_VARIABLES = ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
"""The variables that the process inherits. None of them holds a key."""

Verdicts = dict[str, bool | None]
"""Whether an event passes each filter; None if evaluating it costs too much."""

Room = Callable[[], AbstractContextManager[object]]
"""Gives the right to wait for the process, or raises because too many wait already."""


def small_verdicts(filters: Iterable[str], document: object) -> Verdicts:
    """Return the verdicts of the first filters: as many as cost SMALL_COST together."""
    verdicts, budget = Verdicts(), Budget(SMALL_COST)
    for expression in filters:
        try:
            verdicts[expression] = passes(expression, document, budget)
        except TooCostlyError:
            break
    return verdicts


def passes(expression: str, document: object, budget: Budget) -> bool:
    """Return whether an event passes a filter. It does not if the filter does not fit its data.

    Raises:
        TooCostlyError: the budget is too small.
    """
    try:
        return is_true(evaluate(expression, document, budget))
    except TooCostlyError:
        raise
    except ValueError:
        return False


@dataclass
class Evaluator:
    """Evaluates expressions. Its process is started when it is first needed."""

    _process: asyncio.subprocess.Process | None = None
    _process_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tenant_locks: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )
    _costly: TTLCache[str, bool] = field(
        default_factory=lambda: TTLCache(MAX_COSTLY, COSTLY_SECONDS)
    )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def verdicts(
        self,
        tenant_id: str,
        filters: Iterable[str],
        document: object,
        room: Room = nullcontext,
    ) -> Verdicts:
        """Return whether an event passes each of these filters, with one budget for all.

        What costs more than the event loop gives waits for the process in `room`, which may raise.
        """
        unique_filters = dict.fromkeys(filters)
        cheap = [each for each in unique_filters if each not in self._costly]
        verdicts = small_verdicts(cheap, document)
        costly = [each for each in unique_filters if each not in verdicts]
        if costly:
            if len(unique_filters) == 1:
                self._costly[costly[0]] = True
            job = {"filters": costly, "document": document}
            answers = await self._run_job(tenant_id, job, room)
            verdicts |= zip(costly, answers or [None] * len(costly), strict=True)
        return verdicts

    async def verdict_alone(self, tenant_id: str, expression: str, document: object) -> bool | None:
        """Return whether an event passes a filter that has a budget of its own.

        The process evaluates it, however little it costs: many of them, one after the other, would
        leave the event loop no time for others.
        """
        job = {"filters": [expression], "document": document}
        answers: list[bool | None] = await self._run_job(tenant_id, job) or [None]
        [verdict] = answers
        if verdict is None:
            self._costly[expression] = True
        return verdict

    async def value(
        self, tenant_id: str, expression: str, document: object, room: Room = nullcontext
    ) -> Any:  # noqa: ANN401
        """Return the value of an expression. A costly one waits for the process in `room`.

        Raises:
            TooCostlyError: evaluating it costs too much.
            ValueError: it does not fit the document, or its value is not JSON.
        """
        if expression not in self._costly:
            with suppress(TooCostlyError):
                return evaluate(expression, document, Budget(SMALL_COST))
            self._costly[expression] = True
        job = {"expression": expression, "document": document}
        answer = await self._run_job(tenant_id, job, room)
        if answer is None:
            raise TooCostlyError
        if "fault" in answer:
            raise ValueError(answer["fault"])
        return answer["value"]

    def is_costly(self, expression: str) -> bool:
        """Return whether an expression is known to cost more than the event loop gives."""
        return expression in self._costly

    async def _run_job(self, tenant_id: str, job: dict[str, Any], room: Room = nullcontext) -> Any:  # noqa: ANN401
        """Return the process's answer to a job, or None if the job costs too much."""
        tenant_lock = self._tenant_locks.setdefault(tenant_id, asyncio.Lock())
        with room():
            async with tenant_lock, self._process_lock:
                return await self._answer(job)

    async def _answer(self, job: dict[str, Any]) -> Any:  # noqa: ANN401
        process = await self._running_process()
        try:
            async with asyncio.timeout(JOB_SECONDS):
                return await _exchange(process, job)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            await self._stop()
            return None
        except asyncio.CancelledError:
            await self._stop()  # else its answer would be read as the next job's answer
            raise

    async def _running_process(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            environment = {
                name: os.environ[name] for name in ENVIRONMENT_VARIABLES if name in os.environ
            }
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "hookwright.expressions"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                # A group keeps a terminal's signals away. So would a session of its own, but where
                # the kernel shares processors among sessions, niceness counts only within one.
                process_group=0,
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
    prefix = await process.stdout.readexactly(LENGTH_PREFIX.size)
    [size] = LENGTH_PREFIX.unpack(prefix)
    return json.loads(await process.stdout.readexactly(size))


LENGTH_PREFIX = struct.Struct(">I")
"""Every message is JSON after its length in bytes."""


def frame(message: object) -> bytes:
    """Return a message as bytes for the pipe: its length, then its JSON."""
    content = json.dumps(message).encode()
    return LENGTH_PREFIX.pack(len(content)) + content
