"""One contact is erased: nothing of them stays in any collection, nothing comes back, and nobody else is touched."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from frontdesk import Listed, NeedsAttention, Plugin, RetryLater, Taken, WrittenContact, hookimpl
from frontdesk.core_tasks import alert, message_received
from frontdesk.model import Consent, Media, Memory, Note, Summary, Task
from frontdesk.scheduling import schedule
from frontdesk.services.catch_up import Caught
from frontdesk.services.erasing import UnknownContact
from frontdesk.services.erasure import Erasure
from frontdesk.services.history_file import Said
from frontdesk.services.history_import import HistoryImport
from frontdesk.store.collections import (
    COLLECTIONS,
    CONSENTS,
    CONTACTS,
    CONVERSATIONS,
    DUE,
    ERASED,
    ERASED_MESSAGES,
    MESSAGES,
    NOTES,
    ONLOOKERS,
    PLUGIN_DATA,
    SUMMARIES,
    TASKS,
    TURNS,
)
from frontdesk.stored_onlookers import Onlooker
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.plugins import Phone, ScriptedModel

PHONE = "+84901234567"
WORDS = "Em bị dị ứng đậu phộng"
SHARED = b"a picture that others have, too"
BOTH: dict[str, Any] = {"clinic": {"settle": {"quiet_seconds": 0}}, "clinic-2": {"settle": {"quiet_seconds": 0}}}


class Crm(Plugin):
    """Keeps contacts by their number, and forgets them when it is told to."""

    away: ClassVar[list[Exception]] = []
    asked: ClassVar[list[str]] = []
    told: ClassVar[list[str]] = []

    @hookimpl
    async def on_message(self, contact: Any, message: Any) -> None:
        self.told.append(message.text)
        await self.store.put("people", contact.id, {"phone": contact.phone, "last": message.text})
        await self.tasks.schedule("call", contact.id, self.clock.now() + timedelta(days=9), {"who": contact.name})

    @hookimpl
    async def erase_contact(self, conversation: Any, contact: Any) -> None:
        self.asked.append(contact.id)
        if self.away:
            raise self.away.pop(0)
        for part in conversation.parts:
            await self.store.delete("people", part)
            await self.tasks.cancel("call", part)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crm, "away", [])
    monkeypatch.setattr(Crm, "asked", [])
    monkeypatch.setattr(Crm, "told", [])


@pytest.fixture
def start(desk: Any) -> Any:
    return lambda **more: desk(plugins={"model": ScriptedModel, "crm": Crm}, tenants=BOTH, **more)


async def lived(server: Any, tenant: str = "clinic") -> Any:
    """Lan has written by her number and her user id, who turned out to be one, and there is something of every kind."""
    lan, user = server.contact("Lan", tenant=tenant, phone=PHONE), server.contact("user-id", tenant=tenant)
    await lan.says(WORDS)
    await lan.hears()
    await user.says(WORDS)
    await user.hears()
    await user.says("Em là Lan.", also=(lan.external_id,))

    async def one() -> bool:
        return bool((await user.conversation()).merged_into)

    await server.until("they are one", one)
    await server.quiet()
    repository, now = server.repository(tenant), server.server.store.now()
    contact = await lan.contact()
    memory = Memory(text=WORDS, quote=WORDS, author="bot", at=now)
    await repository.update(CONTACTS, contact, memories=(memory,))
    for each in (lan, user):
        note = Note(id=f"note-{each.name}", conversation=each.id, text=WORDS, author="bot", at=now)
        summary = Summary(id=f"s-{each.name}", conversation=each.id, text=WORDS, until=now, made_at=now)
        onlooker = Onlooker(id=f"o-{each.name}", conversation=each.id, name=WORDS, seen_at=now)
        for collection, document in ((NOTES, note), (SUMMARIES, summary), (ONLOOKERS, onlooker)):
            assert await repository.insert(collection, document)
        consent = Consent(
            id=f"c-{each.name}", contact=each.id, by="contact", what="start", at=now, channel="phone", message="m",
            text=WORDS,
        )  # fmt: skip
        assert await repository.insert(CONSENTS, consent)
        begins, owner = now + timedelta(days=1), f"v-{each.id}"
        entry = Taken(
            key=owner, owner=owner, begins=begins, ends=begins + timedelta(hours=1), state="booked", share="c", seats=9,
            contact=each.id, data={"words": WORDS},
        )  # fmt: skip
        assert await (await server.plugin("crm", tenant)).days.take("room", "Europe/London", entry)
        (message, *_) = [m for m in await each.messages() if m.direction == "inbound"]
        keys = [await server.server.media.put(tenant, content, "image/png") for content in (each.name.encode(), SHARED)]
        files = tuple(Media(content_type="image/png", key=key) for key in keys)
        assert await repository.update(MESSAGES, message, media=files)
    return lan, user


async def everything(server: Any, tenant: str) -> dict[str, list[Any]]:
    found = {}
    for collection in COLLECTIONS:
        if collection.tenant_data:
            found[collection.name] = await server.server.store.bulk.page(collection, tenant=tenant, limit=1000)
    return found


async def raw(server: Any, tenant: str) -> str:
    """All that the store has of a tenant, as text."""
    found = await everything(server, tenant)
    texts = [json.dumps([each.id, each.fields], ensure_ascii=False) for page in found.values() for each in page]
    due = await server.server.store.shared.find(DUE, {"tenant": tenant}, order_by="due_at", limit=1000)
    return "\n".join([*texts, *(row.ref for row in due)])


async def erased(server: Any, contact: str, tenant: str = "clinic") -> None:
    """The running server erases the contact."""
    desk = server.server.erasing
    await desk.begin(tenant, contact)

    async def done() -> bool:
        return not await desk.waiting(tenant)

    await server.until("the contact is erased", done)
    await server.quiet()


def nothing_of(lan: Any, user: Any, text: str) -> None:
    for word in (WORDS, "dị ứng", "Lan", PHONE, PHONE[1:], lan.external_id, user.external_id):
        assert word not in text, [line for line in text.splitlines() if word in line]


async def test_nothing_of_them_stays_and_nobody_else_is_touched(start: Any) -> None:
    async with start() as server:
        lan, user = await lived(server)
        await lived(server, "clinic-2")
        other = server.contact("Minh")
        await other.says("Xin chào")
        await other.hears()
        (message,) = [m for m in await other.messages() if m.direction == "inbound"]
        shared = await server.server.media.put("clinic", SHARED, "image/png")
        await server.repository().update(MESSAGES, message, media=(Media(content_type="image/png", key=shared),))
        await server.quiet()
        before, elsewhere = await other.messages(), await everything(server, "clinic-2")
        provider_ids = {m.provider_id for each in (lan, user) for m in await each.messages()}
        phone = await server.plugin("phone")

        await erased(server, user.id)

        text = await raw(server, "clinic")
        nothing_of(lan, user, text.replace(f"core/erase/{user.id}", ""))
        assert set(phone.erased) == provider_ids
        assert Crm.asked == [lan.id]
        assert await server.server.media.get("clinic", shared) is not None
        assert await server.server.media.purge("clinic") == 1
        assert await other.messages() == before
        assert await everything(server, "clinic-2") == elsewhere
        assert await server.server.media.purge("clinic-2") == 3
        assert [c.id for c in await server.repository().find(CONVERSATIONS, {})] == [other.id]
        with pytest.raises(UnknownContact):
            await server.server.erasing.begin("clinic", lan.id)


async def test_what_was_erased_does_not_come_back_and_who_writes_again_is_somebody_new(start: Any) -> None:
    async with start() as server:
        lan, _ = await lived(server)
        repository = server.repository()
        await erased(server, lan.id)
        for again in ("Lan-1", "user-id-1"):
            await lan.says(WORDS, id=again)
            await server.quiet()
            assert not await repository.find(CONVERSATIONS, {}) and WORDS not in await raw(server, "clinic")
        await lan.says("Xin chào", id="new")
        await server.quiet()
        (conversation,) = await repository.find(CONVERSATIONS, {})
        assert conversation.id != lan.id and conversation.turn_no == 1
        assert (await server.plugin("phone")).sent[-1].text == "You said: Xin chào"
        assert [m.text for m in (await server.plugin("model")).requests[-1].messages] == ["Xin chào"]
        await lan.says(WORDS, id="Lan-1")
        await server.quiet()
        assert await repository.count(MESSAGES, {"conversation": conversation.id}) == 2
        # Once more: they are somebody new each time.
        await erased(server, conversation.id)
        await lan.says("Lần nữa", id="newer")
        await server.quiet()
        (newer,) = await repository.find(CONVERSATIONS, {})
        assert newer.id not in (lan.id, conversation.id)


async def test_a_name_that_turns_out_to_be_an_erased_contacts_brings_nothing_back(start: Any) -> None:
    async with start() as server:
        lan, _ = await lived(server)
        contact = await lan.contact()
        await server.repository().update(CONTACTS, contact, opted_out=True, opted_out_by="provider")
        await erased(server, lan.id)
        new = server.contact("new-name")
        await new.says("Xin chào")
        await new.says("Em đây", also=(lan.external_id,))
        await server.quiet()
        await lan.says(WORDS, id="Lan-1")
        await server.quiet()
        assert WORDS not in await raw(server, "clinic")
        assert (await new.contact()).opted_out and (await new.conversation()).again


async def test_whoever_wanted_no_more_messages_wants_none_when_they_come_again(start: Any) -> None:
    async with start() as server:
        lan = server.contact("Lan", phone=PHONE)
        await lan.says("STOP")
        await lan.hears()
        await server.quiet()
        stopped = await lan.contact()
        await erased(server, lan.id)
        text = await raw(server, "clinic")
        assert "STOP" not in text and PHONE not in text
        await lan.says("Xin chào", id="later")
        await server.quiet()
        repository = server.repository()
        (contact,) = await repository.find(CONTACTS, {})
        assert (contact.opted_out, contact.opted_out_by, contact.opted_out_at) == (True, "stop", stopped.opted_out_at)
        sent = (await server.plugin("phone")).sent
        assert sent[-1].text == "You said: Xin chào", "they wrote, and are answered"
        await (await server.plugin("crm")).conversations.send(contact.id, "offer", "An offer")
        await server.quiet()
        assert sent[-1].text == "You said: Xin chào", "nothing is sent to them first"
        await lan.says("START", id="start")
        await server.quiet()
        await erased(server, contact.id)
        assert not any(each.opted_out for each in await repository.find(ERASED, {}))


async def test_a_turn_in_work_ends_without_a_word(start: Any) -> None:
    async with start() as server:
        lan, model = server.contact("Lan", phone=PHONE), await server.plugin("model")
        thinking, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(request: Any) -> str:
            thinking.set()
            await go_on.wait()
            return "Dạ em chào chị Lan."

        model.script = [slowly]
        await lan.says(WORDS)
        await thinking.wait()
        desk = server.server.erasing
        task = await desk.begin("clinic", lan.id)
        assert await desk.step("clinic", task) is not None, "the turn has the conversation"
        assert (await lan.conversation()).erased_at is not None
        await lan.says("Còn đó không?", id="meanwhile")
        go_on.set()
        await erased(server, lan.id)
        assert [sent.text for sent in (await server.plugin("phone")).sent] == ["You said: Còn đó không?"]
        assert WORDS not in await raw(server, "clinic")


@pytest.mark.parametrize(
    ("point", "nth"), [("erase.marked", 1), ("erase.message", 1), ("erase.message", 3), ("erase.emptied", 1)]
)
async def test_it_goes_on_where_it_died(start: Any, dies_at: Any, monkeypatch: Any, point: str, nth: int) -> None:
    clock = MovableClock()
    async with start(clock=clock) as server:
        lan, user = await lived(server)
        with monkeypatch.context():
            death = dies_at(point, nth)
            await server.server.erasing.begin("clinic", user.id)

            async def dead() -> bool:
                return death.happened

            await server.until("it died", dead)
    async with start(clock=clock) as server:
        desk = server.server.erasing

        async def done() -> bool:
            return not await desk.waiting("clinic")

        await server.until("the next one does it", done)
        text = await raw(server, "clinic")
        nothing_of(lan, user, text)
        assert not await server.repository().find(CONVERSATIONS, {})
        assert await server.server.media.purge("clinic") == 0


@pytest.mark.parametrize(
    "error", [RetryLater("busy", after=5), NeedsAttention("the key is wrong"), ValueError("a defect")]
)
async def test_a_plugin_that_cannot_is_asked_until_it_has(start: Any, error: Exception) -> None:
    async with start() as server:
        lan, user = await lived(server)
        Crm.away[:] = [error] * 3
        desk = server.server.erasing
        task = await desk.begin("clinic", lan.id)
        assert await desk.step("clinic", task) is not None
        (waiting,) = await desk.waiting("clinic")
        assert waiting.error and WORDS not in waiting.error
        assert await desk.left("clinic", lan.id) > 0, "it can still look up what it is to delete"
        await erased(server, lan.id)
        assert Crm.asked == [lan.id] * 4
        nothing_of(lan, user, await raw(server, "clinic"))


async def test_an_alert_that_also_concerns_others_stays_theirs(start: Any) -> None:
    async with start() as server:
        lan, _ = await lived(server)
        repository, now = server.repository(), server.server.store.now()
        far = now + timedelta(days=1)
        cases = {"case-1": lan.id, "case-2": "another"}
        task = alert("It failed", "a cause", cases, timedelta(minutes=5), far)
        await schedule(repository, "clinic", task, now)
        await erased(server, lan.id)
        kept = await repository.get(TASKS, task.id)
        assert kept is not None and kept.data["cases"] == {"case-2": "another"}


async def test_who_is_the_same_person_and_not_merged_yet_is_erased_as_well(start: Any) -> None:
    async with start() as server:
        lan, user = server.contact("Lan", phone=PHONE), server.contact("user-id")
        for each in (lan, user):
            await each.says(WORDS)
            await each.hears()
        await server.quiet()
        # The task of merging waits: without a due row nobody does it.
        task = Task(
            id="core/merge/x", plugin="core", name="merge", at=server.server.store.now(),
            data={"conversations": [lan.id, user.id]},
        )  # fmt: skip
        assert await server.repository().insert(TASKS, task)
        await erased(server, lan.id)
        nothing_of(lan, user, await raw(server, "clinic"))


async def test_what_stays_is_hashes(start: Any) -> None:
    async with start() as server:
        lan, user = await lived(server)
        provider_ids = {m.provider_id for each in (lan, user) for m in await each.messages()}
        ids = {m.id for each in (lan, user) for m in await each.messages()}
        await erased(server, lan.id)
        left = {name: page for name, page in (await everything(server, "clinic")).items() if page}
        assert set(left) <= {"erased", "erased_messages", "tasks", "budgets", "plugin_data"}
        assert len(left["erased"]) == 2 and len(left["erased_messages"]) == len(ids)
        assert {each.id for page in left.values() for each in page}.isdisjoint(provider_ids | ids)
        assert not await server.repository().find(TURNS, {})
        assert await server.repository().count(ERASED_MESSAGES, {}) == len(ids)
        assert [each.plugin for each in await server.repository().find(PLUGIN_DATA, {})] == []


async def test_what_may_have_been_sent_is_deleted_at_the_provider_too(start: Any) -> None:
    async with start() as server:
        lan, phone, store = server.contact("Lan", phone=PHONE), await server.plugin("phone"), server.server.store
        await lan.says("Xin chào")
        await lan.hears()
        await server.quiet()
        (sent,) = await lan.received()
        # As a crash leaves it that comes between the send and the writing of the provider's id.
        await server.repository().update(
            MESSAGES, sent, state="parked", provider_id="", intent_at=store.now() - timedelta(seconds=1)
        )
        await erased(server, lan.id)
        assert f"phone-{sent.id}" in phone.erased and phone.sent == []


async def test_what_is_written_while_the_last_is_deleted_is_deleted_too(start: Any, monkeypatch: Any) -> None:
    async with start() as server:
        lan, repository = server.contact("Lan", phone=PHONE), server.repository()
        await lan.says(WORDS)
        await lan.hears()
        await server.quiet()
        of_part, late = Erasure.of_part, []

        async def then_a_summary(self: Any, part: str) -> None:
            await of_part(self, part)
            conversation = await repository.get(CONVERSATIONS, part)
            if not late and conversation is not None and conversation.turn_lease is not None:
                late.append(1)
            elif len(late) == 1 and conversation is not None:
                # After the last look, and before the conversation goes.
                late.append(2)
                now = server.server.store.now()
                summary = Summary(id="late", conversation=part, text=WORDS, until=now, made_at=now)
                assert await repository.insert(SUMMARIES, summary)
                await repository.update(CONVERSATIONS, conversation, summarised_until=now)

        monkeypatch.setattr(Erasure, "of_part", then_a_summary)
        await erased(server, lan.id)
        assert late == [1, 2] and WORDS not in await raw(server, "clinic")


async def test_neither_a_providers_list_nor_an_import_brings_it_back(start: Any) -> None:
    async with start() as server:
        lan, core = server.contact("Lan", phone=PHONE), server.server
        await lan.says(WORDS)
        await lan.hears()
        await server.quiet()
        (sent,) = await lan.received()
        await erased(server, lan.id)
        await lan.says("Xin chào", id="new")
        await server.quiet()
        runtime, repository = await core.runtimes.get("clinic"), server.repository()
        at = core.store.now() - timedelta(minutes=5)
        of_hers = {"external_id": lan.external_id, "address": "phone:desk", "at": at}
        listed = Listed(provider_id=sent.provider_id, direction="outbound", text=sent.text, state="sent", **of_hers)
        assert await core.catch_up._sent(runtime, repository, "phone", listed) == Caught()
        elsewhere = Listed(provider_id="other", direction="outbound", text="Chào", state="sent", **of_hers)
        assert (await core.catch_up._sent(runtime, repository, "phone", elsewhere)).elsewhere == 1
        who = WrittenContact(external_id=lan.external_id, address="phone:desk")
        importing = HistoryImport(core.store, core.people, runtime.tenant, "phone")
        assert (await importing.add(who, [Said("inbound", WORDS, at)])).erased == 1
        assert WORDS not in await raw(server, "clinic")


async def test_nothing_is_sent_while_it_waits_for_a_plugin(start: Any) -> None:
    async with start() as server:
        lan, phone = server.contact("Lan", phone=PHONE), await server.plugin("phone")
        await lan.says(WORDS)
        await lan.hears()
        await server.quiet()

        def busy(_: Any) -> None:
            raise RetryLater("busy", after=20)

        phone.on_send = busy
        ownership = server.server.ownership
        await ownership.take("clinic", lan.id, "mai")
        said = await ownership.say("clinic", lan.id, "mai", "Dạ em nghe.")

        async def tried() -> bool:
            message = await server.repository().get(MESSAGES, said.id)
            return bool(message and message.not_before)

        await server.until("it was tried once", tried)
        phone.on_send = None
        Crm.away[:] = [RetryLater("away", after=60)]
        await server.server.erasing.begin("clinic", lan.id)
        await erased(server, lan.id)
        assert [sent.text for sent in phone.sent if sent.text == said.text] == []


async def test_no_plugin_hears_of_them_any_more(start: Any) -> None:
    async with start() as server:
        lan, repository, store = server.contact("Lan", phone=PHONE), server.repository(), server.server.store
        await lan.says(WORDS)
        await lan.hears()
        await server.quiet()
        Crm.away[:] = [RetryLater("away", after=60)]
        erasing = await server.server.erasing.begin("clinic", lan.id)
        await server.server.erasing.step("clinic", erasing)
        (message,) = [m for m in await lan.messages() if m.direction == "inbound"]
        task = message_received(message, [], store.now())
        await schedule(repository, "clinic", task, store.now())

        async def done() -> bool:
            stored = await repository.get(TASKS, task.id)
            return stored is None or stored.state == "done"

        await server.until("the task is done", done)
        assert Crm.told == [WORDS], "once, before"
        await erased(server, lan.id)


class Scheduling(Phone):
    """A channel that leaves a task behind while the messages are deleted."""

    @hookimpl
    async def erase_message(self, message: Any) -> None:
        await self.tasks.schedule("late", message.conversation, self.clock.now() + timedelta(days=9), {"text": WORDS})


async def test_a_task_that_is_left_behind_meanwhile_goes_too(desk: Any) -> None:
    async with desk(plugins={"model": ScriptedModel, "phone": Scheduling}, tenants=BOTH) as server:
        lan = server.contact("Lan", phone=PHONE)
        await lan.says(WORDS)
        await lan.hears()
        await server.quiet()
        await erased(server, lan.id)
        assert WORDS not in await raw(server, "clinic")
