"""What is asked and answered: one question, one answer. Frames are polars; `.to_pandas()` where pandas is installed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx2
import msgspec

from vibelux.client.answers import Answer, Message
from vibelux.client.errors import ClientError, Refused, Unreachable, refused
from vibelux.client.live import listen
from vibelux.market.intervals import iso_z

if TYPE_CHECKING:
    import polars as pl

Asked = Mapping[str, str | datetime | None]


class Client:
    """A connection to one service with one key. All methods raise `ClientError` and nothing else of the network's.

    Args:
        url: Where the service listens, without a path.
        key: As `vibelux keys create` prints it; scope `read`.
        timeout_seconds: How long one answer (of a file: its next piece) is waited for.
    """

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 30.0) -> None:
        self._url = url.rstrip("/")
        self._key = key
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=self._url, headers=headers, timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the connections."""
        self._http.close()

    def facilities(self) -> list[dict[str, Any]]:
        """The facilities of the key, each with `id`, `name` and what the service tells of it."""
        found: list[dict[str, Any]] = self._json("/api/facilities")["facilities"]
        return found

    def decision(self, facility_id: str, *, at: datetime | None = None) -> Answer:
        """The decision now, or the one that held at a moment."""
        body = self._ask("/api/chp/decision", {"facilityId": facility_id, "at": at})
        return msgspec.json.decode(body, type=Answer)

    def schedule(self, facility_id: str) -> "pl.DataFrame":
        """The plan to its horizon, a row a step with `start` and `end` in UTC; empty where there is no plan."""
        import polars as pl

        rows = self._json("/api/chp/schedule", {"facilityId": facility_id})["rows"]
        return _timed(pl.DataFrame(rows, infer_schema_length=None))

    def savings(
        self,
        facility_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        by: Literal["hour", "day", "month"] = "day",
    ) -> "pl.DataFrame":
        """The ledger, a row a period: what was decided has cost, and what each baseline would have, in USD."""
        return _timed(self._frame("/api/savings", {"facilityId": facility_id, "from": start, "to": end, "by": by}))

    def savings_totals(self, facility_id: str) -> dict[str, Any]:
        """Today, this month and this year by the facility's calendar."""
        return self._json("/api/savings/totals", {"facilityId": facility_id})

    def latest_price(self, region: str, *, node: str | None = None, market: str | None = None) -> dict[str, Any]:
        """The newest price of a grid or hub in USD/kWh, with `quality`, `ageSeconds` and `origin`."""
        return self._json("/api/market/latest", {"region": region, "node": node, "market": market})

    def prices(
        self,
        region: str,
        *,
        node: str | None = None,
        market: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        as_of: datetime | None = None,
    ) -> "pl.DataFrame":
        """Electricity prices, USD/kWh: the last day of the grid's real-time market unless told otherwise.

        With `as_of` those that were known at that moment, before later corrections.
        """
        asked = {"region": region, "node": node, "market": market, "from": start, "to": end, "asOf": as_of}
        return self._frame("/api/market/prices", asked)

    def gas(
        self, hub: str | None = None, *, start: datetime | None = None, end: datetime | None = None
    ) -> "pl.DataFrame":
        """Gas prices, USD/MMBtu (HHV): of the last year unless told otherwise."""
        return self._frame("/api/market/gas", {"hub": hub, "from": start, "to": end})

    def carbon(
        self, market: str | None = None, *, start: datetime | None = None, end: datetime | None = None
    ) -> "pl.DataFrame":
        """Carbon prices, USD per metric ton: of the last year unless told otherwise."""
        return self._frame("/api/market/carbon", {"market": market, "from": start, "to": end})

    def listen(self, facility_id: str, *, since: int | None = None) -> Iterator[Message]:
        """Messages as they come, each once and in order; goes on by itself where a break or a restart stopped it.

        Begins with a `snapshot`, or with what followed message `since`. A `snapshot` later on means that what was
        missed is no longer kept; a `resync` that this reader was too slow. Ends only by an error or by its reader.

        Raises:
            Unreachable: the first connection does not come about.
            Refused: the key does not open the facility, or does no longer.
        """
        return listen(f"ws{self._url.removeprefix('http')}", self._key, facility_id, since)

    def _frame(self, path: str, asked: Asked) -> "pl.DataFrame":
        import polars as pl

        return pl.read_ipc(self._ask(path, {**asked, "format": "arrow"}))

    def _json(self, path: str, asked: Asked | None = None) -> dict[str, Any]:
        return msgspec.json.decode(self._ask(path, asked or {}), type=dict[str, Any])

    def _ask(self, path: str, asked: Asked) -> bytes:
        params = {name: _text(value) for name, value in asked.items() if value is not None}
        try:
            reply = self._http.get(path, params=params)
        except httpx2.TransportError as error:
            raise Unreachable(f"no answer from {self._url}: {type(error).__name__}") from error
        if reply.is_success:
            return reply.content
        raise _refusal(reply)


def _timed(frame: "pl.DataFrame") -> "pl.DataFrame":
    """With `start` and `end` as times, where they came as text."""
    import polars as pl

    times = [name for name in ("start", "end") if name in frame.columns]
    return frame.with_columns(pl.col(times).str.to_datetime(time_unit="us", time_zone="UTC"))


def _text(value: str | datetime) -> str:
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ClientError(f"{value} has no time zone: give one, such as datetime.UTC")
    return iso_z(value)


def _refusal(reply: httpx2.Response) -> Refused:
    """The service's own words, `error: detail`; a proxy in between may have answered in its own way."""
    try:
        body = msgspec.json.decode(reply.content, type=dict[str, Any])
    except msgspec.DecodeError:
        body = {"error": reply.reason_phrase}
    words = ": ".join(str(body[name]) for name in ("error", "detail") if body.get(name))
    after = reply.headers.get("retry-after", "")
    return refused(reply.status_code, words, float(after) if after.isdecimal() else None)
