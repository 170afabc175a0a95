"""The turn from the first message to the last word, in process."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk import ModelReply, RetryLater, ToolCall
from frontdesk.model import BOT, NOBODY
from frontdesk.store.collections import CONVERSATIONS, TURNS

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


async def thinking(server, model, calls=1):
    """Until the model has been asked so often."""

    async def asked():
        return len(model.requests) >= calls

    await server.until(f"the model is asked {calls} times", asked)


class Gate:
    """A model that answers when the test lets it."""

    def __init__(self):
        self.opened = asyncio.Event()

    def says(self, text):
        async def answer(request):
            await self.opened.wait()
            return text

        return answer


async def test_a_message_gets_its_answer(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Xin chào ạ.")
        assert await lan.hears() == "You said: Xin chào ạ."


async def test_a_turn_ends_with_nothing_left_to_do(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        conversation = await lan.conversation()
        assert (conversation.turn_no, conversation.outbox_seq, conversation.unanswered_since) == (1, 1, None)
        assert conversation.turn_lease is None and conversation.lane_lease is None
        assert conversation.last_commit is not None and conversation.last_commit.finished
        assert await server.server.store.due.count() == 0


async def test_three_quick_messages_get_one_answer(desk):
    async with desk() as server:
        lan = server.contact("Lan")
        for text in ("Hello.", "One question.", "When are you open?"):
            await lan.says(text)
        assert await lan.hears() == "You said: Hello. / One question. / When are you open?"
        await server.quiet()
        assert len(await lan.received()) == 1


async def test_without_settling_each_message_is_answered_at_once(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        start = server.clock.now()
        await lan.says("Hello")
        assert await lan.hears() == "You said: Hello"
        assert (server.clock.now() - start).total_seconds() < 1


async def test_a_message_that_comes_while_the_model_thinks_is_answered_with_the_first(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model, gate = server.contact("Lan"), await server.plugin("model"), Gate()
        model.script = [gate.says("only the first")]
        await lan.says("First.")
        await thinking(server, model)
        await lan.says("Second.")
        gate.opened.set()
        assert await lan.hears() == "You said: First. / Second."
        await server.quiet()
        assert [m.text for m in await lan.messages() if m.state in ("queued", "proposed")] == []
        assert len(await lan.received()) == 1
        (turn,) = await lan.turns()
        assert turn.superseded == 1 and turn.state == "committed"


async def test_a_turn_starts_over_at_most_twice_and_the_newest_message_gets_the_next_turn(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        gates = [Gate(), Gate(), Gate()]
        model.script = [gate.says(f"answer {number}") for number, gate in enumerate(gates, 1)]
        await lan.says("m1.")
        for number, gate in enumerate(gates, 1):
            await thinking(server, model, number)
            await lan.says(f"m{number + 1}.")
            gate.opened.set()
        assert await lan.hears() == "answer 3"
        assert await lan.hears() == "You said: m4."
        first, second = await lan.turns()
        assert first.superseded == 2 and len(first.read) == 3
        assert len(second.read) == 1


async def test_a_draft_superseded_at_its_commit_is_withdrawn(desk, monkeypatch):
    """The newer message comes while the commit is on its way to the store."""
    from frontdesk.leases import Held

    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = ["too early"]
        runtime = await server.server.runtimes.get("clinic")
        write = Held.change_after

        async def after_another_message(*arguments):
            monkeypatch.setattr(Held, "change_after", write)
            await lan.says("Second.")
            return await write(*arguments)

        monkeypatch.setattr(Held, "change_after", after_another_message)
        await lan.says("First.")
        assert await lan.hears() == "You said: First. / Second."
        await server.quiet()
        drafts = [m for m in await lan.messages() if m.text == "too early"]
        assert [m.state for m in drafts] == ["withdrawn"]
        assert runtime.uses == 0


async def test_thirty_seconds_after_the_first_message_the_draft_goes_out(desk, lease_renewed):
    async with desk(tenants=AT_ONCE) as server:
        lan, model, gate = server.contact("Lan"), await server.plugin("model"), Gate()
        model.script = [gate.says("the draft")]
        await lan.says("First.")
        await thinking(server, model)
        for _ in range(6):
            server.clock.advance(5.1)
            await lease_renewed(server, lan)
        await lan.says("Second.")
        gate.opened.set()
        assert await lan.hears() == "the draft"
        assert await lan.hears() == "You said: Second."


async def test_more_messages_than_one_turn_reads_are_all_answered(desk, monkeypatch):
    from frontdesk.turn import take_up

    monkeypatch.setattr(take_up, "UNANSWERED", 3)
    async with desk() as server:
        lan = server.contact("Lan")
        for number in range(8):
            await lan.says(f"m{number}.")
        heard = [await lan.hears() for _ in range(3)]
        assert heard == ["You said: m0. / m1. / m2.", "You said: m3. / m4. / m5.", "You said: m6. / m7."]
        await server.quiet()
        assert {m.state for m in await lan.messages() if m.direction == "inbound"} == {"answered"}


async def test_a_turn_survives_a_crash_at_each_of_its_steps(desk, dies_at):
    steps = [
        "turn.leased", "turn.opened", "turn.thought", "turn.committed", "turn.lane_due", "turn.released",
    ]  # fmt: skip
    clock = None
    for number, step in enumerate(steps):
        async with desk(tenants=AT_ONCE, clock=clock) as server:
            clock = server.clock
            death = dies_at(step)
            await server.contact(f"contact {number}").says("Hello.")
            await server.until(f"it died at {step}", _said(death))
        clock.advance(20)  # the dead one's claim and lease run out
        async with desk(tenants=AT_ONCE, clock=clock) as server:
            again = server.contact(f"contact {number}")
            assert await again.hears() == "You said: Hello.", step
            await server.quiet()
            assert len(await again.received()) == 1, step
            assert [turn.state for turn in await again.turns()] == ["committed"], step
            assert {m.state for m in await again.messages()} <= {"answered", "accepted", "withdrawn"}, step


async def test_a_turn_survives_a_crash_between_proposing_and_adopting(desk, dies_at, monkeypatch):
    """In SQLite the two are one write, unless the conversation has changed: here somebody renewed its lease."""
    from frontdesk.leases import Held

    write = Held.change_after

    async def after_a_change(held, *arguments):
        await server.repository().update(CONVERSATIONS, held.conversation, channel=held.conversation.channel)
        return await write(held, *arguments)

    async with desk(tenants=AT_ONCE) as server:
        clock, death = server.clock, dies_at("turn.proposed")
        monkeypatch.setattr(Held, "change_after", after_a_change)
        await server.contact("Lan").says("Hello.")
        await server.until("it died", _said(death))
        (draft,) = [m for m in await server.contact("Lan").messages() if m.direction == "outbound"]
        assert draft.state == "proposed"
    clock.advance(20)
    async with desk(tenants=AT_ONCE, clock=clock) as server:
        again = server.contact("Lan")
        assert await again.hears() == "You said: Hello."
        await server.quiet()
        assert len(await again.received()) == 1
        assert sorted(m.state for m in await again.messages()) == ["accepted", "answered", "withdrawn"]


def _said(death):
    async def happened():
        return death.happened

    return happened


async def test_no_model_parks_the_turn_says_so_once_and_calls_a_person(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no"), ValueError("no")]
        await lan.says("Hello.")
        assert "come back to you" in await lan.hears()
        await server.quiet()
        conversation = await lan.conversation()
        assert (conversation.owner, conversation.turn_no, conversation.owner_epoch) == (NOBODY, 0, 1)
        assert "ValueError at" in conversation.handoff_reason
        (turn,) = await lan.turns()
        assert (turn.state, turn.parked_times) == ("parked", 1)
        assert (await lan.message("Lan-1")).state == "received"

        await server.server.parked.replay("clinic", turn.id)
        await server.until("it is parked again", _parked(lan, 1))
        assert len(await lan.received()) == 1, "the holding words are said once"
        await server.server.parked.replay("clinic", turn.id)
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        assert [t.state for t in await lan.turns()] == ["committed"]
        assert (await lan.conversation()).owner == BOT


@pytest.mark.parametrize(
    ("own", "text", "told"),
    [
        ("vi", "How much is the IELTS course?", "come back to you"),
        ("en", "học phí bao nhiêu em", "sớm nhất có thể"),
        ("vi", "👍", "sớm nhất có thể"),
        ("en", "👍", "come back to you"),
    ],
)
async def test_holding_words_are_in_the_language_the_contact_writes(desk, own, text, told):
    async with desk(tenants={"clinic": {**AT_ONCE["clinic"], "language": own}}) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no")]
        await lan.says(text)
        assert told in await lan.hears()


def _parked(contact, times):
    async def parked():
        (turn, *_) = await contact.turns()
        return turn.state == "parked" and turn.parked_times == times and (await contact.conversation()).owner == NOBODY

    return parked


async def test_who_writes_vietnamese_to_an_english_desk_is_put_off_in_vietnamese(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Chị muốn hỏi học phí lớp tối")
        await lan.hears()
        model.script = [ValueError("down")]
        await lan.says("ok")
        assert (await lan.hears()).startswith("Dạ, em đã nhận được tin nhắn")
        call = ToolCall(id="1", name="call_a_person", arguments={"reason": "angry"})
        hoa = server.contact("Hoa")
        model.script = [ModelReply(tool_calls=(call,)), ValueError("down")]
        await hoa.says("Cho chị gặp người thật đi em")
        assert (await hoa.hears()).startswith("Dạ, em xin chuyển")


async def test_a_parked_turn_is_reopened_with_the_next_message_once_the_bot_owns_the_conversation_again(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no"), ValueError("no")]
        await lan.says("Hello.")
        await lan.hears()
        await server.server.ownership.release("clinic", lan.id)
        await server.until("parked twice", _parked(lan, 2))
        await lan.says("Are you there?")
        await server.quiet()
        assert (await lan.message("Lan-2")).state == "received", "nobody owns it: it is kept"
        await server.server.ownership.release("clinic", lan.id)
        assert await lan.hears() == "You said: Hello. / Are you there?"


async def test_after_three_attempts_a_parked_turn_is_reopened_by_hand_only_and_a_person_is_called_again(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no")] * 3
        await lan.says("Hello.")
        await lan.hears()
        for times in (2, 3):
            await server.server.ownership.release("clinic", lan.id)
            await server.until(f"parked {times} times", _parked(lan, times))
        for _ in range(2):
            await server.server.ownership.release("clinic", lan.id)
            await lan.says("Hello?")
            await server.until("a person is called again", _parked(lan, 3))
        assert len(model.requests) == 3
        (turn,) = await lan.turns()
        assert await server.server.parked.replay("clinic", turn.id)
        assert await lan.hears() == "You said: Hello. / Hello? / Hello?"


async def test_replaying_again_and_again_never_counts_as_crashes(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [RetryLater("busy")] * 8
        await lan.says("Hello.")
        await lan.hears()
        for _ in range(7):
            (turn,) = await lan.turns()
            await server.server.parked.replay("clinic", turn.id)
            await server.until("it is parked", _parked(lan, 1))
        assert "busy" in (await lan.turns())[0].reason
        await server.server.parked.replay("clinic", turn.id)
        assert await lan.hears() == "You said: Hello."


async def test_a_turn_that_never_ends_by_our_own_defect_is_parked(desk, monkeypatch):
    from frontdesk.turn import engine

    async def defect(work):
        raise ZeroDivisionError("bad data")

    monkeypatch.setattr(engine, "think", defect)
    async with desk(tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        assert "come back to you" in await lan.hears()
        await server.until("it is parked", _parked(lan, 1))
        (turn,) = await lan.turns()
        assert turn.attempts == engine.ATTEMPTS + 1
        assert "never ended" in turn.reason


async def test_a_message_that_cannot_be_heard_by_our_own_defect_is_parked_too(desk, monkeypatch):
    from frontdesk.turn import attend

    async def defect(*arguments):
        raise OSError("no room for media")

    monkeypatch.setattr(attend, "hear", defect)
    async with desk(tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        assert "come back to you" in await lan.hears()


async def test_messages_of_staff_are_never_answered(desk):
    tenants = {"clinic": {"settle": {"quiet_seconds": 0}, "staff": ["+84901234567"]}}
    async with desk(tenants=tenants) as server:
        boss = server.contact("Boss", phone="+84901234567")
        await boss.says("Hello.")
        await server.quiet()
        assert await boss.received() == [] and await boss.turns() == []
        assert (await boss.contact()).kind == "staff"
        assert (await boss.conversation()).unanswered_since is None


async def test_a_contact_who_joins_the_staff_later_is_answered_no_more(desk):
    async with desk(tenants=AT_ONCE) as server:
        clock, boss = server.clock, server.contact("Boss", phone="+84901234567")
        await boss.says("Hello.")
        await boss.hears()
    tenants = {"clinic": {"settle": {"quiet_seconds": 0}, "staff": ["+84901234567"]}}
    async with desk(tenants=tenants, clock=clock) as server:
        boss = server.contact("Boss", phone="+84901234567")
        await boss.says("Hello again.", id="later")
        await server.quiet()
        assert len(await boss.received()) == 1
        assert (await boss.contact()).kind == "staff"


async def test_the_work_of_a_tenant_that_left_the_file_waits_for_its_return(desk):
    two = {"clinic": {"settle": {"quiet_seconds": 0}}, "school": {}}
    async with desk(tenants=two) as server:
        clock, lan = server.clock, server.contact("Lan", tenant="school")
        await lan.says("Hello.")
    async with desk(tenants=AT_ONCE, clock=clock) as server:
        for _ in range(3):
            clock.advance(25)
            await server.until("it was looked at", _row_ahead(server, "school", lan.id))
    async with desk(tenants=two, clock=clock) as server:
        assert await server.contact("Lan", tenant="school").hears() == "You said: Hello."


def _row_ahead(server, tenant, ref):
    async def ahead():
        row = await server.server.store.due.get("turn", tenant, ref)
        assert row is not None
        return row.due_at > server.clock.now()

    return ahead


async def test_a_turn_of_a_ghost_changes_nothing(desk):
    """A process freezes in the model, another takes the turn up and ends it, the first wakes."""
    async with desk(tenants=AT_ONCE) as server:
        lan, model, gate = server.contact("Lan"), await server.plugin("model"), Gate()
        model.script = [gate.says("the ghost's words")]
        await lan.says("Hello.")
        await thinking(server, model)
        # Frozen: nothing renewed the lease, and somebody else had it and let it go.
        repository, conversation = server.repository(), await lan.conversation()
        (turn,) = await lan.turns()
        from frontdesk.store.collections import CONVERSATIONS

        while await repository.update(CONVERSATIONS, conversation, turn_lease=None) is None:
            conversation = await lan.conversation()
        assert await repository.update(TURNS, turn, attempts=turn.attempts + 1, tries=1) is not None
        gate.opened.set()
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        assert [m.text for m in await lan.received()] == ["You said: Hello."]
