"""JMESPath, the one expression language: it cannot call out, and here it cannot run long.

It has no loops, but a pipe of projections can double its value at each step; so every evaluation
has a budget.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult
from jmespath.visitor import Options, TreeInterpreter

MAX_EXPRESSION_LENGTH = 1024
MAX_COST = 1_000_000
"""Nodes visited and values made: far above what a filter over the largest event needs, and within
about a second. Each step of `[@,@][] | [@,@][] | ...` doubles what the one before made."""


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
        return _Bounded().visit(compiled(expression).parsed, document)
    except Exception as error:  # noqa: BLE001 - jmespath lets TypeError and OverflowError through
        raise ValueError(f"the expression does not fit this document: {error}") from None


class _Functions(Functions):
    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:  # noqa: ANN401
        arguments = list(resolved_args)
        if function_name == "join" and _product(arguments) > MAX_COST:
            raise ValueError("it costs too much")
        return super().call_function(function_name, arguments)


class _Bounded(TreeInterpreter):
    """The interpreter, with a budget for one evaluation."""

    def __init__(self) -> None:
        super().__init__(Options(custom_functions=_Functions()))
        self._left = MAX_COST

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        result = super().visit(node, *args, **kwargs)
        # These alone repeat a value inside a value, so their whole size counts.
        whole = node["type"] in ("multi_select_list", "multi_select_dict", "literal")
        self._spend(result, whole=whole)
        return result

    def _spend(self, value: object, *, whole: bool) -> None:
        pending = [value]
        while pending:
            part = pending.pop()
            self._left -= 1 + (len(part) if isinstance(part, str | list | dict) else 0)
            if self._left < 0:
                raise ValueError("it costs too much")
            if whole and isinstance(part, list | dict):
                pending.extend(part.values() if isinstance(part, dict) else part)


def _product(arguments: list[Any]) -> int:
    return prod(len(it) for it in arguments if isinstance(it, str | list))
