"""What a feed's light shows."""

from vibelux.market.quality import age_seconds, quality_of_age
from vibelux.serve.ports import Row, ServeState


def feed_lights(state: ServeState, status: list[Row]) -> list[Row]:
    """Each declared feed with what the store knows of it, `ageSeconds`, and its `light`.

    A light is the quality of the newest data (`good`, `stale`, `missing`), or `off`.
    """
    known = {row["feed"]: row for row in status}
    declared = state.feed_declarations or status
    return [_lit(state, feed, known.get(feed["feed"], {})) for feed in declared]


def _lit(state: ServeState, feed: Row, known: Row) -> Row:
    until = known.get("position") or known.get("received_at")
    age = None if until is None else age_seconds(state.clock.now(), until)
    limit = feed.get("stale_after_seconds", state.stale_data_threshold)
    light = quality_of_age(age, limit).value if feed.get("enabled", True) else "off"
    return {**feed, **known, "ageSeconds": age, "light": light}
