"""Two contacts who are one person become one, under both leases, and no message is rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from frontdesk import RetryLater, leases
from frontdesk.channel import StatusUpdate
from frontdesk.merging import merge
from frontdesk.model import BOT, NOBODY, Deed, Memory, Turn
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES, TURNS
from frontdesk.testing.plugins import Phone, ScriptedModel

NUMBER, USER = "phone:Lan", "phone:user-id"
AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


@pytest.fixture
def start(desk):
    return lambda **more: desk(plugins={"model": ScriptedModel}, tenants=AT_ONCE, **more)


async def both(server):
    """Lan by her number, and by her user id; each has had an answer."""
    lan, user = server.contact("Lan", phone="+84901234567"), server.contact("user-id")
    user.external_id = USER
    for each, text in ((lan, "Xin chào."), (user, "Còn chỗ không?")):
        await each.says(text)
        await each.hears()
        server.clock.advance(1)
    return lan, user


async def one_conversation(server, lan, user):
    kept, away = await lan.conversation(), await user.conversation()
    return away.merged_into == kept.id and kept.merged == (away.id,)


async def merged(server, lan, user):
    await server.until("they are one", lambda: one_conversation(server, lan, user))
    await server.quiet()


async def test_a_message_that_shows_both_names_makes_them_one(start):
    async with start() as server:
        lan, user = await both(server)
        before = {m.id: m for each in (lan, user) for m in await each.messages()}
        await user.says("Em là Lan đây.", also=(NUMBER,))
        await merged(server, lan, user)
        repository = server.repository()
        for id, message in before.items():
            assert await repository.get(MESSAGES, id) == message, "messages stay as they are"
        owners = {identity.contact for identity in await repository.find(IDENTITIES, {}, limit=10)}
        assert owners == {lan.id}
        await lan.says("Còn ai không?")
        await server.quiet()
        request = (await server.plugin("model")).requests[-1]
        texts = [message.text for message in request.messages if message.role == "user"]
        assert texts == ["Xin chào.", "Còn chỗ không?", "Em là Lan đây.", "Còn ai không?"]


async def test_afterwards_either_name_leads_to_the_one_that_is_kept(start):
    async with start() as server:
        lan, user = await both(server)
        await lan.says("Tôi đây.", also=(USER,))
        await merged(server, lan, user)
        await user.says("Bằng tên, sớm.")
        await server.quiet()
        for each, text in ((user, "Bằng tên."), (lan, "Bằng số.")):
            id = await each.says(text)
            await server.quiet()
            stored = await each.message(id)
            assert (stored.conversation, stored.state) == (lan.id, "answered")
        sent = [m for m in await lan.received() if m.text in ("You said: Bằng tên.", "You said: Bằng số.")]
        assert [m.route.external_id for m in sent] == [USER, NUMBER], "the answer goes where they wrote last"
        assert await server.repository().count(CONVERSATIONS, {}) == 2
        plugin = await server.plugin("model")
        assert (await plugin.conversations.get(user.id)).id == lan.id
        assert (await plugin.conversations.of("phone", USER)).id == lan.id
        assert await plugin.conversations.messages(user.id) == await plugin.conversations.messages(lan.id)
        assert [c.id for c in await server.server.ownership.list("clinic")] == [lan.id]
        assert [c.id for c in await server.server.ownership.named("clinic", user.id)] == [lan.id]


async def test_who_works_on_one_of_them_is_waited_for(start):
    async with start() as server:
        lan, user = await both(server)
        repository, store, clock = server.repository(), server.server.store, server.clock
        runtime = await server.server.runtimes.get("clinic")
        for id, name in ((lan.id, "turn"), (user.id, "turn"), (user.id, "lane")):
            held = await leases.acquire(repository, store, clock, id, name, 20)
            assert await merge(store, repository, clock, runtime, user.id, lan.id) is None
            await held.release()
        assert not await one_conversation(server, lan, user)
        assert (await merge(store, repository, clock, runtime, user.id, lan.id)).id == lan.id
        again = await merge(store, repository, clock, runtime, user.id, lan.id)
        assert again.merged == (user.id,), "once more changes nothing"


async def test_what_waits_in_the_one_that_goes_is_answered_by_the_one_that_stays(start):
    async with start() as server:
        lan, user = await both(server)
        await server.server.ownership.hand_off("clinic", user.id, "asked for a person")
        await user.says("Có ai không?")
        await server.quiet()
        await lan.says("Tôi đây.", also=(USER,))
        await merged(server, lan, user)
        kept = await lan.conversation()
        assert (kept.owner, kept.handoff_reason) == (NOBODY, "asked for a person"), (
            "the person who was called is called"
        )
        await server.server.ownership.release("clinic", kept.id)
        await server.quiet()
        assert (await user.message("user-id-2")).state == "answered"
        assert (await lan.conversation()).owner == BOT
        assert (await lan.received())[-1].text.startswith("You said: ")


def fails(request):
    raise RetryLater("busy")


async def test_a_turn_that_was_parked_in_the_one_that_goes_is_over(start):
    async with start() as server:
        lan, user = await both(server)
        model = await server.plugin("model")
        model.script = [fails] * 3
        await user.says("Có ai không?")
        await server.quiet()
        assert (await user.turns())[-1].state == "parked"
        model.script = []
        await lan.says("Tôi đây.", also=(USER,))
        await merged(server, lan, user)
        assert (await user.turns())[-1].state == "withdrawn"
        kept = await lan.conversation()
        assert kept.owner == NOBODY, "a person was called to it"
        await server.server.ownership.release("clinic", kept.id)
        await server.quiet()
        assert (await user.message("user-id-2")).state == "answered"


async def test_what_an_interrupted_turn_of_the_one_that_goes_has_done_is_not_done_again(start):
    async with start() as server:
        lan, user = await both(server)
        repository, store, clock = server.repository(), server.server.store, server.clock
        runtime = await server.server.runtimes.get("clinic")
        # As a crash leaves it: the deed is done, and nothing has been said.
        await server.server.ownership.take("clinic", user.id, "mai")
        await user.says("Đặt giúp em thứ Hai.")
        await server.quiet()
        message, before = await user.message("user-id-2"), await user.conversation()
        deed = Deed(key="k", call="c", tool="book", plugin="diary", arguments={}, state="done", result="booked Monday")
        no = before.turn_no + 1
        turn = Turn(
            id=f"{user.id}.{no}", conversation=user.id, no=no, read=(message.id,), deeds=(deed,), opened_at=store.now()
        )
        await repository.insert(TURNS, replace(turn, pinned=True))
        assert (await merge(store, repository, clock, runtime, user.id, lan.id)).id == lan.id
        await server.quiet()
        await server.server.ownership.release("clinic", lan.id)
        await server.quiet()
        assert (await user.message("user-id-2")).state == "answered"
        told = [
            result.content for m in (await server.plugin("model")).requests[-1].messages for result in m.tool_results
        ]
        assert told == ["booked Monday"]
        await lan.says("Cảm ơn.")
        await server.quiet()
        assert not [m for m in (await server.plugin("model")).requests[-1].messages if m.tool_results], "told once"


async def test_the_one_that_stays_knows_what_the_other_was_known_by(start):
    async with start() as server:
        lan, user = await both(server)
        repository = server.repository()
        known = await user.contact()
        memory = Memory(text="Dị ứng đậu phộng", author="bot", at=known.created_at)
        await repository.update(CONTACTS, known, opted_out=True, language="vi", memories=(memory,))
        await lan.says("Tôi đây.", also=(USER,))
        await merged(server, lan, user)
        contact = await lan.contact()
        assert (contact.phone, contact.language, contact.opted_out) == ("+84901234567", "vi", True)
        assert contact.memories == (memory,)


async def test_the_page_of_the_one_that_stays_has_the_visits_of_both(start):
    async with start() as server:
        lan, user = await both(server)
        day = timedelta(days=1)
        for each in (lan, user):
            at = server.server.store.now() + day
            times = {"starts_at": at, "ends_at": at + day, "zone": "UTC"}
            await server.server.appointments.book("clinic", each.id, key=each.id, by="bot", **times)
        await lan.says("Tôi đây.", also=(USER,))
        await merged(server, lan, user)
        people = server.server.office.contacts
        assert len((await people.card("clinic", lan.id)).appointments) == 2
        assert (await people.erasable("clinic", lan.id)).going["appointments"] == 2


async def test_a_crash_between_the_two_halves_is_made_good(start, monkeypatch):
    async with start() as server:
        lan, user = await both(server)
        repository, store, clock = server.repository(), server.server.store, server.clock
        runtime = await server.server.runtimes.get("clinic")
        with monkeypatch.context() as broken:
            broken.setattr("frontdesk.merging._lead", None)
            with pytest.raises(TypeError):
                await merge(store, repository, clock, runtime, user.id, lan.id)
        kept = await merge(store, repository, clock, runtime, user.id, lan.id)
        assert kept.merged == (user.id,)
        owners = {identity.contact for identity in await repository.find(IDENTITIES, {}, limit=10)}
        assert owners == {lan.id}


async def failed_for_now(server, message):
    update = StatusUpdate(provider_id=message.provider_id, state="failed", code="63018", again_after=60.0)
    await server.server.status.take("clinic", [update])


async def parked(server, message):
    changes = {"state": "parked", "provider_id": "", "accepted_at": None}
    assert await server.repository().update(MESSAGES, message, **changes) is not None
    assert await server.server.parked.replay("clinic", message.id)


@pytest.mark.parametrize("comes_back", [failed_for_now, parked], ids=["said again", "replayed"])
@pytest.mark.parametrize("stops", [False, True], ids=["wanted", "stopped"])
async def test_what_comes_back_of_the_one_that_went_is_judged_by_the_one_that_stays(start, comes_back, stops):
    async with start() as server:
        lan, user = await both(server)
        plugin = await server.plugin("model")
        await plugin.conversations.send(user.id, "reminder", "Mai chị đến nhé.")
        await user.hears()
        reminder = (await user.received())[-1]
        await user.says("Em là Lan đây.", also=(NUMBER,))
        await merged(server, lan, user)
        if stops:
            await lan.says("DỪNG")
            await server.quiet()
        await comes_back(server, reminder)
        await server.quiet()
        server.clock.advance(120)
        await server.quiet()
        sent = [each.text for each in (await server.plugin("phone")).sent].count("Mai chị đến nhé.")
        assert sent == (1 if stops else 2)
        (back,) = [m for m in await lan.messages() if m.text == "Mai chị đến nhé."]
        assert back.state == ("withdrawn" if stops else "accepted")
        if not stops:
            assert back.route.external_id == USER, "where they wrote last"


async def test_what_is_written_for_the_one_that_goes_while_it_goes_is_the_one_that_stays_to_send(start, monkeypatch):
    async with start() as server:
        lan, user = await both(server)
        plugin = await server.plugin("model")
        known = await user.conversation()
        await user.says("Em là Lan đây.", also=(NUMBER,))
        await merged(server, lan, user)

        async def as_it_was(self, id):
            return known

        monkeypatch.setattr(type(plugin.conversations), "get", as_it_was)
        assert await plugin.conversations.send(user.id, "reminder", "Mai chị đến nhé.")
        monkeypatch.undo()
        assert await lan.hears() and [m.text for m in await lan.received()][-1] == "Mai chị đến nhé."
        operator = server.server.ownership
        assert (await operator.take("clinic", user.id, "Hoa")).id == lan.id
        await operator.say("clinic", user.id, "Hoa", "Chào chị, em là Hoa.")
        await server.quiet()
        assert [m.text for m in await lan.received()][-1] == "Chào chị, em là Hoa."
        assert (await operator.release("clinic", user.id, "Hoa")).owner == BOT
        assert (await lan.conversation()).owner == BOT


class PhoneWithWindow(Phone):
    """Takes words for a day after the contact's last message."""

    service_window = timedelta(hours=24)


@pytest.mark.parametrize("of", ["kept", "away"])
async def test_what_is_held_until_the_contact_writes_goes_when_they_have_written_by_another_name(desk, of):
    async with desk(plugins={"phone": PhoneWithWindow, "model": ScriptedModel}, tenants=AT_ONCE) as server:
        lan, user = await both(server)
        plugin = await server.plugin("model")
        server.clock.advance(timedelta(days=2).total_seconds())
        to, by = (lan, user) if of == "kept" else (user, lan)
        await plugin.conversations.send(to.id, "news", "Chị có hẹn mới.")
        await server.quiet()
        assert next(m.error for m in await to.messages() if m.text == "Chị có hẹn mới.").startswith("held")
        await by.says("Em là Lan đây.", also=(to.external_id,))
        await merged(server, lan, user)
        assert "Chị có hẹn mới." in [m.text for m in await lan.received()]


async def test_who_said_stop_by_one_name_is_not_written_to_by_the_other_at_any_moment(start, monkeypatch):
    async with start() as server:
        lan, user = await both(server)
        await user.says("DỪNG")
        await server.quiet()
        repository, store, clock = server.repository(), server.server.store, server.clock
        runtime = await server.server.runtimes.get("clinic")
        with monkeypatch.context() as broken:
            broken.setattr("frontdesk.merging._lead", None)
            with pytest.raises(TypeError):
                await merge(store, repository, clock, runtime, user.id, lan.id)
        await (await server.plugin("model")).conversations.send(lan.id, "reminder", "Mai chị đến nhé.")
        await server.quiet()
        assert "Mai chị đến nhé." not in [each.text for each in (await server.plugin("phone")).sent]
