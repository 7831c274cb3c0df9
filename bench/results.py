"""What vibelux would have saved in past market-years, for three plants: docs/results.md and the figures behind it.

`python bench/results.py DATA --work DIR` plays each market-year whose files lie under DATA once more through
`vibelux.backtest` and keeps every run in DIR, under a digest of the code that made it: what was interrupted goes on
there, what older code made is played anew. `--page FILE` writes the page. Histories that are not there are left out,
and results that are of older code say so.
"""

import argparse
import ast
import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path

import vibelux
from results_page import AIM_REGRET, PLANTS, page, regret_share
from vibelux._toml import TomlFile
from vibelux.backtest.gas import read_gas
from vibelux.backtest.price_files import Wanted, read_prices
from vibelux.backtest.strategies import ALWAYS_ON, GRID_ONLY, HEAT_LED, PERFECT, VIBELUX
from vibelux.backtest.study import Study, backtest
from vibelux.backtest.window import Window
from vibelux.dispatch.facility import Facility
from vibelux.market.intervals import iso_z, zone
from vibelux.market.regions import region_of

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "study"
STRATEGIES = (GRID_ONLY, ALWAYS_ON, HEAT_LED, VIBELUX, PERFECT)
GAS = "gas/eia-henry-hub/natural-gas-daily.xls"
SEASON, NIGHT = 0.6, 0.2
"""By so much of its mean the heat demand swings over a year (most in mid-January) and over a day (most at 04:00)."""
DAYTIME = 0.2
"""By so much of its mean the power demand swings over a day (most at 14:00)."""
_HOUR = timedelta(hours=1)
_SPARE = timedelta(days=3)
_PERFECT_SECONDS = 120.0


@dataclass(frozen=True)
class MarketYear:
    """A year of prices of one node."""

    id: str
    title: str
    iso_region: str
    node: str
    files: tuple[str, ...]
    """Under the data folder."""
    start: datetime
    end: datetime
    what: str
    """What was recorded, in words."""
    named: str | None = None
    """The node's name in the files, where that is another one."""


def local_year(iso_region: str, year: int) -> tuple[datetime, datetime]:
    """A calendar year by the grid's own clock."""
    tz = zone(region_of(iso_region).timezone)
    return tuple(datetime(one, 1, 1, tzinfo=tz).astimezone(UTC) for one in (year, year + 1))


_BOTH = "real-time prices as hourly means, day-ahead prices beside them"
_ALONE = "real-time prices as hourly means, no day-ahead prices"
YEARS = (
    MarketYear(
        "ercot-houston-2021", "ERCOT HB_HOUSTON 2021, day-ahead", "ERCOT", "HB_HOUSTON",
        ("ercot/dam_spp_historical/rpt.00013060.0000000000000000.DAMLZHBSPP_2021.xlsx",), *local_year("ERCOT", 2021),
        "ERCOT's own workbook of day-ahead prices, the winter storm of February in it; the site settles day-ahead",
    ),
    MarketYear(
        "ercot-houston-2024", "ERCOT HB_HOUSTON 2024, real-time", "ERCOT", "HB_HOUSTON",
        ("ercot/history_tidy/hb_houston_2024_hourly_dam_rtm_as.csv.gz",), *local_year("ERCOT", 2024), _BOTH,
    ),
    MarketYear(
        "ercot-west-2024", "ERCOT HB_WEST 2024, real-time", "ERCOT", "HB_WEST",
        ("ercot/history_tidy/hb_west_2024_hourly_dam_rtm_as.csv.gz",), *local_year("ERCOT", 2024), _BOTH,
    ),
    MarketYear(
        "pjm-dom-2021", "PJM DOM 2021, real-time", "PJM", "DOM", ("pjm/history_tidy/DOM_rt_hrl_2020_2021.csv.gz",),
        *local_year("PJM", 2021), _ALONE,
    ),
    MarketYear(
        "nyiso-nyc-2019", "NYISO N.Y.C. 2019, real-time", "NYISO", "N.Y.C.",
        ("nyiso/history_tidy/nyiso_rt_2019.csv.gz",),
        *local_year("NYISO", 2019), _ALONE, "NYC",
    ),
)  # fmt: skip


FOUR = ("ercot-houston-2021", "ercot-houston-2024", "pjm-dom-2021", "nyiso-nyc-2019")
THREE = ("small", "medium", "greenhouse")
PAIRS = dict.fromkeys(
    [
        *(f"{year}/{plant}" for plant in THREE for year in FOUR),
        *(f"{year.id}/{plant}" for plant in PLANTS for year in YEARS),
    ]
)
"""Market-years and plants in the order in which they are played."""
DECIDES = ("dispatch", "outlook", "backtest")
"""The rooms whose code makes the figures."""


def main() -> int:
    """Runs what is not done yet, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of recorded histories")
    parser.add_argument("--work", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--page", type=Path, help="the page to write")
    parser.add_argument("--no-runs", action="store_true", help="write the page from what is kept")
    parser.add_argument("--pairs", nargs="+", metavar="YEAR/PLANT", choices=PAIRS, help="only these")
    parser.add_argument("--no-causes", action="store_true", help="do not split a regret above the aim by its causes")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    years = {year.id: year for year in YEARS}
    for pair in [] if args.no_runs else args.pairs or PAIRS:
        year, plant = pair.split("/")
        carry_out(
            args.data,
            args.work,
            FOLDER / f"{plant}.toml",
            years[year],
            causes=not args.no_causes,
            workers=args.workers,
        )
    if args.page is not None:
        results = [json.loads(path.read_text("utf-8")) for path in sorted(args.work.glob("*.json"))]
        args.page.write_text(page(YEARS, results, lacking(args.data), code_digest()), "utf-8")
    return 0


def code_digest() -> str:
    """Of what decides and plays again; comments and layout do not count."""
    root = Path(vibelux.__file__).parent
    files = sorted(path for room in DECIDES for path in (root / room).glob("*.py"))
    made = hashlib.sha256()
    for path in files:
        made.update(path.name.encode() + ast.dump(ast.parse(path.read_text("utf-8"))).encode())
    return made.hexdigest()[:12]


def lacking(data: Path) -> list[str]:
    """The titles of the market-years whose files are not there."""
    return [year.title for year in YEARS if not all((data / name).is_file() for name in year.files)]


def carry_out(data: Path, work: Path, plant: Path, year: MarketYear, *, causes: bool, workers: int | None) -> None:
    """Plays one market-year through one plant, unless that is done or its files are not there."""
    paths, out = [data / name for name in year.files], work / f"{year.id}-{plant.stem}.json"
    if not all(path.is_file() for path in paths):
        return
    code = code_digest()
    if out.exists() and json.loads(out.read_text("utf-8")).get("code") == code:
        return
    facility = placed(plant, year, work)
    recorded = read_prices(paths, Wanted(year.iso_region, year.node, year.named))
    gas = read_gas(data / GAS, "Henry Hub")
    window = Window.over(facility, recorded, gas, start=year.start, end=year.end)
    study = Study.of(window, perfect_seconds=_PERFECT_SECONDS, folder=work / code)

    def progress(done: int, total: int, what: str) -> None:
        print(f"\r{year.id} {plant.stem} {done}/{total} {what}   ", end="", file=sys.stderr, flush=True)

    outcome = backtest(study, STRATEGIES, causes=False, workers=workers, progress=progress)
    if causes and regret_share(outcome.as_json()) >= AIM_REGRET:  # the runs before are kept, and not made again
        outcome = backtest(study, STRATEGIES, workers=workers, progress=progress)
    told = {"year": year.id, "plant": plant.stem, "code": code, **outcome.as_json()}
    beside = out.with_suffix(".new")
    beside.write_text(json.dumps(told), "utf-8")
    beside.replace(out)


def placed(plant: Path, year: MarketYear, work: Path) -> Facility:
    """A plant at the node of a market-year, with demands that have a season and a day."""
    body = TomlFile.read(plant).data["facilities"][0]
    demand = work / f"demand-{plant.stem}-{year.id}.csv"
    if not demand.exists():
        with demand.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("time", "power_kw", "heat_kw"), *demands(body["demand"], year)])
    body |= {
        "iso_region": year.iso_region,
        "pricing_node": year.node,
        "demand": {"file": demand.name},
    }
    return Facility.from_dict(body, folder=work)


def demands(mean: dict[str, float], year: MarketYear) -> Iterator[tuple[str, str, str]]:
    """Power and heat, kW, hour by hour: yearly means with a season and a day."""
    tz = zone(region_of(year.iso_region).timezone)
    at = year.start - _SPARE
    while at < year.end + _SPARE:
        local = at.astimezone(tz)
        season = cos(2 * pi * (local.timetuple().tm_yday - 15) / 365.25)
        heat = mean["heat_kw"] * (1 + SEASON * season) * (1 + NIGHT * cos(2 * pi * (local.hour - 4) / 24))
        power = mean["power_kw"] * (1 + DAYTIME * cos(2 * pi * (local.hour - 14) / 24))
        yield iso_z(at), f"{power:.1f}", f"{heat:.1f}"
        at += _HOUR


if __name__ == "__main__":
    sys.exit(main())
