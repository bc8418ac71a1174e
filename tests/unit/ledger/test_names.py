"""The names of a run's receivers: they go wrong while a fault says so, and no longer."""

import socket
from pathlib import Path

import pytest
from ledger import names
from ledger.names import DOMAIN, FORBIDDEN, RIGHT, Mode, Names


@pytest.fixture
def confused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Names:
    """The names of a run, which this process looks up until the test ends."""
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    it = Names(tmp_path / "names.txt")
    it.file.write_text(Mode.RIGHT)
    it.take_over()
    return it


def looked_up(name: str = f"healthy.{DOMAIN}") -> str:
    """Return the address that a lookup finds."""
    return str(socket.getaddrinfo(name, None)[0][4][0])


def test_names_fail(confused: Names) -> None:
    """A name has an address before and after the fault, and none meanwhile."""
    assert looked_up() == RIGHT
    with confused.during(Mode.FAIL), pytest.raises(socket.gaierror):
        looked_up()
    assert looked_up() == RIGHT


def test_names_flip(confused: Names) -> None:
    """Every second lookup leads where nothing may be sent."""
    with confused.during(Mode.FLIP):
        assert {looked_up(), looked_up()} == {RIGHT, FORBIDDEN}


def test_names_are_slow(confused: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow name answers, after a while that is not longer than it may be."""
    waited = list[float]()
    monkeypatch.setattr(names.time, "sleep", waited.append)
    with confused.during(Mode.SLOW):
        assert looked_up() == RIGHT
    assert len(waited) == 1
    assert 0 <= waited[0] <= names.SLOWEST_SECONDS


def test_other_names_are_the_systems(confused: Names) -> None:
    """A fault of the receivers' names touches no other ones."""
    with confused.during(Mode.FAIL):
        assert looked_up("127.0.0.1") == "127.0.0.1"
