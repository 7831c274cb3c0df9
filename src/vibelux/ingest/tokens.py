"""Bearer tokens of OAuth 2.0 client credentials: asked for once, renewed before they end, by one caller for all."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from pydantic import SecretStr

from vibelux.feeds import Request, Service
from vibelux.market.errors import AccessDenied, Corrupt, UpstreamError

VTN_TOKENS = Service("OpenADR tokens", seconds_between=1.0, timeout_seconds=30.0, max_body_bytes=1 << 20)
_LIFE = 3_600.0
"""Seconds, where the answer does not tell."""
_RENEW_BEFORE = timedelta(seconds=60)

Exchange = Callable[[Request, Service], Awaitable[bytes]]
"""Sends a request to a service and gives the body of its answer."""


class _Reply(msgspec.Struct):
    access_token: str
    expires_in: float = _LIFE


class VtnToken:
    """The token of a VTN.

    Args:
        url: where the operator has tokens asked for; None: `auth/token` below the VTN's own address.
    """

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._until: datetime | None = None
        self._asking = asyncio.Lock()
        self.value: SecretStr | None = None

    async def get(self, client_id: str, client_secret: str, now: datetime, exchange: Exchange) -> str:
        """A token that is good for a minute at least.

        Raises:
            AccessDenied: the client is refused, or the answer holds no token.
            FeedError: no answer could be had.
        """
        async with self._asking:
            if self.value is None or self._until is None or now >= self._until:
                form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
                asked = Request(
                    self._url or "https://vtn.openadr.invalid/auth/token",
                    headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                    method="POST",
                    body=urlencode(form).encode(),
                    own_address=self._url is not None,
                )
                try:
                    reply = msgspec.json.decode(await exchange(asked, VTN_TOKENS), type=_Reply)
                except (msgspec.DecodeError, UpstreamError, AccessDenied, Corrupt) as error:
                    check = "check OPENADR_CLIENT_ID, OPENADR_CLIENT_SECRET and OPENADR_TOKEN_URL"
                    raise AccessDenied(f"the VTN gave no token ({error}); {check}") from None
                self.value = SecretStr(reply.access_token)
                life = timedelta(seconds=min(max(reply.expires_in, 0.0), 1e7))
                self._until = now + life - min(_RENEW_BEFORE, life / 2)
            return self.value.get_secret_value()

    def forget(self) -> bool:
        """After a refusal; False where there is nothing to forget."""
        known, self.value = self.value is not None, None
        return known
