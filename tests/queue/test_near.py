"""A process keeps its own wakes for the near future, and leaves them to the others when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from frontdesk import app
from frontdesk.clock import SystemClock
from frontdesk.observe.store import MeasuredDue, MeasuredRepository
from frontdesk.queue import Queue, Wake, open_queue
from frontdesk.queue.near import NEAR, keep_near
from frontdesk.store.collections import CONVERSATIONS
from frontdesk.testing.desk import TestDesk, start_desk
from frontdesk.testing.http_queue import HttpQueue, StandIn

WAKE = Wake("turn", "clinic", "c1")


@pytest.fixture
async def stand_in(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """The queue between processes, for which a wake is worth saving."""
    monkeypatch.setattr(HttpQueue, "costly", True)
    async with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def ours(stand_in: StandIn) -> AsyncIterator[Queue]:
    queue = keep_near(open_queue(stand_in.url, SystemClock()), SystemClock())
    await queue.start()
    yield queue
    await queue.stop()


@pytest.fixture
async def others(stand_in: StandIn) -> AsyncIterator[Queue]:
    queue = open_queue(stand_in.url, SystemClock())
    await queue.start()
    yield queue
    await queue.stop()


async def received(queue: Queue) -> Wake:
    async with asyncio.timeout(10):
        return await queue.receive()


async def test_what_is_due_before_long_stays_here_and_comes_to_the_second(stand_in: StandIn, ours: Queue) -> None:
    began = asyncio.get_running_loop().time()
    await ours.wake(WAKE, 0.4)
    await ours.wake(Wake("lane", "clinic", "c1"))
    assert [(await received(ours)).kind, (await received(ours)).kind] == ["lane", "turn"]
    assert 0.35 <= asyncio.get_running_loop().time() - began
    assert stand_in.taken == 0


async def test_what_is_due_later_is_the_queues(stand_in: StandIn, ours: Queue) -> None:
    await ours.wake(WAKE, NEAR + 1)
    assert stand_in.taken == 1


async def test_what_others_send_comes_here(ours: Queue, others: Queue) -> None:
    await others.wake(WAKE)
    assert await received(ours) == WAKE


async def test_who_leaves_leaves_its_wakes_to_the_others(ours: Queue, others: Queue) -> None:
    await ours.wake(WAKE, 0.3)
    await ours.wake(Wake("lane", "clinic", "c1"))
    await ours.leave()
    await ours.wake(Wake("task", "clinic", "t1"))
    assert {(await received(others)).kind for _ in range(3)} == {"turn", "lane", "task"}


async def test_a_queue_of_one_process_is_used_as_it_is() -> None:
    queue = open_queue("local", SystemClock())
    assert keep_near(queue, SystemClock()) is queue


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several machines share one, or each calls a contact by another id."""
    monkeypatch.setenv("SIGNING_KEY", "one key for all of them")


async def process(stack: AsyncExitStack, folder: Path, name: str, stand_in: StandIn, settle: float) -> TestDesk:
    """A server on the store that all of them share; work comes to it by wakes alone."""
    (folder / name).mkdir()
    return await stack.enter_async_context(
        start_desk(
            folder / name,
            server={
                "store": f"sqlite:///{folder}/shared.db",
                "queue": stand_in.url,
                "signing_key": {"env": "SIGNING_KEY"},
                "times": {"sweep_every": 60},
            },
            tenants={
                tenant: {"settle": {"quiet_seconds": settle, "fragment_seconds": settle}}
                for tenant in ("clinic", "one", "two", "three")
            },
            clock=SystemClock(),
        )
    )


async def test_of_three_processes_each_does_what_it_took_and_looks_for_nothing_in_vain(
    tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "AGE_EVERY", 600.0)
    read: list[str] = []
    vain: list[str] = []
    get, update, ripe = MeasuredRepository.get, MeasuredRepository.update, MeasuredDue.claim_ripe

    async def noted_get(self, collection, id):
        read.extend([id] if collection is CONVERSATIONS else [])
        return await get(self, collection, id)

    async def noted_update(self, collection, document, /, **changes):
        changed = await update(self, collection, document, **changes)
        vain.extend(["conversation"] if changed is None and collection is CONVERSATIONS else [])
        return changed

    async def noted_ripe(self, *row):
        claimed = await ripe(self, *row)
        vain.extend([] if claimed else ["row"])
        return claimed

    async with AsyncExitStack() as stack:
        # Each has senders of its own, and so their whole rate.
        desks = {name: await process(stack, tmp_path, name, stand_in, 0) for name in ("one", "two", "three")}
        first = desks["one"]
        contacts = [desk.contact(f"{name}-{n}", tenant=name) for name, desk in desks.items() for n in range(4)]
        for contact in contacts:
            await contact.says("Hello.")
            assert await contact.hears() == "You said: Hello."
        await first.quiet()
        monkeypatch.setattr(MeasuredRepository, "get", noted_get)
        monkeypatch.setattr(MeasuredRepository, "update", noted_update)
        monkeypatch.setattr(MeasuredDue, "claim_ripe", noted_ripe)
        await asyncio.gather(*(contact.says("Again.") for contact in contacts))
        async with asyncio.timeout(30):
            while await first.server.store.due.count():
                await asyncio.sleep(0.02)
        assert vain == []
        assert len(read) == len(contacts), "read once: right before the attempt to send"
        assert stand_in.taken == 0
        for contact in contacts:
            assert await contact.hears() == "You said: Again."


async def test_what_is_taken_by_a_process_that_ends_is_answered_by_another_at_once(
    tmp_path: Path, stand_in: StandIn
) -> None:
    async with AsyncExitStack() as stack:
        one, two = [await process(stack, tmp_path, name, stand_in, 0.5) for name in ("one", "two")]
        lan, minh = one.contact("Lan"), one.contact("Minh")
        await lan.says("Before the end.")
        await one.server.finish()
        await minh.says("While it ends.")
        assert await lan.hears() == "You said: Before the end."
        assert await minh.hears() == "You said: While it ends."
        assert {turn.state for turn in [*await lan.turns(), *await minh.turns()]} == {"committed"}
        await two.quiet()
