"""docs/performance.md from the lines that the benchmarks print: each figure as a ratio beside its target."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]

HEAD = """# Performance

What the benchmarks of `make bench` measure, each figure beside what was wanted. `python bench/run.py NAME` measures one
again, `--without NAME` leaves one out; what is not measured anew keeps its figures and their date.

A ratio is between two things that ran in the same run on the same machine, one after the other or in turns. It says
more than the seconds beside it: those are a small machine's, and where other work ran beside, they are longer than they
need be: with a load of 14, so many processes wanted one of two cores, and all took some seven times as long. A limit in
seconds may be missed for that alone. Peers are used in their own ways, on the same bytes or case.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    what: str
    measured: str
    target: str = ""
    """Empty where nothing was asked for but the figure itself."""
    held: bool | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """The benchmarks of one subject."""

    title: str
    rows: Mapping[str, Callable[[list[Line]], Iterator[Row]]]
    """By the benchmark's name."""


def at_most(what: str, value: float, most: float, told: str, unit: str = "") -> Row:
    """A figure that should not be above another."""
    return Row(what, told, f"at most {most:,g}{unit}", value <= most)


def at_least(what: str, value: float, least: float, told: str, unit: str = "") -> Row:
    """A figure that should not be below another."""
    return Row(what, told, f"at least {least:,g}{unit}", value >= least)


def parsing(most_over_floor: float | None, least_over_peer: float | None) -> Callable[[list[Line]], Iterator[Row]]:
    """Rows of a parse benchmark, with the targets that were set for its files."""

    def rows(lines: list[Line]) -> Iterator[Row]:
        for line in lines:
            what = f"{line['file']} ({line['rows']:,} rows)"
            floor = f"{line['ours_over_floor']} times the floor ({line['ours_seconds']} s)"
            if most_over_floor is None:
                yield Row(f"{what}, beside unpacking or decoding alone", floor)
            else:
                yield at_most(
                    f"{what}, beside unpacking alone", line["ours_over_floor"], most_over_floor, floor, " times"
                )
            faster = line.get("gridstatus_over_ours")
            if faster is None:
                continue
            same = line["difference_of_sums"] <= 1e-6 * abs(line["sum"]) and line["gridstatus_rows"] == line["rows"]
            told = f"{faster} times as fast, {'same numbers' if same else 'other numbers'}"
            if least_over_peer is None:
                yield Row(f"{line['file']}, beside gridstatus", told)
            else:
                yield at_least(f"{line['file']}, beside gridstatus", faster, least_over_peer, told, " times")

    return rows


def writing(lines: list[Line]) -> Iterator[Row]:
    (line,) = lines
    seconds, rate = line["seconds"], line["rate_against_bare_copy"]
    what = f"all-node hour ({line['rows']:,} rows), bytes to committed rows, beside a binary COPY into the same keys"
    told = f"{rate['first_time']} times its rate ({seconds['first_time']} s, COPY {seconds['bare_copy']} s)"
    yield at_least(what, rate["first_time"], 0.5, told, " times")
    yield Row("the same once more, nothing has changed", f"{rate['all_unchanged']} times its rate")
    yield Row("the same with 1 % corrected", f"{rate['one_percent_corrected']} times its rate")


def to_socket(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        count = line["facilities"]
        told = f"p50 {line['p50_ms']:,} ms, p99 {line['p99_ms']:,} ms ({line['decisions_timed']} decisions)"
        what = f"upstream's last byte to the decision on the socket, {count:,} facilit{'y' if count == 1 else 'ies'}"
        yield at_most(what, line["p99_ms"], 1000, told, " ms (p99)") if count == 1 else Row(what, told)
        if "planning_share" in line:
            within = ", ".join(f"{100 * line[f'within_{s}_s']:.0f} % within {s} s" for s in (10, 30, 60))
            yield Row("the same: how many were told in time", within)
            told = f"{100 * line['planning_share']:.0f} % (a plan {line['plan_ms']:,} ms)"
            yield Row("the same: how much of the time until the last is planning", told)


def fan_out(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        ours, ratio = line["vibelux"], line.get("ratio")
        what = f"one update to {line['clients']:,} clients, to the last of them, beside nchan"
        if ratio is None:
            yield Row(what, f"{ours['last_ms']} ms; nchan is not installed here")
            continue
        told = f"{ratio} times ({ours['last_ms']} ms, nchan {line['nchan']['last_ms']} ms)"
        yield at_most(what, ratio, 3, told, " times")


def serving(lines: list[Line]) -> Iterator[Row]:
    found = {name: value for line in lines for name, value in line.items()}
    memory, rates = found["newest_price_from_memory"]["microseconds"], found["decision_over_http"]
    yield at_most("`get_latest_price` from memory", memory, 50, f"{memory} µs", " µs")
    bare, decision = rates["bare"], rates["decision"]
    told = f"1/{rates['bare_over_decision']} of its rate, {rates['processor_over_bare']} times its processor time"
    yield Row("`GET /api/chp/decision`, beside FastAPI that answers ready bytes of that length", told)
    for name, one in (("decision", decision), ("bare FastAPI", bare)):
        told = f"{one['requests_per_second']:,} requests/s, p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms"
        yield Row(f"the same: {name}, {rates['connections']} connections", told)


def conditions(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        for name, value in line.items():
            yield Row(
                f"market conditions of a facility from the store: {name.removesuffix('_ms').replace('_', ' ')}",
                f"{value} ms",
            )


def outlook(lines: list[Line]) -> Iterator[Row]:
    line = lines[0]
    one, many = line["one_facility_ms"], line["facilities_s"]
    told = f"{one} ms (best {line['one_facility_best_ms']} ms)"
    yield Row("price outlook, 48 h, one facility", told, "at most 2 ms with the demands below")
    told = f"{many} s ({line['facilities_cpu_s']} s of processor time)"
    what = f"price outlook, {line['facilities']:,} facilities on one core"
    yield at_most(what, many, 5, told, " s with the demands below")


def outlook_live(lines: list[Line]) -> Iterator[Row]:
    (line,) = lines
    yield Row("first outlook of a node from a year in the store", f"{line['first_outlook_s']} s")
    yield Row("outlook at a new price, reading included", f"{line['outlook_at_a_new_price_ms']} ms")


def demands(lines: list[Line]) -> Iterator[Row]:
    (line,) = lines
    yield Row(
        "demands of a greenhouse, 48 h, one facility",
        f"{line['one_facility_ms']} ms (best {line['one_facility_best_ms']} ms)",
    )
    yield Row(f"demands, {line['facilities']:,} greenhouses on one core", f"{line['facilities_s']} s")


def exact(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        over = line["ours_over_bare"]
        told = f"{over} times ({line['ours_s']} s)"
        yield at_most(f"exact plan, {line['case']}, beside bare `highspy`", over, 1.2, told, " times")
        for name, least in (("PyPSA", 20), ("oemof-solph", 4)):
            peer = line[name]
            if isinstance(peer, str):
                yield Row(f"the same beside {name}", peer)
                continue
            told = (
                f"{peer['times_ours']} times as fast ({peer['seconds']} s), cost within {peer['cost_differs_by']:.0e}"
            )
            yield at_least(f"the same beside {name}", peer["times_ours"], least, told, " times")


def decisions(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        (_, swift), (median, whole) = line["first_step_ms_p50_p99"], line["whole_decision_ms_p50_p99"]
        agreed = f"{line['with_the_action_of_the_whole']} of {line['answered_at_once']} as the whole decision then"
        what = f"first step at a new price, {line['plant']} ({line['prices']} prices), conditions to decision object"
        yield at_most(what, swift, 5, f"p99 {swift} ms; {agreed}", " ms (p99)")
        yield Row("the same: the whole decision with its reasons", f"p50 {median} ms, p99 {whole} ms")


def gaps(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        if "gap" not in line:
            continue
        median, _, p99, worst = line["gap"]
        told = f"median {median:.0e}, p99 {p99:.1%}, largest {worst:.1%}"
        what = (
            f"quick re-plan at a new price, {line['kind']} ({line['plants']} varied plants), gap to the proven optimum"
        )
        yield Row(what, told, "median at most 1e-3, p99 at most 1 %", median <= 1e-3 and p99 <= 0.01)
        yield at_least(
            "the same: plans a second and core", 1000 / line["ms_mean"][0], 150, f"{1000 / line['ms_mean'][0]:.0f}"
        )
        yield at_most("the same: kept of a plant", line["kB"][3] / 1000, 1, f"at most {line['kB'][3]:.0f} kB", " MB")


def fleets(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        took = line["seconds_at_a_new_price"]
        told = f"{took} s ({line['plants_per_second']} plants/s, {line['plants_failed']} failed)"
        what = f"{line['plants']:,} plants re-decided at a new price, {line['over']}"
        yield at_most(what, took, 60, told, " s") if line["plants"] >= 10_000 else Row(what, told)


def backtests(lines: list[Line]) -> Iterator[Row]:
    for line in lines:
        if "year_core_minutes" in line:
            told = f"{line['decisions_per_core_second']} decisions a core and second"
            year = f"; a year takes {line['year_core_minutes']} min"
            yield Row(f"{line['plant']}, every {line['step_minutes']} min", told + year)
        elif "workers" in line:
            yield Row(f"{line['strategies']} strategies, {line['workers']} workers", f"{line['seconds']} s")
        else:
            yield Row(
                f"{line['facilities']} facilities", f"{line['decisions_per_core_second']} decisions a core and second"
            )


SECTIONS = (
    Section(
        "Reading payloads",
        {
            "parse_caiso": parsing(1.8, 2.3),
            "parse_pjm": parsing(None, None),
            "parse_ercot": parsing(None, None),
            "parse_nyiso": parsing(None, None),
        },
    ),
    Section("Writing them", {"write_prices": writing}),
    Section(
        "From a price to whoever listens", {"price_to_socket": to_socket, "ws_fanout": fan_out, "serve_rates": serving}
    ),
    Section("Plans", {"dispatch": exact, "decide": decisions, "gaps": gaps, "fleet": fleets}),
    Section(
        "What to expect",
        {"conditions": conditions, "outlook": outlook, "outlook_live": outlook_live, "demand": demands},
    ),
    Section("Backtests", {"backtest": backtests}),
)


def page(kept: Mapping[str, Any]) -> str:
    """The page of all figures that are kept, by benchmark: `date`, `machine`, `lines`."""
    return HEAD + "\n".join(text for section in SECTIONS for text in told(section, kept)) + "\n"


def told(section: Section, kept: Mapping[str, Any]) -> Iterator[str]:
    """The text of a section: a table a benchmark."""
    yield f"## {section.title}\n"
    for name, rows in section.rows.items():
        if name not in kept:
            yield f"`{name}` is not measured yet.\n"
            continue
        figures = kept[name]
        yield f"`bench/{name}.py`, {figures['date']}, {figures['machine']}:\n"
        yield "| | measured | wanted | |\n| --- | --- | --- | --- |"
        failed = [line["failed"] for line in figures["lines"] if "failed" in line]
        for row in (
            *rows([line for line in figures["lines"] if "failed" not in line]),
            *(Row(f"`bench/{name}.py {arguments}`", "failed, no figure") for arguments in failed),
        ):
            verdict = {True: "held", False: "**missed**", None: ""}[row.held]
            yield f"| {row.what} | {row.measured} | {row.target} | {verdict} |"
        yield ""
