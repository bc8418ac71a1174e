"""HTTP as the whole API speaks it: problems, pages and headers."""

from api.http.errors import (
    BODY_ERRORS,
    Fault,
    Problem,
    ProblemBody,
    conflict,
    invalid,
    invalid_faults,
    invalid_model,
    not_found,
    responses,
    unavailable,
)
from api.http.hardening import MAX_HEAD_BYTES
from api.http.pages import Cursor, Cursors, Limit, Page

__all__ = [
    "BODY_ERRORS",
    "MAX_HEAD_BYTES",
    "Cursor",
    "Cursors",
    "Fault",
    "Limit",
    "Page",
    "Problem",
    "ProblemBody",
    "conflict",
    "invalid",
    "invalid_faults",
    "invalid_model",
    "not_found",
    "responses",
    "unavailable",
]
