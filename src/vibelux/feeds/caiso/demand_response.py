"""Flex Alerts and the emergency ladder of CAISO as demand-response events.

A Flex Alert is an appeal: voluntary, unpaid, a hint and no instruction. The ladder is the list of grid states
that `stats.txt` of Today's Outlook shows at a moment; it says nothing of beginning and end, so a state is an
event of its day that is believed for a quarter of an hour from the moment told, and drawn out by each report.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling, Service
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import excerpt, looks_like_markup
from vibelux.feeds._xml import local_name, parse_xml
from vibelux.feeds.caiso import _midas, _outlook
from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.intervals import Interval, iso_z, local_date, parse_utc, to_utc
from vibelux.market.records import DR_EVENT, Parsed, Quarantined

MOBILE = Service("wwwmobile.caiso.com", seconds_between=5.0)
URL = "https://wwwmobile.caiso.com/TodaysOutlookApi/api/EmergencyNotices/v2/ActiveFlexAlertEvents"
FLEX, LADDER = "CAISO Flex Alert", "CAISO grid state"
LEVELS = {
    "Flex Alert": 1,
    "Restricted Maintenance Operations": 1,
    "EEA Watch": 1,
    "Transmission Emergency": 2,
    "EEA 1": 2,
    "EEA 2": 3,
    "EEA 3": 3,
}
"""0 normal, 1 moderate, 2 high, 3 emergency; a state that is not here is told without a level."""
_BELIEVED = timedelta(minutes=15)
_FORMS = ("%m-%d-%Y %H:%M", "%m-%d-%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
_LISTS = {"Active": "active", "Future": "future"}


def requests(ask: Ask) -> Iterator[Request]:
    """The alerts and the grid's state, as they are now."""
    del ask
    yield Request(URL)
    yield Request(f"{_outlook.URL}/current/stats.txt")


def parse(payload: Payload) -> Parsed:
    """One event an alert, a state above `Normal`, or a run of flagged hours in MIDAS's copy of the alerts.

    Raises:
        SchemaChanged: none of these documents.
    """
    import polars as pl

    parsed = Parsed()
    document = _xml(payload) if looks_like_markup(payload.body) else parse_json(payload.body, payload.name)
    if _midas.is_midas(document):
        events = _midas_events(document, payload.name, parsed.quarantined)
    elif isinstance(document, dict) and all(isinstance(document.get(name), list) for name in _LISTS):
        events = _alerts(document, parsed.quarantined)
    elif isinstance(document, dict) and isinstance(document.get("gridstatus"), list):
        events = _states(document, payload, parsed.quarantined)
    else:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: neither Flex Alerts nor a grid state: {excerpt(payload.body)}",
            missing=tuple(_LISTS),
        )
    parsed.frames[DR_EVENT.name] = pl.DataFrame(list(events), schema=DR_EVENT.schema(), orient="row")
    return parsed


def _xml(payload: Payload) -> dict[str, Any]:
    """The XML of the same document in the shape of its JSON."""
    root = parse_xml(payload.body, payload.name)
    document: dict[str, Any] = {local_name(child): child.text for child in root}
    for child in root:
        if local_name(child) in _LISTS:
            document[local_name(child)] = [{local_name(cell): cell.text for cell in event} for event in child]
    return document


def _event(
    program: str,
    event_id: str,
    status: str,
    start: datetime,
    end: datetime,
    targets: list[str],
    state: str,
    source: str,
) -> dict[str, Any]:
    level = LEVELS.get(state)
    interval = {"starts_at": iso_z(start), "ends_at": iso_z(end), "value": level}
    return {
        "program": program,
        "event_id": event_id,
        "status": status,
        "starts_at": start,
        "ends_at": end,
        "targets": targets,
        "signals": [] if level is None else [{"type": "level", "unit": "level", "intervals": [interval]}],
        "source": source,
    }


def _alerts(document: dict[str, Any], quarantined: list[Quarantined]) -> Iterator[dict[str, Any]]:
    for name, status in _LISTS.items():
        for alert in document[name]:
            try:
                hours = Interval(_moment(alert["StartDate"]), _moment(alert["EndDate"]))
                event_id, regions = str(int(alert["ID"])), re.split(r"\s*[;,]\s*", alert["Region"].strip())
            except (KeyError, TypeError, ValueError, AttributeError, TimeRefused) as error:
                quarantined.append(Quarantined(f"no alert that can be read: {error}", name, str(alert)))
                continue
            yield _event(
                FLEX, event_id, status, hours.start, hours.end, regions, "Flex Alert", "CAISO ActiveFlexAlertEvents"
            )


def _states(document: dict[str, Any], payload: Payload, quarantined: list[Quarantined]) -> Iterator[dict[str, Any]]:
    try:
        told = _moment(document.get("slotDate"))
    except TimeRefused as error:
        if payload.received_at is None:
            quarantined.append(Quarantined(f"slotDate: {error}", "gridstatus", str(document["gridstatus"])))
            return
        told = payload.received_at
    day = local_date(told, _outlook.ZONE)
    for state in (str(state).strip() for state in document["gridstatus"]):
        if state.casefold() != "normal":
            yield _event(
                LADDER, f"{state} {day}", "active", told, told + _BELIEVED, ["California"], state, "CAISO stats.txt"
            )


def _midas_events(document: Any, name: str, quarantined: list[Quarantined]) -> Iterator[dict[str, Any]]:
    rate, _, values = _midas.signal(document, name, quarantined)
    if not rate.startswith("USCA-FLEX-"):
        raise SchemaChanged(f"{name or 'payload'}: {rate} is no Flex Alert", missing=("USCA-FLEX-ALRT-0000",))
    runs: list[tuple[datetime, datetime]] = []
    for hour in sorted((value.start, value.end) for value in values if value.value > 0):
        if runs and runs[-1][1] == hour[0]:
            runs[-1] = (runs[-1][0], hour[1])
        else:
            runs.append(hour)
    for start, end in runs:
        yield _event(FLEX, f"MIDAS {iso_z(start)}", "active", start, end, ["California"], "Flex Alert", f"MIDAS {rate}")


def _moment(text: Any) -> datetime:
    """A stamp with an offset, or a Pacific wall clock in one of the forms seen.

    Raises:
        TimeRefused: neither.
    """
    stamp = str(text).strip()
    if stamp.endswith("Z"):
        return parse_utc(stamp)
    for form in _FORMS:
        try:
            return to_utc(datetime.strptime(stamp, form), _outlook.ZONE)  # noqa: DTZ007 (wall clock)
        except ValueError:
            continue
    raise TimeRefused(f"{stamp!r} is no time of a form that is known")


FEED = Feed(
    provider="caiso",
    data_type="demand-response",
    region="California",
    kind="dr-event",
    reports=("ActiveFlexAlertEvents", "gridstatus", "USCA-FLEX-ALRT-0000"),
    service=MOBILE,
    url=URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(0)),
    stale_after_seconds=1_800,
    timezone=_outlook.ZONE,
    unit="",
    plausible=(0.0, 3.0),
    columns=("Active", "Future"),
    requests=requests,
    parse=parse,
    source="public description of the feed; alerts proven on recorded JSON, XML and the ladder not yet",
)
