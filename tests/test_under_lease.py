"""What becomes of a conversation's due row when its tenant, its lease or the conversation itself is not to be had."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk import leases
from frontdesk.leases import LeaseLost
from frontdesk.model import Due
from frontdesk.recent import Recent
from frontdesk.store.collections import CONVERSATIONS
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.under_lease import work_on
from frontdesk.work import Again, Finished, Taken


@pytest.fixture
async def scene(desk):
    async with desk(plugins={"model": ScriptedModel}) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        core = server.server
        due = Due(id=f"turn/clinic/{lan.id}", kind="turn", tenant="clinic", ref=lan.id, due_at=core.store.now())

        async def on(due, room, work):
            return await work_on(
                due, room, work, store=core.store, runtimes=core.runtimes, clock=server.clock, recent=Recent()
            )

        yield server, lan, due, on
        assert (await core.runtimes.get("clinic")).uses == 0


async def nothing(runtime, repository, held):
    return Finished()


@pytest.mark.parametrize(("room", "field"), [("turn", "turn_lease"), ("outbox", "lane_lease")])
async def test_the_lease_is_held_during_the_work_and_given_back(scene, room, field):
    _, lan, due, on = scene

    async def look(runtime, repository, held):
        stored = await repository.get(CONVERSATIONS, lan.id)
        assert getattr(stored, field) == held.lease and runtime.uses == 1
        return Again(due.due_at)

    assert await on(due, room, look) == Again(due.due_at)
    assert getattr(await lan.conversation(), field) is None


async def test_what_somebody_else_holds_is_left_to_them(scene):
    server, lan, due, on = scene
    held = await leases.acquire(server.repository(), server.server.store, server.clock, lan.id, "turn", 20)
    assert await on(due, "turn", nothing) == Taken()
    assert await on(due, "outbox", nothing) == Finished(), "the other lease is free"
    await held.release()
    assert await on(due, "turn", nothing) == Finished()


async def test_a_lease_that_is_lost_leaves_the_row_to_whoever_has_it(scene):
    _, _, due, on = scene

    async def lose(runtime, repository, held):
        raise LeaseLost(due.ref)

    assert await on(due, "turn", lose) == Taken()


async def test_an_erased_conversation_needs_nothing_and_a_suspended_tenants_waits(scene):
    server, _, due, on = scene
    assert await on(replace(due, ref="erased"), "turn", nothing) == Finished()
    later = await on(replace(due, tenant="gone"), "turn", nothing)
    assert isinstance(later, Again) and later.at > server.server.store.now()


@pytest.mark.parametrize("room", ["turn", "outbox"])
async def test_on_a_conversation_that_is_being_erased_nobody_works(scene, room):
    server, lan, due, on = scene
    await server.repository().update(CONVERSATIONS, await lan.conversation(), erased_at=server.server.store.now())

    async def never(runtime, repository, held):
        raise AssertionError("it was worked on")

    assert await on(due, room, never) == Finished()
    conversation = await lan.conversation()
    assert (conversation.turn_lease, conversation.lane_lease) == (None, None)
