"""The server's own loops go on, whatever goes wrong in one round."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from frontdesk.forever import BROKEN_PAUSE, forever
from frontdesk.store import StoreUnavailable
from frontdesk.tasks import Owner
from frontdesk.testing.clock import MovableClock


async def rounds(wrong: Callable[[], BaseException | None]) -> tuple[int, int, list[str]]:
    """How many rounds were made and cut off, and what the log says, when the first goes *wrong*."""
    clock, owner, made = MovableClock(), Owner("test"), 0

    async def step() -> None:
        nonlocal made
        made += 1
        if made == 1 and (error := wrong()) is not None:
            raise error
        await clock.sleep(60)

    with capture_logs() as logs:
        owner.start(forever(clock, step), "step")
        for _ in range(3):
            await asyncio.sleep(0)
        clock.advance(BROKEN_PAUSE)
        for _ in range(3):
            await asyncio.sleep(0)
        cut_off = await owner.drain(0)
    return made, cut_off, [entry["event"] for entry in logs]


@pytest.mark.parametrize(
    ("error", "event"),
    [(StoreUnavailable("away"), "store_away"), (ZeroDivisionError(), "loop_failed"),
     (asyncio.CancelledError(), "loop_failed")],
)  # fmt: skip
async def test_what_goes_wrong_is_told_and_the_next_round_comes_after_a_pause(error: BaseException, event: str) -> None:
    assert await rounds(lambda: error) == (2, 1, [event])


async def test_its_owner_ends_it_though_a_step_swallows_nothing() -> None:
    assert await rounds(lambda: None) == (1, 1, [])
