"""What no webhook brought is asked for, once; what is known already changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from frontdesk import Inbound, Listed, NeedsAttention, RetryLater, Template, hookimpl
from frontdesk.services import rounds
from frontdesk.services.catch_up import EVERY, GRACE, LONGEST, NAME, Caught
from frontdesk.store.collections import CHORES, MESSAGES
from frontdesk.tenants import Declared
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class PhoneWithList(Phone):
    """A phone whose provider keeps a list."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.list = []
        self.asked = []
        self.error = None
        self.broken = {}

    @hookimpl
    async def list_messages(self, since, until):
        self.asked.append((since, until))
        if self.error is not None:
            raise self.error
        return tuple(one for one in self.list if since <= one.at <= until)

    @hookimpl
    async def recover_message(self, listed):
        if listed.provider_id in self.broken:
            raise self.broken[listed.provider_id]
        return Inbound(
            provider_id=listed.provider_id, external_id=listed.external_id, address=listed.address, text=listed.text
        )


def start(desk, **more):
    return desk(plugins={"phone": PhoneWithList, "model": ScriptedModel}, tenants=AT_ONCE, **more)


def listed(server, id, text="", **more):
    given = {
        "direction": "inbound",
        "external_id": "phone:Lan",
        "address": "phone:desk",
        "at": server.clock.now(),
        **more,
    }
    return Listed(provider_id=id, text=text, **given)


async def look(server, **more):
    server.clock.advance(2 * GRACE.total_seconds())
    caught = await server.server.catch_up.look("clinic", **more)
    await server.quiet()
    return caught


async def test_a_message_without_its_webhook_is_taken_in_once_and_answered(desk):
    async with start(desk) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        assert await look(server) == Caught(), "the first look marks where the next one begins"
        phone.list = [listed(server, "lost", "Còn chỗ không?")]
        assert await look(server) == Caught(received=1)
        assert await lan.hears() == "You said: Còn chỗ không?"
        request = (await server.plugin("model")).requests[-1]
        assert request.messages[-1].notes[0].startswith("came late: it was written at 20")
        assert await look(server) == Caught()
        await lan.says("Còn chỗ không?", id="lost")
        await server.quiet()
        assert len(await lan.received()) == 1, "its webhook, if it comes after all, is the same message"


async def test_what_a_webhook_brought_is_left_alone(desk):
    async with start(desk) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await look(server)
        phone.list = [listed(server, id) for id in ("Lan-1", "a", "b")]
        await lan.says("Xin chào.")
        await server.quiet()
        assert await look(server) == Caught(received=2)


async def test_what_is_younger_than_a_minute_may_still_come_by_itself(desk):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        await look(server)
        phone.list = [listed(server, "young", at=server.clock.now() + 1.5 * GRACE)]
        assert await look(server) == Caught()
        assert await look(server) == Caught(received=1)


async def test_a_look_that_failed_is_made_again_from_where_it_began(desk):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        await look(server)
        phone.list = [listed(server, "lost", "Alo?")]
        phone.error = RetryLater("busy")
        caught = await look(server)
        assert caught.received == 0 and "phone" in caught.trouble[0]
        phone.error = None
        server.clock.advance(3600)
        assert await look(server) == Caught(received=1)


@pytest.mark.parametrize("error", [NeedsAttention("no such resource"), ValueError("a defect")])
async def test_one_message_that_cannot_be_had_keeps_no_other_away(desk, error):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        await look(server)
        phone.list = [listed(server, id, id) for id in ("a", "b", "c")]
        phone.broken = {"a": error}
        caught = await look(server)
        assert (caught.received, len(caught.trouble)) == (2, 1) and "phone" in caught.trouble[0]
        phone.broken = {}
        await look(server)
        found = [m.provider_id for m in await server.contact("Lan").messages() if m.direction == "inbound"]
        assert sorted(found) == ["a", "b", "c"], "it is tried again"


async def test_a_server_that_was_away_for_long_looks_back_three_days_at_most(desk):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        await look(server)
        server.clock.advance(timedelta(days=30).total_seconds())
        await look(server)
        since, _ = phone.asked[-1]
        assert server.clock.now() - since <= LONGEST + timedelta(seconds=10)


async def test_before_the_first_look_is_taken_in_only_when_asked_for(desk):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        phone.list = [listed(server, "old", "Alo?")]
        server.clock.advance(3600)
        assert await look(server) == Caught()
        assert await look(server) == Caught()
        since = server.clock.now() - timedelta(hours=3)
        assert await look(server, since=since) == Caught(received=1)


async def parked(server, text):
    """A message to Lan that may have been sent."""
    plugin = await server.plugin("model")
    lan = server.contact("Lan")
    await plugin.conversations.send(lan.id, text, text)
    await server.quiet()
    repository = server.repository()
    (message,) = [m for m in await lan.messages() if m.text == text]
    return await repository.update(
        MESSAGES, message, state="parked", provider_id="", error="may have been sent", accepted_at=None
    )


async def test_a_parked_message_that_the_provider_has_is_no_longer_parked(desk):
    async with start(desk) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Xin chào.")
        await server.quiet()
        message = await parked(server, "Nhắc lịch hẹn.")
        await look(server)
        phone.list = [
            listed(server, "out-9", "Nhắc  lịch hẹn.", direction="outbound", state="delivered"),
        ]
        assert await look(server) == Caught(bound=1)
        found = await server.repository().get(MESSAGES, message.id)
        assert (found.state, found.provider_id) == ("delivered", "out-9")
        assert await look(server) == Caught()


async def test_what_somebody_else_sent_stands_in_the_conversation(desk):
    async with start(desk) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Xin chào.")
        await server.quiet()
        await look(server)
        elsewhere = {"direction": "outbound", "state": "delivered"}
        phone.list = [
            listed(server, "c1", "Mai nghỉ lễ.", **elsewhere),
            listed(server, "c2", "Không ai biết.", external_id="phone:nobody", **elsewhere),
            listed(server, "c3", "Không đến.", direction="outbound", state="failed"),
        ]
        assert await look(server) == Caught(elsewhere=1)
        assert await look(server) == Caught()
        said = [(m.author, m.text) for m in await lan.messages() if m.author == "elsewhere"]
        assert said == [("elsewhere", "Mai nghỉ lễ.")]
        await lan.says("Mai có mở không?")
        await server.quiet()
        request = (await server.plugin("model")).requests[-1]
        assert ("assistant", "Mai nghỉ lễ.") in [(m.role, m.text) for m in request.messages]


async def test_all_tenants_are_looked_at_at_the_start_and_again_every_ten_minutes(desk):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        desk_ = server.server.catch_up
        await server.until("the round at the start", lambda: server.server.store.shared.get(CHORES, NAME))
        await look(server)
        asked = len(phone.asked)
        await desk_.go_on()
        assert len(phone.asked) == asked, "not yet due"
        server.clock.advance(EVERY.total_seconds())
        await desk_.go_on()
        assert len(phone.asked) > asked
        asked = len(phone.asked)
        await rounds.hurry(server.server.store, NAME)
        await desk_.go_on()
        assert len(phone.asked) > asked


async def test_a_tenant_whose_webhook_was_refused_is_looked_at_once_the_list_has_it(desk):
    async with start(desk) as server:
        phone = await server.plugin("phone")
        await look(server)
        await server.server.catch_up.go_on()
        phone.list = [listed(server, "refused", "Alo?")]
        asked = len(phone.asked)
        server.server.catch_up.refused("clinic")
        await server.server.catch_up.go_on()
        assert len(phone.asked) == asked, "too early: the list does not show it yet"
        server.clock.advance(2 * GRACE.total_seconds())
        await server.server.catch_up.go_on()
        await server.quiet()
        assert [m.provider_id for m in await server.contact("Lan").messages() if m.direction == "inbound"] == [
            "refused"
        ]
        asked = len(phone.asked)
        await server.server.catch_up.go_on()
        assert len(phone.asked) == asked, "once"


async def test_who_keeps_no_list_is_not_even_unpacked(desk, monkeypatch):
    """Ten thousand tenants would take seconds, and the loop nothing else."""
    async with desk() as server:
        unpacked, unpack = [], Declared.__getitem__
        monkeypatch.setattr(Declared, "__getitem__", lambda self, id: unpacked.append(id) or unpack(self, id))
        await server.server.catch_up.go_on()
        assert await server.server.store.shared.get(CHORES, NAME) is not None, "a round was made"
        assert unpacked == []


async def test_a_late_word_counts_from_when_it_was_written(desk):
    """A contact who said start, then stop, and whose start comes late, wants nothing; and the other way round."""
    async with start(desk) as server:
        phone = await server.plugin("phone")
        await look(server)
        for name, late, prompt, stopped in (("Lan", "START", "DỪNG", True), ("Linh", "DỪNG", "START", False)):
            who = server.contact(name)
            await who.says("Xin chào.")
            await who.says("stop")
            server.clock.advance(10)
            phone.list = [listed(server, f"{name}-late", late, external_id=f"phone:{name}")]
            server.clock.advance(10)
            await who.says(prompt)
            await server.quiet()
            assert (await who.contact()).opted_out is stopped
            assert await look(server) == Caught(received=1)
            assert (await who.contact()).opted_out is stopped
            assert (await who.message(f"{name}-late")).state == "answered"


class PhoneWithWindow(PhoneWithList):
    """Takes words for a day after the contact's last message."""

    service_window = timedelta(hours=24)


async def test_the_window_is_open_from_when_a_message_was_written_and_not_from_when_it_was_found(desk):
    async with desk(plugins={"phone": PhoneWithWindow, "model": ScriptedModel}, tenants=AT_ONCE) as server:
        lan, phone, model = server.contact("Lan"), await server.plugin("phone"), await server.plugin("model")
        await look(server)
        phone.list = [listed(server, "lost", "Còn chỗ không?")]
        server.clock.advance(timedelta(hours=10).total_seconds())
        await look(server)
        assert await lan.hears() == "You said: Còn chỗ không?"
        template = Template(id="reminder")
        for key, hours, kind in (("in", 13, "text"), ("after", 2, "template")):
            server.clock.advance(timedelta(hours=hours).total_seconds())
            await model.conversations.send(lan.id, key, "Mai chị đến nhé.", fallback=template)
            assert await lan.hears() == "Mai chị đến nhé."
            assert (await lan.received())[-1].kind == kind
        await lan.says("Vâng.")
        await lan.hears()
        await model.conversations.send(lan.id, "again", "Hẹn gặp chị.", fallback=template)
        assert await lan.hears() == "Hẹn gặp chị."
        assert (await lan.received())[-1].kind == "text"
