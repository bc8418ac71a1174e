"""Pages of lists, and signed cursors, which can be neither forged nor used for another list."""

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

Limit = Annotated[int, Query(ge=1, le=100, description="The maximum number of rows in a page.")]
Cursor = Annotated[
    str | None, Query(max_length=4096, description="`next_cursor` of the previous page.")
]


class Page(BaseModel, Generic[Row]):
    """One page of a list. On the last page `next_cursor` is null."""

    data: list[Row]
    next_cursor: str | None


@dataclass(frozen=True)
class Cursors:
    """Writes and reads cursors. `scope` identifies a list, with its tenant and its filters."""

    key: bytes

    def write(self, scope: str, position: bytes) -> str | None:
        """Return the cursor of a position in the list, or None at the end of the list."""
        if not position:
            return None
        return base64.urlsafe_b64encode(self._tag(scope, position) + position).decode()

    def read(self, scope: str, cursor: str | None) -> bytes:
        """Return the position of a cursor. Without a cursor it is the beginning of the list.

        Raises:
            Problem: 422, this is not a cursor of this list.
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
