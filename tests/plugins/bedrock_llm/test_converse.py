"""What is sent: every request is held against AWS's own description of Converse by the stand-in."""

from __future__ import annotations

import json
from typing import Any

from frontdesk import Media, ToolCall, ToolResult
from frontdesk.testing.fake_bedrock import Answer
from frontdesk.testing.fake_bedrock.server import BLOCKED

from .conftest import BIG, BOOK, HOURS, SMALL, bot, request, user

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
GUARDED = {"guardrail_id": "g1", "guardrail_version": "1"}


def texts(asked: dict[str, Any]) -> list[list[str]]:
    """Per message, its texts; a wrapped one in angle brackets."""
    found = []
    for message in asked["messages"]:
        blocks = message["content"]
        plain = [block["text"] if "text" in block else None for block in blocks]
        guarded = [block.get("guardContent", {}) for block in blocks]
        wrapped = [f"<{block['text']['text']}>" if "text" in block else None for block in guarded]
        found.append([one or other for one, other in zip(plain, wrapped, strict=True) if one or other])
    return found


def loop(*, error: bool = False) -> tuple[Any, ...]:
    calls = (ToolCall(id="tooluse_1", name="hours", arguments={}), ToolCall(id="tooluse_2", name="book", arguments={}))
    results = (
        ToolResult(id="tooluse_1", name="hours", content="9 to 5"),
        ToolResult(id="tooluse_2", name="book", content="full", error=error),
    )
    return (user("Book me."), bot("Let me look.", tool_calls=calls), user(tool_results=results))


async def test_max_tokens_is_always_set_and_temperature_only_if_it_is_written(make, bedrock):
    await make().think(request())
    await make(max_tokens=200, temperature=0.3).think(request())
    assert [asked["inferenceConfig"] for asked in bedrock.requests] == [
        {"maxTokens": 1024},
        {"maxTokens": 200, "temperature": 0.3},
    ]


async def test_the_prefix_is_the_same_for_everybody_and_read_from_the_cache(make, bedrock):
    plugin = make()
    first = await plugin.think(request(user("Xin chào"), tools=(HOURS, BOOK)))
    second = await plugin.think(request(user("Hello?"), bot("Dạ"), user("Ở đâu?"), tools=(BOOK, HOURS)))
    prefixes = [json.dumps([asked["toolConfig"], asked["system"][:2]]) for asked in bedrock.requests]
    assert prefixes[0] == prefixes[1]
    assert first.usage.cached_tokens == 0 and second.usage.cached_tokens > 1024
    assert first.usage.input_tokens > second.usage.cached_tokens
    assert 0 < second.usage.cost < first.usage.cost


async def test_the_cache_lasts_as_long_as_is_written_and_only_where_there_is_one(make, bedrock):
    await make(cache="1h").think(request())
    await make(cache="off").think(request())
    await make(models=["meta.llama3-3-70b-instruct-v1:0"]).think(request())
    await make(models=[{"id": BIG, "caches": False}]).think(request())
    points = [[block["cachePoint"] for block in asked["system"] if "cachePoint" in block] for asked in bedrock.requests]
    assert points == [[{"type": "default", "ttl": "1h"}], [], [], []]


async def test_roles_alternate_whatever_was_said(make, bedrock):
    talk = (bot("Nhắc lịch ngày mai."), bot("Anh/chị nhé."), user("Dạ"), user("  "), user("ok"), bot("Vâng"), user("?"))
    await make().think(request(*talk))
    assert [message["role"] for message in bedrock.requests[0]["messages"]] == ["user", "assistant", "user"]
    assert texts(bedrock.requests[0])[0] == ["Dạ", "[an empty message]", "ok"]


async def test_tool_calls_and_results_are_told_with_what_failed(make, bedrock):
    await make().think(request(*loop(error=True)))
    used, answered = bedrock.requests[0]["messages"][1:]
    assert [block["toolUse"]["name"] for block in used["content"] if "toolUse" in block] == ["hours", "book"]
    results = [block["toolResult"] for block in answered["content"]]
    assert [(r["content"][0]["text"], r.get("status")) for r in results] == [("9 to 5", None), ("full", "error")]


async def test_a_model_that_knows_no_status_is_told_in_words_that_it_failed(make, bedrock):
    await make(models=["mistral.mistral-large-2407-v1:0"]).think(request(*loop(error=True)))
    results = [block["toolResult"] for block in bedrock.requests[0]["messages"][2]["content"]]
    assert [(r["content"][0]["text"], r.get("status")) for r in results] == [
        ("9 to 5", None),
        ("It failed: full", None),
    ]


async def test_the_ids_of_another_plugins_calls_are_made_to_fit(make, bedrock):
    call = ToolCall(id="gọi số 1 " * 10, name="hours", arguments={})
    result = ToolResult(id=call.id, name="hours", content="")
    await make().think(request(user("?"), bot(tool_calls=(call,)), user(tool_results=(result,))))
    used, answered = bedrock.requests[0]["messages"][1:]
    assert used["content"][0]["toolUse"]["toolUseId"] == answered["content"][0]["toolResult"]["toolUseId"]


async def test_pictures_go_to_models_that_see_the_newest_first(make, bedrock):
    plugin = make(pictures=2)
    plugin.media.update({f"p{n}": ("image/png", PNG + bytes([n])) for n in range(3)})
    plugin.media["big"] = ("image/png", b"x" * 3_750_001)
    talk = [user(f"[image] {n}", media=(Media(content_type="image/png", key=f"p{n}"),)) for n in range(3)]
    await plugin.think(request(*talk))
    blocks = bedrock.requests[0]["messages"][0]["content"]
    assert [block["image"]["source"]["bytes"][-1] for block in blocks if "image" in block] == [1, 2]
    assert "[image] 0\n[you cannot see this file]" in texts(bedrock.requests[0])[0]
    big = user("[image]", media=(Media(content_type="image/png", key="big"),))
    await plugin.think(request(big))
    assert texts(bedrock.requests[1]) == [["[image]\n[you cannot see this file]"]]


async def test_a_model_that_sees_nothing_is_told_so(make, bedrock):
    plugin = make(models=["apac.amazon.nova-micro-v1:0", {"id": SMALL, "sees": False}])
    plugin.media["p"] = ("image/png", PNG)
    await plugin.think(request(user("[image] đây", media=(Media(content_type="image/png", key="p"),))))
    assert texts(bedrock.requests[0]) == [["[image] đây\n[you cannot see this file]"]]


async def test_a_model_that_sees_nothing_is_told_so_though_another_of_the_chain_sees(make, bedrock):
    plugin = make(models=["apac.amazon.nova-micro-v1:0", SMALL])
    plugin.media["p"] = ("image/png", PNG)
    bedrock.script = [Answer(stop="content_filtered"), "Dạ."]
    await plugin.think(request(user("[image] đây", media=(Media(content_type="image/png", key="p"),))))
    blind, seeing = bedrock.requests
    assert texts(blind) == [["[image] đây\n[you cannot see this file]"]]
    assert texts(seeing) == [["[image] đây"]] and "image" in seeing["messages"][0]["content"][1]


async def test_a_guardrail_is_shown_what_is_new_and_comes_from_outside(make, bedrock):
    bedrock.guardrails = {("g1", "1"): ("bomb",)}
    plugin = make(**GUARDED)
    await plugin.think(request(user("old bomb"), bot("No."), *loop()))
    assert texts(bedrock.requests[0]) == [["old bomb"], ["No."], ["<Book me.>"], ["Let me look."], ["<9 to 5\nfull>"]]
    assert bedrock.requests[0]["guardrailConfig"] == {
        "guardrailIdentifier": "g1",
        "guardrailVersion": "1",
        "trace": "disabled",
    }
    blocked = await plugin.think(request(user("How do I build a bomb?")))
    assert blocked.text == BLOCKED and "the guardrail intervened" in blocked.notes[0]


async def test_a_guardrail_is_shown_new_pictures_and_the_model_none_that_it_cannot_look_at(make, bedrock):
    bedrock.guardrails = {("g1", "1"): ("bomb",)}
    plugin = make(**GUARDED)
    for key, kind, content in (("p", "png", PNG), ("w", "webp", b"RIFF bomb"), ("b", "jpeg", b"\xff\xd8 bomb")):
        plugin.media[key] = (f"image/{kind}", content)
    picture, sticker, bomb = (
        user("[image]", media=(Media(content_type=kind, key=key),))
        for kind, key in (("image/png", "p"), ("image/webp", "w"), ("image/jpeg", "b"))
    )
    assert (await plugin.think(request(bomb))).text == BLOCKED
    assert (await plugin.think(request(bomb, bot(BLOCKED), picture, sticker))).text != BLOCKED
    old, _, new = (message["content"] for message in bedrock.requests[1]["messages"])
    assert [block["image"]["format"] for block in old if "image" in block] == ["jpeg"]
    assert [block["guardContent"]["image"]["format"] for block in new if "image" in block["guardContent"]] == ["png"]
    assert texts(bedrock.requests[1])[2] == ["<[image]>", "<[image]\n[you cannot see this file]>"]


async def test_the_preview_is_what_is_sent(make, bedrock):
    plugin = make()
    plugin.media["p"] = ("image/png", PNG)
    asked = request(user("Đây", media=(Media(content_type="image/png", key="p"),)))
    shown = await plugin.preview(asked)
    await plugin.think(asked)
    (sent,) = bedrock.requests
    picture = sent["messages"][0]["content"][1]["image"]["source"]
    assert picture.pop("bytes") == PNG
    picture["bytes"] = f"<{len(PNG)} bytes>"
    assert json.loads(json.dumps(shown)) == json.loads(json.dumps(sent))
