"""A price that contradicts its own parts is kept, as it is what settles, and is no longer sure of itself."""

from feeds.caiso.payloads import lmp_csv, lmp_row, quarter, zipped
from vibelux.feeds import Payload, feed_named, read


def test_a_price_that_is_not_the_sum_of_its_parts_is_doubted_and_kept():
    parts = {"LMP": "61.2", "MCE": "58.5", "MCC": "1.5", "MCL": "1.2", "MGHG": "0"}
    good = [lmp_row(*quarter(0), "A", kind, value) for kind, value in parts.items()]
    odd = [lmp_row(*quarter(5), "A", kind, value) for kind, value in (parts | {"MCC": "-1.5"}).items()]
    untold = [lmp_row(*quarter(10), "A", "LMP", "61.2")]
    parsed = read(feed_named("caiso/real-time-pricing"), Payload(zipped(x__csv=lmp_csv([*good, *odd, *untold]))))
    frame = parsed.frames["electricity-price"].sort("market_interval_start")
    assert parsed.quarantined == []
    assert frame["price_per_kwh"].to_list() == [0.0612] * 3
    assert frame["confidence_level"].to_list() == [100.0, 50.0, 100.0]
