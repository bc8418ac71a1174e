"""PromQL, as much of it as our alert rules and our dashboard use. Whatever else is refused.

A rate is taken between the first and the last sample of its range, without Prometheus's
extrapolation to the ends of the range.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

Item = TypeVar("Item")

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
"""Values by their labels."""

NAME = "__name__"
TOKEN = re.compile(
    r'\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<name>[A-Za-z_:][\w:]*)|(?P<string>"[^"\\]*")'
    r"|(?P<range>\[\d+[smhd]\])|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/<>=(){},]))"
)
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MATCHES: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "=~": lambda value, wanted: re.fullmatch(wanted, value) is not None,
    "!~": lambda value, wanted: re.fullmatch(wanted, value) is None,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    "==": lambda left, right: left == right,
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "-": lambda left, right: left - right,
    "/": lambda left, right: left / right if right else float("nan"),
}
AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min}
FUNCTIONS = {"rate": 1, "increase": 1, "absent": 1, "time": 0, "histogram_quantile": 2}


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Selector:
    """A metric with conditions on its labels, over a range if it has `seconds`."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    seconds: int | None


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True)
class Aggregation:
    operator: str
    by: tuple[str, ...]
    argument: "Expression"


@dataclass(frozen=True)
class Operation:
    operator: str
    left: "Expression"
    right: "Expression"


Expression = Number | Selector | Call | Aggregation | Operation


@dataclass(frozen=True)
class Scrape:
    """What was read at a time: each value by its labels, the metric's name among them."""

    at: float
    values: Mapping[Labels, float]


class Parser:
    """Reads an expression. It knows no precedence but: comparison, then `-`, then `/`."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        text = text.strip()
        while at < len(text):
            if not (found := TOKEN.match(text, at)):
                raise ValueError(f"not understood: {text[at:]}")
            self.tokens.append(found[0].strip())
            at = found.end()
        self.tokens.append("")

    def parse(self) -> Expression:
        expression = self.operation(COMPARISONS, self.difference)
        self.take("")
        return expression

    def difference(self) -> Expression:
        return self.operation({"-"}, self.quotient)

    def quotient(self) -> Expression:
        return self.operation({"/"}, self.operand)

    def operation(
        self, operators: Mapping[str, object] | set[str], operand: Callable[[], Expression]
    ) -> Expression:
        left = operand()
        while self.tokens[0] in operators:
            left = Operation(self.tokens.pop(0), left, operand())
        return left

    def operand(self) -> Expression:
        token = self.tokens.pop(0)
        if token[:1].isdigit():
            return Number(float(token))
        if token == "(":
            inside = self.difference()
            self.take(")")
            return inside
        if token in AGGREGATIONS:
            return self.aggregation(token)
        if self.tokens[0] == "(":
            return self.call(token)
        if not re.fullmatch(r"[A-Za-z_:][\w:]*", token):
            raise ValueError(f"not understood: {token}")
        return self.selector(token)

    def aggregation(self, operator: str) -> Aggregation:
        by: tuple[str, ...] = ()
        if self.tokens[0] == "by":
            self.take("by")
            by = tuple(self.listed(lambda: self.tokens.pop(0)))
        [argument] = self.listed(self.difference)
        return Aggregation(operator, by, argument)

    def call(self, function: str) -> Call:
        arguments = tuple(self.listed(self.difference))
        if len(arguments) != FUNCTIONS.get(function):
            raise ValueError(f"no such function: {function} of {len(arguments)}")
        return Call(function, arguments)

    def selector(self, name: str) -> Selector:
        matchers = self.listed(self.matcher, "{}") if self.tokens[0] == "{" else []
        seconds = None
        if self.tokens[0].startswith("["):
            written = self.tokens.pop(0)
            seconds = int(written[1:-2]) * SECONDS[written[-2]]
        return Selector(name, tuple(matchers), seconds)

    def matcher(self) -> tuple[str, str, str]:
        label, operator, value = (self.tokens.pop(0) for _ in range(3))
        if operator not in MATCHES or not value.startswith('"'):
            raise ValueError(f"not understood: {label} {operator} {value}")
        return label, operator, value[1:-1]

    def listed(self, item: Callable[[], Item], brackets: str = "()") -> list[Item]:
        self.take(brackets[0])
        items: list[Item] = []
        while self.tokens[0] != brackets[1]:
            items.append(item())
            if self.tokens[0] != brackets[1]:
                self.take(",")
        self.take(brackets[1])
        return items

    def take(self, token: str) -> None:
        if self.tokens[0] != token:
            raise ValueError(f"{token!r} expected, not {self.tokens[0]!r}")
        self.tokens.pop(0)


def parse(text: str) -> Expression:
    return Parser(text).parse()


def selectors(
    expression: Expression, by: tuple[str, ...] = ()
) -> Iterator[tuple[Selector, set[str]]]:
    """Yield each selector of an expression with all labels that it or an aggregation names."""
    match expression:
        case Selector():
            yield expression, {*by, *(label for label, _, _ in expression.matchers)}
        case Aggregation():
            yield from selectors(expression.argument, (*by, *expression.by))
        case Operation():
            yield from selectors(expression.left, by)
            yield from selectors(expression.right, by)
        case Call():
            for argument in expression.arguments:
                yield from selectors(argument, by)


@dataclass(frozen=True)
class Evaluator:
    """Evaluates expressions at the time `now`, over scrapes in the order of time."""

    scrapes: list[Scrape]
    now: float

    def holds(self, text: str) -> bool:
        """Return whether an alert with this expression would be pending or fire."""
        return bool(self.vector(parse(text)))

    def vector(self, expression: Expression) -> Vector:
        match expression:
            case Selector(seconds=None):
                return _selected(self.scrapes[-1], expression)
            case Call("rate" | "increase" as function, (Selector(seconds=int()) as selector,)):
                return self.increase(selector, per_second=function == "rate")
            case Call("absent", (argument,)):
                return {} if self.vector(argument) else {frozenset(): 1.0}
            case Call("histogram_quantile", (Number(quantile), argument)):
                return _quantiles(quantile, self.vector(argument))
            case Aggregation():
                return self.aggregated(expression)
            case Operation():
                return self.operated(expression)
        raise ValueError(f"not understood: {expression}")

    def increase(self, selector: Selector, *, per_second: bool) -> Vector:
        """Return by how much counters grew. One that began anew counts from 0."""
        began = self.now - (selector.seconds or 0)
        points: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for scrape in self.scrapes:
            if began <= scrape.at <= self.now:
                for labels, value in _selected(scrape, selector).items():
                    points[labels].append((scrape.at, value))
        grown: Vector = {}
        for labels, series in points.items():
            pairs = list(pairwise(series))
            if not pairs:
                continue
            steps = [
                after - before if after >= before else after for (_, before), (_, after) in pairs
            ]
            seconds = series[-1][0] - series[0][0] if per_second else 1.0
            grown[labels] = sum(steps) / seconds
        return grown

    def aggregated(self, expression: Aggregation) -> Vector:
        groups: dict[Labels, list[float]] = defaultdict(list)
        for labels, value in self.vector(expression.argument).items():
            groups[frozenset(pair for pair in labels if pair[0] in expression.by)].append(value)
        return {
            labels: AGGREGATIONS[expression.operator](values) for labels, values in groups.items()
        }

    def operated(self, expression: Operation) -> Vector:
        left, right = self.operand(expression.left), self.operand(expression.right)
        if isinstance(left, float):
            left = dict.fromkeys(right, left) if isinstance(right, dict) else {}
        if isinstance(right, float):
            right = dict.fromkeys(left, right)
        pairs = {each: (left[each], right[each]) for each in left.keys() & right.keys()}
        if compare := COMPARISONS.get(expression.operator):
            return {each: pair[0] for each, pair in pairs.items() if compare(*pair)}
        return {each: ARITHMETIC[expression.operator](*pair) for each, pair in pairs.items()}

    def operand(self, expression: Expression) -> Vector | float:
        match expression:
            case Number(value):
                return value
            case Call("time"):
                return self.now
            case _:
                return self.vector(expression)


def _selected(scrape: Scrape, selector: Selector) -> Vector:
    found: Vector = {}
    for labels, value in scrape.values.items():
        named = dict(labels)
        if named.pop(NAME) == selector.name and all(
            MATCHES[operator](named.get(label, ""), wanted)
            for label, operator, wanted in selector.matchers
        ):
            found[frozenset(named.items())] = value
    return found


def _quantiles(quantile: float, buckets: Vector) -> Vector:
    """Return a quantile of each histogram: where it lies in its bucket, as Prometheus has it."""
    histograms: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, value in buckets.items():
        bound = float(dict(labels)["le"])
        histograms[frozenset(pair for pair in labels if pair[0] != "le")].append((bound, value))
    found: Vector = {}
    for labels, histogram in histograms.items():
        histogram.sort()
        rank, below, start = quantile * histogram[-1][1], 0.0, 0.0
        for bound, count in histogram:
            if count >= rank and rank:
                inside = (rank - below) / (count - below) if count > below else 0.0
                found[labels] = start if bound == float("inf") else start + (bound - start) * inside
                break
            below, start = count, bound
    return found
