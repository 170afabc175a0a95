"""How a turn ends: proposed, adopted, parked, withdrawn; what follows is repeated until it is done."""

from __future__ import annotations

import pytest

from frontdesk import RetryLater, hookimpl, leases
from frontdesk.model import NOBODY
from frontdesk.store.collections import MESSAGES, NOTES, TASKS, TURNS
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.turn import commit

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class Busy(Phone):
    """Takes nothing while it is busy."""

    busy = False

    @hookimpl
    async def send(self, message):
        if type(self).busy:
            raise RetryLater("busy", after=3)
        return await Phone.send(self, message)


async def happened(server, death):
    async def it_did():
        return death.happened

    await server.until("it died", it_did)


async def test_a_take_over_while_the_model_thinks_withdraws_the_turn_and_notes_its_deeds(desk, diary, world, asks_for):
    async with desk(plugins={"model": ScriptedModel, "diary": diary}, tenants=AT_ONCE) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")

        async def taken(request):
            await server.server.ownership.take("clinic", lan.id, "Hoa")
            return "See you on Monday."

        model.script = [asks_for("book", day="Monday"), taken]
        await lan.says("Monday, please.")

        async def withdrawn():
            return [turn.state for turn in await lan.turns()] == ["withdrawn"]

        await server.until("the turn is withdrawn", withdrawn)
        await server.quiet()
        assert await lan.received() == []
        (note,) = await server.repository().find(NOTES, {"conversation": lan.id}, order_by="at")
        assert note.text.endswith("has not told the contact: Your visit on Monday is booked.")
        assert (await lan.message("Lan-1")).state == "received", "kept for the operator"


async def test_a_turn_that_was_taken_over_at_its_commit_leaves_no_draft(desk, monkeypatch):
    async with desk(tenants=AT_ONCE) as server:
        lan, write = server.contact("Lan"), leases.Held.change_after

        async def after_taken(*arguments):
            await server.server.ownership.take("clinic", lan.id, "Hoa")
            return await write(*arguments)

        monkeypatch.setattr(leases.Held, "change_after", after_taken)
        await lan.says("Hello.")

        async def withdrawn():
            return [turn.state for turn in await lan.turns()] == ["withdrawn"]

        await server.until("the turn is withdrawn", withdrawn)
        await server.quiet()
        assert [m.state for m in await lan.messages() if m.direction == "outbound"] == ["withdrawn"]


async def test_a_take_over_while_a_message_is_heard_is_noticed(desk, monkeypatch, lease_renewed):
    """The renewed lease brings the new owner in; the turn must still know under whom it began."""
    from frontdesk.turn import attend

    async with desk(tenants=AT_ONCE) as server:
        lan, hear = server.contact("Lan"), attend.hear

        async def slow(*arguments):
            await server.server.ownership.take("clinic", lan.id, "Hoa")
            for _ in range(3):
                server.clock.advance(7)
                await lease_renewed(server, lan)
            return await hear(*arguments)

        monkeypatch.setattr(attend, "hear", slow)
        await lan.says("Hello.")

        async def withdrawn():
            return [turn.state for turn in await lan.turns()] == ["withdrawn"]

        await server.until("the turn is withdrawn", withdrawn)
        assert await lan.received() == []


async def test_a_take_over_while_the_turn_is_taken_up_is_noticed(desk, monkeypatch):
    from frontdesk.turn import attend

    async with desk(tenants=AT_ONCE) as server:
        lan, contact_of = server.contact("Lan"), attend.contact_of

        async def then_taken(*arguments):
            if (await lan.conversation()).owner_epoch == 0:
                await server.server.ownership.take("clinic", lan.id, "Hoa")
            return await contact_of(*arguments)

        monkeypatch.setattr(attend, "contact_of", then_taken)
        await lan.says("Hello.")

        async def withdrawn():
            return [turn.state for turn in await lan.turns()] == ["withdrawn"]

        await server.until("the turn is withdrawn", withdrawn)
        await server.quiet()
        assert await lan.received() == []


async def test_a_crash_after_parking_says_the_holding_words_once_and_calls_a_person_once(desk, dies_at):
    async with desk(tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no")]
        death = dies_at("turn.parked")
        await lan.says("Hello.")
        await happened(server, death)
    clock.advance(20)
    async with desk(tenants=AT_ONCE, clock=clock) as server:
        lan = server.contact("Lan")
        assert "come back to you" in await lan.hears()
        await server.quiet()
        conversation = await lan.conversation()
        assert (conversation.owner, conversation.owner_epoch) == (NOBODY, 1)
        (turn,) = await lan.turns()
        assert (turn.state, turn.parked_times) == ("parked", 1)
        assert len(await lan.received()) == 1


async def test_holding_words_that_were_only_proposed_when_we_died_are_said_after_all(desk, monkeypatch):
    class Died(BaseException):
        pass

    async with desk(tenants=AT_ONCE) as server:
        clock, lan, model = server.clock, server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no")]
        journal, deaths = commit.deeds.journal, []

        async def dies(work, **changes):
            if "reason" in changes and not deaths:
                deaths.append(1)
                raise Died
            await journal(work, **changes)

        monkeypatch.setattr(commit.deeds, "journal", dies)
        await lan.says("Hello.")

        async def died():
            return deaths

        await server.until("it died", died)
    clock.advance(20)
    async with desk(tenants=AT_ONCE, clock=clock) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [ValueError("no")]
        assert "come back to you" in await lan.hears()


async def test_finishing_a_commit_again_and_again_changes_nothing(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, store = server.contact("Lan"), server.server.store
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        repository, runtime = server.repository(), await server.server.runtimes.get("clinic")
        held = await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)
        before = (await lan.messages(), await lan.turns())
        for _ in range(2):
            await held.change(lambda c: {"last_commit": commit.replace(c.last_commit, finished=False)})
            await held.change(await commit.finish(repository, store, held, runtime))
        await held.release()
        assert (await lan.messages(), await lan.turns()) == before
        assert (await lan.conversation()).last_commit.finished


async def test_who_finishes_a_commit_again_leaves_a_message_that_waits_for_its_answer_again(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, store = server.contact("Lan"), server.server.store
        await lan.says("Hello.", id="SM1")
        frozen = await lan.message("SM1")
        await lan.hears()
        await server.quiet()
        repository, runtime = server.repository(), await server.server.runtimes.get("clinic")
        held = await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)
        await repository.update(MESSAGES, await lan.message("SM1"), state="received", turn="")
        await held.change(lambda c: {"last_commit": commit.replace(c.last_commit, finished=False)})
        for known in ((), (frozen,)):
            await commit.finish(repository, store, held, runtime, known)
            assert (await lan.message("SM1")).state == "received"


@pytest.mark.parametrize("closed", [False, True])
async def test_a_message_that_is_answered_and_reopened_while_a_ghost_looks_stays_open(desk, closed):
    """The turn is read after its messages: whoever closed it in between did so after the messages were read."""
    async with desk(tenants=AT_ONCE) as server:
        lan, store = server.contact("Lan"), server.server.store
        await lan.says("Hello.", id="SM1")
        await lan.hears()
        await server.quiet()
        repository, runtime = server.repository(), await server.server.runtimes.get("clinic")
        held = await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)
        (turn,) = await lan.turns()
        await repository.update(TURNS, turn, state="proposed")
        await repository.update(MESSAGES, await lan.message("SM1"), state="received", turn="")
        await held.change(lambda c: {"last_commit": commit.replace(c.last_commit, finished=False)})

        class Ghost:
            """Reads as the repository, and others work between its readings."""

            write = repository.write

            async def get(self, collection, id):
                found = await repository.get(collection, id)
                if collection is MESSAGES and found.direction == "inbound" and closed and turn.id not in seen:
                    seen.append(turn.id)
                    await repository.update(TURNS, (await lan.turns())[0], state="committed")
                    answered = await repository.update(MESSAGES, found, state="answered", turn=turn.id)
                    await repository.update(MESSAGES, answered, state="received", turn="")
                return found

        seen = []
        await commit.finish(Ghost(), store, held, runtime)
        assert (await lan.message("SM1")).state == ("received" if closed else "answered")


@pytest.mark.parametrize("when", ["frozen at turn.parked", "frozen after it read the turn"])
async def test_a_ghost_that_parked_a_turn_leaves_it_alone_once_its_successor_reopened_it(desk, when):
    async with desk(tenants=AT_ONCE) as server:
        lan, store, model = server.contact("Lan"), server.server.store, await server.plugin("model")
        model.script = [ValueError("no model")] * 3
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        repository, runtime = server.repository(), await server.server.runtimes.get("clinic")
        held = await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)
        await held.change(lambda c: {"last_commit": commit.replace(c.last_commit, finished=False)})
        (turn,) = await lan.turns()
        await repository.update(TURNS, turn, state="open", parked_times=0)

        async def successor():
            server.clock.advance(21)
            assert await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)
            (turn,) = await lan.turns()
            await repository.update(TURNS, turn, state="open", parked_times=1, attempts=turn.attempts + 1)

        class Ghost:
            write = repository.write

            async def get(self, collection, id):
                found = await repository.get(collection, id)
                if collection is TURNS and when == "frozen after it read the turn" and not came:
                    came.append(await successor())
                return found

        came = []
        if when == "frozen at turn.parked":
            await successor()
        with pytest.raises(leases.LeaseLost):
            await commit.finish(Ghost(), store, held, runtime)
        (turn,) = await lan.turns()
        assert (turn.state, turn.parked_times) == ("open", 1)


@pytest.mark.parametrize("point", ["turn.committed", "turn.lane_due"])
async def test_a_take_over_and_a_give_back_before_a_dead_process_was_noticed_leave_nobody_unanswered(
    desk, dies_at, point
):
    Busy.busy = True
    async with desk(plugins={"phone": Busy, "model": ScriptedModel}, tenants=AT_ONCE) as server:
        lan, own = server.contact("Lan"), server.server.ownership
        death = dies_at(point)
        await lan.says("Hello.")
        await happened(server, death)
        await own.take("clinic", lan.id, "Hoa")
        if point == "turn.lane_due":

            async def withdrawn():
                return [m for m in await lan.messages() if m.state == "withdrawn"]

            await server.until("what the bot said is withdrawn", withdrawn)
        await own.release("clinic", lan.id, "Hoa")
        Busy.busy = False
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        assert len(await lan.received()) == 1


async def test_plugins_are_told_once_of_a_committed_turn(desk):
    class Listener(ScriptedModel):
        @hookimpl
        async def on_turn_committed(self, conversation, contact, turn):
            self.script.append(turn.id)

    async with desk(plugins={"model": ScriptedModel, "listener": Listener}, tenants=AT_ONCE) as server:
        lan, listener = server.contact("Lan"), await server.plugin("listener")
        await lan.says("Hello.")
        await lan.hears()

        async def told():
            return listener.script

        assert await server.until("the plugin is told", told) == [f"{lan.id}.1"]
        await server.quiet()
        (task,) = await server.repository().find(TASKS, {"state": "done"}, order_by="at")
        assert task.name == "turn_committed" and listener.script == [f"{lan.id}.1"]


async def test_an_answer_gets_its_place_and_an_end_to_its_usefulness(desk):
    async with desk(tenants={"clinic": {"settle": {"quiet_seconds": 0}, "useful_for": "2 h"}}) as server:
        lan = server.contact("Lan")
        for number in (1, 2):
            await lan.says("Hello.")
            await lan.hears()
            await server.quiet()
            message = (await lan.received())[-1]
            assert message.place == number
            assert (message.useful_until - message.at).total_seconds() == 7200
            assert message.turn == f"{lan.id}.{number}"
        assert await server.repository().get(MESSAGES, message.id) == message
