"""A running Hookwright, as the command line sees it: the REST API, and how answers are shown."""

from runtime.remote.client import ApiClient, ApiError, path_of
from runtime.remote.connection import Connection, find_connection
from runtime.remote.moments import moment
from runtime.remote.output import (
    Columns,
    Row,
    print_json,
    print_json_line,
    print_record,
    print_rows,
    print_sentence,
    shown,
    styled,
)
from runtime.remote.recovery_progress import follow_recovery
from runtime.remote.session import Session
from runtime.remote.tail import Tail

__all__ = [
    "ApiClient",
    "ApiError",
    "Columns",
    "Connection",
    "Row",
    "Session",
    "Tail",
    "find_connection",
    "follow_recovery",
    "moment",
    "path_of",
    "print_json",
    "print_json_line",
    "print_record",
    "print_rows",
    "print_sentence",
    "shown",
    "styled",
]
