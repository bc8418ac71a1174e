"""One command's conversation with the API, and how it shows what it got."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from runtime.remote.client import ApiClient
from runtime.remote.connection import find_connection
from runtime.remote.output import (
    Columns,
    Row,
    print_json,
    print_record,
    print_rows,
    print_sentence,
)


@dataclass(frozen=True)
class Session:
    """A client of the API, and whether answers are shown as JSON or to people."""

    api: ApiClient
    as_json: bool

    @classmethod
    @contextmanager
    def opened(
        cls, *, url: str | None, key: str | None, profile: str | None, as_json: bool
    ) -> Iterator[Self]:
        """Find the API and its key, and yield a session.

        Raises:
            CommandError: They are not known.
        """
        with ApiClient(find_connection(url, key, profile)) as api:
            yield cls(api, as_json)

    def show(self, document: Any, sentence: str, leave_out: Iterable[str] = ()) -> None:  # noqa: ANN401
        """Show an answer: as JSON, or as a sentence with the record below it."""
        if self.as_json:
            print_json(document)
            return
        if sentence:
            print_sentence(sentence)
        print_record(document or {}, leave_out)

    def done(self, document: Any, sentence: str) -> None:  # noqa: ANN401
        """Show that something was done: as the JSON of the answer, or as a sentence."""
        if self.as_json:
            print_json(document)
        else:
            print_sentence(sentence)

    def show_page(self, page: dict[str, Any], columns: Columns, noun: str) -> None:
        """Show a list: as the JSON of a page, or as a table."""
        rows: list[Row] = page["data"]
        if self.as_json:
            print_json(page)
            return
        if not rows:
            print_sentence(f"There are no {noun}.")
            return
        print_rows(rows, columns)
        if page["next_cursor"]:
            print_sentence(f"There are more: --limit {len(rows) * 2} shows more of them.")
