"""JMESPath, the one expression language: it cannot call out, and here it cannot run long.

It has no loops, but projections within projections, and pipes that double a value at each step. So
an evaluation has a budget, charged before the work is done (docs/decisions/0017-expressions.md).
"""

import math
from collections.abc import Iterable
from typing import Any

import jmespath
from cachetools import LRUCache
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import ParsedResult
from jmespath.visitor import Options, TreeInterpreter

MAX_EXPRESSION_LENGTH = 1024

MAX_COST = 100_000
"""Units for all filters of an event together, or for one template: at most 0.25 s of CPU (0.18
measured). A filter over 8,000 items, which an event of 256 KiB holds, takes 64,000."""

SMALL_COST = 4_000
"""Units that an event may cost where others wait meanwhile: at most 10 ms (7 measured)."""

CHARACTERS = 64
"""Of a string, as costly to compare, copy or search as one step is."""


class TooCostlyError(ValueError):
    """The budget does not reach."""

    def __init__(self) -> None:
        super().__init__(f"it costs more than {MAX_COST} steps")


class Budget:
    """What evaluations may cost together, in units.

    A unit is a step of the interpreter, or what takes no longer: at most 1.8 us were measured on a
    slow machine over the most hostile expressions known, so that MAX_COST has some room.
    """

    def __init__(self, units: int) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Charge for work that is about to be done.

        Raises:
            TooCostlyError: so much is not left.
        """
        self.left -= units
        if self.left < 0:
            raise TooCostlyError

    def weigh(self, value: object) -> None:
        """Charge for a walk through a whole value.

        Raises:
            TooCostlyError: so much is not left.
        """
        pending = [value]
        while pending:
            part = pending.pop()
            if isinstance(part, str):
                self.spend(1 + len(part) // CHARACTERS)
            elif isinstance(part, list | dict):
                self.spend(1 + len(part))
                pending.extend(part.values() if isinstance(part, dict) else part)
            else:
                self.spend(1)


_parsed: LRUCache[str, ParsedResult] = LRUCache(4_096)


def compiled(expression: str, budget: Budget | None = None) -> ParsedResult:
    """Parse an expression, once for each text. A character costs less than a step."""
    known = _parsed.get(expression)
    if known is None:
        if budget:
            budget.spend(len(expression))
        known = _parsed[expression] = jmespath.compile(expression)
    return known


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


def evaluate(expression: str, document: object, budget: Budget | None = None) -> Any:  # noqa: ANN401
    """Return what the expression yields over a JSON document. To walk through it costs no more.

    Raises:
        TooCostlyError: the budget (MAX_COST unless given) does not reach.
        ValueError: the expression does not fit the document (a function got a wrong type).
    """
    budget = budget or Budget(MAX_COST)
    try:
        value = _Charged(budget).visit(compiled(expression, budget).parsed, document)
        budget.weigh(value)
    except TooCostlyError:
        raise
    except Exception as error:  # noqa: BLE001 - jmespath lets TypeError and OverflowError through
        raise ValueError(f"the expression does not fit this document: {error}") from None
    return value


def is_true(value: object) -> bool:
    """Tell whether a value is what JMESPath calls true-like: not null, false, or empty."""
    return value is not None and value is not False and value not in ("", [], {})


class _Charged(TreeInterpreter):
    """The interpreter, charged for each step and for what a step does at once."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(Options(custom_functions=_Functions(budget)))
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        self._budget.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_comparator(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        sides = [self.visit(child, value) for child in node["children"]]
        for side in sides:
            if isinstance(side, str | list | dict):
                self._budget.weigh(side)
        found: Any = {**node, "children": [*map(_found, sides)]}
        return super().visit_comparator(found, value)

    def visit_flatten(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._budget.spend(sum(len(part) if isinstance(part, list) else 1 for part in base))
        found: Any = {**node, "children": [_found(base)]}
        return super().visit_flatten(found, value)

    def visit_slice(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        self._budget.spend(len(value) if isinstance(value, list) else 1)
        return super().visit_slice(node, value)


def _found(value: object) -> Any:  # noqa: ANN401 - a node of the syntax tree
    """Return a node that yields what was found already."""
    return {"type": "literal", "value": value, "children": []}


class _Functions(Functions):
    """JMESPath's functions, charged for their whole arguments: they work at once."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:  # noqa: ANN401
        arguments = list(resolved_args)
        for argument in arguments:
            self._budget.weigh(argument)
            if isinstance(argument, list) and function_name.startswith("sort"):
                self._budget.spend(len(argument) * int(math.log2(len(argument) + 1)))
        if function_name == "join":
            self._charge_join(arguments)
        return super().call_function(function_name, arguments)

    def _charge_join(self, arguments: list[Any]) -> None:
        """Charge for the glue, which stands between all parts."""
        lengths = [len(it) for it in arguments if isinstance(it, str | list)]
        self._budget.spend(math.prod(lengths) // CHARACTERS)
