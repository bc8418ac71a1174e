"""A worker's clock that is wrong: the one that it tells the time by, and no other."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from ledger.operating import CLOCKS, shifted

TELL = "import time; print(time.time(), time.monotonic())"


@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
@pytest.mark.parametrize("offset", CLOCKS)
async def test_a_clock_is_an_hour_off(offset: str) -> None:
    """The time of day is an hour off, and the clock that waits are measured by is right."""
    environment = {**os.environ, **await shifted(offset)}
    began = time.time(), time.monotonic()
    told = subprocess.run(  # noqa: ASYNC221 - it ends at once
        [sys.executable, "-c", TELL], env=environment, capture_output=True, text=True, check=True
    )
    ended = time.time(), time.monotonic()
    at, monotonic = (float(clock) for clock in told.stdout.split())
    assert began[0] <= at - float(offset.removesuffix("s")) <= ended[0]
    assert began[1] <= monotonic <= ended[1]
