"""Each scheme signs as its upstream wants it, and no key is left in what is written down."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from ingest.fakes import NOON, PRICES, upstream_to
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Feed, Request, Service
from vibelux.ingest.client import Upstream
from vibelux.ingest.credentials import Credentials
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import AccessDenied

SUBSCRIPTION = "ocp-apim-subscription-key"
ERCOT = {"ERCOT_API_KEY": "ercot-key", "ERCOT_USERNAME": "grower@example.com", "ERCOT_PASSWORD": "pass+word &1"}


def signed_as(scheme: str) -> Feed:
    return replace(PRICES, auth=scheme)


async def no_exchange(_request: Request, _service: Service) -> bytes:
    raise AssertionError("no token is needed")


async def sign(credentials: Credentials, scheme: str, url: str = "https://prices.test/data?x=1") -> Request:
    return await credentials.signed(signed_as(scheme), Request(url, headers={"Accept": "text/csv"}), NOON, no_exchange)


async def test_a_keyless_request_is_left_as_it_is() -> None:
    assert await sign(Credentials({"PJM_API_KEY": "key"}), "") == Request(
        "https://prices.test/data?x=1", headers={"Accept": "text/csv"}
    )


async def test_pjm_takes_the_subscription_key_before_user_and_password() -> None:
    both = {"PJM_API_KEY": SecretStr("pjm-key"), "PJM_USERNAME": "user", "PJM_PASSWORD": "password"}
    signed = await sign(Credentials(both), "pjm")
    assert signed.headers == {"Accept": "text/csv", "Ocp-Apim-Subscription-Key": "pjm-key"}


async def test_pjm_falls_back_to_user_and_password() -> None:
    signed = await sign(Credentials({"PJM_USERNAME": "user", "PJM_PASSWORD": "pass:word", "PJM_API_KEY": None}), "pjm")
    assert base64.b64decode(signed.headers["Authorization"].removeprefix("Basic ")) == b"user:pass:word"


async def test_eia_gets_the_key_in_the_query_of_its_api_only() -> None:
    credentials = Credentials({"EIA_API_KEY": "eia&key"})
    api = await sign(credentials, "eia", "https://api.eia.gov/v2/x?facets%5B%5D=a")
    assert api.url == "https://api.eia.gov/v2/x?facets%5B%5D=a&api_key=eia%26key"
    assert (await sign(credentials, "eia", "https://www.eia.gov/file.xls")).url == "https://www.eia.gov/file.xls"


@pytest.mark.parametrize(
    ("scheme", "url", "setting"),
    [
        ("pjm", "https://api.pjm.com/x", "PJM_API_KEY"),
        ("eia", "https://api.eia.gov/x", "EIA_API_KEY"),
        ("ercot", "https://api.ercot.com/x", "ERCOT_USERNAME"),
    ],
)
async def test_a_missing_key_is_named(scheme: str, url: str, setting: str) -> None:
    with pytest.raises(AccessDenied, match=setting):
        await sign(Credentials(), scheme, url)


def test_what_a_feed_lacks_is_listed() -> None:
    feed = replace(PRICES, needs_key=("PJM_API_KEY|PJM_USERNAME", "ERCOT_API_KEY"))
    assert Credentials({"PJM_USERNAME": "user", "ERCOT_API_KEY": ""}).missing(feed) == ("ERCOT_API_KEY",)


class Ercot:
    """Plays ERCOT's token service and its data service."""

    def __init__(self) -> None:
        self.tokens = 0
        self.accepted: set[str] = set()

    def __call__(self, asked: Asked) -> Answer:
        if asked.path.endswith("/oauth2/v2.0/token"):
            form = parse_qs(asked.body.decode())
            if form["password"] != [ERCOT["ERCOT_PASSWORD"]]:
                return Answer(400, b'{"error":"access_denied","error_description":"AADB2C90225"}')
            self.tokens += 1
            self.accepted = {f"token-{self.tokens}"}
            return Answer(body=json.dumps({"id_token": f"token-{self.tokens}", "expires_in": 3600}).encode())
        token = asked.headers["authorization"].removeprefix("Bearer ")
        return Answer(body=b"rows") if token in self.accepted else Answer(401)


def ercot_upstream(there: StandIn, clock: FrozenClock, **keys: str) -> Upstream:
    return upstream_to(there.url, clock, credentials=Credentials(ERCOT | keys))


async def test_ercots_token_is_asked_for_once_and_renewed_before_it_ends() -> None:
    clock, ercot = FrozenClock(NOON), Ercot()
    async with StandIn(clock, ercot) as there, ercot_upstream(there, clock) as upstream:
        for _ in range(2):
            await upstream.fetch(signed_as("ercot"), Request("https://api.ercot.com/data"))
        assert ercot.tokens == 1
        data = [asked for asked in there.asked if asked.path == "/data"]
        assert data[0].headers[SUBSCRIPTION] == "ercot-key"
        assert there.asked[0].method == "POST"
        clock.move(timedelta(minutes=56).total_seconds())
        await upstream.fetch(signed_as("ercot"), Request("https://api.ercot.com/data"))
        assert ercot.tokens == 2


async def test_ercots_keys_go_to_its_api_and_to_no_other_host() -> None:
    clock, ercot = FrozenClock(NOON), Ercot()
    listed = Request("https://www.ercot.com/misapp/servlets/IceDocListJsonWS?reportTypeId=12301")
    async with (
        StandIn(clock, lambda asked: Answer(body=b"list")) as there,
        ercot_upstream(there, clock) as upstream,
    ):
        await upstream.fetch(signed_as("ercot"), listed)
    (asked,) = there.asked
    assert not {"authorization", SUBSCRIPTION} & set(asked.headers)
    assert ercot.tokens == 0


async def test_a_token_that_is_refused_is_renewed_once() -> None:
    clock, ercot = FrozenClock(NOON), Ercot()
    async with StandIn(clock, ercot) as there, ercot_upstream(there, clock) as upstream:
        await upstream.fetch(signed_as("ercot"), Request("https://api.ercot.com/data"))
        ercot.accepted.clear()
        reply = await upstream.fetch(signed_as("ercot"), Request("https://api.ercot.com/data"))
        assert reply.body == b"rows"
        assert ercot.tokens == 2


async def test_a_wrong_password_is_denied_and_says_what_to_check() -> None:
    clock = FrozenClock(NOON)
    async with (
        StandIn(clock, Ercot()) as there,
        ercot_upstream(there, clock, ERCOT_PASSWORD="wrong-password") as upstream,
    ):
        with pytest.raises(AccessDenied, match="check ERCOT_USERNAME and ERCOT_PASSWORD") as caught:
            await upstream.authenticate(replace(signed_as("ercot"), url="https://api.ercot.com/data"))
    assert "wrong-password" not in str(caught.value)


def test_secrets_are_hidden_in_every_spelling() -> None:
    credentials = Credentials({"EIA_API_KEY": 'key/"12"+3', "PJM_USERNAME": "someone", "PJM_PASSWORD": "sesame"})
    text = 'key/"12"+3 key%2F%2212%22%2B3 key/\\"12\\"+3 ' + base64.b64encode(b"someone:sesame").decode()
    assert credentials.hidden(text) == "*** *** *** ***"
    assert credentials.redacted(text.encode()) == b"*** *** *** ***"
    assert "sesame" not in repr(vars(credentials))


def test_an_archive_is_not_touched_by_redaction() -> None:
    body = b"PK\x03\x04 ... sesame!"
    assert Credentials({"PJM_PASSWORD": "sesame"}).redacted(body) == body
