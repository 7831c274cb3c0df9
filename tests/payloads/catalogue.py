"""The forty-two failures as a table: what each does to which feed, and the tests of those that bytes cannot show."""

from dataclasses import dataclass

from vibelux.feeds import all_feeds
from vibelux.market.errors import Corrupt, FeedError, NotYetPublished, SchemaChanged, Throttled, UpstreamError


@dataclass(frozen=True)
class Refused:
    """The payload gives no row but an error with these words."""

    number: int
    feed: str
    payload: str
    error: type[FeedError]
    words: str
    name: str = ""


@dataclass(frozen=True)
class Rows:
    """The payload gives exactly these rows, start and value in the order of starts, and sets aside what it says."""

    number: int
    feed: str
    payload: str
    rows: tuple[tuple[str, float | None], ...]
    aside: tuple[str, ...] = ()
    name: str = ""
    received: str = "2026-07-14T19:30:00"


REFUSED = (
    Refused(1, "ercot/settlement-point-prices", "01_column_split.csv", SchemaChanged, "without lmp.*CappedLMP"),
    Refused(2, "ercot/settlement-point-prices", "02_two_forms_in_one_archive.zip", SchemaChanged, "20260827.*lmp"),
    Refused(3, "caiso/real-time-pricing", "03_item_renamed.csv", SchemaChanged, "no LMP_PRC but LMP_PRC_RT"),
    Refused(3, "pjm/real-time-lmp", "03_price_column_suffixed.json", SchemaChanged, "total_lmp_rt"),
    Refused(4, "ercot/ancillary-services", "04_new_generation.csv", SchemaChanged, "without ancillarytype, mcpc"),
    Refused(19, "pjm/real-time-hourly-lmp", "19_quarter_hours.json", SchemaChanged, "stamps are not those"),
    Refused(19, "nyiso/day-ahead-pricing", "19_quarter_hours.csv", SchemaChanged, "off the hour"),
    Refused(18, "open-meteo/forecast", "18_wall_times.json", SchemaChanged, "does not exist in America/Los_Angeles"),
    Refused(24, "caiso/real-time-pricing", "24_error_in_a_good_zip.zip", UpstreamError, "1015.*in Processing"),
    Refused(24, "pjm/real-time-lmp", "24_throttle_sentence.csv", Throttled, "Try again in 26 seconds"),
    Refused(27, "caiso/day-ahead-pricing", "27_acceptable_use.html", Throttled, "Acceptable Use Policy"),
    Refused(27, "ercot/day-ahead-prices", "27_quota.json", Throttled, "Try again in 17 seconds"),
    Refused(29, "ercot/load", "29_blocked.html", Corrupt, "403 Forbidden"),
    Refused(30, "caiso/marginal-emissions", "30_retired_version.json", SchemaChanged, "version 1"),
    Refused(33, "nws/forecast", "33_grid_expired.json", UpstreamError, "ForecastGridExpired"),
    Refused(36, "caiso/day-ahead-pricing", "36_not_yet.zip", NotYetPublished, "1000.*No data returned"),
    Refused(42, "caiso/day-ahead-pricing", "42_another_market.csv", SchemaChanged, "market run HASP"),
    Refused(42, "caiso/real-time-pricing", "42_another_market.csv", SchemaChanged, "market run HASP"),
    Refused(42, "pjm/real-time-lmp", "42_hours_for_five_minutes.json", SchemaChanged, "stamps are not those"),
    Refused(42, "pjm/real-time-hourly-lmp", "42_a_link_to_another_report.json", SchemaChanged, "da_hrl_lmps"),
    *(
        Refused(34, feed.name, "34_error_page.html", FeedError, "maintenance|no auction results|HTML|page")
        for feed in all_feeds()
    ),
)
ROWS = (
    Rows(5, "ercot/day-ahead-prices", "05_padded.csv", (("2026-07-14T05:00", 0.0255), ("2026-07-14T06:00", 0.02425))),
    Rows(
        6,
        "ercot/settlement-point-prices",
        "06_flag_renamed.csv",
        (("2026-11-01T06:00", 0.02), ("2026-11-01T07:00", 0.021)),
    ),
    Rows(
        7,
        "nyiso/load",
        "07_null_beside_zero.csv",
        (("2026-07-14T18:00", 0.0), ("2026-07-14T18:05", None), ("2026-07-14T18:10", 1500.5)),
    ),
    Rows(
        7,
        "pjm/real-time-lmp",
        "07_null_price.json",
        (("2026-07-14T18:00", 0.0), ("2026-07-14T18:10", 0.0175)),
        ("price_per_kwh is not a number",),
    ),
    Rows(8, "pjm/load", "08_new_zone.csv", (("2026-07-14T04:00", 95.25), ("2026-07-14T04:00", 4200.5))),
    Rows(
        8,
        "caiso/fuel-mix",
        "08_new_fuel_20260714.csv",
        tuple(("2026-07-14T19:00", value) for value in (35.0, 2100.0, 4200.0, 15000.0)),
    ),
    Rows(
        9,
        "pjm/fuel-mix",
        "09_numbers_as_text.json",
        (("2026-07-14T04:00", 40000.5), ("2026-07-14T05:00", 40001.5)),
        ("mw is not a number",),
    ),
    Rows(11, "caiso/gas-price-index", "11_value_as_prc.csv", (("2026-07-15", 3.125),)),
    Rows(11, "eia/henry-hub-spot", "11_price_for_value.json", (), ("no day with a price",)),
    Rows(
        12,
        "ercot/day-ahead-prices",
        "12_skipped_hour.csv",
        (("2026-03-08T07:00", 0.02), ("2026-03-08T08:00", 0.022)),
        ("2026-03-08 02:00:00 does not exist in America/Chicago",),
    ),
    Rows(
        12,
        "caiso/day-ahead-pricing",
        "12_equal_ends.csv",
        (("2026-03-08T11:00", 0.031),),
        ("does not end after it starts",),
    ),
    Rows(
        13,
        "caiso/load",
        "13_missing_hour_20260308.csv",
        (("2026-03-08T09:55", 20000.0), ("2026-03-08T10:00", 20100.0)),
    ),
    Rows(
        14,
        "nyiso/day-ahead-pricing",
        "14_interleaved.csv",
        tuple((f"2026-11-01T{hour:02d}:00", (base + hour - 4) / 1000) for hour in (4, 5, 6, 7) for base in (30, 40)),
    ),
    Rows(
        15,
        "nyiso/day-ahead-pricing",
        "15_two_second_hours.csv",
        (("2026-11-01T04:00", 0.03), ("2026-11-01T08:00", 0.034)),
        ("none in New York, or one of two", *["the same interval occurs with two different values"] * 2),
    ),
    Rows(
        16,
        "caiso/load",
        "16_padded_with_zeros.csv",
        (("2026-11-01T07:00", 20000.0), ("2026-11-01T07:05", 20100.0), ("2026-11-01T07:10", 20200.0)),
        ("the time is none",) * 2,
    ),
    Rows(
        17,
        "nyiso/day-ahead-pricing",
        "17_hour_at_the_end.csv",
        (
            ("2026-11-01T04:00", 0.03),
            ("2026-11-01T07:00", 0.032),
            ("2026-11-02T04:00", 0.033),
            ("2026-11-02T05:00", 0.034),
        ),
        ("none in New York, or one of two",),
    ),
    Rows(17, "ercot/day-ahead-prices", "17_hour_25.csv", (("2026-11-02T05:00", 0.02),), ("not an hour ending",)),
    Rows(
        20,
        "nyiso/real-time-pricing",
        "20_ends_of_intervals.csv",
        (("2026-07-14T04:00", 0.03), ("2026-07-14T04:05", 0.031)),
    ),
    Rows(
        20,
        "ercot/day-ahead-prices",
        "20_ends_of_hours.csv",
        (("2026-07-14T05:00", 0.02), ("2026-07-15T04:00", 0.021)),
    ),
    Rows(
        21,
        "nyiso/real-time-pricing",
        "21_five_and_fifteen.csv",
        tuple(zip(("2026-07-14T09:10", "2026-07-14T09:15", "2026-07-14T09:15", "2026-07-14T09:30"),
                  (0.03, 0.031, 0.032, 0.033), strict=True)),
    ),
    Rows(
        22,
        "ercot/settlement-point-prices",
        "22_seconds_apart.csv",
        (("2026-07-14T10:15:12", 0.03), ("2026-07-14T10:20:13", -0.005), ("2026-07-14T10:20:16", 0.031)),
    ),
    Rows(23, "ercot/day-ahead-prices", "23_next_year.csv", (("2027-07-15T05:00", 0.02),)),
    Rows(25, "pjm/day-ahead-lmp", "25_a_zip_called_csv.zip", (("2026-07-15T04:00", 0.028),), name="da_hrl_lmps.csv"),
    Rows(
        32,
        "caiso/load",
        "32_still_yesterday.csv",
        (("2026-07-14T06:50", 24100.0), ("2026-07-14T06:55", 24000.0)),
        name="https://www.caiso.com/outlook/current/demand.csv",
        received="2026-07-14T07:02:00",
    ),
    Rows(33, "open-meteo/forecast", "33_last_hours_null.json", (("2026-07-14T18:00", 18.5),)),
    Rows(37, "pjm/real-time-hourly-lmp", "37_versions.json", (("2026-07-14T04:00", 0.022),)),
    Rows(
        38,
        "caiso/real-time-pricing",
        "38_two_values.csv",
        (("2026-07-14T07:05", 0.032),),
        ("the same interval occurs with two different values",) * 2,
    ),
    Rows(
        41,
        "nyiso/load",
        "41_impossible.csv",
        (("2026-07-14T18:05", 1500.5),),
        ("outside the plausible range",),
    ),
    Rows(
        41,
        "caiso/real-time-pricing",
        "41_prices_below_zero_and_beyond_belief.csv",
        (("2026-07-14T07:00", -0.14999),),
        ("outside the plausible range",),
    ),
)  # fmt: skip
ELSEWHERE = {
    2: ("ingest/test_collector.py::test_a_request_that_fails_does_not_keep_the_others_of_its_ask_from_being_stored",),
    7: ("store/test_writer.py::test_every_value_counts_also_between_null_and_zero",),
    10: (
        "feeds/test_failures.py::test_10_the_turn_of_a_month_and_of_a_year_asks_for_the_files_of_both",
        "feeds/pjm/test_requests.py::test_a_request_never_crosses_a_year_and_has_no_filter_but_the_date",
        "feeds/ercot/test_requests.py::test_days_older_than_the_list_come_from_the_yearly_files",
    ),
    15: ("feeds/test_failures.py::test_15_an_offset_that_is_in_no_stamp_is_not_guessed_from_a_name",),
    18: ("feeds/test_failures.py::test_18_weather_is_asked_for_in_utc",),
    21: ("feeds/test_failures.py::test_21_a_look_ahead_is_a_market_of_its_own",),
    23: ("feeds/test_failures.py::test_23_no_reader_looks_at_the_clock",),
    26: ("feeds/test_failures.py::test_26_a_damaged_or_cut_off_archive_is_corrupt",),
    27: (
        "ingest/test_client.py::test_429_is_asked_again_after_the_seconds_that_it_names",
        "ingest/test_client.py::test_429_is_asked_again_at_the_date_that_it_names",
        "ingest/test_client.py::test_429_without_a_word_is_throttled_after_a_few_attempts",
        "ingest/test_client.py::test_requests_keep_the_distance_of_the_budget_and_prices_go_first",
        "ingest/test_backfill.py::test_a_month_comes_whole_and_no_request_is_over_the_budget",
    ),
    28: (
        "feeds/test_failures.py::test_28_a_certificate_that_nobody_signed_is_unreachable_and_asked_nothing",
        "feeds/test_failures.py::test_28_certificates_are_checked_everywhere",
    ),
    29: ("feeds/test_failures.py::test_29_a_host_that_turns_us_away_is_denied_once_and_not_stormed",),
    30: (
        "feeds/test_failures.py::test_30_an_address_that_is_gone_is_told_apart_from_a_file_that_is_not_there_yet",
        "ingest/test_client.py::test_a_redirect_on_the_same_host_is_followed_in_its_own_turn",
        "ingest/test_client.py::test_a_redirect_loop_ends",
    ),
    31: ("feeds/test_failures.py::test_31_a_stale_copy_with_status_200_is_late_by_its_content",),
    35: (
        "feeds/test_failures.py::test_35_zones_that_are_missing_are_said_and_the_others_read",
        "ingest/test_client.py::test_a_service_that_fails_does_not_touch_another",
        "ingest/test_collector.py::test_a_failing_feed_never_stops_another",
    ),
    36: (
        "ingest/test_schedule.py::test_late_daily_data_are_looked_for_ever_more_rarely_and_not_for_ever",
        "ingest/test_schedule.py::test_upstreams_own_word_on_when_it_comes_is_believed",
    ),
    37: (
        "feeds/test_failures.py::test_37_replaced_versions_are_kept_apart",
        "store/test_writer.py::test_late_payloads_in_any_order_give_the_same_history",
        "store/test_writer.py::test_versions_that_upstream_calls_replaced_are_kept_but_never_current",
    ),
    39: ("feeds/test_failures.py::test_39_missing_intervals_are_gaps_and_no_zeros",),
    40: ("feeds/test_failures.py::test_40_preliminary_and_final_prices_are_told_apart",),
}
