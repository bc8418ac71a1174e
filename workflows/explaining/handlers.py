"""Handlers that the Temporal UI lists with what they do."""

import inspect
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from temporalio import workflow

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def explained_update(
    handler: Callable[Parameters, Awaitable[Answer]],
) -> workflow.UpdateMethodMultiParam[Parameters, Answer]:
    """Make a method an update handler, described by the first line of its docstring.

    The SDK's decorator takes a description, but its types then forget that the method is async.
    """
    description = (inspect.getdoc(handler) or "").partition("\n")[0]
    decorated = workflow.update(description=description)(handler)
    return cast("workflow.UpdateMethodMultiParam[Parameters, Answer]", decorated)
