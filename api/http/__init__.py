"""The parts of HTTP that all routes share: errors, pages of lists, and security headers."""

from api.http.docs import install_docs
from api.http.errors import (
    BODY_ERRORS,
    RETRY_AFTER_SECONDS,
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
    unavailability,
    unavailable,
)
from api.http.hardening import MAX_HEAD_BYTES, Hardening
from api.http.hosts import AllowedHosts, host_name
from api.http.openapi import install_openapi
from api.http.pages import Cursor, Cursors, Limit, Page
from api.http.requests import OWN_SPANS, RequestIds, begin_span

__all__ = [
    "BODY_ERRORS",
    "MAX_HEAD_BYTES",
    "OWN_SPANS",
    "RETRY_AFTER_SECONDS",
    "AllowedHosts",
    "Cursor",
    "Cursors",
    "Fault",
    "Hardening",
    "Limit",
    "Page",
    "Problem",
    "ProblemBody",
    "RequestIds",
    "begin_span",
    "conflict",
    "host_name",
    "install_docs",
    "install_errors",
    "install_openapi",
    "invalid",
    "invalid_faults",
    "invalid_model",
    "not_found",
    "responses",
    "unavailability",
    "unavailable",
]
