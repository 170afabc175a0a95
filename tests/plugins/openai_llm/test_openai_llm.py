"""Models behind an OpenAI-compatible server: the same prompt, tools and checks, through the real `openai` package."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Contact, ModelMessage, ModelRequest, RetryLater, ToolCall, ToolResult
from frontdesk.clock import SystemClock
from frontdesk.plugins.openai_llm import OpenaiLlm
from frontdesk.plugins.openai_llm.chat import parameters
from frontdesk.plugins.openai_llm.settings import OpenaiSettings
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
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["call_a_person", "offer_choices", "remember"]
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


@pytest.mark.parametrize("finish", ["error", "abort"])
async def test_half_an_answer_is_not_said(desk_with: Any, server: FakeOpenai, finish: str) -> None:
    server.script = [Completion(text="Dạ giá 2", finish=finish)] * 2 + ["Dạ."]
    async with desk_with() as desk:
        assert await asks(desk, "em ơi") == "Dạ."


async def test_a_reason_that_is_new_with_words_is_an_answer_and_with_calls_is_none(
    desk_with: Any, server: FakeOpenai
) -> None:
    server.script = [
        Completion(calls=(("call_a_person", "{}"),), finish="reason_of_2027"),
        Completion(text="Dạ.", finish="eos"),
    ]
    async with desk_with() as desk:
        reply = await (await desk.plugin("openai_llm")).think(request(desk))
    assert (reply.text, reply.tool_calls) == ("Dạ.", ()) and "eos" in reply.notes[-1]


async def test_words_that_were_cut_off_end_with_their_last_sentence_and_half_a_call_gets_more_room(
    desk_with: Any, server: FakeOpenai
) -> None:
    server.script = [
        Completion(text="Học phí 3.600.000đ. Có lớp tối! Ngoài ra", finish="length"),
        Completion(text="Em đặt", finish="length", calls=(("book", '{"da'),)),
        "Dạ.",
    ]
    async with desk_with() as desk:
        plugin = await desk.plugin("openai_llm")
        reply = await plugin.think(request(desk))
        assert reply.text == "Học phí 3.600.000đ. Có lớp tối!" and "was cut" in reply.notes[0]
        assert (await plugin.think(request(desk))).text == "Dạ."
    assert [asked["max_tokens"] for asked in server.requests] == [1024, 1024, 2048]


async def test_a_conversation_that_is_too_long_for_a_model_is_sent_shorter(desk_with: Any, server: FakeOpenai) -> None:
    said = [ModelMessage(role=role, text="x" * 300) for _ in range(20) for role in ("user", "assistant")]  # type: ignore[arg-type]
    too_long = b'{"error": {"message": "This model\'s maximum context length is 4096 tokens.", "code": 400}}'
    server.script = [Completion(status=400, body=too_long), "Dạ."]
    async with desk_with(message_tokens=3000) as desk:
        reply = await (await desk.plugin("openai_llm")).think(request(desk, *said, ModelMessage(role="user", text="?")))
    assert reply.text == "Dạ."
    long, short = (len(asked["messages"]) for asked in server.requests)
    assert short < long * 0.6


class Purse:
    """A ceiling without a store."""

    limited = True

    def __init__(self) -> None:
        self.reserved: list[float] = []
        self.settled: list[float] = []

    async def reserve(self, most: float, *, first: bool = False) -> Any:
        self.reserved.append(most)
        return self

    def settle(self, cost: float) -> None:
        self.settled.append(cost)


async def test_answers_of_no_use_are_paid_for_and_told(desk_with: Any, server: FakeOpenai) -> None:
    server.script = [Completion(), Completion(), Completion(status=503), "Dạ."]
    async with desk_with(price={"input": 5, "output": 10}) as desk:
        plugin = await desk.plugin("openai_llm")
        plugin.spending = purse = Purse()
        reply = await plugin.think(request(desk))
    assert len(purse.settled) == 4 and purse.settled[2] == 0
    assert reply.usage.cost == pytest.approx(sum(purse.settled)) and reply.usage.cost > 2.5 * purse.settled[3]
    assert reply.notes == ("big: an answer without anything in it (stop)",)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"], ids=["cut", "no JSON"])
async def test_what_the_server_had_and_did_not_answer_counts_as_spent(desk_with: Any, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    broken = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{broken.sockets[0].getsockname()[1]}/v1"
    async with broken, desk_with(base_url=url, models=["big"], price={"input": 5, "output": 10}) as desk:
        plugin = await desk.plugin("openai_llm")
        plugin.spending = purse = Purse()
        with pytest.raises(RetryLater):
            await plugin.think(request(desk))
    assert purse.settled == purse.reserved != [0]


async def test_a_key_that_was_rotated_is_read_again(
    desk_with: Any, server: FakeOpenai, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", "old")
    server.key = "old"
    async with desk_with(api_key={"env": "MODEL_KEY"}) as desk:
        server.script = ["Dạ một.", "Dạ hai."]
        assert await asks(desk, "em ơi") == "Dạ một."
        monkeypatch.setenv("MODEL_KEY", "new")
        server.key = "new"
        assert await asks(desk, "em ơi", "Minh") == "Dạ hai."


async def test_openais_own_models_are_told_the_limit_by_its_new_name(desk_with: Any) -> None:
    async with desk_with() as desk:
        asked = request(desk)
        own = OpenaiSettings(models=("gpt",))
        sent = parameters(asked, compose(asked), "gpt", own, 100)
    assert sent["max_completion_tokens"] == 100 and "max_tokens" not in sent


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
