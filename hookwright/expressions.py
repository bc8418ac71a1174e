"""JMESPath, the one expression language: it cannot loop or call out (DESIGN decision 10)."""

from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

MAX_EXPRESSION_LENGTH = 1024


@lru_cache(maxsize=4096)
def compiled(expression: str) -> ParsedResult:
    """Parse an expression, once for each text."""
    return jmespath.compile(expression)


def check_expression(expression: str) -> str:
    """Return the expression if it is one.

    Raises:
        ValueError: it is too long, nested too deeply, or not JMESPath.
    """
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise ValueError(f"an expression has at most {MAX_EXPRESSION_LENGTH} characters")
    try:
        compiled(expression)
    except RecursionError:
        raise ValueError("the expression is nested too deeply") from None
    except JMESPathError as error:
        raise ValueError(f"not a JMESPath expression: {error}") from None
    return expression


def evaluate(expression: str, document: object) -> Any:  # noqa: ANN401
    """Return what the expression yields over a JSON document.

    Raises:
        ValueError: the expression does not fit the document (a function got a wrong type).
    """
    try:
        return compiled(expression).search(document)
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"the expression does not fit this document: {error}") from None
