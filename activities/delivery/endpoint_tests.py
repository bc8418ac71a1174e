"""The activity of `EndpointTest`."""

from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.delivery.request import WebhookRequest, WebhookSender
from activities.endpoint_snapshots import EndpointSnapshots
from activities.shares import TESTS, NoRoomError, Shares
from hookwright.models import Attempt, EndpointTestInput
from hookwright.outcomes import Trigger
from hookwright.temporal import ActivityName, ErrorType


@dataclass(frozen=True)
class EndpointTestActivities:
    """Sends test events, for which a person waits."""

    endpoints: EndpointSnapshots
    sender: WebhookSender
    shares: Shares = field(default_factory=lambda: Shares(TESTS), init=False)

    @activity.defn(name=ActivityName.SEND_TEST)
    async def send_test(self, test: EndpointTestInput) -> Attempt:
        """Send a test event, whatever the endpoint's status. It is not counted or reported.

        Raises:
            ApplicationError: the endpoint was deleted, or too many tests are under way. It is not
                retried.
        """
        endpoint = await self.endpoints.current(test.event.tenant_id, test.endpoint_id)
        if endpoint is None:
            raise ApplicationError("deleted", type=ErrorType.ENDPOINT_DELETED, non_retryable=True)
        request = WebhookRequest(
            endpoint=endpoint,
            event=test.event,
            happened_at=activity.info().scheduled_time,
            number=1,
            trigger=Trigger.TEST,
        )
        try:
            with self.shares.take(endpoint.tenant_id, endpoint.endpoint_id):
                sent = await self.sender.send(request)
        except NoRoomError as error:
            raise ApplicationError(str(error), type=ErrorType.BUSY, non_retryable=True) from None
        return sent.attempt
