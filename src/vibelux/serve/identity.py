"""Bearer tokens of an identity provider: JSON Web Tokens, checked against its published keys."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import msgspec
import structlog

from vibelux.market.clock import Clock
from vibelux.market.errors import VibeluxError
from vibelux.store.keys import SCOPES, Principal

_log = structlog.get_logger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures only: with a shared secret whoever can check a token could make one."""
JWT_ID = "jwt:"
"""How the ids of callers with a token begin; a key's is a UUID."""
NONE_OF_THEM = frozenset({""})
"""Facilities of a caller who has none: no facility has an empty id."""

_LEEWAY = timedelta(seconds=30)
_ASK_AGAIN_SECONDS = 30.0
_GOOD_FOR_SECONDS = 3600.0
_LONGEST = 8192
_CLAIMS = {"require": ["exp", "sub", "iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
"""Moments are compared here, by the clock that the rest of the house goes by."""

Fetch = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens are believed, and where they say what their bearer may do."""

    issuer: str
    audience: str
    scopes_claim: str = "scope"
    """A text with spaces or a list; a dot leads into an object (`realm_access.roles`)."""
    facilities_claim: str = "facilities"
    """The same; `*` is all, and without the claim its bearer has none."""


class IdentityProvider:
    """Turns a token into a caller.

    Args:
        trust: whose tokens.
        fetch: gives the provider's JSON Web Key Set.
        wall: the clock of expiries.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self, trust: Trust, fetch: Fetch, wall: Clock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._trust = trust
        self._fetch = fetch
        self._wall = wall
        self._monotonic = monotonic
        self._keys: dict[str, _Key] = {}
        self._asked: float | None = None
        self._asking = asyncio.Lock()

    async def principal(self, token: str) -> Principal | None:
        """Who bears the token; None when it is not the provider's, not for us, or not good now."""
        if len(token) > _LONGEST:
            return None
        try:
            head = jwt.get_unverified_header(token)
            algorithm = head.get("alg")
            key = await self._key(head.get("kid")) if algorithm in ALGORITHMS else None
            if key is None or key.declared not in {None, algorithm}:
                return None
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[str(algorithm)],
                audience=self._trust.audience,
                issuer=self._trust.issuer,
                options=_CLAIMS,  # type: ignore[arg-type] # its type knows no subsets
            )
            return self._caller(claims)
        except (jwt.PyJWTError, ValueError, OverflowError, TypeError) as refused:
            _log.debug("token refused", why=type(refused).__name__)
            return None

    def _caller(self, claims: Mapping[str, Any]) -> Principal | None:
        """The bearer of verified claims."""
        now = self._wall.now()
        expires = _moment(claims["exp"])
        subject = claims["sub"]
        if now >= expires + _LEEWAY or ("nbf" in claims and now < _moment(claims["nbf"]) - _LEEWAY):
            return None
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            return None
        facilities = _texts(claims, self._trust.facilities_claim)
        return Principal(
            id=JWT_ID + subject,
            name=subject,
            scopes=frozenset(_texts(claims, self._trust.scopes_claim)) & frozenset(SCOPES),
            facilities=frozenset() if "*" in facilities else frozenset(facilities) or NONE_OF_THEM,
            expires=expires + _LEEWAY,
        )

    async def _key(self, kid: object) -> "_Key | None":
        """The provider's key of that name; asked for anew when unknown or old, at most every half minute."""
        name = kid if isinstance(kid, str) else ""
        if name not in self._keys or self._age() > _GOOD_FOR_SECONDS:
            async with self._asking:
                if self._age() > (_ASK_AGAIN_SECONDS if name not in self._keys else _GOOD_FOR_SECONDS):
                    await self._ask()
        return self._keys.get(name)

    def _age(self) -> float:
        return float("inf") if self._asked is None else self._monotonic() - self._asked

    async def _ask(self) -> None:
        """Fetches the key set. A provider that is away leaves what is known as it is."""
        self._asked = self._monotonic()
        try:
            self._keys = _usable(await self._fetch())
        except (VibeluxError, ValueError) as error:
            _log.warning("the identity provider's keys cannot be read", error=str(error))


@dataclass(frozen=True, slots=True)
class _Key:
    public: Any
    declared: str | None
    """The one algorithm it is for, where the provider says so."""


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


def _usable(text: bytes) -> dict[str, _Key]:
    """The keys of a key set that check signatures, by name.

    Raises:
        ValueError: it is no key set.
    """
    keys = {}
    for one in msgspec.json.decode(text, type=_KeySet).keys:
        if one.get("kty") != "oct" and one.get("use", "sig") == "sig":
            try:
                keys[str(one.get("kid", ""))] = _Key(jwt.PyJWK.from_dict(one).key, one.get("alg"))
            except jwt.PyJWTError as error:
                _log.debug("a key of the identity provider is of no use here", why=str(error))
    return keys


def _moment(seconds: object) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError("a claim that should be a moment is none")
    return datetime.fromtimestamp(seconds, UTC)


def _texts(claims: Mapping[str, Any], claim: str) -> list[str]:
    """A claim's words, however a provider writes them."""
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for step in claim.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []
