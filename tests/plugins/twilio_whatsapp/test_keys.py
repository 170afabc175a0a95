"""Signing keys are read again when a signature fits none, and not more often than that makes sense."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk import NeedsAttention
from frontdesk.plugins.twilio_whatsapp.keys import PAUSE, Keys, SigningKeys
from frontdesk.testing.clock import MovableClock


class File:
    """Where the keys are."""

    def __init__(self) -> None:
        self.keys: Keys = (b"old",)
        self.readings = 0
        self.there = True

    async def read(self) -> Keys:
        self.readings += 1
        await asyncio.sleep(0)
        if not self.there:
            raise NeedsAttention("the file is not there")
        return self.keys


async def started(file: File, clock: MovableClock) -> SigningKeys:
    keys = SigningKeys(file.read, clock.monotonic)
    await keys.read()
    file.readings = 0
    return keys


async def test_rotated_keys_are_found_and_after_that_only_once_in_a_while() -> None:
    file, clock = File(), MovableClock()
    keys = await started(file, clock)
    file.keys = (b"new",)
    assert await keys.newer_than((b"old",)) == (b"new",) == keys.current
    file.keys = (b"newer",)
    assert await keys.newer_than((b"new",)) == ()
    assert file.readings == 1
    clock.advance(PAUSE)
    assert await keys.newer_than((b"new",)) == (b"newer",)


async def test_whoever_asks_while_they_are_read_gets_what_was_read() -> None:
    file, clock = File(), MovableClock()
    keys = await started(file, clock)
    file.keys = (b"new",)
    assert await asyncio.gather(*(keys.newer_than((b"old",)) for _ in range(9))) == [(b"new",)] * 9
    assert file.readings == 1


async def test_a_file_that_cannot_be_read_is_not_taken_for_a_forgery() -> None:
    """A forgery is answered 403 and never sent again."""
    file, clock = File(), MovableClock()
    keys = await started(file, clock)
    file.there = False
    for _ in range(3):
        with pytest.raises(NeedsAttention):
            await keys.newer_than((b"old",))
    assert file.readings == 1
    clock.advance(PAUSE)
    file.there = True
    assert await keys.newer_than((b"old",)) == ()


async def test_a_flood_of_wrong_signatures_makes_no_growing_trace() -> None:
    file, clock = File(), MovableClock()
    keys = await started(file, clock)
    file.there = False
    lengths = []
    for _ in range(50):
        with pytest.raises(NeedsAttention) as caught:
            await keys.newer_than(keys.current)
        lengths.append(len(caught.traceback))
    assert max(lengths[1:]) == lengths[1]
