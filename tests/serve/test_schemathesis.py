"""Requests made from the OpenAPI document, sensible and not: no fault of ours, and nothing that is not promised."""

import asyncio
import os
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from serve.served import listening
from serve.stored import stored_world, with_every_service
from vibelux.store.database import Database

schemathesis = pytest.importorskip("schemathesis", reason="it is not installed; the extra `dev` has it")

EXAMPLES = 500 if os.environ.get("VIBELUX_SOAK") else 2
NOT_SET_UP = ("/api/market/outlook", "/api/chp/outlook")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
async def test_no_request_that_the_document_allows_or_spoils_finds_a_fault(database: Database) -> None:
    world = await stored_world(database, ["admin"], [], requests_per_minute=0)
    with_every_service(world)
    async with listening(world) as port:
        asked = await asyncio.to_thread(_run, f"http://127.0.0.1:{port}", {"X-API-Key": world.key.key})
    assert asked >= 20, "every operation was asked"


def _run(url: str, headers: dict[str, str]) -> int:
    from schemathesis.checks import CHECKS as ALL
    from schemathesis.checks import load_all_checks
    from schemathesis.generation import GenerationMode

    load_all_checks()
    checks = [ALL.get_one(name) for name in CHECKS]
    asked = 0
    for result in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations():
        operation = result.ok() if hasattr(result, "ok") else result.err()
        if (operation.path or "").startswith(NOT_SET_UP):
            continue
        assert hasattr(result, "ok"), operation
        for mode in GenerationMode:
            _check(operation, mode, headers, checks)
        asked += 1
    return asked


def _check(operation: Any, mode: Any, headers: dict[str, str], checks: list[Any]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=checks)

    with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
        holds()
