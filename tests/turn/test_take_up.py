"""Ghosts: processes that were frozen past their lease and wake when a successor has taken the turn up, or ended it."""

from __future__ import annotations

import pytest

from frontdesk import leases
from frontdesk.leases import LeaseLost
from frontdesk.store.collections import CONVERSATIONS, TURNS
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.turn import commit, guard, take_up
from frontdesk.turn.state import TurnMoved

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


async def test_a_ghost_does_not_reopen_a_turn_that_its_successor_committed(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, store, repository = server.contact("Lan"), server.server.store, server.repository()
        await lan.says("Hello.")
        frozen = await lan.conversation()  # what the ghost read before it froze
        waiting = await take_up.unanswered(repository, frozen)
        await lan.hears()
        await server.quiet()
        before = await lan.turns()
        for attempt in (
            take_up.take_up(repository, store, frozen, waiting),
            take_up.put_away(repository, store, frozen, waiting),
        ):
            with pytest.raises(TurnMoved):
                await attempt
        assert await lan.turns() == before


@pytest.mark.parametrize("what", ["takes it up", "withdraws it"])
async def test_what_a_ghost_does_between_adopting_and_finishing_loses_no_answer(desk, monkeypatch, what):
    """The conversation has adopted the answer; before that is written, a ghost takes its message for a draft."""
    async with desk(tenants=AT_ONCE) as server:
        lan, repository = server.contact("Lan"), server.repository()
        finish, ghosts = commit.finish, []

        async def after_a_ghost(*arguments, **more):
            if (await lan.conversation()).turn_no == 1 and not ghosts:
                ghosts.append(1)
                (turn,) = await lan.turns()
                await commit.drop_drafts(repository, turn.outbound)
                state = "open" if what == "takes it up" else "withdrawn"
                assert await repository.update(TURNS, turn, state=state, attempts=turn.attempts + 1, outbound=())
            return await finish(*arguments, **more)

        monkeypatch.setattr(commit, "finish", after_a_ghost)
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        assert ghosts and [turn.state for turn in await lan.turns()] == ["committed"]
        assert [(m.state, m.place) for m in await lan.received()] == [("accepted", 1)]


async def test_finishing_an_old_commit_again_does_not_bring_back_what_left_the_lane(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, store, repository = server.contact("Lan"), server.server.store, server.repository()
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        (message,) = await lan.received()
        from frontdesk.store.collections import MESSAGES

        await repository.update(MESSAGES, message, state="withdrawn", error="taken over")
        held = await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)
        await held.change(lambda c: {"last_commit": commit.replace(c.last_commit, finished=False)})
        await commit.finish(repository, store, held, await server.server.runtimes.get("clinic"))
        await held.release()
        assert [m.state for m in await lan.messages() if m.direction == "outbound"] == ["withdrawn"]


async def test_a_ghost_runs_no_deed(desk, diary, world, asks_for, monkeypatch):
    """It froze in the model with the turn's newest version in hand; its lease is another's when it wakes."""
    async with desk(plugins={"model": ScriptedModel, "diary": diary}, tenants=AT_ONCE) as server:
        lan, model, repository = server.contact("Lan"), await server.plugin("model"), server.repository()
        look, looks = guard.look, []

        async def after_a_freeze(work):
            looks.append(work.turn.id)
            if len(looks) == 2:  # the first is after the model spoke, the second just before the deed
                conversation = await lan.conversation()
                lease = commit.replace(conversation.turn_lease, token="successor")
                assert await repository.update(CONVERSATIONS, conversation, turn_lease=lease)
            await look(work)

        monkeypatch.setattr(guard, "look", after_a_freeze)
        model.script = [asks_for("book", day="Monday")]
        await lan.says("Monday, please.")

        async def looked():
            return len(looks) >= 2 and server.server.worker.busy == 0

        await server.until("the ghost woke", looked)
        assert world.attempts == []
        assert (await lan.turns())[0].deeds == ()


async def test_the_guard_knows_whose_lease_it_is(desk):
    async with desk(tenants=AT_ONCE) as server:
        lan, store, repository = server.contact("Lan"), server.server.store, server.repository()
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        held = await leases.acquire(repository, store, server.clock, lan.id, "turn", 20)

        class Work:
            pass

        work = Work()
        work.held = held
        conversation = await lan.conversation()
        other = commit.replace(conversation.turn_lease, token="another")
        for lease in (None, other):
            with pytest.raises(LeaseLost):
                guard.check(work, commit.replace(conversation, turn_lease=lease))
        await held.release()
