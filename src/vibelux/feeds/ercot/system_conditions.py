"""What ERCOT's grid does now, with its frequency: the page of real-time system conditions, once a minute.

The page prints Central time without a zone, so in the repeated autumn hour the fetch must tell which pass it is.
A number is seconds old: good to show and to warn by, too slow to act on within a second. The dashboards
`dc-tie-flows` and `ancillary-services` have the frequency each ten seconds, `daily-prc` the emergency level.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from lxml import etree

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import excerpt, looks_like_markup
from vibelux.feeds.ercot import _dashboards, _mis
from vibelux.feeds.ercot._series import SYSTEM, Meaning, points
from vibelux.feeds.ercot._time import ZONE, near
from vibelux.market.errors import Corrupt, SchemaChanged, TimeRefused
from vibelux.market.records import SERIES, Parsed, Quarantined

_URL = "https://www.ercot.com/content/cdr/html/real_time_system_conditions.html"
_PAGE = "real_time_system_conditions"
_PRC = "daily-prc"
_TITLE = "Real-Time System Conditions"
_UPDATED = "Last Updated:"
_MEANINGS = {
    "Current Frequency": Meaning("grid-frequency", unit="Hz"),
    "Instantaneous Time Error": Meaning("time-error", unit="s"),
    "Consecutive BAAL Clock-Minute Exceedances (min)": Meaning("baal-exceedance", unit="min"),
    "Actual System Demand": Meaning("load", category="Actual System Demand"),
    "Average Net Load": Meaning("net-load", category="Average Net Load"),
    "Total System Capacity (not including Ancillary Services)": Meaning("system-capacity"),
    "Total Wind Output": Meaning("wind-generation", category="Total Wind Output"),
    "Total PVGR Output": Meaning("solar-generation", category="Total PVGR Output"),
    "Current System Inertia": Meaning("system-inertia", unit="MW.s"),
}


def requests(_ask: Ask) -> Iterator[Request]:
    """The page as it is now."""
    yield Request(_URL)


def parse(payload: Payload) -> Parsed:
    """Each number of the page is an instant at its `Last Updated`; ties are named as on the page."""
    if not looks_like_markup(payload.body):
        parsed = _dashboards.read(payload, ("dc-tie-flows", "ancillary-services"))
        return parsed or _grid_condition(payload)
    cells, updated = _page(payload)
    try:
        moment = near(datetime.strptime(updated, "%b %d, %Y %H:%M:%S"), payload.received_at)  # noqa: DTZ007
    except (TimeRefused, ValueError) as error:
        return Parsed({SERIES.name: points((), None, "")}, [Quarantined(str(error), _PAGE, updated)])
    quarantined: list[Quarantined] = []
    found = []
    for label, text in cells:
        tie = label.startswith("DC_")
        meaning = (
            Meaning("dc-tie-flow", label) if tie else _MEANINGS.get(label, Meaning("condition", SYSTEM, label, unit=""))
        )
        try:
            found.append((meaning, moment, moment, float(text.replace(",", ""))))
        except ValueError:
            quarantined.append(Quarantined("the value is not a number", label, text))
    return Parsed({SERIES.name: points(found, None, f"ERCOT {_PAGE}")}, quarantined)


def _page(payload: Payload) -> tuple[list[tuple[str, str]], str]:
    """The page's pairs of label and value, and when it was updated."""
    try:
        root = etree.fromstring(payload.body, etree.HTMLParser(no_network=True, huge_tree=False))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Corrupt(f"{payload.name or 'payload'}: not a page ({error})") from error
    texts = [_line(text) for text in root.itertext()] if root is not None else []
    updated = next((text.removeprefix(_UPDATED).strip() for text in texts if text.startswith(_UPDATED)), None)
    if updated is None or root is None:
        if _TITLE not in texts:
            raise Corrupt(f"{payload.name or 'payload'}: another page than `{_TITLE}`: {excerpt(payload.body)}")
        raise SchemaChanged(f"{payload.name or 'payload'}: the page has no `{_UPDATED}`", missing=(_UPDATED,))
    cells = [(cell.get("class"), _line(*cell.itertext())) for cell in root.iter("td")]
    pairs = [
        (label, value)
        for (left, label), (right, value) in pairwise(cells)
        if left == "tdLeft" and right == "labelClassCenter"
    ]
    if "Current Frequency" not in dict(pairs):
        raise SchemaChanged(
            f"{payload.name or 'payload'}: the page has no `Current Frequency`",
            missing=("Current Frequency",),
            extra=tuple(dict(pairs)),
        )
    return pairs, updated


def _line(*texts: str | bytes) -> str:
    """Text of the page on one line."""
    return " ".join("".join(map(str, texts)).split())


def _grid_condition(payload: Payload) -> Parsed:
    """The emergency level (0 is none, 1 to 3) and the physical responsive capability."""
    document = parse_json(payload.body, payload.name)
    try:
        now = document["current_condition"]
        moment = datetime.fromtimestamp(now["datetime"], UTC)
        level, capability = float(now["eea_level"]), float(str(now["prc_value"]).replace(",", ""))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SchemaChanged(f"{payload.name or 'payload'}: no `current_condition` as it was: {error!r}") from error
    found = (
        (Meaning("eea-level", unit="level"), moment, moment, level),
        (Meaning("physical-responsive-capability"), moment, moment, capability),
    )
    return Parsed({SERIES.name: points(found, None, f"ERCOT dashboard {_PRC}")})


FEED = Feed(
    provider="ercot",
    data_type="system-conditions",
    region="Texas",
    kind="series",
    reports=(_PAGE, "dc-tie-flows", "ancillary-services", _PRC),
    service=_mis.ERCOT,
    url=_URL,
    publication=Rolling(step=timedelta(minutes=1), lag=timedelta(minutes=1)),
    stale_after_seconds=300,
    timezone=ZONE,
    unit="Hz, s, MW",
    plausible=(-200_000.0, 2_000_000.0),
    columns=("Current Frequency",),
    requests=requests,
    parse=parse,
    source="the page proven on a recording of 2016; dc-tie-flows and ancillary-services unproven",
)
