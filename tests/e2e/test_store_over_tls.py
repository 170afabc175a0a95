"""DocumentDB's way of connecting: TLS with a CA bundle that must be there, and a fail-over that nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.testing.fake_twilio import FakeTwilio
from frontdesk.testing.wire_store import WireStore

from .conftest import Front, until
from .contacts import echoed
from .load import ALL_WELL, Load
from .tls_line import TlsLine

pytestmark = pytest.mark.wire
MakeFront = Callable[..., Front]
AWAY = 1.0
"""Seconds without a primary, less than webhooks wait."""


@pytest.mark.slow
async def test_a_failover_shorter_than_the_wait_costs_no_webhook_and_no_turn(
    front: MakeFront,
    parrot: dict[str, Any],
    quick: dict[str, Any],
    twilio: FakeTwilio,
    wire: WireStore,
    tmp_path: Path,
) -> None:
    # Leases outlast the time away, and a slow machine: what is shown is that the store comes back to everybody.
    times = {**quick, "store_wait": 10, "turn_deadline": 60, "conversation_lease": 20}
    times |= {"graceful_stop": 65, "supervisor_kill": 75}
    async with (
        TlsLine(wire.port, tmp_path) as line,
        front(parrot, store=line.url("frontdesk"), times=times) as desk,
    ):
        await desk.start()
        load = Load([desk], contacts=8, messages=6)
        writing = asyncio.gather(load.run())
        for answered in (3, 20):

            async def some_answered(least: int = answered) -> bool:
                return len(echoed(twilio)) >= least

            await until(f"{answered} are answered", some_answered, 30)
            before = line.connections
            line.cut()
            await asyncio.sleep(AWAY)
            await line.mend()
        await writing
        await desk.quiet(60)
        assert load.wrong() == ALL_WELL
        assert {status for status, _ in load.answers} == {204}
        assert max(seconds for _, seconds in load.answers) > AWAY / 5, (
            "some waited: how long depends on when within the outage they came"
        )
        assert line.connections > before
        for what in ("work_failed", "lease_lost", "model_failed"):
            assert not desk.logged(what)
        assert twilio.violations == []


async def test_a_missing_bundle_stops_the_start_in_one_line(front: MakeFront, parrot: dict[str, Any]) -> None:
    store = "mongodb://127.0.0.1:1/frontdesk?tls=true&tlsCAFile=/etc/frontdesk/none.pem"
    async with front(parrot, store=store) as desk:
        await desk.start(wait=False)
        assert await desk.ended(30) == 1
        assert "frontdesk: the store: tlsCAFile=/etc/frontdesk/none.pem of the store's URL" in desk.tail()
        assert "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem" in desk.tail()
        assert "Traceback" not in desk.tail()
