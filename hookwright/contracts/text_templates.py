"""Text with placeholders in braces: `sha256={signature}`. A template has no logic."""

import re
from collections.abc import Collection, Mapping

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(template: str) -> list[str]:
    """Return the names in braces, in their order."""
    return PLACEHOLDER.findall(template)


def check_template(template: str, allowed: Collection[str]) -> str:
    """Return the template if all its placeholders are allowed.

    Raises:
        ValueError: a name is not allowed, or a brace stands alone.
    """
    for name in placeholders(template):
        if name not in allowed:
            raise ValueError(f"{{{name}}} is no placeholder here; there are: {', '.join(allowed)}")
    if {"{", "}"} & {*PLACEHOLDER.sub("", template)}:
        raise ValueError("a brace stands alone; braces are for placeholders only")
    return template


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the text. A value that has braces itself is not filled again."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)


def fill_bytes(template: str, values: Mapping[str, bytes]) -> bytes:
    """Return the text as bytes, with values that need not be text."""
    # `split` gives literal text at even places, and names at odd ones.
    parts = PLACEHOLDER.split(template)
    return b"".join(
        values[part] if index % 2 else part.encode() for index, part in enumerate(parts)
    )
