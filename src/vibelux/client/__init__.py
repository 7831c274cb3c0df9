"""A client of the service for notebooks and scripts: decisions and plans, prices as frames, the live stream."""

from vibelux.client.answers import Ages, Answer, Decision, MarketConditions, Message, Origins, Qualities, Unit
from vibelux.client.errors import ClientError, Forbidden, NotFound, Refused, TooMany, Unauthorized, Unreachable
from vibelux.client.rest import Client

__all__ = [
    "Ages",
    "Answer",
    "Client",
    "ClientError",
    "Decision",
    "Forbidden",
    "MarketConditions",
    "Message",
    "NotFound",
    "Origins",
    "Qualities",
    "Refused",
    "TooMany",
    "Unauthorized",
    "Unit",
    "Unreachable",
]
