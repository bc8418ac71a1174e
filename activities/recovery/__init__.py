"""Recovery: finding what an endpoint has not had, and sending it at a rate."""

from activities.recovery.recoveries import RecoveryActivities

__all__ = ["RecoveryActivities"]
