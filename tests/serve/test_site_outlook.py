"""What a site will need, over REST."""

import pytest

from serve.fakes import World
from vibelux.serve import examples

PATH = "/api/chp/outlook"


class Told:
    """Answers with the example and what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float | None]] = []

    async def of(self, facility_id: str, base_c: float | None = None):
        self.asked.append((facility_id, base_c))
        return None if facility_id == "salinas-2" else examples.SITE_OUTLOOK


@pytest.fixture
def world() -> World:
    return World(site_outlooks=Told())


async def test_the_outlook_of_an_own_facility_is_given_with_the_base_that_is_asked_for(world: World) -> None:
    async with world.client("vlx_all") as client:
        answer = await client.get(PATH, params={"facilityId": "salinas-1", "baseC": 12.5})
        assert (answer.status_code, answer.json()) == (200, examples.SITE_OUTLOOK)
        await client.get(PATH, params={"facilityId": "salinas-1"})
    assert world.state.site_outlooks.asked == [("salinas-1", 12.5), ("salinas-1", None)]


async def test_a_wrong_base_is_refused_and_no_key_and_no_facility_as_everywhere(world: World) -> None:
    async with world.client("vlx_all") as client:
        assert (await client.get(PATH, params={"facilityId": "salinas-1", "baseC": "warm"})).status_code == 400
        assert (await client.get(PATH, params={"facilityId": "nobody"})).status_code == 404
    async with world.client(peer="192.0.2.1") as stranger:
        assert (await stranger.get(PATH, params={"facilityId": "salinas-1"})).status_code == 401


async def test_a_process_that_looks_ahead_for_nobody_says_so() -> None:
    async with World().client("vlx_all") as client:
        assert (await client.get(PATH, params={"facilityId": "salinas-1"})).status_code == 503
