"""What workflows write into the log: their decisions, once, and nothing on replay."""

from workflows.logs.status_log import EndpointStatusLog, tell

__all__ = ["EndpointStatusLog", "tell"]
