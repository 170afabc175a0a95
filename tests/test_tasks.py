"""An owner waits for what it started, and hears of its end."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from frontdesk.tasks import Owner


async def test_what_ends_in_time_is_waited_for():
    owner, done = Owner("test"), []

    async def work():
        await asyncio.sleep(0.01)
        done.append(True)

    owner.start(work(), "work")
    assert len(owner) == 1
    assert await owner.drain(5) == 0
    assert done == [True]
    assert len(owner) == 0


async def test_what_does_not_end_is_cancelled_and_waited_for():
    owner, tidied = Owner("test"), []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            tidied.append(True)

    owner.start(work(), "work")
    await asyncio.sleep(0)
    assert await owner.drain(0) == 1
    assert tidied == [True]


async def test_a_failure_is_logged_under_its_name():
    owner = Owner("test")

    async def work():
        raise ValueError("a defect")

    with capture_logs() as logs:
        owner.start(work(), "work")
        await owner.drain(5)
        await asyncio.sleep(0)
    assert [(entry["event"], entry["task"], str(entry["exc_info"])) for entry in logs] == [
        ("task_failed", "test: work", "a defect")
    ]
