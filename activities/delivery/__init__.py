"""The attempts of deliveries, and what endpoints are told of them."""

from activities.delivery.attempts import Attempts
from activities.delivery.ledger import Ledger
from activities.delivery.report_queue import Reporter
from activities.delivery.reports import Telling
from activities.delivery.request import Posting

__all__ = ["Attempts", "Ledger", "Posting", "Reporter", "Telling"]
