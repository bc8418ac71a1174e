"""The process that evaluates expressions for an `Evaluator`.

It reads jobs from stdin and writes answers to stdout.
"""

import json
import os
import sys
from typing import Any, BinaryIO

from hookwright.expressions.evaluator import LENGTH_PREFIX, NICENESS, frame, passes
from hookwright.expressions.language import MAX_COST, Budget, TooCostlyError, evaluate


def _answer(job: dict[str, Any]) -> object:
    """Return the answer to a job."""
    document, budget = job["document"], Budget(MAX_COST)
    try:
        if "filters" in job:
            return [_passes(each, document, budget) for each in job["filters"]]
        value = evaluate(job["expression"], document, budget)
        return {"value": json.loads(json.dumps(value))}
    except TooCostlyError:
        return None
    except ValueError as error:
        return {"fault": str(error)}
    except (TypeError, RecursionError):
        return {"fault": "the value of the expression is not JSON, or nests too deeply"}


def _passes(expression: str, document: object, budget: Budget) -> bool | None:
    """Return whether the document passes a filter, or None if that costs too much."""
    try:
        return passes(expression, document, budget)
    except TooCostlyError:
        return None


def main(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer jobs until the input ends, because the process that sends them has ended."""
    while prefix := jobs.read(LENGTH_PREFIX.size):
        job = json.loads(jobs.read(*LENGTH_PREFIX.unpack(prefix)))
        answers.write(frame(_answer(job)))
        answers.flush()


os.nice(NICENESS)
main(sys.stdin.buffer, sys.stdout.buffer)
