"""The audit trail of a tenant or an endpoint: who changed what, and when."""

from hookwright.audit.changed_fields import AuditedField, differences
from hookwright.audit.trail import (
    MAX_ACTOR,
    MAX_AUDIT_ENTRIES,
    Actor,
    AskedBy,
    AuditAction,
    AuditEntry,
    AuditNote,
    AuditTrail,
)

__all__ = [
    "MAX_ACTOR",
    "MAX_AUDIT_ENTRIES",
    "Actor",
    "AskedBy",
    "AuditAction",
    "AuditEntry",
    "AuditNote",
    "AuditTrail",
    "AuditedField",
    "differences",
]
