"""SIGTERM in the middle of everything: the table of times is kept, and nothing is lost."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from frontdesk.store.collections import TURNS
from frontdesk.testing.fake_twilio import FakeTwilio
from frontdesk.testing.wire_store import WireStore

from .conftest import Front, until
from .contacts import TENANT, echoed

MakeFront = Callable[..., Front]
UNHURRIED = {"think_deadline": 5.0, "turn_deadline": 9.0, "graceful_stop": 10.0}
"""A slow answer (2.5 s) outlasts the time in which we only leave (1.5 s), and is no failure."""
HURRIED = {
    "hook_deadline": 3.2,
    "sdk_timeout": 0.5,
    "think_deadline": 3.0,
    "transcribe_deadline": 0.5,
    "turn_deadline": 4.0,
    "graceful_stop": 4.5,
}
"""What is begun will not end while the store stands still, and is not waited for for long."""


async def test_sigterm_lets_turns_end_and_leaves_the_rest_for_the_next_process(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], twilio: FakeTwilio
) -> None:
    times = {**quick, **UNHURRIED, "readiness_off": 1.5, "balancer_detection": 1.0, "supervisor_kill": 20.0}
    # Who comes while we leave writes for longer than we are there.
    waiting = {**parrot, "settle": {**parrot["settle"], "media_seconds": 6, "cap_seconds": 6}}
    async with front(waiting, times=times) as desk:
        # Not only this machine can reach it: so there may be a load balancer that has to see it leave.
        desk.file.write_text(desk.file.read_text("utf-8").replace("bind: 127.0.0.1", "bind: 0.0.0.0"), "utf-8")
        await desk.start()
        early = [desk.phone(f"+849{number:08d}") for number in range(20)]
        await asyncio.gather(*(phone.says(f"slow m{number}x1") for number, phone in enumerate(early)))
        await until("turns are running", lambda: _open_turns(desk))

        began = time.monotonic()
        assert desk.process is not None
        desk.process.send_signal(signal.SIGTERM)

        async def leaving() -> bool:
            return await desk.ready_status() == 503

        await until("/readyz says that it leaves", leaving, times["readiness_off"])
        late = [desk.phone(f"+848{number:08d}") for number in range(5)]
        for number, phone in enumerate(late):
            await phone.says(
                f"say m{200 + number}x1", kind="image", content=b"a picture, so that a turn waits for more"
            )
        code = await desk.ended(times["readiness_off"] + times["graceful_stop"])
        assert code == 0, desk.tail()
        assert time.monotonic() - began >= times["readiness_off"]
        (stopping,) = desk.logged("stopping")
        assert stopping["busy"] > 0, "the turns were running"
        assert desk.logged("work_cut_off") == []
        assert await _open_turns(desk) == 0
        assert await desk.held() == []
        assert not [id for id in echoed(twilio) if id.startswith("m20")], "the late ones wait for the next process"

        await desk.start()
        await desk.quiet()
        expected = [f"m{number}x1" for number in (*range(20), *range(200, 205))]
        assert echoed(twilio) == dict.fromkeys(expected, 1)
        assert twilio.violations == []


@pytest.mark.slow
@pytest.mark.wire
async def test_sigterm_ends_it_in_time_though_the_store_does_not_answer(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], twilio: FakeTwilio, wire: WireStore
) -> None:
    async with front(parrot, store=wire.url("frontdesk"), times={**quick, **HURRIED}) as desk:
        await desk.start()
        phones = [desk.phone(f"+849{number:08d}") for number in range(10)]
        await asyncio.gather(*(phone.says(f"slow m{number}x1") for number, phone in enumerate(phones)))
        await until("turns are running", lambda: _open_turns(desk))
        assert desk.process is not None
        wire.freeze()
        try:
            desk.process.send_signal(signal.SIGTERM)
            code = await desk.ended(quick["supervisor_kill"])
        finally:
            wire.thaw()
        assert code == 0, desk.tail()
        await desk.start()
        await desk.quiet()
        assert echoed(twilio) == {f"m{number}x1": 1 for number in range(10)}


async def _open_turns(desk: Front) -> int:
    async with desk.store() as store:
        return len(await store.for_tenant(TENANT).find(TURNS, {"state": "open"}, order_by="opened_at"))
