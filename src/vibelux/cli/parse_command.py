"""Parses raw upstream payloads without any database: JSON lines on stdout, or a file by its ending."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vibelux.cli import _output
from vibelux.cli._payloads import arguments as payload_arguments
from vibelux.cli._payloads import payloads
from vibelux.market.errors import FeedError, UsageError, VibeluxError
from vibelux.market.records import Parsed

if TYPE_CHECKING:
    import polars as pl

_ENDINGS = (".parquet", ".csv", ".jsonl")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    payload_arguments(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="write to OUT: .parquet, .csv or .jsonl")


def run(args: argparse.Namespace) -> int:
    """Parses each file; one that cannot be read at all makes the exit code 1, the others are still printed."""
    from vibelux.feeds import feed_named, read

    feed = feed_named(args.feed)
    out = Path(args.output) if args.output else None
    if out is not None and out.suffix not in _ENDINGS:
        raise UsageError(f"{out}: the ending says the format; known are {', '.join(_ENDINGS)}")
    if out is not None:
        _output.has_folder(out)
    failed = False
    results: list[Parsed] = []
    for payload in payloads(feed, args):
        try:
            parsed = read(feed, payload)
        except FeedError as error:
            said = " ".join(str(error).split()).removeprefix(f"{payload.name}: ")
            _output.note(f"vibelux parse: {payload.name}: {said}")
            failed = True
            continue
        superseded = sum(frame.height for frame in parsed.superseded.values())
        if superseded:
            _output.note(f"{payload.name}: {superseded} rows superseded by a later version of upstream's")
        if parsed.quarantined:
            _output.note(f"{payload.name}: {len(parsed.quarantined)} rows quarantined: {parsed.quarantined[0].reason}")
        if out is None:
            _lines(parsed, sys.stdout.buffer)
        else:
            results.append(parsed)
    if out is not None:
        _write(results, out)
    return 1 if failed else 0


def _lines(parsed: Parsed, stream: BinaryIO) -> None:
    import msgspec

    from vibelux.market.frames import json_lines

    for kind, frame in parsed.frames.items():
        stream.writelines(json_lines(kind, frame))
    stream.writelines(msgspec.json.encode(_output.quarantined_json(row)) + b"\n" for row in parsed.quarantined)


def _write(results: Iterable[Parsed], out: Path) -> None:
    """All files' records into one; quarantined rows go into `.jsonl` only, elsewhere stderr has told of them."""
    results = list(results)
    try:
        if out.suffix == ".jsonl":
            with out.open("wb") as stream:
                for parsed in results:
                    _lines(parsed, stream)
            return
        frame = _one_frame(results)
        if out.suffix == ".parquet":
            frame.write_parquet(out)
        else:
            frame.write_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
    except OSError as error:
        raise VibeluxError(f"{out}: {error.strerror}") from error


def _one_frame(results: list[Parsed]) -> "pl.DataFrame":
    import polars as pl

    frames = [
        frame.select(pl.lit(kind).alias("kind"), pl.all())
        for parsed in results
        for kind, frame in parsed.frames.items()
    ]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame({"kind": []})
