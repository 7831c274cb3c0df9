"""Scores of forecasts, the files they are made from, and the command that prints them."""

import gzip
import json

import numpy as np
import pytest

from outlook.histories import FIRST, day_ahead, noisy, real_time, shape
from shared_files import real
from vibelux.cli.main import main
from vibelux.market.errors import UsageError
from vibelux.outlook.past import DAY
from vibelux.outlook.price_files import grid_of, read_history
from vibelux.outlook.scores import score


def by_lead(history, **window):
    return {one.lead: one for one in score(history, **window)}


def test_noise_around_a_daily_shape_is_beaten_at_every_lead():
    for lead, one in by_lead(real_time(noisy(60))).items():
        assert one.better_mae > 0.1, lead
        assert one.better_rmse > 0.1, lead
        assert 0.65 < one.coverage < 0.92, lead
        assert one.pinball < one.mae


def test_naive_errors_are_those_of_the_newest_known_hour_and_week():
    values = np.repeat(np.arange(30) * 0.001, 24)  # each day is 1 USD/MWh dearer
    found = by_lead(real_time(values))
    assert found["2-12 h"].mae_yesterday == pytest.approx(1.0)
    assert found["24-48 h"].mae_yesterday == pytest.approx(2.0, abs=0.05)
    assert found["24-48 h"].mae_last_week == pytest.approx(7.0)


def test_published_day_ahead_hours_are_not_scored_as_forecasts():
    found = by_lead(day_ahead(noisy(30)))
    assert "0-2 h" not in found
    assert found["12-24 h"].steps < found["24-48 h"].steps


def test_a_window_is_scored_with_what_was_learnt_before_it():
    history = real_time(noisy(60))
    whole, late = by_lead(history)["all"], by_lead(history, start=FIRST + 50 * DAY)["all"]
    assert late.steps < whole.steps / 3
    assert by_lead(history, start=FIRST + 20 * DAY, end=FIRST + 30 * DAY)["all"].steps < whole.steps / 3


def test_the_future_is_not_scored_from(monkeypatch):
    values = noisy(40)
    changed = values.copy()
    changed[30 * 24 :] = 3.0
    window = {"start": FIRST + 15 * DAY, "end": FIRST + 27 * DAY}
    assert by_lead(real_time(values), **window) == by_lead(real_time(changed), **window)


def test_a_history_that_is_too_short_is_refused():
    with pytest.raises(UsageError, match="nothing to score"):
        score(real_time(noisy(9)))


def written(path, text):
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")
    return path


FORMS = {
    "tidy.csv": "time,node,market,price_per_kwh\n2025-01-01T06:00:00Z,N,real-time-15min,0.0225\n"
    "2025-01-01T07:00:00Z,N,real-time-15min,0.03\n2025-01-01T06:00:00Z,N,other,9\n",
    "offsets.csv": "timestamp,lmp\n2025-01-01 00:00:00-06:00,22.5\n2025-01-01 01:00:00-06:00,30\n",
    "local.csv.gz": "datetime_beginning_local,hub_lmp\n2025-01-01T00:00:00,22.5\n2025-01-01T01:00:00,30\n",
    "pair.csv": "delivery_date,hour_ending,dam_lmp,rtm_lmp\n2025-01-01,1,20,22.5\n2025-01-01,2,21,30\n",
    "wide.csv": "date,iso,zone," + ",".join(f"he{hour:02d}" for hour in range(1, 25)) + "\n"
    "2025-01-01,NYISO,N,22.5,30" + ",0" * 22 + "\n2025-01-01,NYISO,OTHER" + ",1" * 24 + "\n",
    "headless.csv": "20250101;0;22.5;68590;11432;1\n20250101;1;30;65896;10862;1\n",
    "workbook.csv": "Delivery Date,Hour Ending,Repeated Hour Flag,Settlement Point,Settlement Point Price\n"
    "01/01/2025,01:00,N,N,22.5\n01/01/2025,02:00,N,N,30\n01/01/2025,01:00,N,OTHER,1\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_file_gives_the_same_history(tmp_path, name):
    history = read_history(written(tmp_path / name, FORMS[name]), "ERCOT", node="N")
    assert history.prices.first == 20089 * DAY
    assert history.prices.step == 60
    assert history.prices.values[:2] == pytest.approx([0.0225, 0.03])
    assert (history.market == "day-ahead-hourly") == (name == "workbook.csv")
    assert (history.day_ahead is not None) == (name == "pair.csv")


def test_the_files_name_tells_a_day_ahead_market(tmp_path):
    for name, market in (("np15_dam_2025.csv", "day-ahead-hourly"), ("amsterdam.csv", "real-time-5min")):
        assert read_history(written(tmp_path / name, FORMS["offsets.csv"]), "CAISO").market == market


def test_a_file_that_cannot_be_understood_says_why(tmp_path):
    several = written(tmp_path / "wide.csv", FORMS["wide.csv"])
    with pytest.raises(UsageError, match="several nodes and none is named; there are N, OTHER"):
        read_history(several, "NYISO")
    with pytest.raises(UsageError, match="no time column"):
        read_history(written(tmp_path / "a.csv", "when,lmp\n1,2\n"), "NYISO")
    with pytest.raises(UsageError, match="are times"):
        read_history(written(tmp_path / "b.csv", "time,lmp\nyesterday,2\n"), "NYISO")
    with pytest.raises(UsageError, match="give --grid"):
        grid_of(tmp_path / "prices.csv")


def test_the_command_prints_the_table_and_json(tmp_path, capsys):
    values = noisy(20) * 1000
    stamps = np.arange(len(values)) * 3600 + FIRST * 60
    rows = [f"{np.datetime64(int(at), 's')}Z,{value:.4f}" for at, value in zip(stamps, values, strict=True)]
    path = written(tmp_path / "pjm" / "prices.csv", "\n".join(["time,lmp", *rows]) + "\n")
    assert main(["outlook", "score", "--prices", str(path)]) == 0
    assert "p10-p90 holds" in capsys.readouterr().out
    assert main(["outlook", "score", "--prices", str(path), "--json", "--from", "2025-06-15"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["grid"], document["market"], document["days"]) == ("PJM", "real-time-5min", 21)
    assert document["leads"][-1]["lead"] == "all"
    assert document["leads"][-1]["mae"] < document["leads"][-1]["mae_yesterday"]


@pytest.mark.parametrize("day_ahead_too", [False, True])
def test_shapes_alone_are_forecast_almost_exactly(day_ahead_too):
    history = real_time(shape(30), shape(30) if day_ahead_too else None)
    assert by_lead(history)["all"].mae < 0.5


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("caiso/history_tidy/NP15_dam_2024-01.csv", None),
        ("caiso/history_tidy/NP15_dam_2025-01.csv", None),
        ("nyiso/history_tidy/nyiso_rt_2019.csv.gz", "NYC"),
        ("ercot/history_tidy/hb_north_2025-01_2025-08_hourly_dam_rtm_as.csv.gz", None),
    ],
)
def test_recorded_histories_are_forecast_better_than_both_naive_ones(path, node):
    file = real(path)
    one = by_lead(read_history(file, grid_of(file), node=node))["all"]
    assert one.better_mae > 0
    assert one.better_rmse > 0
