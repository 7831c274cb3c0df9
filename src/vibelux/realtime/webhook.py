"""Posts alerts to the operator's webhook: again until it has been taken, and never to where it must not go.

The address is looked up once, every address that the name has is judged, and the connection goes to the judged
address, so that a name which points elsewhere a moment later gains nothing. Redirects are not followed.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter
from pydantic import SecretStr

from vibelux.ingest.wire import USER_AGENT
from vibelux.market.clock import Clock
from vibelux.market.errors import ConfigError, StoreUnavailable, Throttled, Unreachable, VibeluxError
from vibelux.store.alerts import Post, next_post, post_done, post_failed
from vibelux.store.database import Database

log = structlog.get_logger(__name__)

_SECONDS = 10.0
_HOLD_SECONDS = 60.0
_IDLE_SECONDS = 2.0
_MOST_ATTEMPTS = 10
_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 600.0
_LONGEST_PATIENCE_SECONDS = 3600.0
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to all its addresses."""


def is_public(address: Address) -> bool:
    """Whether an address is everybody's: no network of one's own, this machine, or one that hides such a one.

    >>> [is_public(ipaddress.ip_address(one)) for one in ("93.184.215.14", "10.0.0.1", "::ffff:127.0.0.1", "::1")]
    [True, False, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


async def looked_up(host: str, port: int) -> Sequence[str]:
    """All addresses of a name, by the machine's own resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Webhook:
    """One address that takes JSON.

    Args:
        url: https, or, where private addresses are allowed, http.
        secret: signs what is sent; None: it is not signed.
        allow_private: whether it may be an address of one's own network or this machine.
        wall: the clock of signatures.
        look_up: who knows the addresses of names.
    """

    def __init__(
        self,
        url: SecretStr,
        secret: SecretStr | None,
        *,
        allow_private: bool,
        wall: Clock,
        look_up: LookUp = looked_up,
    ) -> None:
        self._url = url
        self._secret = secret
        self._allow_private = allow_private
        self._wall = wall
        self._look_up = look_up

    async def post(self, body: Mapping[str, Any]) -> None:
        """Delivers a body.

        Raises:
            ConfigError: it must not go there, or is not wanted: another try would change nothing. No text of an
                error holds anything of the address, which may be a secret.
            Unreachable: it did not arrive; another try may do better.
            Throttled: the same, and the receiver asks for patience.
        """
        content = msgspec.json.encode(body)
        failed = Unreachable("the webhook's name has no address")
        try:
            async with asyncio.timeout(_SECONDS):
                for address in await self._addresses():
                    try:
                        return await self._send(address, content)
                    except httpx2.TransportError as error:
                        failed = Unreachable(f"the webhook cannot be reached: {type(error).__name__}")
        except TimeoutError:
            failed = Unreachable("the webhook did not answer in time")
        raise failed

    async def _addresses(self) -> Sequence[Address]:
        parts = urlsplit(self._url.get_secret_value())
        if parts.scheme != "https" and not self._allow_private:
            raise ConfigError("a webhook in the open network has to be https")
        try:
            found = await self._look_up(parts.hostname or "", parts.port or _port(parts.scheme))
        except OSError as error:
            raise Unreachable("the webhook's name cannot be looked up") from error
        addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        if not self._allow_private and not all(map(is_public, addresses)):
            raise ConfigError(
                "the webhook is in a private network or on this machine; ALERT_ALLOW_PRIVATE=true allows it"
            )
        return addresses

    async def _send(self, address: Address, content: bytes) -> None:
        parts = urlsplit(self._url.get_secret_value())
        literal = f"[{address}]" if address.version == 6 else str(address)
        place = f"{literal}:{parts.port or _port(parts.scheme)}"
        target = urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))
        headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **self._signed(content),
        }
        extensions = {"sni_hostname": parts.hostname}
        async with (
            httpx2.AsyncClient(timeout=_SECONDS, trust_env=False) as client,
            client.stream("POST", target, content=content, headers=headers, extensions=extensions) as reply,
        ):
            status = reply.status_code
            if status in _WORTH_ANOTHER_TRY or status >= 500:
                wait = reply.headers.get("retry-after", "")
                seconds = float(wait) if wait.isascii() and wait.isdigit() else None
                raise Throttled(f"the webhook answered {status}", retry_after_seconds=seconds)
            if not 200 <= status < 300:
                raise ConfigError(f"the webhook answered {status}")

    def _signed(self, content: bytes) -> dict[str, str]:
        if self._secret is None:
            return {}
        stamp = str(int(self._wall.now().timestamp()))
        signed = hmac.new(self._secret.get_secret_value().encode(), f"{stamp}.".encode() + content, hashlib.sha256)
        return {"X-Vibelux-Timestamp": stamp, "X-Vibelux-Signature": f"sha256={signed.hexdigest()}"}


class Poster:
    """Delivers what waits in the database.

    Args:
        db: where alerts lay their posts.
        webhook: where they go.
        registry: of the metric.
    """

    def __init__(self, db: Database, webhook: Webhook, registry: CollectorRegistry) -> None:
        self._db = db
        self._webhook = webhook
        self._posts = Counter(
            "vibelux_alert_posts_total",
            "Posts to the webhook: delivered, failed (tried again), or given up.",
            ("outcome",),
            registry=registry,
        )

    async def run(self) -> None:
        """Delivers until cancelled."""
        while True:
            try:
                while (post := await next_post(self._db, _HOLD_SECONDS)) is not None:
                    await self._deliver(post)
            except StoreUnavailable as error:
                log.info("the store is away; alerts wait", error=str(error))
            await asyncio.sleep(_IDLE_SECONDS)

    async def _deliver(self, post: Post) -> None:
        try:
            await self._webhook.post(post.body)
        except (Unreachable, Throttled) as error:
            if post.attempts < _MOST_ATTEMPTS:
                asked = (error.retry_after_seconds if isinstance(error, Throttled) else None) or 0.0
                wait = max(
                    min(_FIRST_WAIT_SECONDS * 2.0 ** (post.attempts - 1), _LONGEST_WAIT_SECONDS),
                    min(asked, _LONGEST_PATIENCE_SECONDS),
                )
                log.warning("an alert is not delivered yet", error=str(error), attempts=post.attempts)
                await post_failed(self._db, post.id, str(error), wait)
                self._posts.labels("failed").inc()
            else:
                await self._give_up(post, error)
        except ConfigError as error:
            await self._give_up(post, error)
        else:
            await post_done(self._db, post.id)
            self._posts.labels("delivered").inc()

    async def _give_up(self, post: Post, error: VibeluxError) -> None:
        log.error("an alert is not delivered", error=str(error), attempts=post.attempts)
        await post_done(self._db, post.id, str(error))
        self._posts.labels("given up").inc()


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
