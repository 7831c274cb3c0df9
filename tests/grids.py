"""A stand-in for the four grids, FRED, RGGI and the weather service: at each moment what they would have out by then.

Point the base addresses at `StandIn.url` with the provider's name behind it; CAISO has a tape of its own.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

from ingest.stand_in import Answer, Asked
from vibelux.market.clock import Clock
from vibelux.market.intervals import floor_to, iso_z, local_date, local_day, local_naive, to_utc

PJM_KEY = "pjm-key-of-a-test"
ERCOT_KEYS = {
    "ERCOT_API_KEY": "ercot-key-of-a-test",
    "ERCOT_USERNAME": "grower@example.com",
    "ERCOT_PASSWORD": "sesame+of a test",
}
EASTERN, CENTRAL = "America/New_York", "America/Chicago"
PNODES = {"1": "PJM-RTO", "51288": "WESTERN HUB"}
POINTS = ("HB_HOUSTON", "HB_NORTH", "HB_SOUTH", "HB_WEST")
ZONES = {"CAPITL": 61757, "N.Y.C.": 61761, "WEST": 61752}
FIVE, QUARTER, HOUR = timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1)
AFTER_START = timedelta(minutes=1)
"""A five-minute price is out so long after its interval began."""
DOCUMENT = timedelta(minutes=2)
"""ERCOT's document is out so long after its quarter hour ended."""
IN_THE_API = timedelta(minutes=9)
_HTML = b"<html><head><title>404</title></head><body>Not found</body></html>"


def usd_per_mwh(start: datetime) -> float:
    """High enough that an engine runs, and another one each interval."""
    return 90.0 + start.minute / 4 + start.hour / 100


def steps(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    """The starts from `first` up to and without `last`."""
    while first < last:
        yield first
        first += step


class Grids:
    """Answers a request by its path at the clock's moment; `gone` is a provider of whom nothing is found any more."""

    def __init__(self, clock: Clock, gone: str = "none") -> None:
        self._clock, self._gone = clock, gone
        self.tokens = 0
        self.revoked = False
        """Whether the token that was given last is refused, as a token past its time is."""

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        _, provider, path = parts.path.split("/", 2)
        query = dict(parse_qsl(parts.query))
        now = self._clock.now()
        if provider == self._gone:
            return Answer(404, _HTML)
        if provider == "pjm" and path.startswith("api/v1/"):
            return self._pjm(asked, path, query, now)
        if provider == "ercot":
            return self._ercot(asked, path, query, now)
        if provider == "nws":
            return _nws(path, now)
        if provider == "rggi":
            return Answer(body=_RGGI)
        body = _nyiso(path, now) if provider == "nyiso" else _fred(query, now) if "fredgraph" in path else None
        return Answer(404, _HTML) if body is None else Answer(body=body)

    def _pjm(self, asked: Asked, path: str, query: dict[str, str], now: datetime) -> Answer:
        if asked.headers.get("ocp-apim-subscription-key") != PJM_KEY:
            said = {"statusCode": 401, "message": "Access denied due to missing subscription key."}
            return Answer(401, json.dumps(said).encode())
        report = path.rsplit("/", 1)[-1]
        items: list[dict[str, object]] = []
        if report in {"rt_unverified_fivemin_lmps", "da_hrl_lmps"}:
            items = list(_pjm_prices(report, query, now))
        page = {"links": [{"rel": "self", "href": f"https://api.pjm.com/api/v1/{report}"}], "items": items}
        return Answer(body=json.dumps(page | {"searchSpecification": {}, "totalRows": len(items)}).encode())

    def _ercot(self, asked: Asked, path: str, query: dict[str, str], now: datetime) -> Answer:
        if path.endswith("oauth2/v2.0/token"):
            form = parse_qs(asked.body.decode())
            assert form["username"] == [ERCOT_KEYS["ERCOT_USERNAME"]]
            self.tokens, self.revoked = self.tokens + 1, False
            return Answer(body=json.dumps({"id_token": self._token, "expires_in": 3600}).encode())
        if "public-reports" in path:
            known = asked.headers.get("ocp-apim-subscription-key") == ERCOT_KEYS["ERCOT_API_KEY"]
            if self.revoked or not known or asked.headers.get("authorization") != f"Bearer {self._token}":
                return Answer(401, b'{"statusCode": 401, "message": "Unauthorized. Access token is invalid."}')
            return Answer(body=_ercot_page(path, query, now))
        if path.endswith("IceDocListJsonWS"):
            return Answer(body=_ercot_list(query["reportTypeId"], now))
        if path.endswith("mirDownload"):
            return Answer(body=_ercot_document(query["doclookupId"]))
        body = _fuel_mix(now) if path.endswith("dashboards/fuel-mix.json") else None
        return Answer(404, _HTML) if body is None else Answer(body=body)

    @property
    def _token(self) -> str:
        return f"token-of-a-test-{self.tokens}"


def _pjm_prices(report: str, query: dict[str, str], now: datetime) -> Iterator[dict[str, object]]:
    first, last = (_eastern(text) for text in query["datetime_beginning_ept"].split("to"))
    day_ahead = report == "da_hrl_lmps"
    run, step = ("da", HOUR) if day_ahead else ("rt", FIVE)
    out = _day_ahead_end(now, EASTERN, 13) if day_ahead else now - AFTER_START
    for start in steps(first, min(last + timedelta(minutes=1), out), step):
        for pnode in query.get("pnode_id", "1;51288").split(";"):
            yield {
                "datetime_beginning_utc": f"{start:%Y-%m-%dT%H:%M:%S}",
                "datetime_beginning_ept": f"{local_naive(start, EASTERN):%Y-%m-%dT%H:%M:%S}",
                "pnode_id": int(pnode),
                "pnode_name": PNODES[pnode],
                "type": "HUB",
                f"total_lmp_{run}": usd_per_mwh(start),
                f"congestion_price_{run}": -3.0,
                f"marginal_loss_price_{run}": 0.5,
                **({"system_energy_price_da": usd_per_mwh(start) + 2.5, "row_is_current": True} if day_ahead else {}),
            }


def _eastern(text: str) -> datetime:
    local = datetime.strptime(f"{text} +0000", "%m/%d/%Y %H:%M %z").replace(tzinfo=None)
    return to_utc(local, EASTERN, repeated=False)


def _day_ahead_end(now: datetime, zone: str, hour: int) -> datetime:
    """The end of the newest market day that is out, where tomorrow's comes at that hour today."""
    local = local_naive(now, zone)
    return local_day(local.date() + timedelta(days=1 if local.hour >= hour else 0), zone).end


def _ercot_list(report: str, now: datetime) -> bytes:
    """The documents of a report that are out, CSV and XML twins; other reports have empty lists."""
    issues: list[tuple[str, datetime]] = []
    if report == "12301":
        issues = [(f"{end:%Y%m%d%H%M}", end + DOCUMENT) for end in steps(floor_to(now, HOUR) - 4 * HOUR, now, QUARTER)]
    elif report == "12300":
        begin = floor_to(now, HOUR) - 2 * HOUR + timedelta(seconds=11)
        issues = [(f"{run:%Y%m%d%H%M}", run + timedelta(seconds=20)) for run in steps(begin, now, FIVE)]
    elif report == "13073":
        issues = [(f"{run:%Y%m%d%H%M}", run + timedelta(seconds=13)) for run in steps(floor_to(now, HOUR), now, FIVE)]
    elif report == "12331":
        days = [local_date(now, CENTRAL) + timedelta(days=n) for n in range(-2, 2)]
        issues = [(f"{day:%Y%m%d}0000", local_day(day, CENTRAL).start - timedelta(hours=11)) for day in days]
    documents = [
        {"Document": {"DocID": f"{report}-{about}", "FriendlyName": f"NP_{about}_{form}", "PublishDate": iso_z(at)}}
        for about, at in issues
        for form in ("csv", "xml")
        if at <= now
    ]
    return json.dumps({"ListDocsByRptTypeRes": {"DocumentList": documents}}).encode()


def _ercot_document(identity: str) -> bytes:
    report, _, stamp = identity.partition("-")
    at = datetime.strptime(stamp, "%Y%m%d%H%M").replace(tzinfo=UTC)
    if report == "12301":
        header, rows = _SPP, [",".join(map(str, row)) for row in _quarters(at - QUARTER, at)]
    elif report == "12300":
        header = "SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP"
        local = local_naive(at, CENTRAL) + timedelta(seconds=11)
        rows = [f"{local:%m/%d/%Y %H:%M:%S},N,{point},{usd_per_mwh(at):>12.2f}" for point in POINTS]
    elif report == "13073":
        header = (
            "RTDTimestamp,RepeatedHourFlag,IntervalId,IntervalEnding,IntervalRepeatedHourFlag,"
            "SettlementPoint,SettlementPointType,LMP"
        )
        stamps = [f"{local_naive(at + n * FIVE, CENTRAL):%m/%d/%Y %H:%M:%S}" for n in range(12)]
        rows = [
            f"{stamps[0]},N,{n},{stamps[n]},N,{point},HU,{usd_per_mwh(at + (n - 1) * FIVE):.2f}"
            for n in range(1, 12)
            for point in (*POINTS, "7NOBODY_RN")
        ]
    else:
        header = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"
        rows = [
            f"{at:%m/%d/%Y},{hour:02}:00,{point},{80 + hour},N" for hour in range(1, 25) for point in POINTS
        ]  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"cdr.{identity}.csv", "\n".join([header, *rows, ""]))
    return packed.getvalue()


_SPP = "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag"


def _quarters(first: datetime, last: datetime) -> Iterator[tuple[str, int, int, str, str, float, str]]:
    for start in steps(first, last, QUARTER):
        local = local_naive(start, CENTRAL)
        for point in POINTS:
            interval = local.minute // 15 + 1
            yield f"{local:%m/%d/%Y}", local.hour + 1, interval, point, "HU", round(usd_per_mwh(start), 2), "N"


def _ercot_page(path: str, query: dict[str, str], now: datetime) -> bytes:
    """A page of the public API, which has each price later than the documents."""
    day = date.fromisoformat(query["deliveryDateFrom"])
    begin, end = local_day(day, CENTRAL).start, local_day(date.fromisoformat(query["deliveryDateTo"]), CENTRAL).end
    point = query["settlementPoint"]
    if "np6-905-cd" in path:
        fields = "deliveryDate deliveryHour deliveryInterval settlementPoint settlementPointType settlementPointPrice"
        out = floor_to(now - IN_THE_API, QUARTER)
        data = [
            [begun.isoformat(), *row[1:6], False]
            for start in steps(begin, min(end, out), QUARTER)
            for row in _quarters(start, start + QUARTER)
            for begun in [local_date(start, CENTRAL)]
            if row[3] == point
        ]
    else:
        fields = "deliveryDate hourEnding settlementPoint settlementPointPrice"
        hours = steps(begin, min(end, _day_ahead_end(now, CENTRAL, 13)), HOUR)
        data = [
            [f"{local:%Y-%m-%d}", f"{local.hour + 1:02}:00", point, 80.0 + local.hour, False]
            for local in (local_naive(start, CENTRAL) for start in hours)
        ]
    names = [{"name": name, "dataType": "VARCHAR"} for name in (*fields.split(), "DSTFlag")]
    meta = {"totalRecords": len(data), "pageSize": 100_000, "totalPages": 1, "currentPage": 1}
    return json.dumps({"_meta": meta, "fields": names, "data": data}).encode()


def _fuel_mix(now: datetime) -> bytes:
    moments = [local_stamp(start) for start in steps(floor_to(now, HOUR) - HOUR, now, FIVE)]
    fuels = {"Wind": {"gen": 11_000.5}, "Natural Gas": {"gen": 31_000.25}}
    days: dict[str, dict[str, object]] = {}
    for stamp in moments:
        days.setdefault(stamp[:10], {})[stamp] = fuels
    return json.dumps({"lastUpdated": moments[-1], "data": days}).encode()


def local_stamp(moment: datetime) -> str:
    """As ERCOT's dashboards print it: Central time with its offset."""
    local = local_naive(moment, CENTRAL)
    hours = round((local - moment.replace(tzinfo=None)) / HOUR)
    return f"{local:%Y-%m-%d %H:%M:%S}{hours:+03}00"


_LBMP = '"Time Stamp","Name","PTID","LBMP ($/MWHr)","Marginal Cost Losses ($/MWHr)","Marginal Cost Congestion ($/MWHr)"'


def _nyiso(path: str, now: datetime) -> bytes | None:
    newest = floor_to(now - AFTER_START, FIVE) + FIVE
    if path.endswith("realtime_zone_lbmp.csv"):
        return _lbmp((newest, FIVE))
    name = path.rsplit("/", 1)[-1]
    day = local_day(date.fromisoformat(name[:8]), EASTERN)
    report = name[8:].partition(".")[0]
    if report == "realtime_zone":
        dispatched = [(end, FIVE) for end in steps(day.start + FIVE, min(day.end, newest) + FIVE, FIVE)]
        ahead = floor_to(newest, QUARTER) + QUARTER
        return _lbmp(*dispatched, *((ahead + n * QUARTER, QUARTER) for n in range(8)))
    if report == "damlbmp_zone":
        if day.start >= _day_ahead_end(now, EASTERN, 11):
            return None
        return _lbmp(*((start, timedelta(0)) for start in steps(day.start, day.end, HOUR)), seconds=False)
    if report == "rtlbmp_zone":
        hours = steps(day.start, min(day.end, floor_to(now - AFTER_START, HOUR)), HOUR)
        return _lbmp(*((start, timedelta(0)) for start in hours), seconds=False)
    return _measured(report, day.start, min(day.end, now))


def _measured(report: str, first: datetime, last: datetime) -> bytes | None:
    stamps = [f'"{local_naive(at, EASTERN):%m/%d/%Y %H:%M:%S}","EDT"' for at in steps(first, last, FIVE)]
    header, row = {
        "pal": ('"Time Stamp","Time Zone","Name","PTID","Load"', '"N.Y.C.",61761,6543.2'),
        "rtfuelmix": ('"Time Stamp","Time Zone","Fuel Category","Gen MW"', '"Nuclear",3100'),
    }.get(report, ("", ""))
    return _lines(header, *(f"{stamp},{row}" for stamp in stamps)) if header else None


def _lbmp(*stamped: tuple[datetime, timedelta], seconds: bool = True) -> bytes:
    """Rows of all zones, each with the stamp and how long before it its interval began."""
    form = "%m/%d/%Y %H:%M:%S" if seconds else "%m/%d/%Y %H:%M"
    rows = [
        f'"{local_naive(stamp, EASTERN).strftime(form)}","{zone}",{ptid},{usd_per_mwh(stamp - length):.2f},1.10,-4.00'
        for stamp, length in stamped
        for zone, ptid in ZONES.items()
    ]
    return _lines(_LBMP, *rows)


def _fred(query: dict[str, str], now: datetime) -> bytes:
    """Henry Hub by trading day, up to the day before yesterday."""
    day, last = date.fromisoformat(query["cosd"]), now.date() - timedelta(days=2)
    rows = []
    while day <= last:
        rows.append(f"{day},{3.1 + day.day / 100:.2f}" if day.weekday() < 5 else f"{day},")
        day += timedelta(days=1)
    return _lines("observation_date,DHHNGSP", *rows)


_RGGI = (
    b"<!DOCTYPE html><html><body><table><thead><tr><th>Auction</th><th>Date</th><th>Clearing Price</th></tr></thead>"
    b"<tbody><tr><td>Auction 72</td><td>2026-06-03</td><td>$35.00</td></tr></tbody></table></body></html>"
)


def _nws(path: str, now: datetime) -> Answer:
    """A cell around each place that is asked for, and its raw forecast; Fort Worth is outside the weather service."""
    if path.startswith("points/32.75"):
        problem = {"type": "https://api.weather.gov/problems/InvalidPoint", "title": "?", "status": 404}
        return Answer(404, json.dumps(problem).encode())
    if path.startswith("points/"):
        latitude, longitude = path.removeprefix("points/").split(",")
        cell = f"https://api.weather.gov/gridpoints/TST/{abs(round(float(latitude)))},{abs(round(float(longitude)))}"
        return Answer(body=json.dumps({"properties": {"forecastGridData": cell}}).encode())
    middle = {"37": (36.66, -121.64), "40": (40.04, -76.31), "41": (40.65, -73.95)}
    latitude, longitude = middle[path.rsplit("/", 1)[-1].split(",", maxsplit=1)[0]]
    ring = [[longitude + east, latitude + north] for east, north in ((-1, -1), (-1, 1), (1, 1), (1, -1), (-1, -1))]
    begin = floor_to(now, HOUR)
    values = [{"validTime": f"{(begin + n * HOUR).isoformat()}/PT1H", "value": 20.0} for n in range(60)]
    properties = {"updateTime": begin.isoformat(), "temperature": {"uom": "wmoUnit:degC", "values": values}}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return Answer(body=json.dumps({"geometry": geometry, "properties": properties}).encode())


def _lines(*lines: str) -> bytes:
    return "\r\n".join([*lines, ""]).encode()
