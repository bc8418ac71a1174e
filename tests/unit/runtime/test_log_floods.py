"""Whoever can cause a log line cannot fill the log with it."""

import asyncio
import logging
from contextlib import closing

import pytest
import structlog
from fastapi import FastAPI

from runtime.http import listening_socket, serve
from runtime.logs import MAX_LINES, WINDOW_SECONDS, floods

ours = structlog.get_logger("hookwright.test")


@pytest.fixture
def clock(monkeypatch):
    """Return the time, which a test moves on."""
    now = [1_000.0]
    monkeypatch.setattr(floods.time, "monotonic", lambda: now[0])
    return now


def warn_of_ours():
    ours.warning("flood.of_ours", status="UNAVAILABLE")


def warn_of_a_library():
    logging.getLogger("strange.library").warning("bad request from %s", "someone")


def fail_in_ours():
    ours.error("flood.errors", exc_info=ValueError("boom"))


@pytest.mark.parametrize("log", [warn_of_ours, warn_of_a_library, fail_in_ours])
def test_repeated_lines(log, log_output, clock):
    """Of one kind a bounded number is written, then it is said how many were left out."""
    for _ in range(1_000):
        log()
    lines = log_output.getvalue().splitlines()
    assert len(lines) == MAX_LINES
    assert ["more_left_out_for_seconds" in line for line in lines[-2:]] == [False, True]
    clock[0] += WINDOW_SECONDS
    log()
    (line,) = log_output.getvalue().splitlines()[MAX_LINES:]
    assert "lines_left_out" in line
    assert str(1_000 - MAX_LINES) in line


@pytest.mark.usefixtures("clock")
def test_other_lines_are_written(log_output):
    """A flood of one kind hides no other kind, no other exception, and nothing that was done."""
    for _ in range(1_000):
        warn_of_ours()
        fail_in_ours()
    ours.warning("another.event")
    ours.error("flood.errors", exc_info=KeyError("another"))
    for number in range(100):
        ours.info("delivery.attempted", number=f"no. {number};")
    written = log_output.getvalue()
    assert "another.event" in written
    assert "KeyError" in written
    assert all(f"no. {number};" in written for number in range(100))


async def test_malformed_requests(log_output):
    """Hundreds of malformed requests write a bounded number of lines."""
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(FastAPI(), listener))
    for _ in range(300):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with closing(writer):
            writer.write(b"\0\0\0\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400")
    serving.cancel()
    await serving
    assert 1 <= log_output.getvalue().count("Invalid HTTP request") <= 2 * MAX_LINES
