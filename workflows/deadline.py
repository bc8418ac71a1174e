"""Updates with a deadline: what a caller was told has failed is not done later."""

from datetime import datetime

from pydantic import BaseModel
from temporalio.exceptions import ApplicationError

from hookwright.temporal import ErrorType
from hookwright.times import Timestamp


class Deadline(BaseModel):
    """What the argument of an update begins with: until when its caller waits for it.

    Without a worker an update waits, though its caller is long gone with a 503 and perhaps repeated
    it: a secret that nobody knows, or a second endpoint, would come of that.
    """

    not_after: Timestamp | None = None

    def refuse_when_late(self, now: datetime) -> None:
        """Raise ApplicationError if nobody waits for this any more."""
        if self.not_after and now > self.not_after:
            raise ApplicationError("nobody waits for this any more", type=ErrorType.LATE)
