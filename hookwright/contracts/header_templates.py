"""What a contract may send in its headers: the sources of their values."""

from hookwright.contracts.text_templates import check_template, placeholders

EXTRA_PREFIX = "extra."
HEADER_SOURCES = (
    "event_id",
    "event_type",
    "event_time",
    "event_unix_time",
    "delivery_id",
    "delivery_uuid",
    "tenant_id",
    "attempt",
    "time",
    "unix_time",
    "traceparent",
)
"""`time` and `unix_time` are the time of the attempt, `event_time` and `event_unix_time` that of
the event. `delivery_uuid` is derived from the delivery's id, so it is the same at every attempt.
`traceparent` is the attempt's place in a trace; where nothing is traced, there is no such header.
Beside these there is `extra.<name>` for each extra field of the contract."""


def check_header_value(text: str) -> str:
    """Return the value of a contract's header: the name of a source, or a template over sources.

    Raises:
        ValueError: it is neither. Text without a placeholder is refused, because it is more often
            a misspelt source than a constant; constants have a table of their own.
    """
    names = placeholders(text)
    extra = {name for name in (*names, text) if name.startswith(EXTRA_PREFIX)}
    allowed = (*HEADER_SOURCES, *sorted(extra))
    if not names and text not in allowed:
        raise ValueError(
            f"no such source; there are: {', '.join(HEADER_SOURCES)}, extra.<name>;"
            " a template has a source in braces, and constants go into [constant_headers]"
        )
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError("a header has printable ASCII, without spaces at its ends")
    return check_template(text, allowed)


def as_template(text: str) -> str:
    """Return the value of a contract's header as a template, if it is the name of a source."""
    return text if placeholders(text) else f"{{{text}}}"


def extra_names(text: str) -> set[str]:
    """Return the names of the extra fields in the value of a contract's header."""
    names = placeholders(as_template(text))
    return {name.removeprefix(EXTRA_PREFIX) for name in names if name.startswith(EXTRA_PREFIX)}
