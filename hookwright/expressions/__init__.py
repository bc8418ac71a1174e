"""JMESPath expressions of tenants: checked, limited in cost, and evaluated in another process."""

from hookwright.expressions.evaluator import Evaluator, Room, Verdicts, small_verdicts
from hookwright.expressions.language import (
    MAX_COST,
    check_expression,
    check_literals,
    evaluate,
    is_true,
)

__all__ = [
    "MAX_COST",
    "Evaluator",
    "Room",
    "Verdicts",
    "check_expression",
    "check_literals",
    "evaluate",
    "is_true",
    "small_verdicts",
]
