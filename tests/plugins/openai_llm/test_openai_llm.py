"""Models behind an OpenAI-compatible server: the same prompt, tools and checks, through the real `openai` package."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Contact, ModelMessage, ModelRequest, RetryLater, ToolCall, ToolResult
from frontdesk.clock import SystemClock
from frontdesk.plugins.openai_llm import OpenaiLlm
from frontdesk.prompt import compose
from frontdesk.testing.fake_openai import Completion, FakeOpenai

pytest.importorskip("openai", reason="the extra frontdesk[openai] is not installed in this environment")

AT_ONCE = {"settle": {"quiet_seconds": 0}, "language": "vi"}


@pytest.fixture
async def server() -> AsyncIterator[FakeOpenai]:
    async with FakeOpenai() as running:
        yield running
        assert running.refused == [], "a request that a server would refuse"


@pytest.fixture
def desk_with(desk: Any, server: FakeOpenai) -> Callable[..., Any]:
    """`desk_with(plugins, **settings)`: a desk whose model is behind *server*."""

    def make(plugins: dict[str, Any] | None = None, tenant: dict[str, Any] | None = None, **settings: Any) -> Any:
        given = {"models": ["big", "small"], "base_url": server.url, **settings}
        return desk(
            plugins={"openai_llm": OpenaiLlm, **(plugins or {})},
            settings={"openai_llm": given},
            tenants={"clinic": {**AT_ONCE, **(tenant or {})}},
            clock=SystemClock(),
        )

    return make


async def asks(desk: Any, text: str, name: str = "Lan") -> str:
    contact = desk.contact(name)
    await contact.says(text)
    return str(await contact.hears())


def call(name: str, /, **arguments: Any) -> Completion:
    return Completion(calls=((name, json.dumps(arguments, ensure_ascii=False)),))


async def test_it_answers_with_the_prompt_and_the_tools_of_every_model(desk_with: Any, server: FakeOpenai) -> None:
    async with desk_with(temperature=0.2) as desk:
        assert "học phí?" in await asks(desk, "học phí?")
    (asked,) = server.requests
    assert asked["messages"][0]["content"].startswith("You are Frontdesk of Test Clinic.")
    assert asked["messages"][1]["role"] == "user" and asked["messages"][1]["content"].endswith("học phí?")
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["call_a_person", "remember"]
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("big", 1024, 0.2)


async def test_it_books_through_the_journal_like_any_model(
    desk_with: Any, server: FakeOpenai, booking_plugin: Any, tmp_path: Any
) -> None:
    def book(asked: dict[str, Any]) -> Completion:
        first = asked["messages"][-1]["content"].splitlines()[0]
        return call("book", slot=first.split(" — ")[0], name="Lan")

    server.script = [
        call("free_times", day=(SystemClock().now() + timedelta(days=2)).date().isoformat()),
        book,
        lambda asked: asked["messages"][-1]["content"],
    ]
    async with desk_with({"booking": booking_plugin}) as desk:
        assert "Em đã đặt lịch 09:00" in await asks(desk, "đặt lịch cho chị")
        (turn,) = await desk.contact("Lan").turns()
        assert [(deed.tool, deed.state) for deed in turn.deeds] == [("book", "done")]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_passes_is_tried_once_more(desk_with: Any, server: FakeOpenai, status: int) -> None:
    server.script = [Completion(status=status), "Dạ."]
    async with desk_with() as desk:
        assert await asks(desk, "em ơi") == "Dạ."
    assert [asked["model"] for asked in server.requests] == ["big", "big"]


@pytest.mark.parametrize(
    "useless",
    [
        Completion(status=404),
        Completion(status=400),
        Completion(text="I wi", finish="length", calls=(("book", '{"day'),)),
        Completion(calls=(("book", "{no json"),)),
        Completion(calls=(("book", "[1]"),)),
        Completion(text="<think>What does she want?"),
        Completion(finish="content_filter", text="x"),
        Completion(body=b"<html>"),
        Completion(body=b"{}"),
    ],
)
async def test_an_answer_of_no_use_is_given_by_the_next_model(
    desk_with: Any, server: FakeOpenai, useless: Completion
) -> None:
    def answer(asked: dict[str, Any]) -> str | Completion:
        return useless if asked["model"] == "big" else "Dạ."

    server.script = [answer] * 5
    async with desk_with() as desk:
        assert await asks(desk, "em ơi") == "Dạ."


async def test_what_a_model_thinks_out_loud_is_not_said(desk_with: Any, server: FakeOpenai) -> None:
    server.script = ["<think>She is naive.</think>\nDạ em nghe."]
    async with desk_with() as desk:
        assert await asks(desk, "em ơi") == "Dạ em nghe."


@pytest.mark.parametrize(
    ("setting", "answer", "told"),
    [
        ({"api_key": {"env": "MODEL_KEY"}}, None, "look at api_key"),
        ({}, Completion(status=404), "no such model"),
    ],
    ids=["a wrong key", "an unknown model"],
)
async def test_what_a_person_must_mend_is_said_without_the_contacts_words(
    desk_with: Any, server: FakeOpenai, monkeypatch: pytest.MonkeyPatch, setting: Any, answer: Any, told: str
) -> None:
    monkeypatch.setenv("MODEL_KEY", "wrong")
    server.key = "right" if setting else ""
    server.script = [answer] * 2 if answer else []
    async with desk_with(**setting) as desk:
        plugin = await desk.plugin("openai_llm")
        assert "sẽ trả lời" in await asks(desk, "bí mật của chị")
        health = await plugin.check_health()
        assert not health["ok"] and told in health["detail"] and "bí mật" not in health["detail"]


async def test_a_server_that_is_away_is_no_defect(desk_with: Any) -> None:
    async with desk_with(base_url="http://127.0.0.1:9/v1") as desk:
        plugin = await desk.plugin("openai_llm")
        with pytest.raises(RetryLater, match="cannot be reached"):
            await plugin.think(request(desk))


async def test_a_ceiling_needs_a_price_and_is_kept(desk_with: Any, server: FakeOpenai) -> None:
    spending = {"spending": {"per_day": 0.024, "first_models": 1}}
    async with desk_with(tenant=spending) as desk:
        assert "sẽ trả lời" in await asks(desk, "em ơi"), "without a price it does not start"
        assert server.requests == []
    async with desk_with(tenant=spending, price={"input": 5, "output": 10}) as desk:
        assert "em ơi" in await asks(desk, "em ơi", "Minh")
        (turn,) = await desk.contact("Minh").turns()
        (thought,) = [line for line in turn.trace if line["what"] == "thought"]
        assert 0 < thought["cost"] < 0.024
        assert "sẽ trả lời" in await asks(desk, "chị hỏi " + "dài " * 4000, "Hằng"), "it could cost more than is left"


async def test_a_conversation_is_told_in_the_servers_shape(desk_with: Any, server: FakeOpenai) -> None:
    async with desk_with() as desk:
        plugin = await desk.plugin("openai_llm")
        calls = (ToolCall(id="a", name="hours", arguments={"giờ": "9h"}), ToolCall(id="b", name="book", arguments={}))
        results = (
            ToolResult(id="a", name="hours", content="9 to 5"),
            ToolResult(id="b", name="book", content="full", error=True),
        )
        await plugin.think(
            request(
                desk,
                ModelMessage(role="user", text="Xin chào"),
                ModelMessage(role="assistant", text="Chào chị"),
                ModelMessage(role="user", text="một"),
                ModelMessage(role="user", text="hai"),
                ModelMessage(role="assistant", tool_calls=calls),
                ModelMessage(role="user", tool_results=results),
            )
        )
    told = server.requests[-1]["messages"][1:]
    assert [message["role"] for message in told] == ["user", "assistant", "user", "assistant", "tool", "tool"]
    assert told[2]["content"] == "một\nhai"
    assert told[3]["tool_calls"][0]["function"] == {"name": "hours", "arguments": '{"giờ": "9h"}'}
    assert [message["content"] for message in told[4:]] == ["9 to 5", "It failed: full"]


async def test_the_preview_is_what_is_sent(desk_with: Any, server: FakeOpenai) -> None:
    async with desk_with() as desk:
        plugin, asked = await desk.plugin("openai_llm"), request(desk)
        await plugin.think(asked)
        assert await plugin.preview(asked) == server.requests[-1]
        assert compose(asked).rules in server.requests[-1]["messages"][0]["content"]


def request(desk: Any, *messages: ModelMessage) -> Any:
    now = desk.clock.now()
    return ModelRequest(
        tenant=desk.server.declared["clinic"].tenant,
        contact=Contact(id="c", created_at=now),
        now=now,
        messages=messages or (ModelMessage(role="user", text="em ơi"),),
        seconds=20,
    )
