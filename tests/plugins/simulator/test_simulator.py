"""The phone in the browser, over HTTP on loopback: what it lets in, what it tells the page, and its part of the channel."""

from __future__ import annotations

import asyncio
import json
import string
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import ModelReply, Outgoing, Refused, ToolCall, WebhookRefused, WebhookRequest
from frontdesk.plugins.simulator import Simulator, posted, words
from frontdesk.store.collections import MESSAGES, PLUGIN_DATA

LAN = "1a4" * 8
MINH = "b2c" * 8
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
WAV = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0"
OURS = {"X-Frontdesk-Simulator": "1"}
ELSEWHERE = [
    {"Host": "evil.example"},
    {"Host": "localhost.evil.example:8000"},
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-Host": "desk.example.com"},
    {"Forwarded": "for=203.0.113.9"},
    {"Via": "1.1 proxy"},
]


# Who may use it.


@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_who_comes_from_elsewhere_is_told_what_to_set(start: Any, headers: dict[str, str]) -> None:
    _, phone = await start()
    for path in ("", "events", "static/phone.js", f"media/{'0' * 64}"):
        async with phone.http.get(phone.page + path, headers=headers) as answer:
            assert answer.status == 403
            assert "`open_to: everyone`" in await answer.text()
    async with phone.http.post(phone.webhook, json={}, headers={**OURS, **headers}) as answer:
        assert answer.status == 403


async def test_open_to_everyone_lets_in_who_comes_through_a_proxy(start: Any) -> None:
    server, phone = await start(open_to="everyone")
    async with phone.http.get(phone.page, headers={"Host": "desk.example.com", "X-Forwarded-For": "1.2.3.4"}) as answer:
        assert answer.status == 200
    health = await (await server.plugin("simulator")).check_health()
    assert health == {"ok": True, "detail": "open to everyone"}


async def test_another_sites_page_can_post_nothing(start: Any) -> None:
    _, phone = await start()
    message = json.dumps({"id": "m" * 16, "from": LAN, "text": "hi"})
    for headers in ({"Content-Type": "application/json"}, {"Content-Type": "text/plain", **OURS}):
        async with phone.http.post(phone.webhook, data=message, headers=headers) as answer:
            assert answer.status == 403
    for path in ("receipts", "media"):
        async with phone.http.post(phone.page + path, data=PNG) as answer:
            assert answer.status == 403


NONSENSE: list[dict[str, Any]] = [
    {"from": "short"},
    {"from": "../../" + "a" * 20},
    {"text": ""},
    {"text": "  "},
    {"text": "x" * 4097},
    {"kind": "location"},
    {"kind": "image"},
    {"kind": "image", "media": {"key": "../secret"}},
    {"media": {"key": "0" * 64}},
    {"kind": "image", "media": {"key": "0" * 64}},
    {"kind": "button"},
    {"kind": "button", "text": "Yes", "choice": {"message": "m", "id": "yes"}},
    {"kind": "button", "text": "", "choice": {"message": "m", "id": "yes"}},
    {"choice": {"message": "m", "id": "yes"}},
    {"stray": 1},
    {"name": 7},
]


@pytest.mark.parametrize("wrong", NONSENSE)
async def test_a_message_that_makes_no_sense_is_refused(start: Any, wrong: dict[str, Any]) -> None:
    server, phone = await start()
    assert await phone.says(**{"text": "hi", **wrong}) == 400
    conversations = (await server.plugin("simulator")).conversations
    assert await conversations.of("simulator", LAN) is None


JSON = st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda value: json.dumps(value).encode())


@given(body=st.binary() | JSON)
def test_any_body_is_understood_or_refused(body: bytes) -> None:
    for form in (posted.PostedMessage, posted.PostedReceipts):
        with pytest.raises(WebhookRefused) as caught:
            posted.understand(form, body)
        assert caught.value.status == 400


# A conversation.


async def test_a_message_is_answered_and_ticked_as_read(start: Any) -> None:
    _, phone = await start()
    async with phone.listens() as screen:
        await screen.until(lambda s: s.now["first"])
        assert await phone.says("Chào <b>chị</b>") == 204
        (answer,) = await screen.until(lambda s: s.theirs())
        await screen.until(lambda s: s.mine()[0]["state"] == "read")
    assert answer["text"] == "You said: Chào <b>chị</b>"
    assert answer["author"] == "bot"
    assert answer["state"] in ("accepted", "sent")
    assert screen.mine()[0]["posted"] == f"message-{1:016}"
    assert screen.now["doing"]["owner"] == "bot"


async def test_a_message_posted_again_is_the_same_message(start: Any) -> None:
    _, phone = await start()
    for _ in range(3):
        assert await phone.says("once", id="same" * 8) == 204
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
    assert [message["text"] for message in screen.mine()] == ["once"]


async def test_a_contact_cannot_hide_anothers_message_behind_its_id(start: Any) -> None:
    _, phone = await start()
    other = phone.of(MINH)
    assert await other.says("mine", id="same" * 8) == 204
    assert await phone.says("mine too", id="same" * 8) == 204
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
    assert [message["text"] for message in screen.mine()] == ["mine too"]


async def test_a_page_opened_later_is_told_everything_at_once(start: Any) -> None:
    _, phone = await start()
    await phone.says("one")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
    async with phone.listens() as screen:
        await screen.until(lambda s: True)
    assert screen.now["first"]
    assert [message["text"] for message in screen.messages.values()] == ["one", "You said: one"]


async def test_typing_is_shown_while_the_model_thinks_and_reads_the_message(start: Any) -> None:
    server, phone = await start()
    goes_on = asyncio.Event()

    async def slowly(_: Any) -> ModelReply:
        await goes_on.wait()
        return ModelReply(text="Here I am", model="scripted")

    (await server.plugin("model")).script = [slowly]
    async with phone.listens() as screen:
        await phone.says("Are you there?")
        await screen.until(lambda s: s.now["typing"])
        assert screen.now["doing"]["step"] == "thinking"
        assert [message["state"] for message in screen.mine()] == ["read"]
        goes_on.set()
        await screen.until(lambda s: s.theirs() and not s.now["typing"])


async def test_typing_shown_by_another_process_reaches_the_page(start: Any) -> None:
    server, phone = await start()
    here = await server.plugin("simulator")
    there = Simulator(here.name, here.settings, here.services)
    (await server.plugin("model")).script = [RuntimeError("nobody answers")]
    await phone.says("Hello?")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.mine() and s.now["doing"]["owner"] == "nobody")
        conversation = await here.conversations.of("simulator", LAN)
        message = (await here.conversations.messages(conversation.id))[-1]
        later = type(message)(**{**_fields(message), "at": message.at + timedelta(seconds=1)})
        await there.show_typing(conversation, later)
        await screen.until(lambda s: s.now["typing"])


async def test_receipts_become_delivered_and_read(start: Any) -> None:
    _, phone = await start()
    await phone.says("hi")
    async with phone.listens() as screen:
        (answer,) = await screen.until(lambda s: s.theirs())
        assert await phone.tells(delivered=[answer["id"]]) == 204
        await screen.until(lambda s: s.theirs()[0]["state"] == "delivered")
        assert await phone.tells(read=[answer["id"], "no-such-message"]) == 204
        await screen.until(lambda s: s.theirs()[0]["state"] == "read" and s.now["doing"]["step"] == "read")


async def test_nobody_reads_for_another_contact(start: Any) -> None:
    _, phone = await start()
    other = phone.of(MINH)
    await phone.says("hi")
    await other.says("hi")
    async with phone.listens() as screen, other.listens() as others:
        (answer,) = await screen.until(lambda s: s.theirs())
        (own,) = await others.until(lambda s: s.theirs())
        assert await other.tells(read=[answer["id"], own["id"]]) == 204
        await others.until(lambda s: s.theirs()[0]["state"] == "read")
    async with phone.listens() as screen:
        (answer,) = await screen.until(lambda s: s.theirs())
    assert answer["state"] in ("accepted", "sent")


async def test_another_tenant_knows_nothing_of_the_contact(start: Any) -> None:
    _, phone = await start()
    await phone.says("secret")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
    _, uploaded = await phone.uploads(PNG)
    school = phone.of(LAN, "school")
    async with school.listens() as screen:
        await screen.until(lambda s: s.now["first"])
        assert screen.messages == {}
    async with phone.http.get(f"{school.page}media/{uploaded['key']}") as answer:
        assert answer.status == 404
    assert await school.says(kind="image", media={"key": uploaded["key"]}) == 400


# Files.


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image"), (WAV, "voice")])
async def test_a_file_is_kept_sent_and_shown_but_never_run(start: Any, content: bytes, kind: str) -> None:
    server, phone = await start()
    status, uploaded = await phone.uploads(content)
    assert (status, uploaded["kind"]) == (200, kind)
    assert await phone.says("look", kind=kind, media={"key": uploaded["key"]}) == 204
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
    (message,) = screen.mine()
    assert [file["key"] for file in message["media"]] == [uploaded["key"]]
    asked = (await server.plugin("model")).requests[0].messages[-1]
    assert asked.media[0].size == len(content)
    async with phone.http.get(f"{phone.page}media/{uploaded['key']}") as answer:
        assert await answer.read() == content
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html><script>", b"", b"%PDF-1.7\n"]
)
async def test_a_file_that_is_neither_picture_nor_voice_is_refused(start: Any, content: bytes) -> None:
    _, phone = await start()
    assert (await phone.uploads(content))[0] == 415


@pytest.mark.parametrize("in_pieces", [False, True], ids=["with its length", "in pieces"])
async def test_a_file_over_5_mb_is_refused_and_one_of_5_mb_is_not(start: Any, in_pieces: bool) -> None:
    _, phone = await start()
    most = PNG + bytes(5 * 1024 * 1024 - len(PNG))
    assert (await phone.uploads(most, in_pieces=in_pieces))[0] == 200
    assert (await phone.uploads(most + b"\0", in_pieces=in_pieces))[0] == 413


async def test_a_file_that_the_server_takes_no_more_is_refused_with_the_reason(start: Any) -> None:
    server, phone = await start()
    server.server.media._max_bytes = len(PNG) - 1
    status, reason = await phone.uploads(PNG)
    assert status == 413
    assert "server.media.max_bytes" in reason


async def test_a_picture_cannot_be_sent_as_a_voice_note(start: Any) -> None:
    _, phone = await start()
    _, uploaded = await phone.uploads(PNG)
    assert await phone.says(kind="voice", media={"key": uploaded["key"]}) == 400


async def test_all_visitors_upload_so_much_in_an_hour(start: Any) -> None:
    _, phone = await start(open_to="everyone", megabytes_per_hour=1, messages_per_minute=4)
    picture = PNG + bytes(600 * 1024)
    assert (await phone.uploads(picture))[0] == 200
    assert await phone.uploads(picture) == (429, "more than 1 MB of files in an hour; try again in an hour")
    assert [(await phone.uploads(PNG))[0] for _ in range(2)] == [200, 200]
    assert await phone.uploads(PNG) == (429, "more than 4 messages in a minute from one address; wait a minute")


# Choices.


async def test_what_is_tapped_is_what_was_offered_and_reaches_the_model_with_its_id(start: Any) -> None:
    server, phone = await start()
    model = await server.plugin("model")
    times = [{"title": "Thứ Hai", "id": "slot-1", "description": "sáng"}, {"title": "Thứ Ba"}]
    offer = ToolCall(id="c", name="offer_choices", arguments={"choices": times})
    model.script = [ModelReply(text="Hôm nào ạ?", tool_calls=(offer,)), "Dạ."]
    async with phone.listens() as screen:
        await phone.says("hi")
        (answer,) = await screen.until(lambda s: s.theirs())
        assert (answer["text"], answer["shape"]) == ("Hôm nào ạ?", "list")
        assert [each["title"] for each in answer["choices"]] == ["Thứ Hai", "Thứ Ba"]
        for choice in ({"message": answer["id"], "id": "slot-2"}, {"message": "other", "id": "slot-1"}):
            assert await phone.says(kind="button", choice=choice) == 400, "nobody offered it"
        tap = {"message": answer["id"], "id": "slot-1"}
        assert await phone.of(MINH).says(kind="button", choice=tap) == 400, "it was offered to somebody else"
        assert await phone.says(kind="button", choice=tap) == 204
        await screen.until(lambda s: len(s.theirs()) == 2)
    tapped = screen.mine()[1]
    assert (tapped["text"], tapped["description"], tapped["tapped"]) == ("Thứ Hai", "sáng", tap)
    asked = model.requests[-1].messages[-1]
    assert asked.text == "Thứ Hai"
    assert any("Hôm nào" in note for note in asked.notes) and any('id "slot-1"' in note for note in asked.notes)


# The channel.


async def test_sending_twice_is_one_message_with_one_id(start: Any) -> None:
    server, _ = await start()
    simulator = await server.plugin("simulator")
    message = Outgoing(id="turn.1.0", external_id=LAN, address="simulator", text="hi")
    assert await simulator.send(message) == await simulator.send(message) == "sim-turn.1.0"


async def test_taking_a_message_is_writing_that_it_was_sent_and_keeps_nothing_besides(start: Any) -> None:
    server, phone = await start()
    simulator = await server.plugin("simulator")
    await phone.says("hi")
    async with phone.listens() as screen:
        await screen.until(lambda s: s.theirs())
    conversation = await simulator.conversations.of("simulator", LAN)
    (answer,) = [m for m in await simulator.conversations.messages(conversation.id) if m.direction == "outbound"]
    held = Outgoing(id=answer.id, external_id=LAN, address="simulator", text=answer.text)
    stored = await server.repository().get(MESSAGES, answer.id)
    await server.repository().update(MESSAGES, stored, state="sending", provider_id="", accepted_at=None)
    assert await simulator.find_sent(held, answer.at) == ()
    assert await simulator.send(held) == f"sim-{answer.id}"
    assert (await server.repository().get(MESSAGES, answer.id)).state == "sent"
    assert await server.repository().find(PLUGIN_DATA, {"plugin": "simulator"}, order_by="collection") == []


async def test_what_the_phone_cannot_show_is_refused_by_name(start: Any) -> None:
    server, _ = await start()
    message = Outgoing(id="turn.1.0", external_id=LAN, address="simulator", kind="location")
    with pytest.raises(Refused, match="cannot show a location; it shows button, document, image"):
        await (await server.plugin("simulator")).send(message)


async def test_a_webhook_of_an_unknown_peer_is_refused(start: Any) -> None:
    server, _ = await start()
    request = WebhookRequest(method="POST", url="http://localhost/", headers={"host": "localhost"}, body=b"{}")
    with pytest.raises(WebhookRefused) as caught:
        await (await server.plugin("simulator")).parse_webhook(request)
    assert caught.value.status == 403


# The page.


async def test_the_page_speaks_the_tenants_language_and_runs_only_its_own_scripts(start: Any) -> None:
    _, phone = await start()
    async with phone.http.get(phone.page, headers={"Accept-Language": "fr"}) as answer:
        english = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    async with phone.http.get(phone.page.replace("clinic", "school")) as answer:
        vietnamese = await answer.text()
    assert '<html lang="en">' in english and "What the bot is doing" in english
    assert '<html lang="vi">' in vietnamese and "Bot đang làm gì" in vietnamese and "Trung tâm Hoa Sen" in vietnamese
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
    assert "<script>" not in english and " style=" not in english and " onclick" not in english


async def test_the_events_need_a_contact(start: Any) -> None:
    _, phone = await start()
    async with phone.http.get(f"{phone.page}events", params={"contact": "lan"}) as answer:
        assert answer.status == 400


def test_every_language_says_the_same_things() -> None:
    def placeholders(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}

    english = words.WORDS["en"]
    for language, said in words.WORDS.items():
        assert said.keys() == english.keys(), language
        for key, text in said.items():
            assert placeholders(text) == placeholders(english[key]), f"{language}: {key}"


def _fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__dataclass_fields__}
