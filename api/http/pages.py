"""Pages of lists, and cursors that cannot be forged or carried to another list."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from api.http.errors import invalid

Row = TypeVar("Row")
TAG_BYTES = 16

Limit = Annotated[int, Query(ge=1, le=100, description="Rows in a page, at most.")]
Cursor = Annotated[
    str | None, Query(max_length=4096, description="`next_cursor` of the page before.")
]


class Page(BaseModel, Generic[Row]):
    """One page; `next_cursor` is null on the last."""

    data: list[Row]
    next_cursor: str | None


@dataclass(frozen=True)
class Cursors:
    """Writes and reads cursors. `scope` names the list with its tenant and filters."""

    key: bytes

    def write(self, scope: str, position: bytes) -> str | None:
        """Return a cursor for a position in the list; None for the end."""
        if not position:
            return None
        return base64.urlsafe_b64encode(self._tag(scope, position) + position).decode()

    def read(self, scope: str, cursor: str | None) -> bytes:
        """Return the position; the beginning for no cursor.

        Raises:
            Problem: 422, the cursor is not one of this list.
        """
        if cursor is None:
            return b""
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            raw = b""
        tag, position = raw[:TAG_BYTES], raw[TAG_BYTES:]
        if not position or not hmac.compare_digest(tag, self._tag(scope, position)):
            raise invalid(("query", "cursor"), "not a cursor of this list; start without one")
        return position

    def _tag(self, scope: str, position: bytes) -> bytes:
        return hmac.digest(self.key, scope.encode() + b"\0" + position, hashlib.sha256)[:TAG_BYTES]
