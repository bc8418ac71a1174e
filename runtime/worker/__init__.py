"""A worker: its task queues and slots, and the workflows and activities that it runs."""

from runtime.worker.activities import activities_of, notification_activities
from runtime.worker.config import WorkerConfig
from runtime.worker.sdk_workers import SHUTDOWN_TIMEOUT, WORKFLOWS, worker

__all__ = [
    "SHUTDOWN_TIMEOUT",
    "WORKFLOWS",
    "WorkerConfig",
    "activities_of",
    "notification_activities",
    "worker",
]
