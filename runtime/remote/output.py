"""How answers of the API are shown: as tables that fit any width, or as JSON.

Much of an answer was written by tenants and receivers, so nothing is printed before it is made safe
for a terminal.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from runtime.running import console, print_line
from runtime.terminal_text import one_line

Row = Mapping[str, Any]
Columns = Mapping[str, str | Callable[[Row], object]]
"""A column's title, and the field that it shows, or a function of the row."""

TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)")
NARROWEST_RECORD = 60
INDENT = GAP = "  "
STYLES = {
    **dict.fromkeys(("delivered", "active", "green", "completed"), "green"),
    **dict.fromkeys(("pending", "yellow", "running"), "yellow"),
    **dict.fromkeys(("held", "paused"), "blue"),
    **dict.fromkeys(("exhausted", "expired", "disabled", "red"), "red"),
    "cancelled": "dim",
}


def shown(value: object) -> str:
    """Return a value of an answer as one safe line."""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case str():
            text = TIME.sub(r"\1 \2Z", value) if TIME.fullmatch(value) else value
        case float():
            text = f"{value:g}"
        case list() if not any(isinstance(part, list | dict) for part in value):
            text = ", ".join(map(shown, value))
        case list() | dict():
            text = json.dumps(value)
        case _:
            text = str(value)
    return one_line(text)


def styled(value: object) -> Text:
    """Return a value as a cell, with a colour if it is a state."""
    text = shown(value)
    return Text(text, STYLES.get(text, ""))


def print_json(document: object) -> None:
    """Print one JSON document. In ASCII no control character is left."""
    console.print_json(data=document, ensure_ascii=True)


def print_json_line(document: object) -> None:
    """Print a JSON document as one line."""
    print_line(json.dumps(document))


def print_sentence(text: str) -> None:
    """Print a line, however long: it is the terminal that breaks it."""
    print_line(one_line(text))


def print_rows(rows: Sequence[Row], columns: Columns, to: Console | None = None) -> None:
    """Print a table if it fits, and otherwise each row as a few short lines.

    No value is ever cut off, because ids must be copied whole. Without a terminal each row is one
    line, however long, unless `COLUMNS` says how wide the output is. Columns without any value are
    left out.
    """
    out = to or console
    table = {
        title: [styled(_value(row, field)) for row in rows] for title, field in columns.items()
    }
    table = {title: cells for title, cells in table.items() if any(cells)}
    widths = [max(cell.cell_len for cell in (Text(it), *table[it])) for it in table]
    lines = [
        [Text(title, "bold") for title in table],
        *map(list, zip(*table.values(), strict=True)),
    ]
    if _is_limited(out) and sum(widths) + len(GAP) * (len(widths) - 1) > out.width:
        for line in lines[1:]:
            _print_stacked(out, list(table), line)
        return
    for line in lines:
        for cell, width in zip(line[:-1], widths, strict=False):
            cell.pad_right(width - cell.cell_len)
        out.print(Text(GAP).join(line), soft_wrap=True)


def _print_stacked(out: Console, titles: list[str], row: list[Text]) -> None:
    """Print a row's first cell on a line of its own, and what else it has below, with names.

    A number says nothing without its name.
    """
    first, *others = row
    first.stylize("bold")
    if first.plain.isdigit():
        first = Text.assemble((f"{titles[0]} ", "dim"), first)
    out.print(first, soft_wrap=True)
    facts = [
        Text.assemble((f"{title} ", "dim"), cell)
        for title, cell in zip(titles[1:], others, strict=True)
        if cell
    ]
    line = Text(INDENT)
    for fact in facts:
        if len(line) > len(INDENT) and len(line) + 2 + len(fact) > out.width:
            out.print(line, soft_wrap=True)
            line = Text(INDENT)
        line.append_text(Text("  ") if len(line) > len(INDENT) else Text()).append_text(fact)
    if len(line) > len(INDENT):
        out.print(line, soft_wrap=True)


def print_record(record: Row, leave_out: Iterable[str] = (), to: Console | None = None) -> None:
    """Print the fields of a record that have a value, one below the other."""
    out = to or console
    facts = {
        name: styled(value)
        for name, value in record.items()
        if name not in leave_out and value not in (None, "", [], {})
    }
    if _is_limited(out) and out.width < NARROWEST_RECORD:
        for name, value in facts.items():
            out.print(Text(name, "dim"), soft_wrap=True)
            out.print(Text(INDENT).append_text(value), soft_wrap=True)
        return
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        out.print(Text.assemble((name.ljust(width + 2), "dim"), value), soft_wrap=True)


def _is_limited(out: Console) -> bool:
    return out.is_terminal or "COLUMNS" in os.environ


def _value(row: Row, field: str | Callable[[Row], object]) -> object:
    return row.get(field) if isinstance(field, str) else field(row)
