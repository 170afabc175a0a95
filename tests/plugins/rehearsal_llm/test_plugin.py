from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from frontdesk import ModelMessage, Services, TenantConfig, ToolResult
from frontdesk.plugins.rehearsal_llm import RehearsalLlm, RehearsalSettings
from frontdesk.turn.offer import OFFER_CHOICES

from .conftest import Desk


class Clock:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class TenantAndClock:
    """Of the services only these two are used; anything else would be an AttributeError."""

    def __init__(self, tenant: TenantConfig) -> None:
        self.tenant = tenant
        self.clock = Clock()

    def __getattr__(self, name: str) -> None:
        return None


def plugin(tenant: TenantConfig, **settings: Any) -> tuple[RehearsalLlm, Clock]:
    services = TenantAndClock(tenant)
    made = RehearsalLlm("rehearsal_llm", RehearsalSettings(**settings), cast(Services, services))
    return made, services.clock


async def test_it_thinks_at_once_and_names_itself(tenants: dict[str, TenantConfig]) -> None:
    model, clock = plugin(tenants["clinic"])
    reply = await model.think(Desk(tenants["clinic"]).request([ModelMessage(role="user", text="is there parking?")]))
    assert "six free parking spaces" in reply.text and reply.model == "rehearsal" and clock.slept == []


async def test_a_demo_can_let_it_think_for_a_while(tenants: dict[str, TenantConfig]) -> None:
    model, clock = plugin(tenants["clinic"], delay_seconds=1.5, model="demo")
    reply = await model.think(Desk(tenants["clinic"]).request([ModelMessage(role="user", text="hi")]))
    assert clock.slept == [1.5] and reply.model == "demo"


async def test_a_higher_threshold_says_i_do_not_know_more_often(tenants: dict[str, TenantConfig]) -> None:
    request = Desk(tenants["clinic"]).request([ModelMessage(role="user", text="are fillings available to my hamster?")])
    bold, cautious = plugin(tenants["clinic"], threshold=0.2)[0], plugin(tenants["clinic"], threshold=0.95)[0]
    assert "£95" in (await bold.think(request)).text
    assert [call.name for call in (await cautious.think(request)).tool_calls] == ["call_a_person"]


async def test_choices_that_the_core_turned_down_are_lines_of_the_answer(tenants: dict[str, TenantConfig]) -> None:
    model, _ = plugin(tenants["clinic"])
    asked = Desk(tenants["clinic"]).request([ModelMessage(role="user", text="the teeth of my uncle are purple")])
    asked = replace(asked, tools=(*asked.tools, OFFER_CHOICES))
    offered = await model.think(asked)
    (call,) = offered.tool_calls
    refused = ToolResult(id=call.id, name=call.name, content="no", error=True)
    calls = ModelMessage(role="assistant", text=offered.text, tool_calls=offered.tool_calls)
    again = replace(asked, messages=(*asked.messages, calls, ModelMessage(role="user", tool_results=(refused,))))
    reply = await model.think(again)
    assert reply.tool_calls == () and "You can ask me about: " in reply.text


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"threshold": 2}, {"delay_seconds": -1}, {"temperature": 1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RehearsalSettings(**wrong)


def fixed_piece() -> float:
    """Processor seconds of 2,000,000 additions: 70 ms where a reply may take 2 ms (bench/README.md names the machine)."""
    started, total = time.process_time(), 0
    for number in range(2_000_000):
        total += number
    return time.process_time() - started


async def test_a_reply_takes_a_35th_of_a_fixed_piece_of_python(tenants: dict[str, TenantConfig]) -> None:
    tenant = tenants["school"]
    model, _ = plugin(tenant)
    texts = [
        "Chào em",
        "học phí lớp ielts bao nhiêu vậy em",
        "có dạy tiếng Nhật không",
        "trung tâm ở đâu, mấy giờ mở cửa",
    ]
    requests = [Desk(tenant).request([ModelMessage(role="user", text=text)]) for text in texts]
    took = []
    for request in requests * 10:
        started = time.process_time()  # not the clock's: others use the machine, too
        await model.think(request)
        took.append(time.process_time() - started)
    # In the same run on the same machine, which is slower on some days than on others.
    assert sorted(took)[len(took) // 2] < fixed_piece() / 35
