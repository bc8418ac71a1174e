"""The process that evaluates expressions for an `Evaluator`: jobs on stdin, answers on stdout."""

import json
import sys
from typing import Any, BinaryIO

from hookwright.expressions.evaluator import HEAD, frame, passes
from hookwright.expressions.language import MAX_COST, Budget, TooCostlyError, evaluate


def _answer(job: dict[str, Any]) -> object:
    """Return the answer to a job."""
    document, budget = job["document"], Budget(MAX_COST)
    try:
        if "filters" in job:
            return [_verdict(each, document, budget) for each in job["filters"]]
        value = evaluate(job["expression"], document, budget)
        return {"value": json.loads(json.dumps(value))}
    except TooCostlyError:
        return None
    except ValueError as error:
        return {"fault": str(error)}
    except (TypeError, RecursionError):
        return {"fault": "the expression yields what is not JSON, or nests too deeply"}


def _verdict(expression: str, document: object, budget: Budget) -> bool | None:
    try:
        return passes(expression, document, budget)
    except TooCostlyError:
        return None


def main(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Answer jobs until there are no more: whoever asks has ended."""
    while head := jobs.read(HEAD.size):
        job = json.loads(jobs.read(*HEAD.unpack(head)))
        answers.write(frame(_answer(job)))
        answers.flush()


main(sys.stdin.buffer, sys.stdout.buffer)
