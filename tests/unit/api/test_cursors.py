"""Cursors: they cannot be forged, cut, or carried to another list."""

import base64
import string
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http import Cursors, Problem

CURSORS = Cursors(b"k" * 32)
SCOPES = st.text(string.printable, max_size=40)
POSITIONS = st.binary(min_size=1, max_size=200)
SAFE = string.ascii_letters + string.digits + "-_="


@contextmanager
def refused():
    with pytest.raises(Problem) as caught:
        yield
    assert caught.value.status_code == 422
    assert [fault.loc for fault in caught.value.errors] == [["query", "cursor"]]


@given(scope=SCOPES, position=POSITIONS)
def test_round_trip(scope, position):
    """A cursor leads back to its position, and needs no escaping in a URL."""
    cursor = CURSORS.write(scope, position)
    assert cursor is not None
    assert set(cursor) <= set(SAFE)
    assert CURSORS.read(scope, cursor) == position


def test_the_ends_of_a_list():
    """No cursor is the beginning, and the end has no cursor."""
    assert CURSORS.read("events of acme", None) == b""
    assert CURSORS.write("events of acme", b"") is None


@given(scope=SCOPES, other=SCOPES, position=POSITIONS)
def test_another_list(scope, other, position):
    """A cursor of one list is refused by every other: of another tenant, or with other filters."""
    cursor = CURSORS.write(scope, position)
    if scope != other:
        with refused():
            CURSORS.read(other, cursor)


@given(scope=SCOPES, position=POSITIONS)
def test_another_key(scope, position):
    """A cursor that was signed with another key is refused."""
    with refused():
        CURSORS.read(scope, Cursors(b"x" * 32).write(scope, position))


@given(scope=SCOPES, position=POSITIONS, data=st.data())
def test_altered(scope, position, data):
    """A cursor of which a bit was changed, or the end was cut off, is refused."""
    raw = base64.urlsafe_b64decode(CURSORS.write(scope, position) or "")
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    for forged in (bytes(changed), raw[:place], raw + b"x"):
        with refused():
            CURSORS.read(scope, base64.urlsafe_b64encode(forged).decode())


@given(scope=SCOPES, position=POSITIONS, length=st.integers(0, 60))
def test_cut_text(scope, position, length):
    """The text of a cursor, cut off anywhere, is refused; the padding alone may be missing."""
    cursor = CURSORS.write(scope, position) or ""
    cut = cursor[:length]
    if len(cut) < len(cursor.rstrip("=")):
        with refused():
            CURSORS.read(scope, cut)


@given(text=st.text(max_size=80) | st.text(SAFE, max_size=80))
def test_any_text(text):
    """Any text is refused with 422 and no other exception."""
    with refused():
        CURSORS.read("events of acme", text)
