"""ERCOT's document lists, keyless: a list of a report's recent documents, and each document as a zip.

`IceDocListJsonWS` lists some 5 to 31 days, CSV and XML twins interleaved; years back lie in workbooks under
lists of their own. What a document covers follows from the moment of its publication, which has an offset.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._json import parse_json_as
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.intervals import Interval, local_date, local_day, parse_utc

ERCOT = Service("www.ercot.com", seconds_between=1.0)
LIST_URL = "https://www.ercot.com/misapp/servlets/IceDocListJsonWS"
_DOWNLOAD_URL = "https://www.ercot.com/misdownload/servlets/mirDownload"


@dataclass(frozen=True, slots=True)
class Listed:
    """A report on the lists."""

    report_type: int
    covers: Callable[[datetime], Interval]
    """What a document is about, by the moment when it was published."""
    years: int | None = None
    """The list of yearly files, asked where the days wanted are older than the documents."""
    overlapping: bool = False
    """Whether a later document says anew what an earlier one said, so that it has to be read after it."""


def list_of(report: Listed) -> Request:
    """The list of a report's recent documents."""
    return _list(report.report_type)


def before(minutes: int) -> Callable[[datetime], Interval]:
    """Documents about the time before their publication, or given out within it."""
    return lambda published: Interval(published - timedelta(minutes=minutes), published)


def day_after(days: int) -> Callable[[datetime], Interval]:
    """Documents about the market day so many days after that of their publication."""
    return lambda published: local_day(local_date(published, ZONE) + timedelta(days=days), ZONE)


def ahead(minutes: int) -> Callable[[datetime], Interval]:
    """Documents that look ahead anew each five minutes: of what one says, five minutes that far ahead stand for it."""
    return lambda published: Interval(
        published + timedelta(minutes=minutes), published + timedelta(minutes=minutes + 5)
    )


def lists(reports: Sequence[Listed]) -> Callable[[Ask], Iterator[Request]]:
    """A feed's `requests`: the list of each report."""

    def requests(_ask: Ask) -> Iterator[Request]:
        """The lists, in the order in which the reports matter."""
        for report in reports:
            yield list_of(report)

    return requests


def downloads(reports: Sequence[Listed]) -> Callable[[Ask, Request, Payload], Iterator[Request]]:
    """A feed's `follow`: the documents of a list that touch the window, newest first (`overlapping`: last)."""

    def follow(ask: Ask, request: Request, payload: Payload) -> Iterator[Request]:
        """Nothing for a document; for a list its documents, and the yearly list where it does not reach back."""
        for report in reports:
            if request.url == list_of(report).url:
                documents = [(entry, report.covers(entry.published)) for entry in listed(payload, "_csv")]
                for entry, covered in reversed(documents) if report.overlapping else documents:
                    if covered.start < ask.window.end and covered.end > ask.window.start:
                        yield _download(entry)
                oldest = min((covered.start for _, covered in documents), default=ask.window.end)
                if report.years is not None and ask.window.start < oldest:
                    yield _list(report.years)
            elif report.years is not None and request.url == _list(report.years).url:
                wanted = tuple(f"_{year}" for year in _years(ask.window))
                yield from (_download(entry) for entry in listed(payload, *wanted))

    return follow


class _Document(msgspec.Struct):
    DocID: str
    FriendlyName: str
    PublishDate: str

    @property
    def published(self) -> datetime:
        """The moment of publication, UTC."""
        return parse_utc(self.PublishDate)


class _Entry(msgspec.Struct):
    Document: _Document


class _Documents(msgspec.Struct):
    DocumentList: list[_Entry]


class _Listing(msgspec.Struct):
    ListDocsByRptTypeRes: _Documents


def listed(payload: Payload, *endings: str) -> list[_Document]:
    """The documents of a list whose friendly name has one of the endings, newest first.

    Raises:
        Corrupt, SchemaChanged: not a list of documents.
    """
    entries = parse_json_as(payload.body, _Listing, payload.name).ListDocsByRptTypeRes.DocumentList
    try:
        return sorted(
            (entry.Document for entry in entries if entry.Document.FriendlyName.endswith(endings)),
            key=lambda document: document.published,
            reverse=True,
        )
    except TimeRefused as error:
        raise SchemaChanged(f"{payload.name or 'payload'}: PublishDate: {error}", missing=("PublishDate",)) from error


def _list(report_type: int) -> Request:
    return Request(f"{LIST_URL}?reportTypeId={report_type}", listing=True)


def _download(document: _Document) -> Request:
    return Request(f"{_DOWNLOAD_URL}?doclookupId={document.DocID}")


def _years(window: Interval) -> range:
    first: date = local_date(window.start, ZONE)
    return range(first.year, local_date(window.end - timedelta(microseconds=1), ZONE).year + 1)
