"""Filters, as an event meets them."""

from hookwright.expressions import MAX_COST
from hookwright.expressions.evaluator import passes
from hookwright.expressions.language import Budget


def passes_filter(expression: str, document: object) -> bool:
    """Tell whether a filter lets a document through, out of a whole event's budget."""
    return passes(expression, document, Budget(MAX_COST))
