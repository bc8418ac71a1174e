"""What the arguments of updates have in common: a deadline, and who asks.

An update whose caller got an error is not done later.
"""

from datetime import datetime

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from hookwright.audit import AskedBy
    from hookwright.temporal import ErrorType
    from hookwright.times import Timestamp


class Deadline(BaseModel):
    """The base of the arguments of updates: until when the caller waits for the answer.

    While there is no worker, an update waits. Its caller got a 503 long ago, and may have repeated
    the request. An update that is done after that could make a secret that nobody knows, or a
    second endpoint.
    """

    not_after: Timestamp | None = None

    def refuse_when_late(self, now: datetime) -> None:
        """Raise ApplicationError if the caller no longer waits for the answer."""
        if self.not_after and now > self.not_after:
            raise ApplicationError("the caller no longer waits for this", type=ErrorType.LATE)


class AuditedUpdate(Deadline, AskedBy):
    """The base of the arguments of updates that the audit trail tells."""
