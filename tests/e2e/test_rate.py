"""Three processes send for one sender, and the provider sees one sender's rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from frontdesk.testing.fake_sqs import FakeSqs
from frontdesk.testing.fake_twilio import FakeTwilio
from frontdesk.testing.wire_store import WireStore

from .conftest import Front
from .load import ALL_WELL, Load

pytestmark = pytest.mark.wire

RATE = 3


@pytest.mark.slow
async def test_three_processes_keep_the_rate_of_one_sender(
    front: Callable[..., Front],
    parrot: dict[str, Any],
    twilio: FakeTwilio,
    wire: WireStore,
    aws_keys: None,
) -> None:
    twilio.state.rate = RATE
    async with FakeSqs() as queue, AsyncExitStack() as stack:
        three = [
            await stack.enter_async_context(
                front(
                    parrot,
                    name=name,
                    channel={"messages_per_second": RATE},
                    store=wire.url("frontdesk"),
                    queue=queue.setting,
                )
            )
            for name in ("one", "two", "three")
        ]
        await asyncio.gather(*(desk.start() for desk in three))
        load = Load(three, contacts=18, messages=1)
        await load.run()
        await three[0].quiet(40)
    assert load.wrong() == ALL_WELL
    assert twilio.violations == []
    senders = [desk for desk in three if any(a["StatusCallback"].startswith(desk.url) for a in twilio.attempts)]
    assert len(senders) > 1, "more than one had its part, and they shared the rate"
