"""What no webhook brought, through the real SDK from the fake Twilio's list (pain 2)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import Choice, Listed, Message, Plugin, Refused, Template, hookimpl
from frontdesk.services.catch_up import Caught
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, MESSAGES
from frontdesk.testing.fake_twilio import ACCOUNT_SID, CallbackPlan, Fault, InboundSpec

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 32
NUMBER = "whatsapp:+14155238886"
LAN, USER = "whatsapp:+84901234567", "whatsapp:VN.13491208655302741918"
SERVICE = "MG" + "1" * 32
POOLED = "whatsapp:+14155230001"


class Listener(Plugin):
    """Keeps the messages that it is told have failed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failed: list[Message] = []

    @hookimpl
    async def on_message_failed(self, message: Message) -> None:
        self.failed.append(message)


async def look(it: Any) -> Caught:
    it.clock.advance(120)
    caught: Caught = await it.server.server.catch_up.look("clinic")
    await it.server.quiet()
    return caught


def lost(it: Any, **fields: Any) -> str:
    """A message whose webhook never comes; its SID."""
    return str(dict(it.twilio.compose(InboundSpec(**fields)))["MessageSid"])


async def test_lost_messages_are_taken_in_from_the_list_with_their_files(front: Any) -> None:
    async with front() as it:
        await look(it)
        sids = [
            lost(it, body="Còn chỗ không?"),
            lost(it, kind="image", body="răng này", content=JPEG),
            lost(it, body="Tôi không có số.", from_=USER),
            lost(it, body="Không phải của mình.", to="whatsapp:+14155230009"),
        ]
        assert await look(it) == Caught(received=3)
        found = {m.provider_id: m for m in await it.all(MESSAGES) if m.direction == "inbound"}
        assert set(found) == set(sids[:3])
        assert (found[sids[1]].kind, found[sids[1]].text, found[sids[1]].media[0].size) == (
            "image",
            "răng này",
            len(JPEG),
        )
        assert sorted(c.external_id for c in await it.all(CONVERSATIONS)) == [LAN, USER]
        assert {m.to for m in it.twilio.sent} == {LAN, USER}
        again = await look(it)
        # Of a message whose callback is still on its way the list may tell first.
        assert replace(again, reported=0) == Caught(), "what was said is ours, what was heard is known"
        assert it.twilio.violations == []


async def test_a_message_that_was_deleted_since_it_was_listed_is_refused(front: Any) -> None:
    async with front() as it:
        at = it.server.server.store.now()
        who = {"external_id": LAN, "address": NUMBER}
        gone = Listed(provider_id="MM" + "f" * 32, direction="inbound", at=at, files=1, **who)
        with pytest.raises(Refused, match="deleted"):
            await (await it.server.plugin("twilio_whatsapp")).recover_message(gone)


async def test_more_than_a_page_is_listed_whole(front: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("frontdesk.plugins.twilio_whatsapp.client.LIST_PAGE", 2)
    async with front() as it:
        await look(it)
        for n in range(5):
            lost(it, body=f"Tin {n}.")
        assert await look(it) == Caught(received=5)


async def test_a_long_list_may_take_longer_than_a_hook_that_somebody_waits_for(front: Any, monkeypatch: Any) -> None:
    """After an outage: the look begins where the last one ended, and one that failed would fail for ever."""
    monkeypatch.setattr("frontdesk.plugins.twilio_whatsapp.client.LIST_PAGE", 1)
    async with front(server={"times": {"sdk_timeout": 0.7, "hook_deadline": 0.8}}) as it:
        await look(it)
        for n in range(4):
            lost(it, body=f"Tin {n}.")
        it.twilio.faults.add(Fault(kind="delay", operation="list", seconds=0.3, times=0))
        assert await look(it) == Caught(received=4)


async def test_a_webhook_refused_while_the_store_was_away_is_made_up_for(front: Any, monkeypatch: Any) -> None:
    async with front(server={"times": {"store_wait": 0.2}}) as it:
        await look(it)
        with monkeypatch.context() as away:

            async def refuses(*_: Any) -> None:
                raise StoreUnavailable("failing over")

            away.setattr(it.server.server.inbox, "accept", refuses)
            async with asyncio.TaskGroup() as group:
                webhook = group.create_task(it.writes(body="Có ai không?"))
                while not webhook.done():
                    await asyncio.sleep(0.01)
                    it.clock.advance(0.05)
            assert webhook.result().status == 503
        it.clock.advance(120)
        await it.server.server.catch_up.go_on()
        await it.server.quiet()
        assert [m.body for m in it.twilio.sent] == ["You said: Có ai không?"]


async def test_every_sender_of_a_pool_is_listed(front: Any) -> None:
    async with front(clinic={"messaging_service_sid": SERVICE}) as it:
        await look(it)
        sid = lost(it, body="Xin chào.", to=POOLED)
        it.twilio.state.messages[sid].messaging_service_sid = SERVICE
        lost(it, body="Của người khác.", to="whatsapp:+14155230009")
        assert await look(it) == Caught(received=1)


async def test_what_was_sent_by_hand_is_shown_and_twilios_trouble_told(front: Any, monkeypatch: Any) -> None:
    async with front() as it:
        await it.writes(body="Xin chào.")
        await it.server.quiet()
        await look(it)
        by_hand = [("From", "whatsapp:+14155238886"), ("To", LAN), ("Body", "Mai nghỉ lễ."), ("StatusCallback", "")]
        message = it.twilio.state.accept(ACCOUNT_SID, by_hand)
        message.status, message.sent_at = "delivered", message.created_at
        assert await look(it) == Caught(elsewhere=1)
        it.twilio.world.accounts[ACCOUNT_SID] = "rotated"
        monkeypatch.setenv("TWILIO_TOKEN", "rotated")
        assert await look(it) == Caught(), "a token that was rotated is read again"
        it.twilio.world.accounts[ACCOUNT_SID] = "rotated again"
        caught = await look(it)
        assert "does not let this account in" in caught.trouble[0]


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"template": Template(id="HX" + "1" * 32, variables={"1": "Lan"})}, "Chào Lan."),
        (
            {"text": "Có không?", "choices": [Choice(id="y", title="Có"), Choice(id="n", title="Không")]},
            "Có không?\nCó",
        ),
        ({"place": {"latitude": 10.77, "longitude": 106.7, "label": "Hoa Sen"}}, "Hoa Sen"),
    ],
    ids=["template", "buttons", "place"],
)
async def test_what_a_lane_has_yet_to_find_out_is_nobody_elses_and_is_not_sent_twice(
    front: Any, more: Any, shown: str
) -> None:
    """As after a crash in the middle of a send: the list is read at the start, before the lane may ask what became of it."""
    async with front() as it:
        await it.writes(body="Xin chào.")
        await it.server.quiet()
        await look(it)
        it.twilio.callbacks.default = CallbackPlan(times=0, told=())
        it.twilio.faults.add(Fault(kind="drop_after"))
        (conversation,) = await it.all(CONVERSATIONS)
        await (await it.server.plugin("model")).conversations.send(conversation.id, "k", **more)

        async def of_unknown_end() -> Any:
            (found,) = [m for m in await it.all(MESSAGES) if m.id == "model-k"]
            return found if found.state == "sending" and found.error else None

        message = await it.server.until("its answer is lost", of_unknown_end)
        later = it.server.server.store.now() + timedelta(minutes=10)
        assert await it.server.repository().update(MESSAGES, message, settles_at=later) is not None
        sent = it.twilio.sent[-1]
        sent.status, sent.sent_at, sent.body = "delivered", sent.created_at, shown
        it.clock.advance(120)
        assert await it.server.server.catch_up.look("clinic") == Caught()
        it.clock.advance(1200)
        await it.server.quiet()
        it.clock.advance(1200)
        await it.server.quiet()
        assert len(it.twilio.sent) == 2


@pytest.mark.parametrize(
    ("status", "code", "becomes", "error"),
    [
        ("undelivered", 63016, "failed", "63016: More than 24 hours"),
        ("undelivered", 63033, "failed", "63033: The recipient has blocked"),
        ("delivered", 0, "delivered", ""),
    ],
)
async def test_what_became_of_a_message_is_read_from_the_list_where_no_callback_told_it(
    front: Any, status: str, code: int, becomes: str, error: str
) -> None:
    async with front(plugins={"listener": Listener}) as it:
        await it.writes(body="Xin chào.")
        await it.server.quiet()
        await look(it)
        it.twilio.callbacks.default = CallbackPlan(times=0, statuses=("sent", status), error_code=code, told=(0,))
        (conversation,) = await it.all(CONVERSATIONS)
        await (await it.server.plugin("model")).conversations.send(conversation.id, "k", "Mai chị đến nhé.")
        await it.server.quiet()

        async def message() -> Any:
            (found,) = [m for m in await it.all(MESSAGES) if m.id == "model-k"]
            return found

        assert (await message()).state in ("accepted", "sent")
        assert await look(it) == Caught(reported=1)
        found = await message()
        assert found.state == becomes and found.error.startswith(error)
        failed = [m.id for m in (await it.server.plugin("listener")).failed]
        assert failed == (["model-k"] if code else [])
        contact = await it.server.repository().get(CONTACTS, conversation.contact)
        assert contact.opted_out is (code == 63033)
        assert await look(it) == Caught()


async def test_what_is_of_another_tenants_sender_of_the_same_pool_is_left_to_them(front: Any) -> None:
    other = "whatsapp:+14155230009"
    pool = {"messaging_service_sid": SERVICE}
    async with front(clinic=pool, school={**pool, "numbers": [other]}) as it:
        await it.writes(body="Xin chào.")
        await it.server.quiet()
        for tenant in ("clinic", "school"):
            it.clock.advance(120)
            await it.server.server.catch_up.look(tenant)
        sid = lost(it, body="Gửi trường.", to=other)
        theirs = it.twilio.state.accept(ACCOUNT_SID, [("From", other), ("To", LAN), ("Body", "Từ trường.")])
        theirs.status, theirs.sent_at = "delivered", theirs.created_at
        for each in (theirs, it.twilio.state.messages[sid]):
            each.messaging_service_sid = SERVICE
        assert await look(it) == Caught()
        assert {m.text for m in await it.all(MESSAGES)} == {"Xin chào.", "You said: Xin chào."}
        assert (await it.server.server.catch_up.look("school")).received == 1
