"""Whatever is written, the reply is one the core can use: words, or calls that fit their tools and invent nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk import ModelMessage, TenantConfig
from frontdesk.plugins.rehearsal_llm import options

from .conftest import Booking, Desk

PIECES = st.sampled_from(
    "book me tomorrow|đặt lịch ngày mai|cái thứ hai|2|yes|no|thôi|hủy lịch của em|move my appointment to Friday|10:30|"
    "chiều|how much|học phí|sl1a2b3c|v-1x|người thật|thứ 6|31/02|25/12|[image]|my visits|ok|ở đâu|cancel it|?|\n".split(
        "|"
    )
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, min_size=1, max_size=6).map(" ".join))


def fresh(tenant: TenantConfig) -> Desk:
    booking = Booking()
    booking.visits = {"v-1x": "27/11/2026 10:30", "v-2x": "30/11/2026 09:30"}
    return Desk(tenant, booking)


async def converse(desk: Desk, texts: list[str]) -> list[Any]:
    """The whole record of a conversation; every call is checked as it is made."""
    record: list[Any] = []
    run = desk.run

    async def checked(call: Any) -> Any:
        spec = desk.tools.get(call.name)
        if spec is not None:
            spec.validate(call.arguments)
            ids = {value for name, value in call.arguments.items() if name.endswith("_id")}
            assert ids <= seen, f"{call} names an id that no tool gave"
        result = await run(call)
        seen.update(option.id for option in options.parse(result.content))
        return result

    desk.run = checked  # type: ignore[method-assign]
    for text in texts:
        seen: set[str] = set()
        record.append((await desk.says(text), tuple(desk.calls)))
    return record


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.sampled_from(["school", "clinic"]))
def test_any_conversation_gets_valid_replies_and_the_same_ones_again(
    tenants: dict[str, TenantConfig], texts: list[str], name: str
) -> None:
    first = asyncio.run(converse(fresh(tenants[name]), texts))
    assert asyncio.run(converse(fresh(tenants[name]), texts)) == first


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXTS), max_size=6))
def test_any_history_is_read_without_a_fault(tenants: dict[str, TenantConfig], said: list[tuple[Any, str]]) -> None:
    messages = [ModelMessage(role=role, text=text) for role, text in said]
    reply = fresh(tenants["clinic"]).ask([*messages, ModelMessage(role="user", text="")])
    assert reply.text or reply.tool_calls
