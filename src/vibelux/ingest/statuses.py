"""What an HTTP status that is no success means, in the words of the error tree."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from vibelux.feeds import Feed, Request
from vibelux.market.errors import AccessDenied, FeedError, NotYetPublished, Throttled, Unreachable, UpstreamError

_SECONDS_IN_TEXT = re.compile(r"(?:in|after) (\d{1,6}) seconds")
_OF_A_TIME = re.compile(r"\d{4}")
"""In the path of a file that belongs to a year, a day or an hour."""
_EXCERPT = 240
_PROBLEM = re.compile(rb'"type"\s*:\s*"[^"]*/problems/(\w+)"')
_ADVICE = {
    "InvalidPoint": "; it covers the United States only: mend latitude and longitude, or take another source of weather"
    " (OPEN_METEO_ENABLED=true accepts the terms of Open-Meteo)"
}
"""What to do about problems of api.weather.gov, by the last word of their type."""


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, feed: Feed, request: Request, now: datetime
) -> FeedError:
    """The error that a reply stands for.

    Args:
        status: anything but 2xx and 304.
        headers: of the reply, names in lower case.
        body: its beginning.
        feed: for whom it was asked.
        request: as the feed wanted it, without keys.
        now: the moment of the reply, UTC.
    """
    url = urlsplit(request.url)
    said = " ".join(re.sub(r"<[^>]*>", " ", body[:_EXCERPT].decode("utf-8", "replace")).split())
    text = f"{feed.name}: HTTP {status} from {url.hostname}" + (f": {said}" if said else "")
    if status == 429:
        return Throttled(text, retry_after_seconds=patience(headers, body, now))
    if status in {401, 403}:
        keys = " and ".join(name.replace("|", " or ") for name in feed.needs_key)
        turned_away = "; it needs no key, so the address or the client is turned away (is OPERATOR_CONTACT set?)"
        return AccessDenied(text + (f"; set {keys}" if keys else turned_away))
    if status == 404 and (problem := _PROBLEM.search(body)) is not None:
        code = problem[1].decode()
        return UpstreamError(text + _ADVICE.get(code, ""), code=code)
    if status == 404 and url.path != urlsplit(feed.url).path and _OF_A_TIME.search(url.path):
        return NotYetPublished(text)  # a file of a day or an hour; any other address is gone, or an id has a new name
    if status in {404, 408} or status >= 500 or status < 400:
        return Unreachable(text, status=status)
    return UpstreamError(text, code=str(status))


def worth_a_retry(error: FeedError) -> bool:
    """Whether the same request may succeed in a moment: no reply, too busy, or a fault on the other side."""
    if isinstance(error, Unreachable):
        return error.status is None or error.status == 408 or error.status >= 500
    return isinstance(error, Throttled)


def patience(headers: Mapping[str, str], body: bytes, now: datetime) -> float | None:
    """The seconds that upstream asks for: `Retry-After` as number or date, else a sentence in the body; or None."""
    said = headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said[:9])
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        match = _SECONDS_IN_TEXT.search(body[:1024].decode("utf-8", "replace"))
        return float(match.group(1)) if match else None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
