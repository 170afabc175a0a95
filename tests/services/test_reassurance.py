"""Who was handed off is told when somebody will answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from frontdesk import Plugin, RetryLater, hookimpl
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.outbox.put import SOON
from frontdesk.services.reassurance import reassure
from frontdesk.store.collections import MESSAGES, TASKS
from frontdesk.testing.death import Died
from frontdesk.testing.plugins import ScriptedModel

# The clock of a test starts on Monday at 02:00 UTC: 09:00 in Hanoi, the middle of the night in London.
OFFICE = {"monday": ["08:30-12:00", "13:30-18:00"], "tuesday": "08:30-18:00"}
LONDON = {"time_zone": "Europe/London", "language": "en", "opening_hours": OFFICE}
HANOI = {"name": "Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi", "opening_hours": OFFICE}
ASKS_A_PERSON = ModelReply(
    text="One moment.", tool_calls=(ToolCall(id="1", name="call_a_person", arguments={"reason": "wants a person"}),)
)


class Pager(Plugin):
    """Keeps what operators are told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: list[str] = []
        self.fails = 0

    @hookimpl
    async def alert_operator(self, title, text, conversation):
        if self.fails:
            self.fails -= 1
            raise RetryLater("no line", after=5)
        self.told.append(text)


def tenants(**tenant: Any) -> dict[str, Any]:
    return {"clinic": {"settle": {"quiet_seconds": 0}, **tenant}}


async def handed_off(server: Any, text: str = "Lan?") -> Any:
    lan, model = server.contact("Lan"), await server.plugin("model")
    model.script = [ASKS_A_PERSON]
    await lan.says(text)
    await lan.hears()
    await server.quiet()
    return lan


async def said(server: Any, lan: Any) -> list[str]:
    """What the contact has heard since the words of the hand-off."""
    await server.quiet()
    return [message.text for message in await lan.received()][1:]


async def writes_on(server: Any, lan: Any, text: str = "Alo?") -> None:
    """The contact writes, and the bot has seen it; nobody has waited long yet."""
    await lan.says(text)
    key = f"core/reassure/{lan.id}/{(await lan.conversation()).owner_epoch}/wrote_on"

    async def seen() -> Any:
        return await server.repository().get(TASKS, key)

    await server.until("it is seen", seen)


async def test_at_night_the_contact_is_told_when_somebody_will_be_there_once(desk):
    async with desk(tenants=tenants(**LONDON)) as server:
        lan = await handed_off(server)
        told = ["We are closed at the moment. Someone from Test Clinic will answer you today at 08:30."]
        assert await said(server, lan) == told
        for _ in range(3):
            await lan.says("Is anybody there?")
            await server.quiet()
            server.clock.advance(180)
            assert await said(server, lan) == told
        (note,) = (await lan.received())[1:]
        assert note.useful_until - note.at <= timedelta(hours=6.5), "after the opening it would be wrong"


async def test_the_language_is_the_tenants_unless_the_contacts_is_known(desk):
    lunch = {"opening_hours": {"tuesday": "08:00-12:00"}}
    async with desk(tenants=tenants(**{**HANOI, **lunch})) as server:
        lan = await handed_off(server)
        (told,) = await said(server, lan)
        assert told.endswith("Nhân viên của Hoa Sen sẽ trả lời anh/chị vào 08:00 ngày mai ạ.")


@pytest.mark.parametrize(
    ("tenant", "text", "told"),
    [
        (LONDON, "Cho em hỏi khám răng giá bao nhiêu", "vào 08:30 hôm nay"),
        (LONDON, "cho em hoi kham rang gia bao nhieu", "vào 08:30 hôm nay"),
        (LONDON, "How much is a check-up?", "We are closed"),
        ({**HANOI, "opening_hours": {"tuesday": "08:00-12:00"}}, "How much is the course?", "We are closed"),
    ],
)
async def test_it_is_told_in_the_language_the_contact_writes(desk, tenant, text, told):
    async with desk(tenants=tenants(**tenant)) as server:
        lan = await handed_off(server, text)
        (closed,) = await said(server, lan)
        assert told in closed, closed


async def test_what_to_do_if_it_cannot_wait_is_told_once_in_a_closing(desk):
    async with desk(tenants=tenants(**LONDON, facts=EMERGENCIES)) as server:
        lan, model = await handed_off(server), await server.plugin("model")
        for minutes in (5, 60 * 24):
            await server.server.ownership.release("clinic", lan.id, "Hoa")
            server.clock.advance(minutes * 60)
            model.script = [ASKS_A_PERSON]
            await lan.says("Can I bring my dog?")
            await server.quiet()
        told = [text for text in await said(server, lan) if text.startswith("We are closed")]
        assert ["999" in text for text in told] == [True, False, True]


async def test_what_the_answer_has_told_already_is_not_told_again(desk):
    async with desk(tenants=tenants(**LONDON, facts=EMERGENCIES)) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [replace(ASKS_A_PERSON, text="If you cannot breathe, call 999. One moment.")]
        await lan.says("My dad can't breathe")
        await lan.hears()
        (closed,) = await said(server, lan)
        assert closed.startswith("We are closed") and "999" not in closed


async def test_while_it_is_open_who_writes_on_is_told_once_that_a_person_will_answer(desk):
    async with desk(tenants=tenants(**HANOI)) as server:
        lan = await handed_off(server)
        assert await said(server, lan) == []
        await writes_on(server, lan)
        assert len(await lan.received()) == 1, "a person may still be quicker"
        server.clock.advance(31)
        assert [text[:32] for text in await said(server, lan)] == ["Dạ, em đã nhận được tin nhắn của"]
        await lan.says("Alo??")
        await server.quiet()
        server.clock.advance(121)
        assert len(await said(server, lan)) == 1


async def test_who_keeps_writing_is_told_half_a_minute_after_the_first_time(desk):
    async with desk(tenants=tenants(**HANOI)) as server:
        lan = await handed_off(server)
        server.clock.advance(1)
        for _ in range(3):
            await lan.says("Alo?")
            await server.quiet()
            server.clock.advance(11)
        assert len(await said(server, lan)) == 1


async def test_who_writes_on_after_closing_time_is_told_when_it_opens(desk):
    almost = {"opening_hours": {"monday": "08:30-09:01", "tuesday": "08:30-18:00"}}
    async with desk(tenants=tenants(**{**HANOI, **almost})) as server:
        lan = await handed_off(server)
        server.clock.advance(45)
        await writes_on(server, lan)
        server.clock.advance(31)
        (told,) = await said(server, lan)
        assert "vào 08:30 ngày mai" in told


@pytest.mark.parametrize("meanwhile", ["take", "release"])
async def test_nothing_is_said_once_somebody_answers(desk, meanwhile):
    async with desk(tenants=tenants(**HANOI)) as server:
        lan = await handed_off(server)
        await writes_on(server, lan)
        await getattr(server.server.ownership, meanwhile)("clinic", lan.id, "Hoa")
        server.clock.advance(121)
        assert not [text for text in await said(server, lan) if "đã nhận được" in text]


async def test_a_second_hand_off_is_a_new_one(desk):
    async with desk(tenants=tenants(**LONDON)) as server:
        lan = await handed_off(server)
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        (await server.plugin("model")).script = [ASKS_A_PERSON]
        await lan.says("A person, please.")
        assert [text.startswith("We are closed") for text in await said(server, lan)] == [True, False, True]


@pytest.mark.parametrize("writes", range(4))
async def test_it_is_said_once_wherever_whoever_says_it_died(desk, dies_after, writes):
    async with desk(tenants=tenants()) as server:
        lan, store = await handed_off(server), server.server.store
        lives = await server.server.runtimes.get("clinic")
        dying = SimpleNamespace(now=store.now, for_tenant=lambda _: dies_after(server.repository(), writes))
        epoch = (await lan.conversation()).owner_epoch
        with pytest.raises(Died):
            await reassure(dying, lives.tenant, lan.id, epoch, "wrote_on")
        server.clock.advance(SOON.total_seconds() + 1)
        await said(server, lan)
        # Its task comes back.
        await reassure(store, lives.tenant, lan.id, epoch, "wrote_on")
        assert len(await said(server, lan)) == 1


async def test_who_is_answered_meanwhile_is_told_nothing(desk):
    async with desk(tenants=tenants()) as server:
        lan, store, repository = await handed_off(server), server.server.store, server.repository()
        tenant = (await server.server.runtimes.get("clinic")).tenant

        class Slow:
            """A person takes over while it is looked up whether it was said."""

            def __getattr__(self, name):
                return getattr(repository, name)

            async def get(self, collection, id):
                if collection is MESSAGES:
                    await server.server.ownership.take("clinic", lan.id, "Hoa")
                return await repository.get(collection, id)

        slow = SimpleNamespace(now=store.now, for_tenant=lambda _: Slow())
        before = await lan.conversation()
        await reassure(slow, tenant, lan.id, before.owner_epoch, "wrote_on")
        assert await said(server, lan) == []
        assert (await lan.conversation()).outbox_seq == before.outbox_seq


EMERGENCIES = [
    {"topic": "emergencies", "answer": "If you cannot breathe, call 999.", "urgent": True, "language": "en-GB"},
    {"topic": "cấp cứu", "answer": "Khó thở thì gọi 115 ạ.", "urgent": True, "language": "vi"},
    {"topic": "prices", "answer": "A check-up is £58."},
]


@pytest.mark.parametrize(
    ("tenant", "words"),
    [
        (
            {},
            "Thank you, we have received your message. Someone from Test Clinic will come back to you as soon as possible.",
        ),
        (LONDON, "We are closed at the moment. Someone from Test Clinic will answer you today at 08:30."),
    ],
)
async def test_who_waits_for_a_person_is_told_what_to_do_if_it_cannot_wait(desk, tenant, words):
    async with desk(tenants=tenants(**tenant, facts=EMERGENCIES)) as server:
        lan = await handed_off(server)
        server.clock.advance(1)
        await lan.says("My face is swollen!")
        await server.quiet()
        server.clock.advance(31)
        assert await said(server, lan) == [f"{words} If you cannot breathe, call 999."]


async def test_who_has_heard_the_holding_words_is_told_what_to_do_if_it_cannot_wait(desk):
    plugins = {"model": ScriptedModel}
    async with desk(plugins=plugins, tenants=tenants(**{**HANOI, "facts": EMERGENCIES})) as server:
        (await server.plugin("model")).script = [RuntimeError("the model is down")] * 9
        lan = server.contact("Lan")
        await lan.says("Xin chào")
        await lan.hears()
        server.clock.advance(1)
        await lan.says("Em khó thở quá")
        await server.quiet()
        server.clock.advance(31)
        assert await said(server, lan) == ["Khó thở thì gọi 115 ạ."]


async def test_operators_are_called_again_once_in_five_minutes_while_the_contact_writes_on(desk):
    async with desk(plugins={"model": ScriptedModel, "pager": Pager}, tenants=tenants()) as server:
        lan, pager = await handed_off(server), await server.plugin("pager")
        assert pager.told == ["wants a person"]
        for text in ("Alo?", "My face is swollen.", "Are you there?"):
            server.clock.advance(1)
            await lan.says(text)
            await server.quiet()
        server.clock.advance(300)
        await server.quiet()
        assert pager.told == ["wants a person", "Alo?"], "nothing new was written"
        await lan.says("I cannot breathe.")
        await server.quiet()
        assert pager.told[2:] == ["I cannot breathe."]


async def test_operators_are_not_called_once_one_of_them_answers(desk):
    async with desk(plugins={"model": ScriptedModel, "pager": Pager}, tenants=tenants()) as server:
        lan, pager = await handed_off(server), await server.plugin("pager")
        pager.fails = 1
        server.clock.advance(1)
        await lan.says("Alo?")

        async def tried() -> bool:
            return not pager.fails

        await server.until("they could not be told", tried)
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        server.clock.advance(60)
        await lan.says("Alo?")
        await server.quiet()
        assert pager.told == ["wants a person"]


async def test_holding_words_are_not_said_twice(desk):
    async with desk(plugins={"model": ScriptedModel}, tenants=tenants(**HANOI)) as server:
        (await server.plugin("model")).script = [RuntimeError("the model is down")] * 9
        lan = server.contact("Lan")
        await lan.says("Xin chào")
        await lan.hears()
        server.clock.advance(1)
        await lan.says("Alo?")
        await server.quiet()
        server.clock.advance(121)
        assert await said(server, lan) == []


async def test_without_hours_nobody_is_said_to_be_away(desk):
    async with desk(tenants=tenants()) as server:
        lan = await handed_off(server)
        assert await said(server, lan) == []
