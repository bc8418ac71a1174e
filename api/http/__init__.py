"""The parts of HTTP that all routes share: errors, pages of lists, and security headers."""

from api.http.errors import (
    BODY_ERRORS,
    Fault,
    Problem,
    ProblemBody,
    conflict,
    install_errors,
    invalid,
    invalid_faults,
    invalid_model,
    not_found,
    responses,
    unavailable,
)
from api.http.hardening import MAX_HEAD_BYTES, Hardening, install_docs
from api.http.pages import Cursor, Cursors, Limit, Page

__all__ = [
    "BODY_ERRORS",
    "MAX_HEAD_BYTES",
    "Cursor",
    "Cursors",
    "Fault",
    "Hardening",
    "Limit",
    "Page",
    "Problem",
    "ProblemBody",
    "conflict",
    "install_docs",
    "install_errors",
    "invalid",
    "invalid_faults",
    "invalid_model",
    "not_found",
    "responses",
    "unavailable",
]
