"""Writes payloads as OASIS serves them: a zip of CSV, a member a price component from version 3 on.

Columns stand in the order of the recordings; stamps are GMT with the offset `-00:00`; `OPR_HR` counts hours as
CAISO does: the hour skipped in spring has no number, and the one repeated in autumn is number 25.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from vibelux.feeds.caiso import _oasis
from vibelux.market.intervals import Interval, hours_of_day, local_date, zone

ZONE = _oasis.ZONE
COMPONENTS = {
    "LMP": "LMP_PRC",
    "MCC": "LMP_CONG_PRC",
    "MCE": "LMP_ENE_PRC",
    "MCL": "LMP_LOSS_PRC",
    "MGHG": "LMP_GHG_PRC",
}
"""Upstream's short and long names of a price and its parts."""
NO_DATA = ("1000", "No data returned for the specified selection")
SYSTEM_ERROR = ("1010", "System error")
TOO_FAST_PAGE = (
    b"<html><body><p>CAISO Acceptable Use Policy Violation. "
    b"Please retry your request after 5 seconds.</p></body></html>"
)
_NODE = ("NODE_ID_XML", "NODE_ID", "NODE", "MARKET_RUN_ID", "LMP_TYPE", "XML_DATA_ITEM", "PNODE_RESMRID", "GRP_TYPE")
_TIMES = ("INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "OPR_DT", "OPR_HR")


@dataclass(frozen=True, slots=True)
class Report:
    """One report: its name, market run, version and columns."""

    name: str
    run: str
    version: int
    columns: tuple[str, ...]

    def file_name(self, window: Interval, made_at: datetime, ending: str, part: str = "") -> str:
        """As OASIS calls its files: days, report, run, part, when it was made (Pacific), version."""
        made = made_at.astimezone(zone(ZONE))
        first, last = local_date(window.start, ZONE), local_date(window.end, ZONE)
        words = [f"{first:%Y%m%d}_{last:%Y%m%d}", self.name, self.run, part, f"{made:%Y%m%d_%H_%M_%S}"]
        return "_".join([*filter(None, words), f"v{self.version}{ending}"])


REPORTS = {
    "caiso/real-time-pricing": Report(
        "PRC_INTVL_LMP", "RTM", 3, (*_TIMES, *_NODE, "POS", "VALUE", "OPR_INTERVAL", "GROUP")
    ),
    "caiso/fifteen-minute-pricing": Report(
        "PRC_RTPD_LMP", "RTPD", 3, (*_TIMES, *_NODE, "POS", "PRC", "OPR_INTERVAL", "GROUP")
    ),
    "caiso/day-ahead-pricing": Report("PRC_LMP", "DAM", 12, (*_TIMES, "OPR_INTERVAL", *_NODE, "POS", "MW", "GROUP")),
    "caiso/gas-price-index": Report("PRC_FUEL", "", 1, (*_TIMES, "FUEL_REGION_ID", "XML_DATA_ITEM", "PRC", "GROUP")),
    "caiso/ghg-allowance": Report("PRC_GHG_ALLOWANCE", "", 1, (*_TIMES[:3], "GHG_PRC_IDX", "GROUP")),
}
"""What this room can write, by feed."""


@dataclass(frozen=True, slots=True)
class NodePrice:
    """A price of a node for an interval, USD/MWh by component: `LMP`, and its parts where they are known."""

    node: str
    interval: Interval
    parts: Mapping[str, float]


def lmp_zip(report: Report, prices: Sequence[NodePrice], window: Interval, made_at: datetime) -> bytes:
    """Prices of nodes; only components that the prices have get a member."""
    members = {}
    groups = {node: number for number, node in enumerate(dict.fromkeys(price.node for price in prices), start=1)}
    for component, item in COMPONENTS.items():
        rows = [
            {
                **_stamps(price.interval),
                **dict.fromkeys(("NODE_ID_XML", "NODE_ID", "NODE", "PNODE_RESMRID"), price.node),
                "MARKET_RUN_ID": report.run,
                "LMP_TYPE": component,
                "XML_DATA_ITEM": item,
                "GRP_TYPE": "ALL_APNODES",
                "POS": "0",
                "GROUP": str(groups[price.node]),
                **dict.fromkeys(("MW", "PRC", "VALUE"), _number(price.parts[component])),
            }
            for price in prices
            if component in price.parts
        ]
        if rows:
            members[report.file_name(window, made_at, ".csv", component)] = _csv(report.columns, rows)
    return _zip(members, made_at)


def fuel_zip(prices: Mapping[date, Mapping[str, float]], window: Interval, made_at: datetime) -> bytes:
    """Gas prices (USD/MMBtu) by trade date and fuel region, repeated for each hour of the date as upstream does."""
    report = REPORTS["caiso/gas-price-index"]
    rows = [
        {
            **_stamps(hour),
            "FUEL_REGION_ID": region,
            "XML_DATA_ITEM": "FUEL_PRC",
            "PRC": _number(price),
            "GROUP": str(group),
        }
        for day, regions in prices.items()
        for group, (region, price) in enumerate(regions.items(), start=1)
        for hour in hours_of_day(day, ZONE)
    ]
    return _zip({report.file_name(window, made_at, ".csv"): _csv(report.columns, rows)}, made_at)


def allowance_zip(prices: Mapping[date, float], window: Interval, made_at: datetime) -> bytes:
    """The allowance index (USD/t) by trade date."""
    report = REPORTS["caiso/ghg-allowance"]
    rows = [
        {
            **_stamps(Interval(hours_of_day(day, ZONE)[0].start, hours_of_day(day, ZONE)[-1].end)),
            "GHG_PRC_IDX": _number(price),
            "GROUP": "1",
        }
        for day, price in prices.items()
    ]
    return _zip({report.file_name(window, made_at, ".csv"): _csv(report.columns, rows)}, made_at)


def error_zip(error: tuple[str, str], made_at: datetime) -> bytes:
    """An error document, which OASIS too serves as a zip with status 200."""
    code, text = error
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<m:OASISReport xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd">\n'
        f"<m:MessageHeader><m:TimeDate>{made_at:%Y-%m-%dT%H:%M:%SZ}</m:TimeDate><m:Source>OASIS</m:Source>"
        "<m:Version>v20131201</m:Version></m:MessageHeader>\n"
        f"<m:MessagePayload><m:RTO><m:name>CAISO</m:name><m:ERROR><m:ERR_CODE>{code}</m:ERR_CODE>"
        f"<m:ERR_DESC>{text}</m:ERR_DESC></m:ERROR></m:RTO></m:MessagePayload>\n</m:OASISReport>\n"
    )
    return _zip({"INVALID_REQUEST.xml": document}, made_at)


def zip_headers(file_name: str) -> dict[str, str]:
    """The headers of a good reply."""
    return {
        "content-type": "application/x-zip-compressed",
        "content-disposition": f"inline; filename={file_name}",
    }


@lru_cache(maxsize=1024)
def _stamps(interval: Interval) -> Mapping[str, str]:
    local = interval.start.astimezone(zone(ZONE))
    minutes = (interval.end - interval.start).total_seconds() / 60
    return {
        "INTERVALSTARTTIME_GMT": f"{interval.start:%Y-%m-%dT%H:%M:%S}-00:00",
        "INTERVALENDTIME_GMT": f"{interval.end:%Y-%m-%dT%H:%M:%S}-00:00",
        "OPR_DT": f"{local:%Y-%m-%d}",
        "OPR_HR": str(25 if local.fold else local.hour + 1),
        "OPR_INTERVAL": str(int(local.minute // minutes) + 1 if minutes < 60 else 0),
    }


def _number(value: float) -> str:
    """Five decimals at most and no idle zeros, as in the recordings."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    lines = [",".join(columns)]
    lines += [",".join(row[column] for column in columns) for row in rows]
    return "\n".join(lines) + "\n"


def _zip(members: Mapping[str, str], made_at: datetime) -> bytes:
    made = made_at.astimezone(zone(ZONE))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name, made.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text)
    return buffer.getvalue()
