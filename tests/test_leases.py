"""The two locks of a conversation."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from frontdesk import leases
from frontdesk.leases import ConversationGone, LeaseLost
from frontdesk.model import Conversation, Lease
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import CONVERSATIONS
from frontdesk.store.sqlite import SqliteStore
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.plugins import ScriptedModel

SECONDS = 20


@asynccontextmanager
async def a_store(tmp_path, clock):
    store = SqliteStore(tmp_path / "db", clock)
    await store.open()
    repository = store.for_tenant("clinic")
    await repository.insert(CONVERSATIONS, Conversation(id="c", contact="c", channel="phone", created_at=store.now()))
    try:
        yield store, repository
    finally:
        await store.close()


def taking(store, repository, name="turn"):
    return leases.acquire(repository, store, store._clock, "c", name, SECONDS)


async def moved(clock, seconds):
    """Let everybody fall asleep, and move the clock."""
    await asyncio.sleep(0)
    clock.advance(seconds)


async def renewed(held, least=SECONDS):
    """Until the lease has at least so many seconds left."""
    async with asyncio.timeout(5):
        while held.seconds_left() < least - 0.01:
            await asyncio.sleep(0.002)


async def test_a_lease_is_held_by_one_until_it_is_released(tmp_path):
    async with a_store(tmp_path, MovableClock()) as (store, repository):
        first = await taking(store, repository)
        assert await taking(store, repository) is None
        assert await taking(store, repository, "lane") is not None, "the lane's is another one"
        await first.release()
        assert await taking(store, repository) is not None


async def test_one_of_many_who_try_at_once_gets_it(tmp_path):
    async with a_store(tmp_path, MovableClock()) as (store, repository):
        tried = await asyncio.gather(*(taking(store, repository) for _ in range(20)))
        assert sum(held is not None for held in tried) == 1


async def test_a_lease_that_ran_out_is_taken_and_its_holder_can_write_nothing_more(tmp_path):
    clock = MovableClock()
    async with a_store(tmp_path, clock) as (store, repository):
        first = await taking(store, repository)
        clock.advance(SECONDS - 0.001)
        assert await taking(store, repository) is None
        clock.advance(0.001)
        second = await taking(store, repository)
        assert second is not None
        for write in (first.release(), first.change(lambda c: {"handoff_reason": "ghost"})):
            with pytest.raises(LeaseLost):
                await write
        await second.change(lambda c: {"handoff_reason": "mine"})
        assert (await repository.get(CONVERSATIONS, "c")).handoff_reason == "mine"


async def test_a_lease_in_use_is_renewed_at_a_third(tmp_path):
    clock = MovableClock()
    async with a_store(tmp_path, clock) as (store, repository):
        held = await taking(store, repository)
        async with held.renewed():
            for _ in range(6):
                await moved(clock, SECONDS / 3)
                await renewed(held)
                assert await taking(store, repository) is None
        await held.release()
        assert (await repository.get(CONVERSATIONS, "c")).turn_lease is None


async def test_losing_the_lease_cancels_what_runs_inside(tmp_path):
    clock = MovableClock()
    async with a_store(tmp_path, clock) as (store, repository):
        held = await taking(store, repository)
        with pytest.raises(LeaseLost):
            async with held.renewed():
                conversation = await repository.get(CONVERSATIONS, "c")
                thief = Lease(token="another", until=store.now() + timedelta(seconds=SECONDS))
                await repository.update(CONVERSATIONS, conversation, turn_lease=thief)
                await moved(clock, SECONDS / 3)
                await asyncio.Event().wait()
        assert (await repository.get(CONVERSATIONS, "c")).turn_lease == thief


async def test_losing_the_lease_at_the_very_end_is_noticed_too(tmp_path):
    """The renewer has found out; the work ends in the same breath."""
    clock = MovableClock()
    async with a_store(tmp_path, clock) as (store, repository):
        held = await taking(store, repository)
        lost = asyncio.Event()

        async def change(decide):
            lost.set()
            raise LeaseLost("c")

        held.change = change
        with pytest.raises(LeaseLost):
            async with held.renewed():
                await asyncio.sleep(0)
                clock.advance(SECONDS / 3)
                await lost.wait()


async def test_a_change_that_changes_nothing_still_finds_out_whose_lease_it_is(tmp_path):
    async with a_store(tmp_path, MovableClock()) as (store, repository):
        held = await taking(store, repository)
        await held.change(lambda c: {})
        thief = Lease(token="another", until=store.now() + timedelta(seconds=SECONDS))
        assert await repository.update(CONVERSATIONS, held.conversation, turn_lease=thief) is not None
        with pytest.raises(LeaseLost):
            await held.change(lambda c: {})


async def test_an_error_inside_releases_the_lease(tmp_path):
    async with a_store(tmp_path, MovableClock()) as (store, repository):
        held = await taking(store, repository)
        with pytest.raises(ZeroDivisionError):
            async with held.renewed():
                raise ZeroDivisionError
        assert await taking(store, repository) is not None


async def test_an_erased_conversation_ends_the_work(tmp_path):
    clock = MovableClock()
    async with a_store(tmp_path, clock) as (store, repository):
        held = await taking(store, repository)
        with pytest.raises(LeaseLost):
            async with held.renewed():
                assert await repository.delete(CONVERSATIONS, held.conversation)
                await moved(clock, SECONDS / 3)
                await asyncio.Event().wait()
        with pytest.raises(ConversationGone):
            await taking(store, repository)


async def test_a_store_that_is_away_is_tried_again_before_the_lease_runs_out(tmp_path):
    clock = MovableClock()
    async with a_store(tmp_path, clock) as (store, repository):
        held = await taking(store, repository)
        change, tries = held.change, []

        async def away_twice(decide):
            tries.append(clock.monotonic())
            if len(tries) < 3:
                raise StoreUnavailable("away")
            return await change(decide)

        held.change = away_twice
        async with held.renewed():
            for seconds in (SECONDS / 3, SECONDS / 12, SECONDS / 12):
                await moved(clock, seconds)
                assert held.seconds_left() > 0
                async with asyncio.timeout(5):
                    while clock.next_sleeper() is None:  # it has tried, and sleeps again
                        await asyncio.sleep(0.002)
            await renewed(held)
        assert len(tries) == 3


async def test_a_time_out_of_the_work_itself_is_no_lost_lease(tmp_path):
    async with a_store(tmp_path, MovableClock()) as (store, repository):
        held = await taking(store, repository)
        with pytest.raises(TimeoutError):
            async with held.renewed():
                raise TimeoutError("the vendor's")


async def test_what_was_read_under_the_lease_never_goes_back(tmp_path):
    async with a_store(tmp_path, MovableClock()) as (store, repository):
        held = await taking(store, repository)
        seen = []

        async def write(number):
            await held.change(lambda c: {"outbox_seq": c.outbox_seq + 1})
            seen.append(held.conversation.version)

        await asyncio.gather(*(write(n) for n in range(20)))
        assert seen == sorted(seen) and held.conversation.outbox_seq == 20


@pytest.mark.parametrize("freeze", [0, 25])
@pytest.mark.parametrize("seed", range(2))
async def test_two_servers_on_one_file_never_work_on_one_conversation_at_the_same_time(desk, seed, freeze):
    """Nor does anything come of it when the clock jumps (a process froze) past the lease of whoever works."""
    chance = random.Random(seed)
    thinking, most = defaultdict(int), defaultdict(int)

    class Watched(ScriptedModel):
        async def _answer(self, request):
            contact = request.contact.id
            thinking[contact] += 1
            most[contact] = max(most[contact], thinking[contact])
            await asyncio.sleep(chance.uniform(0, 0.01))
            thinking[contact] -= 1
            return "answer"

        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.script = [self._answer] * 200

    clock, at_once = MovableClock(), {"clinic": {"settle": {"quiet_seconds": 0}}}
    options = {"plugins": {"model": Watched}, "tenants": at_once, "clock": clock}
    async with desk(**options) as one, desk(**options) as two:
        contacts = [(one.contact(f"c{n}"), two.contact(f"c{n}")) for n in range(3)]
        for number in range(30):
            here, there = chance.choice(contacts)
            who = chance.choice((here, there))
            await who.says(f"m{number}", id=f"{here.name}-{number}")
            if chance.random() < 0.3:
                clock.advance(chance.uniform(0, freeze))
            await asyncio.sleep(chance.uniform(0, 0.01))
        for server in (one, two):
            await server.quiet()
        for here, _ in contacts:
            messages, turns = await here.messages(), await here.turns()
            assert {m.state for m in messages if m.direction == "inbound"} <= {"answered"}
            assert [(t.no, t.state) for t in turns] == [(no, "committed") for no in range(1, len(turns) + 1)]
            assert [m.place for m in await here.received()] == [t.no for t in turns]
            read = [id for t in turns for id in t.read]
            assert len(read) == len(set(read))
            assert freeze or most[here.id] <= 1
        phones = [await server.plugin("phone") for server in (one, two)]
        sent = [message.id for phone in phones for message in phone.sent]
        assert len(sent) == len(set(sent))
