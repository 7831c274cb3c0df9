"""Requests as OpenTelemetry spans, where somebody is told of them."""

import pytest

from serve.fakes import World

pytest.importorskip("opentelemetry.sdk", reason="vibelux[otel] is not installed")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


async def test_a_request_is_a_span_by_its_route_in_the_callers_trace_and_tells_no_key() -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    world = World(tracer_provider=provider)
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    async with world.client("vlx_all", traceparent=parent) as client:
        assert (await client.get("/api/facilities/salinas-1")).status_code == 200
        assert (await client.get("/api/no-such-thing")).status_code == 404
    found, missing = spans.get_finished_spans()
    assert found.name == "GET /api/facilities/{facility_id}"
    assert f"{found.context.trace_id:x}" == "ab" * 16
    assert found.attributes["http.response.status_code"] == 200
    assert missing.attributes["http.response.status_code"] == 404
    assert "vlx_all" not in found.to_json() + missing.to_json()


async def test_without_a_provider_there_are_no_spans() -> None:
    assert not World().app._native_telemetry.enabled()
