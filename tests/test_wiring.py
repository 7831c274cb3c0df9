"""How the parts of the service are joined, where no other test sees it."""

import pytest

from dispatch.plants import facility
from ingest.fakes import NOON, PRICES
from ingest.stand_in import Answer, StandIn
from vibelux.config import Settings
from vibelux.feeds import Request, feed_named
from vibelux.ingest.configured import upstream_of
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import ConfigError
from vibelux.wanted import weather_places


@pytest.mark.parametrize("contact", ["grower@example.com", None])
async def test_upstreams_are_told_whom_to_write_to_where_the_operator_says(contact):
    clock, env = FrozenClock(NOON), {} if contact is None else {"OPERATOR_CONTACT": contact}
    async with StandIn(clock, lambda _: Answer(body=b"ok")) as there:
        env[f"{PRICES.provider.upper()}_BASE_URL"] = there.url
        async with upstream_of(Settings.load(None, env=env), clock) as upstream:
            await upstream.fetch(PRICES, Request("https://prices.test/data"))
    agent = there.asked[0].headers["user-agent"]
    assert agent.startswith("vibelux/")
    assert agent.endswith(contact or "(greenhouse energy desk)")


@pytest.mark.parametrize("contact", ["a\r\nX-Evil: 1", "two words", "ä@example.com"])
def test_a_contact_that_is_no_plain_address_is_refused(contact):
    with pytest.raises(ConfigError, match="OPERATOR_CONTACT"):
        Settings.load(None, env={"OPERATOR_CONTACT": contact})


def test_weather_is_asked_for_each_place_once_and_measurements_at_a_station_that_is_named():
    here = {"latitude": 36.67, "longitude": -121.65}
    sites = [
        facility(id="a", **here),
        facility(id="b", **here, weather_station="KSNS"),
        facility(id="c", latitude=40.04, longitude=-76.31),
        facility(id="d"),
    ]
    forecast, observations = feed_named("nws/forecast"), feed_named("nws/observations")
    assert weather_places(sites, forecast) == ["36.67,-121.65", "40.04,-76.31"]
    assert weather_places(sites, feed_named("open-meteo/forecast")) == ["36.67,-121.65", "40.04,-76.31"]
    assert weather_places(sites, observations) == ["36.67,-121.65", "40.04,-76.31", "KSNS"]
