"""Tiers: how much of the API a tenant has."""

from enum import StrEnum


class Tier(StrEnum):
    """What a tenant has paid for; the API's rate limits go by it."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"
