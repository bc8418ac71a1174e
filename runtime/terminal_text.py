"""Text from strangers, made safe to print: it cannot control the terminal, nor forge a line."""

import json
import re

JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
OPENING, CLOSING = ("{", "["), ("}", "]")


def one_line(text: str) -> str:
    r"""Return the text with every character written out that is not printable, line ends included.

    Control characters of both sets, invisible characters and those that turn the direction of text
    are written as JSON writes them: ESC as `\u001b`.
    """
    return "".join(
        character if character.isprintable() else json.dumps(character)[1:-1] for character in text
    )


def lines(text: str) -> str:
    """Return the text with its line ends, and everything else in it safe to print."""
    return "\n".join(one_line(line) for line in text.split("\n"))


def body_lines(body: bytes) -> list[str]:
    r"""Return the lines that show a request's body, each of them safe: JSON with indentation.

    The parts of JSON are shown as they were sent: numbers keep their digits, strings their escapes,
    and a name that is given twice is shown twice. Bytes that are not UTF-8 are shown as `\xff`.
    """
    text = body.decode(errors="backslashreplace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return [one_line(line.removesuffix("\r")) for line in text.split("\n")]
    return [one_line(line) for line in _indented(text).split("\n")]


def _indented(text: str) -> str:
    """Return valid JSON with line ends and indentation between its parts."""
    pieces: list[str] = []
    depth, previous = 0, ""
    for part in JSON_PART.findall(text):
        if part in CLOSING:
            depth -= 1
        is_empty = part in CLOSING and previous in OPENING
        if (part in CLOSING or previous in (*OPENING, ",")) and not is_empty:
            pieces.append("\n" + "  " * depth)
        pieces.append(": " if part == ":" else part)
        if part in OPENING:
            depth += 1
        previous = part
    return "".join(pieces)
