"""Freezes one of three servers at every named point, past its lease, until the others have done its work; then thaws it.

    python -m tests.e2e.freeze_run --conversations 12

The three are on one store over MongoDB's wire protocol, their clocks are a minute apart, and the queue between them loses,
repeats and delays wakes. What a process does that wakes as a ghost must harm nobody: nothing lost, nothing twice, in order.
The last freeze is the one case that nobody can rule out: its message is on the way to Twilio already, and arrives late.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from frontdesk.testing.fake_twilio import ACCOUNT_SID, FakeTwilio, Fault
from frontdesk.testing.http_queue import StandIn
from frontdesk.testing.wire_store import start_wire_store

from .conftest import Front, until
from .contacts import UNHURRIED, Contacts, Count, contact, echoed, parrot_tenant, replay_parked
from .crash_run import ON_THE_WAY, PARKING, PROPOSED

CLOCKS = {"one": 0, "two": 60, "three": -60}
"""Server → by how many seconds its clock is ahead."""
IN_FLIGHT = "(a send in flight)"
READ_TIMEOUT = 2.0
"""After so many seconds Twilio tries another server: the frozen one takes connections and answers nothing."""
ROUNDS = 6
"""How often everybody writes, at most, until a process freezes."""
FREEZE_PATIENCE = 3.0
PAST_THE_LEASE = UNHURRIED["conversation_lease"] + 2 * UNHURRIED["send_timeout"]
TAKE_OVER_PATIENCE = 60.0


@dataclass
class Report(Count):
    """What was counted, and where processes stood still."""

    frozen: dict[str, float] = field(default_factory=dict)
    """Point → for how many seconds."""
    not_taken_over: list[str] = field(default_factory=list)
    """What did not happen while a process stood still."""
    in_flight: list[str] = field(default_factory=list)
    """Sent twice though it may not be: the one named case (docs/explanation/promises.md)."""
    held: list[str] = field(default_factory=list)
    """Conversations with a lease that nobody gave back."""
    seconds: float = 0.0

    def __str__(self) -> str:
        longest = max(self.frozen.values(), default=0.0)
        return (
            f"freezes at {len(self.frozen)} points, up to {longest:.1f} s, {self.seconds:.0f} s in all\n"
            f"not taken over {self.not_taken_over}, leases left {self.held}\n"
            f"twice because it was in flight {self.in_flight}\n{super().__str__()}"
        )


class FreezeRun:
    """One run over all points, and the send that is in flight."""

    def __init__(
        self,
        folder: Path,
        twilio: FakeTwilio,
        store: str,
        queue: str,
        conversations: int,
        seed: int = 1,
        points: Sequence[str] = ON_THE_WAY,
    ) -> None:
        self.twilio = twilio
        self.points = points
        self.random = random.Random(seed)
        self.report = Report()
        settings = {"times": UNHURRIED, "store": store, "queue": queue}
        self.desks = [Front(folder, twilio, parrot_tenant(folder), name, settings) for name in CLOCKS]
        for desk, ahead in zip(self.desks, CLOCKS.values(), strict=True):
            desk.environment["FRONTDESK_CLOCK_AHEAD"] = str(ahead)
        hooks = [desk.hook for desk in self.desks]
        self.contacts = Contacts(twilio, folder, hooks, conversations, self.random, READ_TIMEOUT)

    async def run(self) -> Report:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            await asyncio.gather(*(stack.enter_async_context(desk) for desk in self.desks))
            await asyncio.gather(*(desk.start() for desk in self.desks[1:]))
            for phase, point in enumerate(self.points):
                await self._phase(phase, self.desks[phase % len(self.desks)], point)
            await self._in_flight()
            self.report.held = await self.desks[0].held()
        async with self.desks[0].store() as store:
            await self.contacts.count(store, self.report)
        self.report.in_flight = [id for id in self.report.twice if self.contacts.expected.get(id) == "late"]
        self.report.twice = [what for what in self.report.twice if what not in self.report.in_flight]
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _phase(self, phase: int, victim: Front, point: str) -> None:
        """Start it armed, let everybody write until it freezes, see the others do its work, thaw it, go on."""
        await victim.kill()
        await victim.start(
            FRONTDESK_FREEZE_AT=f"{point}:{1 if point in (PARKING, PROPOSED) else self.random.randint(1, 3)}"
        )
        if point == PARKING:
            self.contacts.dark.touch()
        await self._write_until_frozen(victim, point)
        began = time.monotonic()
        if victim.frozen:
            await self._others_do_its_work(point)
            await asyncio.sleep(PAST_THE_LEASE - (time.monotonic() - began))
            self.report.frozen[point] = time.monotonic() - began
            victim.thaw()
        else:
            self.report.not_reached.append(point)
        print(f"{phase + 1:3d} {point:24s} frozen for {self.report.frozen.get(point, 0.0):.1f} s", file=sys.stderr)
        self.contacts.dark.unlink(missing_ok=True)
        if point == PARKING:
            await self.desks[0].quiet()
            await replay_parked(self.desks[0])
        # It has its part in what comes now, whatever it does beside as a ghost.
        await asyncio.gather(*(self.contacts.say(number) for number in range(self.contacts.people)))
        await until(f"everybody is answered after {point}", self._answered, TAKE_OVER_PATIENCE)
        await victim.quiet()

    async def _write_until_frozen(self, victim: Front, point: str) -> None:
        async def frozen() -> bool:
            return victim.frozen

        people = range(self.contacts.people)
        for attempt in range(ROUNDS):
            if point != PARKING:
                await asyncio.gather(*(self.contacts.write(number, point) for number in people))
            elif attempt == 0:
                await asyncio.gather(*(self.contacts.say(number, "dark") for number in people))
            else:
                # A person was called: nobody is answered until it goes back to the bot, and is parked again.
                await replay_parked(self.desks[0])
            try:
                return await until(f"it freezes at {point}", frozen, FREEZE_PATIENCE)
            except AssertionError:
                continue

    async def _others_do_its_work(self, point: str) -> None:
        try:
            if point != PARKING:
                await until("everybody is answered by the others", self._answered, TAKE_OVER_PATIENCE)
            await self.desks[0].quiet(TAKE_OVER_PATIENCE)
        except AssertionError as err:
            self.report.not_taken_over.append(f"{point}: {err}")

    async def _answered(self) -> bool:
        echoes = echoed(self.twilio)
        return all(echoes[id] for id in self.contacts.expected)

    async def _in_flight(self) -> None:
        """A message is on the way to Twilio for longer than its sender's lease, and the sender stands still."""
        number = self.contacts.people
        self.twilio.faults.add(Fault(kind="hang_before", seconds=TAKE_OVER_PATIENCE, to=contact(number)))
        await self.contacts.say(number, "late")

        async def on_the_way() -> dict[str, str] | None:
            return next((given for given in self.twilio.attempts if given["To"] == contact(number)), None)

        request: dict[str, str] = await until("it is on the way", on_the_way)
        sender = next(desk for desk in self.desks if request["StatusCallback"].startswith(desk.url))
        sender.freeze()
        began = time.monotonic()
        await until("a successor sends it", self._answered, TAKE_OVER_PATIENCE)
        # Now the first one arrives, and the same becomes of it as of any other.
        twice = self.twilio.state.accept(ACCOUNT_SID, list(request.items()))
        self.report.frozen[IN_FLIGHT] = time.monotonic() - began
        sender.thaw()
        self.twilio.state.start_callbacks(self.twilio.callbacks.take(twice), twice)
        await until("the server knows of both", self._flagged, TAKE_OVER_PATIENCE)
        await sender.quiet()

    async def _flagged(self) -> bool:
        return any(desk.logged("sent_twice") for desk in self.desks)


async def freeze_run(
    conversations: int, folder: Path, store: str, seed: int = 1, points: Sequence[str] = ON_THE_WAY
) -> Report:
    """Run it in *folder*, one process frozen at each of *points*; the report."""
    async with (
        FakeTwilio(log=folder / "twilio.jsonl") as twilio,
        StandIn(lose=0.3, repeat=0.3, delay=0.5, seed=seed) as queue,
    ):
        return await FreezeRun(folder, twilio, store, queue.url, conversations, seed, points).run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-freeze-"))
    with start_wire_store() as wire:
        report = asyncio.run(freeze_run(given.conversations, folder, wire.url("frontdesk"), given.seed))
    print(f"{report}\n{folder}")
    return 1 if report.wrong or report.not_taken_over else 0


if __name__ == "__main__":
    sys.exit(main())
