"""Bearer tokens of an identity provider: whose are taken, for what, and for how long."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from serve.fakes import NOW, World
from serve.served import close_code, dial, heard, listening
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import Unreachable
from vibelux.serve.identity import IdentityProvider, Trust

ISSUER, AUDIENCE = "https://id.example", "vibelux"
UNAUTHORIZED = (401, {"error": "Unauthorized"})
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, Any] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}


def jwk(private: Any, kid: str, **more: Any) -> dict[str, Any]:
    name = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
    algorithm = next((alg for kind, alg in name.items() if isinstance(private, kind)), "EdDSA")
    return jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True) | {"kid": kid} | more


class Provider:
    """An identity provider whose key set a test changes."""

    def __init__(self) -> None:
        self.keys = [jwk(RSA, "rsa"), jwk(EC, "ec"), jwk(ED, "ed")]
        self.asked = 0
        self.away = False
        self.body: bytes | None = None
        self.monotonic = 0.0
        self.wall = FrozenClock(NOW)
        trust = Trust(issuer=ISSUER, audience=AUDIENCE)
        self.identity = IdentityProvider(trust, self.fetch, self.wall, monotonic=lambda: self.monotonic)

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.away:
            raise Unreachable("no route to it")
        return self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()


def claims(**more: Any) -> dict[str, Any]:
    now = int(NOW.timestamp())
    plain = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 600}
    whole = plain | {"scope": "openid operate", "facilities": ["salinas-1"]} | more
    return {name: value for name, value in whole.items() if value is not ...}


def token(algorithm: str = "RS256", key: Any = None, kid: str | None = "rsa", **more: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**more), key or KEYS[algorithm], algorithm, headers=headers)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(provider: Provider) -> World:
    world = World(identity=provider.identity)
    world.wall = world.state.wall = provider.wall
    return world


async def asked(world: World, bearer: str, path: str = "/api/facilities") -> tuple[int, Any]:
    async with world.client(bearer) as client:
        reply = await client.get(path)
    return reply.status_code, reply.json()


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")])
async def test_a_good_token_opens_what_its_claims_say(provider: Provider, algorithm: str, kid: str) -> None:
    caller = await provider.identity.principal(token(algorithm, kid=kid))
    assert caller is not None
    assert (caller.id, caller.name) == ("jwt:ann", "ann")
    assert [caller.may(scope) for scope in ("read", "operate", "admin")] == [True, True, False]
    assert [caller.owns(one) for one in ("salinas-1", "delta-2")] == [True, False]


async def test_it_is_taken_wherever_a_key_is(world: World) -> None:
    status, body = await asked(world, token())
    assert (status, [one["id"] for one in body["facilities"]]) == (200, ["salinas-1"])
    assert (await asked(world, token(), "/api/facilities/delta-2"))[0] == 404
    assert (await asked(world, token(scope="openid"), "/api/facilities/salinas-1"))[0] == 403
    assert (await asked(world, "vlx_all"))[0] == 200
    async with listening(world) as port:
        async with dial(port, "facilityId=salinas-1", token()) as socket:
            assert (await heard(socket))["type"] == "snapshot"
        async with dial(port, "facilityId=salinas-1", token(key=OTHER_RSA)) as socket:
            assert await close_code(socket) == (4401, [])


NOW_SECONDS = int(NOW.timestamp())


@pytest.mark.parametrize(
    "forged",
    [
        lambda: token(key=OTHER_RSA),
        lambda: token(iss="https://evil.example"),
        lambda: token(iss=...),
        lambda: token(aud="another"),
        lambda: token(aud=...),
        lambda: token(sub=...),
        lambda: token(sub=""),
        lambda: token(sub="x" * 300),
        lambda: token(exp=...),
        lambda: token(exp=NOW_SECONDS - 31),
        lambda: token(exp="soon"),
        lambda: token(exp=True),
        lambda: token(exp=10**30),
        lambda: token(nbf=NOW_SECONDS + 31),
        lambda: token(nbf="now"),
        lambda: token(kid="unknown"),
        lambda: token(kid=None),
        lambda: token("ES256", kid="rsa"),
        lambda: token(kid="ec"),
        lambda: jwt.encode(claims(), "", "none", headers={"kid": "rsa"}),
        lambda: jwt.encode(claims(), "s" * 64, "HS256", headers={"kid": "rsa"}),
        lambda: "a.b.c",
        lambda: "..",
        lambda: "x" * 9000 + ".y.z",
        lambda: token()[:-4] + "AAAA",
    ],
)
async def test_a_token_that_is_not_good_is_401_like_a_wrong_key(world: World, forged: Callable[[], str]) -> None:
    assert await asked(world, forged()) == UNAUTHORIZED


async def test_the_public_key_used_as_a_shared_secret_opens_nothing(world: World) -> None:
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa"}').rstrip(b"=").decode()
    signature = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert await asked(world, forged) == UNAUTHORIZED


async def test_a_token_ends_by_the_clock_of_the_wall(provider: Provider, world: World) -> None:
    ends = token(exp=NOW_SECONDS + 60)
    assert (await asked(world, ends))[0] == 200
    provider.wall.move(60 + 29)
    assert (await asked(world, ends))[0] == 200, "clocks may disagree by half a minute"
    provider.wall.move(1)
    assert await asked(world, ends) == UNAUTHORIZED


async def test_an_open_socket_ends_with_its_token(provider: Provider, world: World) -> None:
    world.state.heartbeat_seconds = world.state.recheck_seconds = 0.05
    async with listening(world) as port, dial(port, "facilityId=salinas-1", token(exp=NOW_SECONDS + 60)) as socket:
        await heard(socket)
        provider.wall.move(200)
        assert (await close_code(socket))[0] == 4401


@pytest.mark.parametrize(
    ("given", "owned"),
    [
        (["salinas-1", "delta-2"], [True, True]),
        ("salinas-1 delta-2", [True, True]),
        ("*", [True, True]),
        ([], [False, False]),
        (..., [False, False]),
        (None, [False, False]),
        ({"a": 1}, [False, False]),
        ([1, None, ""], [False, False]),
    ],
)
async def test_facilities_are_those_of_the_claim_and_none_without_it(
    provider: Provider, given: object, owned: list[bool]
) -> None:
    caller = await provider.identity.principal(token(facilities=given))
    assert caller is not None
    assert [caller.owns(one) for one in ("salinas-1", "delta-2")] == owned


async def test_claims_may_have_other_names_and_lie_within_others(provider: Provider) -> None:
    trust = Trust(
        issuer=ISSUER, audience=AUDIENCE, scopes_claim="realm_access.roles", facilities_claim="https://vibelux/sites"
    )
    identity = IdentityProvider(trust, provider.fetch, provider.wall)
    more = {"realm_access": {"roles": ["admin", "other"]}, "https://vibelux/sites": "delta-2"}
    caller = await identity.principal(token(**more))
    assert caller is not None
    assert caller.scopes == {"admin"}
    assert caller.facilities == {"delta-2"}


async def test_a_new_key_is_asked_for_and_unknown_ones_do_not_hammer_the_provider(provider: Provider) -> None:
    good = token("RS256", OTHER_RSA, "new")
    assert await provider.identity.principal(good) is None
    provider.keys.append(jwk(OTHER_RSA, "new"))
    for n in range(50):
        assert await provider.identity.principal(token(kid=f"made-up-{n}")) is None
    assert provider.asked == 1
    provider.monotonic += 31
    assert await provider.identity.principal(good) is not None
    assert provider.asked == 2


async def test_a_key_that_the_provider_withdraws_opens_nothing_an_hour_later(provider: Provider) -> None:
    assert await provider.identity.principal(token()) is not None
    provider.keys = [jwk(EC, "ec")]
    provider.monotonic += 3601
    assert await provider.identity.principal(token()) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys":1}', b'{"keys":[1]}'])
async def test_a_provider_that_is_away_or_mad_leaves_what_is_known(provider: Provider, body: bytes) -> None:
    assert await provider.identity.principal(token()) is not None
    for provider.away, provider.body in ((True, None), (False, body)):
        provider.monotonic += 3601
        assert await provider.identity.principal(token()) is not None


async def test_keys_that_are_of_no_use_are_passed_over(provider: Provider) -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"}
    provider.keys = [secret, {"kty": "odd", "kid": "x"}, jwk(RSA, "enc", use="enc"), jwk(RSA, "ps", alg="PS256")]
    assert await provider.identity.principal(token()) is None
    assert await provider.identity.principal(token(kid="enc")) is None
    assert await provider.identity.principal(token(kid="ps")) is None, "that key is for another algorithm"
    assert await provider.identity.principal(token("PS256", kid="ps")) is not None


async def test_no_session_is_opened_with_a_token(world: World) -> None:
    async with world.client() as client:
        refused = await client.post("/api/session", json={"key": token()})
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)


async def test_without_a_provider_a_token_is_a_wrong_key() -> None:
    assert await asked(World(), token()) == UNAUTHORIZED


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client(token()) as client:
        yield client


async def test_the_token_is_in_no_log(
    client: httpx2.AsyncClient, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = client.headers["authorization"].split()[1]
    await client.get("/api/facilities")
    await asked(world, sent[:-4] + "AAAA")
    logged = capsys.readouterr()
    assert sent.split(".")[1] not in logged.out + logged.err
