"""A selection of the ledger harness: all rules hold while processes are killed and stopped.

`make faults` runs the same with other seeds, more events and other faults.
"""

from pathlib import Path

import pytest
from ledger.report import report
from ledger.rules import breaches
from ledger.run import Options, run

FAULTS = ("kill-worker", "kill-temporal", "pause-endpoint", "kill-api")


@pytest.mark.timeout(240)
async def test_ledger(tmp_path: Path) -> None:
    """What was accepted is accounted for, whatever is killed; what is sent twice is explained."""
    options = Options(
        seed=6,
        events=60,
        rate=3.0,
        faults=FAULTS,
        pause_seconds=(1.0, 3.0),
        outage=(4.0, 12.0),
        settle_seconds=120.0,
    )
    book = await run(options, tmp_path)
    found = breaches(book)
    assert not any(found.values()), report(book, found)
    assert {strike.fault for strike in book.strikes} == {*FAULTS}
