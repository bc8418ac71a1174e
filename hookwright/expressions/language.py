"""JMESPath, the only expression language: it cannot reach outside, and here it cannot run long.

It has no loops, but it has projections within projections, and pipes that double a value at each
step. So an evaluation has a budget, which is charged before the work is done
(docs/decisions/0017-expressions.md).
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
"""The units for all filters of an event together, or for one template: at most 0.25 s of CPU (0.18
measured). A filter over 8,000 items, which an event of 256 KiB can hold, takes 64,000 units."""

SMALL_COST = 4_000
"""The units that an event may cost where other work waits meanwhile: at most 10 ms (7 measured)."""

CHARACTERS_PER_UNIT = 64
"""To compare, copy or search this many characters of a string costs as much as one step."""


class TooCostlyError(ValueError):
    """An evaluation costs more than its budget."""

    def __init__(self) -> None:
        super().__init__(f"it costs more than {MAX_COST} steps")


class Budget:
    """The cost that several evaluations may have together, in units.

    A unit is a step of the interpreter, or work that takes no longer. With the most hostile
    expressions known, at most 1.8 us were measured on a slow machine, which leaves a margin for
    MAX_COST.
    """

    def __init__(self, units: int) -> None:
        self.left = units

    def spend(self, units: int) -> None:
        """Charge for work that is about to be done.

        Raises:
            TooCostlyError: the remaining budget is too small.
        """
        self.left -= units
        if self.left < 0:
            raise TooCostlyError

    def weigh(self, value: object) -> None:
        """Charge for a walk through all parts of a value.

        Raises:
            TooCostlyError: the remaining budget is too small.
        """
        pending = [value]
        while pending:
            part = pending.pop()
            if isinstance(part, str):
                self.spend(1 + len(part) // CHARACTERS_PER_UNIT)
            elif isinstance(part, list | dict):
                self.spend(1 + len(part))
                pending.extend(part.values() if isinstance(part, dict) else part)
            else:
                self.spend(1)


_parsed: LRUCache[str, ParsedResult] = LRUCache(4_096)


def compiled(expression: str, budget: Budget | None = None) -> ParsedResult:
    """Return the parsed expression, from a cache if possible.

    Parsing is charged with one unit for each character, which is more than it costs.
    """
    parsed = _parsed.get(expression)
    if parsed is None:
        if budget:
            budget.spend(len(expression))
        parsed = _parsed[expression] = jmespath.compile(expression)
    return parsed


def check_expression(expression: str) -> str:
    """Return the expression if it is valid.

    Raises:
        ValueError: the expression is too long, nested too deeply, or not JMESPath.
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


def check_literals(expression: str) -> str:
    """Return the expression if all its literals are JSON that can be sent.

    The library reads literals with Python's parser, which accepts `NaN`, numbers beyond a double
    and half of a surrogate pair. Such a value could be compared with nothing, and a template that
    has it would fail at each delivery.

    This is a check of its own, because expressions that are stored already must stay readable.

    Raises:
        ValueError: a literal is not JSON.
    """
    pending: list[object] = [compiled(expression).parsed]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            pending += part
        elif isinstance(part, float) and not math.isfinite(part):
            raise ValueError("a literal is no JSON: NaN, or a number beyond a double (1e999)")
        elif isinstance(part, str) and not part.isascii():
            _check_encodable(part)
    return expression


def _check_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a literal has half of a surrogate pair, which is no text") from None


def evaluate(expression: str, document: object, budget: Budget | None = None) -> Any:  # noqa: ANN401
    """Return the value of the expression over a JSON document.

    A walk through the value is charged as well, so the caller need not charge for it.

    Raises:
        TooCostlyError: the budget (MAX_COST unless given) is too small.
        ValueError: the expression does not fit the document (a function got a wrong type).
    """
    budget = budget or Budget(MAX_COST)
    try:
        value = _ChargedInterpreter(budget).visit(compiled(expression, budget).parsed, document)
        budget.weigh(value)
    except TooCostlyError:
        raise
    except Exception as error:  # noqa: BLE001 - jmespath lets TypeError and OverflowError through
        raise ValueError(f"the expression does not fit this document: {error}") from None
    return value


def is_true(value: object) -> bool:
    """Return whether a value is true-like in JMESPath: not null, false or empty."""
    return value is not None and value is not False and value not in ("", [], {})


class _ChargedInterpreter(TreeInterpreter):
    """The interpreter of JMESPath, which charges a budget for each step and its work."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(Options(custom_functions=_ChargedFunctions(budget)))
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        self._budget.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_comparator(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        sides = [self.visit(child, value) for child in node["children"]]
        for side in sides:
            if isinstance(side, str | list | dict):
                self._budget.weigh(side)
        evaluated: Any = {**node, "children": [*map(_literal_node, sides)]}
        return super().visit_comparator(evaluated, value)

    def visit_flatten(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._budget.spend(sum(len(part) if isinstance(part, list) else 1 for part in base))
        evaluated: Any = {**node, "children": [_literal_node(base)]}
        return super().visit_flatten(evaluated, value)

    def visit_slice(self, node: Any, value: Any) -> Any:  # noqa: ANN401
        self._budget.spend(len(value) if isinstance(value, list) else 1)
        return super().visit_slice(node, value)


def _literal_node(value: object) -> Any:  # noqa: ANN401 - a node of the syntax tree
    """Return a node whose value is known already, so that it is not evaluated twice."""
    return {"type": "literal", "value": value, "children": []}


class _ChargedFunctions(Functions):
    """JMESPath's functions. Each call is charged for its whole arguments before it runs."""

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
        """Charge for the separator, which the result repeats between all parts."""
        lengths = [len(argument) for argument in arguments if isinstance(argument, str | list)]
        self._budget.spend(math.prod(lengths) // CHARACTERS_PER_UNIT)
