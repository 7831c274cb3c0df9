"""What a browser carries instead of a key: a signed cookie for the page, a one-time ticket for a socket."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from vibelux.market.clock import Clock
from vibelux.store.keys import Principal

COOKIE = "vibelux_session"
SESSION_LIFE = timedelta(hours=12)
TICKET_LIFE = timedelta(seconds=60)
_MOST_TICKETS = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """The content of a cookie: whose key it stands for (None: the page on this machine), and until when."""

    key_id: str | None
    expires: int
    """Seconds since 1970, UTC."""


class Sessions:
    """Makes and reads session cookies. Nothing is kept: the signature is the proof."""

    def __init__(self, secret: bytes, wall: Clock) -> None:
        self._secret = secret
        self._wall = wall

    def issue(self, key_id: str | None) -> str:
        """The cookie's value for the owner of a key, or for the page on this machine."""
        expires = int((self._wall.now() + SESSION_LIFE).timestamp())
        body = base64.urlsafe_b64encode(msgspec.json.encode(Session(key_id, expires))).decode()
        return f"{body}.{self._sign(body)}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it was not made here or has expired."""
        body, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        session = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Session)
        return session if session.expires > self._wall.now().timestamp() else None

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, b"vibelux session " + body.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to open one socket for one facility."""

    caller: Principal
    facility_id: str
    expires: datetime


class Tickets:
    """Tickets that were given out and not yet used, in memory: they live a minute and serve once."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._open: dict[str, Ticket] = {}

    def issue(self, caller: Principal, facility_id: str) -> tuple[str, datetime]:
        """A ticket and the moment it expires (UTC)."""
        now = self._wall.now()
        for text in [text for text, ticket in self._open.items() if ticket.expires <= now]:
            del self._open[text]
        while len(self._open) >= _MOST_TICKETS:
            del self._open[next(iter(self._open))]
        text = secrets.token_urlsafe(24)
        self._open[text] = Ticket(caller, facility_id, now + TICKET_LIFE)
        return text, now + TICKET_LIFE

    def redeem(self, text: str, facility_id: str) -> Principal | None:
        """Who got the ticket, once, in time and for that facility; else None."""
        ticket = self._open.pop(text, None)
        if ticket is None or ticket.expires <= self._wall.now() or ticket.facility_id != facility_id:
            return None
        return ticket.caller
