"""The attempts of deliveries, and the reports of them to endpoints."""

from activities.delivery.attempts import DeliveryActivities
from activities.delivery.endpoint_tests import EndpointTestActivities
from activities.delivery.hand_overs import HandOvers
from activities.delivery.ledger import Ledger
from activities.delivery.queue_places import QueuePlaces
from activities.delivery.report_queue import ReportQueue
from activities.delivery.reports import DeliveryReports
from activities.delivery.request import WebhookSender
from activities.delivery.runner import AttemptRunner

__all__ = [
    "AttemptRunner",
    "DeliveryActivities",
    "DeliveryReports",
    "EndpointTestActivities",
    "HandOvers",
    "Ledger",
    "QueuePlaces",
    "ReportQueue",
    "WebhookSender",
]
