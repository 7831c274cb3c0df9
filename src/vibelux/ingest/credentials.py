"""The keys of upstreams: signs requests by a feed's scheme, and keeps keys out of everything that is written down."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from json import dumps
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urlsplit, urlunsplit

import msgspec
from pydantic import SecretStr

from vibelux.feeds import Feed, Request, Service
from vibelux.ingest.tokens import Exchange, VtnToken
from vibelux.market.errors import AccessDenied, UpstreamError

TOKEN_SERVICE = Service("ercotb2c.b2clogin.com", seconds_between=1.0, timeout_seconds=30.0, max_body_bytes=1 << 20)
_TOKEN_URL = "https://ercotb2c.b2clogin.com/ercotb2c.onmicrosoft.com/B2C_1_PUBAPI-ROPC-FLOW/oauth2/v2.0/token"  # noqa: S105 (an address)
_ERCOT_CLIENT = "fec253ea-0d06-4272-a5e6-b478baeecd70"
"""The public client id that ERCOT gives to everybody."""
_TOKEN_LIFE = timedelta(seconds=3_600)
_RENEW_BEFORE = timedelta(minutes=5)
_HOSTS = {"eia": "api.eia.gov", "ercot": "api.ercot.com"}
"""The only host that gets the keys of a scheme, where the same feed asks keyless hosts too."""
_SUBSCRIPTION = "Ocp-Apim-Subscription-Key"
_SHORTEST_SECRET = 6
"""A shorter one would be found in every second file."""
_HIDDEN = "***"
_BINARY = (b"PK", b"\x1f\x8b", b"%PDF", b"\xd0\xcf\x11\xe0")


class _TokenReply(msgspec.Struct):
    id_token: str


class Credentials:
    """What the settings hold of keys, users and passwords, by the name of the setting.

    Args:
        settings: secrets, by the setting's name.
        vtn_token_url: where a VTN's tokens are asked for, if not below its own address.
    """

    def __init__(
        self, settings: Mapping[str, SecretStr | str | None] | None = None, *, vtn_token_url: str | None = None
    ) -> None:
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in (settings or {}).items()
        }
        self._secrets = {name: SecretStr(value) for name, value in plain.items() if value}
        self._token: SecretStr | None = None
        self._token_until: datetime | None = None
        self._renewing = asyncio.Lock()
        self._vtn_token = VtnToken(vtn_token_url)

    def missing(self, what: Feed | Request) -> tuple[str, ...]:
        """The settings that a feed or a request needs and that are not there; `A|B` where one of them is enough."""
        return tuple(need for need in what.needs_key if not any(name in self._secrets for name in need.split("|")))

    async def signed(self, feed: Feed, request: Request, now: datetime, exchange: Exchange) -> Request:
        """The request with what `feed.auth` asks for; a request to another host than the scheme's gets no key.

        Args:
            feed: whose scheme counts.
            request: without keys.
            now: UTC, for the age of tokens.
            exchange: how a token is asked for.

        Raises:
            AccessDenied: a setting is missing; the text names it.
            FeedError: the token could not be had.
        """
        scheme = _scheme(feed, request)
        if scheme == "pjm":
            return self._pjm(request)
        if scheme == "ercot":
            token = await self._ercot_token(now, exchange)
            key = self._need("ERCOT_API_KEY")
            return _with_headers(request, {"Authorization": f"Bearer {token}", _SUBSCRIPTION: key})
        if scheme == "openadr":
            return await self._openadr(request, now, exchange)
        if scheme == "eia":
            return replace(request, url=_with_query(request.url, "api_key", self._need("EIA_API_KEY")))
        return request

    def renew(self, feed: Feed, request: Request) -> bool:
        """After a refusal: forgets a token, so that the next request asks for a new one; False where there is none."""
        if _scheme(feed, request) == "openadr":
            return self._vtn_token.forget()
        if _scheme(feed, request) != "ercot" or self._token is None:
            return False
        self._token = None
        return True

    def hidden(self, text: str) -> str:
        """The text with every secret in it, in whatever spelling, replaced."""
        for spelling in self._spellings():
            text = text.replace(spelling, _HIDDEN)
        return text

    def redacted(self, body: bytes) -> bytes:
        """The bytes without keys: some upstreams echo the request. Archives and pictures are left as they are."""
        if body.startswith(_BINARY):
            return body
        for spelling in self._spellings():
            body = body.replace(spelling.encode(), _HIDDEN.encode())
        return body

    def _spellings(self) -> list[str]:
        held = [*self._secrets.values(), *(token for token in (self._token, self._vtn_token.value) if token)]
        values = [secret.get_secret_value() for secret in held]
        basic = self._basic()
        known = [value for value in [*values, *([basic] if basic else [])] if len(value) >= _SHORTEST_SECRET]
        spelled = {
            form for value in known for form in (value, quote(value, safe=""), quote_plus(value), dumps(value)[1:-1])
        }
        return sorted(spelled, key=len, reverse=True)

    def _need(self, name: str) -> str:
        secret = self._secrets.get(name)
        if secret is None:
            raise AccessDenied(f"{name} is not set")
        return secret.get_secret_value()

    def _basic(self) -> str | None:
        user, password = (self._secrets.get(name) for name in ("PJM_USERNAME", "PJM_PASSWORD"))
        if user is None or password is None:
            return None
        return base64.b64encode(f"{user.get_secret_value()}:{password.get_secret_value()}".encode()).decode()

    def _pjm(self, request: Request) -> Request:
        if "PJM_API_KEY" in self._secrets:
            return _with_headers(request, {_SUBSCRIPTION: self._need("PJM_API_KEY")})
        basic = self._basic()
        if basic is None:
            raise AccessDenied("neither PJM_API_KEY nor PJM_USERNAME with PJM_PASSWORD is set")
        return _with_headers(request, {"Authorization": f"Basic {basic}"})

    async def _openadr(self, request: Request, now: datetime, exchange: Exchange) -> Request:
        """With a token of the client, or the operator's own; a VTN that is open to all gets none."""
        if "OPENADR_CLIENT_ID" in self._secrets:
            client = self._need("OPENADR_CLIENT_ID"), self._need("OPENADR_CLIENT_SECRET")
            token = await self._vtn_token.get(*client, now, exchange)
        elif "OPENADR_API_KEY" in self._secrets:
            token = self._need("OPENADR_API_KEY")
        else:
            return request
        return _with_headers(request, {"Authorization": f"Bearer {token}"})

    async def _ercot_token(self, now: datetime, exchange: Exchange) -> str:
        """An id token; it is renewed some minutes before it ends, by one caller for all."""
        async with self._renewing:
            if self._token is None or self._token_until is None or now >= self._token_until - _RENEW_BEFORE:
                form = {
                    "grant_type": "password",
                    "username": self._need("ERCOT_USERNAME"),
                    "password": self._need("ERCOT_PASSWORD"),
                    "response_type": "id_token",
                    "scope": f"openid {_ERCOT_CLIENT} offline_access",
                    "client_id": _ERCOT_CLIENT,
                }
                kind = {"Content-Type": "application/x-www-form-urlencoded"}
                asked = Request(_TOKEN_URL, headers=kind, method="POST", body=urlencode(form).encode())
                try:
                    reply = msgspec.json.decode(await exchange(asked, TOKEN_SERVICE), type=_TokenReply)
                except (msgspec.DecodeError, UpstreamError) as error:
                    check = "check ERCOT_USERNAME and ERCOT_PASSWORD"
                    raise AccessDenied(f"ERCOT gave no token ({error}); {check}") from None
                self._token = SecretStr(reply.id_token)
                self._token_until = now + _TOKEN_LIFE
            return self._token.get_secret_value()


def _scheme(feed: Feed, request: Request) -> str:
    """How the request is signed; empty: not at all."""
    host = _HOSTS.get(feed.auth)
    return feed.auth if host is None or urlsplit(request.url).hostname == host else ""


def _with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


def _with_query(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), (name, value)]
    return urlunsplit(parts._replace(query=urlencode(query)))
