"""Runs of the harness on a Temporal server that a command starts."""

import sys
from pathlib import Path

import pytest
from ledger.__main__ import faults_of
from ledger.faults import FAULTS
from ledger.given_server import GivenServer

from runtime.dev import EmbeddedServer, free_port
from runtime.dev.processes import ProcessDiedError

STARVING = {"full-temporal", "throttle-temporal"}


async def test_a_server_is_ready_when_it_runs(tmp_path: Path) -> None:
    """What a command starts is waited for."""
    usual = EmbeddedServer(tmp_path, free_port())
    given = GivenServer(usual.command(), usual.port)
    async with given.running() as process:
        process.check_alive()


async def test_a_server_that_does_not_start_is_told() -> None:
    """A command that ends is an error at once, not after the time to become ready."""
    with pytest.raises(ProcessDiedError):
        async with GivenServer([sys.executable, "-c", "pass"], free_port()).running():
            pass


def test_only_the_embedded_server_is_starved() -> None:
    """`all` leaves out what another server cannot be given, and a text that names it is wrong."""
    assert {*FAULTS} - {*faults_of("all", embedded=False)} == STARVING
    assert [*FAULTS] == faults_of("all", embedded=True)
    for name in (*STARVING, "no-fault"):
        with pytest.raises(ValueError, match=f"no fault {name}"):
            faults_of(name, embedded=False)
