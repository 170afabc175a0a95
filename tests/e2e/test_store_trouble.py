"""A store that is full, that is not there at the start, that goes away: told clearly, and nothing accepted is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.testing.fake_twilio import FakeTwilio, InboundSpec
from frontdesk.testing.process import free_port
from frontdesk.testing.wire_store import WireStore

from .conftest import Front, until
from .contacts import NUMBER, echoed
from .load import ALL_WELL, Load

MakeFront = Callable[..., Front]
PATIENCE = 30.0


async def test_a_full_disk_refuses_what_it_cannot_keep_and_keeps_what_it_took(
    front: MakeFront, parrot: dict[str, Any], quick: dict[str, Any], twilio: FakeTwilio
) -> None:
    async with front(parrot, store="sqlite:///data/frontdesk.db?max_pages=200", times=quick) as desk:
        await desk.start()
        accepted: dict[str, int] = {}
        """Message → how often it is to be answered."""
        while (status := (await twilio.post(desk.hook, form := _long_message(twilio, len(accepted)))).status) == 204:
            accepted[f"m{len(accepted)}x1"] = 1
            assert len(accepted) < 200, "200 pages hold no 200 messages of 20 kB"
        assert status == 503
        assert len(accepted) >= 5
        assert desk.logged("store_full")[-1]["level"] == "critical"
        assert "limit" in desk.logged("store_full")[-1]["reason"]
        assert desk.alive

        await desk.kill()
        text = desk.file.read_text("utf-8")
        desk.file.write_text(text.replace("max_pages=200", "max_pages=20000"), "utf-8")
        await desk.start()
        assert (await twilio.post(desk.hook, form)).status == 204, "Twilio's next attempt"
        await desk.quiet(PATIENCE)
        assert echoed(twilio) == {**accepted, f"m{len(accepted)}x1": 1}
        assert twilio.violations == []


def _long_message(twilio: FakeTwilio, number: int) -> list[tuple[str, str]]:
    """A new contact's 20 kB."""
    body = f"say m{number}x1 {'đ' * 10_000}"
    return twilio.compose(InboundSpec(body=body, from_=f"whatsapp:+849{number:08d}", to=NUMBER))


@pytest.mark.slow
@pytest.mark.wire
async def test_a_store_that_is_not_there_at_the_start_is_waited_for(
    front: MakeFront, parrot: dict[str, Any], tmp_path: Path
) -> None:
    store = WireStore(tmp_path)
    store.port = free_port()
    async with front(parrot, store=f"{store.url('frontdesk')}&serverSelectionTimeoutMS=1000") as desk:
        await desk.start(wait=False)

        async def complained() -> bool:
            assert desk.alive, desk.tail()
            return len(desk.logged("store_away")) >= 2

        await until("it says that the store is away, and tries again", complained, PATIENCE)
        told = desk.logged("store_away")[0]
        assert told["kind"] == "start" and told["seconds_left"] > 0
        assert f"127.0.0.1:{store.port}" in told["reason"]
        assert "Traceback" not in desk.tail(100)
        assert await desk.ready_status() == 0, "who cannot keep a message takes none"
        store.start()
        try:
            await desk.ready()
            assert await desk.phone("+84900000001").asks("say m1x1") == "Echo m1x1"
        finally:
            await desk.kill()
            store.stop()


@pytest.mark.wire
@pytest.mark.parametrize(("goes", "comes"), [("kill", "start"), pytest.param("freeze", "thaw", marks=pytest.mark.slow)])
async def test_a_store_that_goes_away_under_load_costs_nobody_an_answer(
    front: MakeFront,
    parrot: dict[str, Any],
    quick: dict[str, Any],
    twilio: FakeTwilio,
    wire: WireStore,
    goes: str,
    comes: str,
) -> None:
    # A turn that the store keeps waiting past its deadline is parked: that is another promise, not tested here.
    times = {**quick, "turn_deadline": 60, "graceful_stop": 65, "supervisor_kill": 70}
    async with front(parrot, store=wire.url("frontdesk"), times=times) as desk:
        await desk.start()
        load = Load([desk], contacts=10, messages=6, halves=True)
        writing = asyncio.gather(load.run())

        async def some_answered() -> bool:
            return len(echoed(twilio)) >= 3

        await until("some are answered", some_answered, PATIENCE)
        getattr(wire, goes)()
        load.go_on.set()

        async def refused() -> bool:
            return any(status == 503 for status, _ in load.answers)

        await until("a webhook gives up waiting", refused, PATIENCE)
        assert await desk.ready_status() == 503
        # Beside the contacts: a start takes seconds on a busy machine, and on their loop no answer would be read meanwhile.
        await asyncio.to_thread(getattr(wire, comes))
        await writing
        await desk.quiet(PATIENCE)
        assert load.wrong() == ALL_WELL
        assert {status for status, _ in load.answers} == {204, 503}
        waited = [seconds for status, seconds in load.answers if status == 503]
        wait = quick["store_wait"]
        assert wait - 0.1 <= min(waited) and max(waited) < wait + 2, "not longer than the table of times says"
        assert twilio.violations == []
