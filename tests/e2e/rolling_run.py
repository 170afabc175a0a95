"""Kills one of three servers every few seconds while contacts write to all of them, then counts what reached the contacts.

    python -m tests.e2e.rolling_run --seconds 60 --queue sqs

The three are on one store over MongoDB's wire protocol and their clocks are a minute apart, as in the freeze run. Between
them is a stand-in for SQS, which delivers some wakes twice, or the queue that loses, repeats and delays them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from frontdesk.testing.fake_sqs import FakeSqs
from frontdesk.testing.fake_twilio import FakeTwilio
from frontdesk.testing.http_queue import StandIn
from frontdesk.testing.wire_store import start_wire_store

from .conftest import Front
from .contacts import UNHURRIED, Contacts, Count, parrot_tenant
from .freeze_run import CLOCKS, READ_TIMEOUT

TIMES = {**UNHURRIED, "conversation_lease": 6.0, "send_timeout": 2.0}
TIMES |= {"hook_deadline": 90.0, "turn_deadline": 180.0, "graceful_stop": 190.0, "supervisor_kill": 200.0}
"""Three servers that start again and again keep a small machine busy: leases and deadlines that pass for want of a processor
would be what is measured. Twenty messages that waited are one turn, with a deed for many of them."""
KILL_EVERY = (1.5, 4.0)
"""Seconds between two kills, at least and at most."""
DRAIN_PATIENCE = 240.0
AWS_KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "an example of a secret key",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""What the stand-in for SQS accepts, and nothing of this machine's own."""


@dataclass
class Report(Count):
    """What was counted, and how often a server died."""

    kills: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"kills {self.kills}, {self.seconds:.0f} s\n{super().__str__()}"


class RollingRun:
    """One run of *seconds*."""

    def __init__(
        self,
        folder: Path,
        twilio: FakeTwilio,
        store: str,
        queue: str,
        conversations: int,
        seconds: float,
        seed: int = 1,
    ) -> None:
        self.random = random.Random(seed)
        self.report = Report()
        self._seconds = seconds
        settings = {"times": TIMES, "store": store, "queue": queue}
        self.desks = [Front(folder, twilio, parrot_tenant(folder), name, settings) for name in CLOCKS]
        for desk, ahead in zip(self.desks, CLOCKS.values(), strict=True):
            desk.environment |= AWS_KEYS | {"FRONTDESK_CLOCK_AHEAD": str(ahead)}
        hooks = [desk.hook for desk in self.desks]
        self.contacts = Contacts(twilio, folder, hooks, conversations, self.random, READ_TIMEOUT)

    async def run(self) -> Report:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            await asyncio.gather(*(stack.enter_async_context(desk) for desk in self.desks))
            await asyncio.gather(*(desk.start() for desk in self.desks))
            self._ends = time.monotonic() + self._seconds
            await asyncio.gather(self._kill(), *(self._writes(number) for number in range(self.contacts.people)))
            await self.desks[0].quiet(DRAIN_PATIENCE)
        async with self.desks[0].store() as store:
            await self.contacts.count(store, self.report)
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _writes(self, number: int) -> None:
        """One contact, message after message."""
        while time.monotonic() < self._ends:
            await self.contacts.write(number, "")
            await asyncio.sleep(self.random.uniform(0.5, 2.0))

    async def _kill(self) -> None:
        """Now one, now another; it comes back at once, as a supervisor would have it. The two others go on."""
        while time.monotonic() < self._ends:
            await asyncio.sleep(self.random.uniform(*KILL_EVERY))
            victim = self.desks[self.report.kills % len(self.desks)]
            await victim.kill()
            self.report.kills += 1
            await victim.start()


async def rolling_run(
    conversations: int, folder: Path, store: str, seconds: float, queue: str = "sqs", seed: int = 1
) -> Report:
    """Run it in *folder* over a *queue* that is `sqs` or `http`; the report."""
    between = FakeSqs(repeat=0.2, seed=seed) if queue == "sqs" else StandIn(lose=0.3, repeat=0.3, delay=0.5, seed=seed)
    async with FakeTwilio(log=folder / "twilio.jsonl") as twilio, between:
        setting = between.setting if isinstance(between, FakeSqs) else between.url
        return await RollingRun(folder, twilio, store, setting, conversations, seconds, seed).run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--queue", choices=("sqs", "http"), default="sqs")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-rolling-"))
    with start_wire_store() as wire:
        store = wire.url("frontdesk")
        report = asyncio.run(rolling_run(given.conversations, folder, store, given.seconds, given.queue, given.seed))
    print(f"{report}\n{folder}")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
