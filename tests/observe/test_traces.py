"""A turn becomes a trace at a collector: a real one's protocol, over loopback."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from quart import Quart, request

from frontdesk import NeedsAttention
from frontdesk.errors import StartupError
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.observe.traces import Traces


class Collector:
    """Takes OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.app = Quart("collector")
        self.app.post("/v1/traces")(self._take)

    async def _take(self) -> str:
        for resource in ExportTraceServiceRequest.FromString(await request.get_data()).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return ""


def seconds(span: Any) -> float:
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


async def test_a_turn_arrives_with_its_parts_below_it_and_without_what_was_said(desk, serving):
    collector = Collector()
    async with serving(collector.app) as url:
        async with desk(server={"traces": {"endpoint": url}}) as server:
            model, lan = await server.plugin("model"), server.contact("Lan")

            def asks(_):
                server.clock.advance(2)
                call = ToolCall(id="1", name="call_a_person", arguments={"reason": "bí mật"})
                return ModelReply(tool_calls=(call,), model="m")

            model.script = [asks, NeedsAttention("0901234567 cannot be answered")]
            await lan.says("Bí mật của mình.")
            await lan.hears()
            await server.quiet()
    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {"turn", "thought", "tool", "no answer"} and collector.services == {"frontdesk"}
    turn = spans["turn"]
    ids = {each.key: each.value.string_value for each in turn.attributes}
    assert (ids["frontdesk.tenant"], ids["frontdesk.ending"]) == ("clinic", "without_model")
    assert ids["frontdesk.turn"] == f"{lan.id}.1"
    assert {span.parent_span_id for name, span in spans.items() if name != "turn"} == {turn.span_id}
    assert seconds(spans["thought"]) == 2 and seconds(turn) >= 2
    assert "taken up" in [event.name for event in turn.events]
    sent = str(collector.spans)
    assert not [word for word in ("mật", "m\\341\\272\\255t", "0901234567") if word in sent]


async def test_a_collector_that_is_away_holds_up_neither_turns_nor_the_stop(desk):
    async with desk(server={"traces": {"endpoint": "http://127.0.0.1:9"}}) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 20


def test_without_the_library_the_start_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(StartupError, match=r"frontdesk\[otel\]"):
        Traces("http://localhost:4318", "i")
