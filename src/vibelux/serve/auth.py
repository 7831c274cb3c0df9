"""Who asks: a key or a token in a header, or a page's session cookie; and what is refused before anything is read."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from vibelux.serve.buckets import Buckets
from vibelux.serve.errors import forbidden, not_found, too_many, unauthorized
from vibelux.serve.identity import JWT_ID
from vibelux.serve.peers import address, is_local, is_own_origin
from vibelux.serve.ports import Row, ServeState, Store
from vibelux.serve.sessions import COOKIE, Sessions, Tickets
from vibelux.store.keys import Principal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_WRONG_KEYS_AT_ONCE = 100
_WRONG_KEYS_A_SECOND = 2.0
_SECONDS_AT_ONCE = 10.0
"""Of its rate, a key may spend so many seconds at once."""

_PAGE_ON_THIS_MACHINE = Principal(
    id="", name="the page on this machine", scopes=frozenset({"read"}), facilities=frozenset()
)


class Door:
    """Turns what a request carries into a `Principal`."""

    def __init__(self, state: ServeState) -> None:
        self._state = state
        self.sessions = Sessions(state.session_secret, state.wall)
        self.tickets = Tickets(state.wall)
        self._wrong = Buckets(burst=_WRONG_KEYS_AT_ONCE, per_second=_WRONG_KEYS_A_SECOND)
        rate = state.requests_per_minute / 60
        self._asked = Buckets(burst=max(1.0, rate * _SECONDS_AT_ONCE), per_second=rate) if rate else None

    async def caller(self, connection: HTTPConnection) -> Principal:
        """Who asks; noted in the connection's state as `caller`.

        Raises:
            HTTPException: 401 without a valid key or session, 429 after too many wrong keys,
                403 for a write that comes from another site with our cookie.
        """
        key = key_in_headers(connection)
        if key is not None:
            caller = await self.caller_with_key(connection, key)
        else:
            caller = await self._caller_of_page(connection)
        connection.state.caller = caller
        return caller

    async def _caller_of_page(self, connection: HTTPConnection) -> Principal:
        caller = await self.caller_with_cookie(connection)
        if caller is None:
            raise unauthorized()
        method = connection.scope.get("method", "GET")
        if method not in SAFE_METHODS and not self.is_own(connection):
            raise forbidden("a page of another origin may not do this")
        return caller

    def pace(self, caller: Principal) -> None:
        """Counts a request of the caller.

        Raises:
            HTTPException: 429 when there were too many, with `Retry-After`.
        """
        if self._asked is None or caller is _PAGE_ON_THIS_MACHINE:
            return
        if seconds := self._asked.wait_seconds(caller.id):
            raise too_many(seconds, "requests")
        self._asked.spend(caller.id)

    async def caller_with_key(self, connection: HTTPConnection, key: str) -> Principal:
        """The owner of a key or token. Who asks from this machine is not slowed: it need not guess over HTTP.

        Raises:
            HTTPException: 401 for a wrong key, 429 after too many of them.
        """
        peer = None if is_local(connection) else address(connection)
        if peer is not None and (seconds := self._wrong.wait_seconds(peer)):
            raise too_many(seconds)
        caller = await self._known(key)
        if caller is None:
            if peer is not None:
                self._wrong.spend(peer)
            raise unauthorized()
        return caller

    async def _known(self, key: str) -> Principal | None:
        """The owner of a key or, where an identity provider is trusted, the bearer of its token."""
        if self._state.identity is not None and key.count(".") == 2:
            return await self._state.identity.principal(key)
        return await self._state.store.principal_with_key(key, self._state.wall.now())

    async def caller_with_cookie(self, connection: HTTPConnection) -> Principal | None:
        """The owner of the session, None without a valid one."""
        session = self.sessions.read(connection.cookies.get(COOKIE, ""))
        if session is None:
            return None
        if session.key_id is not None:
            return await self._state.store.principal_with_id(session.key_id, self._state.wall.now())
        return _PAGE_ON_THIS_MACHINE if self.page_needs_no_key(connection) else None

    async def caller_with_ticket(self, ticket: str, facility_id: str) -> Principal:
        """Who got the ticket.

        Raises:
            HTTPException: 401 when it is not good for this, or its key has ended since.
        """
        caller = self.tickets.redeem(ticket, facility_id)
        if caller is None:
            raise unauthorized()
        return await self.still(caller)

    async def still(self, caller: Principal) -> Principal:
        """The same caller as the store knows it now.

        Raises:
            HTTPException: 401 when its key or token has ended.
        """
        if caller is _PAGE_ON_THIS_MACHINE:
            return caller
        if caller.id.startswith(JWT_ID):
            if caller.expires is None or caller.expires <= self._state.wall.now():
                raise unauthorized()
            return caller
        current = await self._state.store.principal_with_id(caller.id, self._state.wall.now())
        if current is None:
            raise unauthorized()
        return current

    def is_own(self, connection: HTTPConnection) -> bool:
        """Whether a browser says that our own page asks."""
        return is_own_origin(connection, self._state.allowed_origins)

    def is_foreign(self, connection: HTTPConnection) -> bool:
        """Whether a browser says that another site's page asks. Programs say nothing."""
        return "origin" in connection.headers and not self.is_own(connection)

    def page_needs_no_key(self, connection: HTTPConnection) -> bool:
        """Whether the page is asked for on this machine, and that is allowed."""
        return self._state.allow_loopback_page and is_local(connection)

    async def facility(self, caller: Principal, facility_id: str, scope: str) -> Row:
        """The facility, if it is there and the caller's own.

        Raises:
            HTTPException: 404 for unknown and others' facilities alike, 403 when the scope is missing.
        """
        found = await self.store_of(caller).facility(facility_id) if caller.owns(facility_id) else None
        if found is None:
            raise not_found()
        need(caller, scope)
        return found

    async def sees(self, caller: Principal, facility_id: str) -> None:
        """Lets a caller pass who may read of the facility; that it is there may have been found a moment ago.

        Raises:
            HTTPException: as `facility`.
        """
        if not (caller.owns(facility_id) and await self.store_of(caller).has_facility(facility_id)):
            raise not_found()
        need(caller, "read")

    def store_of(self, caller: Principal) -> Store:
        """The store as far as it is the caller's."""
        return self._state.store.in_name_of(caller)


def key_in_headers(connection: HTTPConnection) -> str | None:
    """The key of `Authorization: Bearer` or `X-API-Key`; None when neither is there."""
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        return key.strip() if scheme.casefold() == "bearer" else ""
    return connection.headers.get("x-api-key")


def need(caller: Principal, scope: str) -> None:
    """Lets a caller with the scope pass.

    Raises:
        HTTPException: 403.
    """
    if not caller.may(scope):
        raise forbidden(f"the key lacks the scope {scope}")


def door_of(connection: HTTPConnection) -> Door:
    """The app's door."""
    door = connection.app.state.door
    if not isinstance(door, Door):
        raise TypeError("the app was not made by create_app")
    return door


def state_of(connection: HTTPConnection) -> ServeState:
    """The app's state."""
    state = connection.app.state.serve
    if not isinstance(state, ServeState):
        raise TypeError("the app was not made by create_app")
    return state


# The framework runs a dependency that is no coroutine in a thread; these two are a look at an attribute.
async def _door(connection: HTTPConnection) -> Door:
    return door_of(connection)


async def _state(connection: HTTPConnection) -> ServeState:
    return state_of(connection)


async def _caller(connection: HTTPConnection) -> Principal:
    door = door_of(connection)
    caller = await door.caller(connection)
    door.pace(caller)
    return caller


Asking = Annotated[Principal, Depends(_caller)]
"""Parameter of a route: the caller, known before anything else is looked at."""
DoorOf = Annotated[Door, Depends(_door)]


async def _reader(caller: Asking) -> Principal:
    need(caller, "read")
    return caller


async def _own_store(caller: Asking, door: DoorOf) -> Store:
    return door.store_of(caller)


KEY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key as `Authorization: Bearer KEY`."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
}
"""How keys are sent, for OpenAPI. The framework's own declarations would run with each request, for nothing."""
State = Annotated[ServeState, Depends(_state)]
Reading = Annotated[Principal, Depends(_reader)]
"""A caller with the scope `read`, judged before any other parameter."""
OwnStore = Annotated[Store, Depends(_own_store)]
"""The store in the caller's name."""
