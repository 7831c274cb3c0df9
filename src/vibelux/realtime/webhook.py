"""Posts alerts to the operator's webhook: again until it has been taken, and never to where it must not go."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter
from pydantic import SecretStr

from vibelux.ingest.named_address import LookUp, Way, looked_up, ways
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
                for way in await self._ways():
                    try:
                        return await self._send(way, content)
                    except httpx2.TransportError as error:
                        failed = Unreachable(f"the webhook cannot be reached: {type(error).__name__}")
        except TimeoutError:
            failed = Unreachable("the webhook did not answer in time")
        raise failed

    async def _ways(self) -> Sequence[Way]:
        return await ways(
            self._url.get_secret_value(),
            what="the webhook",
            allow_private=self._allow_private,
            setting="ALERT_ALLOW_PRIVATE",
            look_up=self._look_up,
        )

    async def _send(self, way: Way, content: bytes) -> None:
        headers = {
            **way.headers,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **self._signed(content),
        }
        async with (
            httpx2.AsyncClient(timeout=_SECONDS, trust_env=False) as client,
            client.stream("POST", way.url, content=content, headers=headers, extensions=way.extensions) as reply,
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
