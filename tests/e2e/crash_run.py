"""Kills a real server at every named point while contacts write to it and an operator takes some of them over, then counts
what reached the contacts.

    python -m tests.e2e.crash_run --conversations 200

The fake Twilio outlives the server: it delivers webhooks until they are answered (with copies and out of order), accepts
some messages and then drops the connection, and its list of accepted messages is what is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from frontdesk.crashpoints import POINTS
from frontdesk.model import Instance
from frontdesk.store import In
from frontdesk.store.collections import INSTANCES, TURNS
from frontdesk.testing.fake_twilio import CallbackPlan, FakeTwilio, Fault

from .conftest import Front, until
from .contacts import TEMPLATE, TENANT, UNHURRIED, Contacts, Count, parrot_tenant, replay_parked
from .operator import Operator

PARKING = "turn.parked"
CALLED_BACK = "status.received"
PROPOSED = "turn.proposed"
"""Reached in SQLite only where a message meets the end of a turn."""
INSISTENT = 4
"""So many contacts see to that."""
TIMES = {**UNHURRIED, "supersede_until": 1.0, "sdk_timeout": 0.8, "send_timeout": 0.9, "conversation_lease": 1.6}
"""A slow answer (2.5 s) is said though more has come, and after the lease's last renewal some can come. What was cut off is
taken up soon: 20 times a run waits for that."""
DROPS = {
    "an echo": Fault(kind="drop_after", body="Echo", times=2),
    "one of two identical texts": Fault(kind="drop_after", body="Same words"),
    "a picture": Fault(kind="drop_after", body="Picture"),
    "a template": Fault(kind="drop_after", content_sid=TEMPLATE),
}
"""In every phase Twilio takes these and then drops the connection."""
LIST_LAG = 2.0
"""Seconds until Twilio's list shows a message, in every second phase: the first look (after 0.9 s) is too early, the second
(after 3.6 s) is not (server/outbox/reconcile.py)."""
ON_THE_WAY = tuple(point for point in POINTS if not point.startswith(("erase.", "days.", "record.", "hear.")))
"""Those that every message meets; test_erase.py has those of an erasure, tests/plugins/gcal_scheduler those of a booking."""
BETWEEN = "store.between_writes"
"""In SQLite it is one transaction."""
CRASH_PATIENCE = 20.0
DRAIN_PATIENCE = 180.0
CROWD = 9
MEDDLED_WITH = 3
"""So many conversations are taken over while the server runs, and again so many of those that its death cut off."""
CUT_OFF = 5
"""A turn that was begun so often is not killed again before it has ended."""


@dataclass
class Report(Count):
    """What was counted, and where the server died."""

    crashes: Counter[str] = field(default_factory=Counter)
    ambiguous: Counter[str] = field(default_factory=Counter)
    """What Twilio took without answering, by kind; `… by the list`: no callback told of it either."""
    taken_over: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        crashes = f"crashes {sum(self.crashes.values())} at {len(self.crashes)} points"
        ambiguous = ", ".join(f"{kind} {count}" for kind, count in sorted(self.ambiguous.items()))
        return (
            f"{crashes}, {self.taken_over} taken over and given back, {self.seconds:.0f} s\n"
            f"taken by Twilio without an answer: {ambiguous}\n{super().__str__()}"
        )


class CrashRun:
    """One run over all points."""

    def __init__(
        self,
        folder: Path,
        twilio: FakeTwilio,
        conversations: int,
        store: str = "",
        seed: int = 1,
        points: Sequence[str] = ON_THE_WAY,
    ) -> None:
        self.twilio = twilio
        self.points = [point for point in points if store or point != BETWEEN]
        self.random = random.Random(seed)
        self.report = Report()
        settings = {"times": TIMES, "store": store or "sqlite:///data/frontdesk.db"}
        rate = {"messages_per_second": 1000}
        self.server = Front(folder, twilio, parrot_tenant(folder), "tenants", settings, rate)
        self.contacts = Contacts(twilio, folder, [self.server.hook], conversations, self.random)
        self.operator = Operator(self.server.file, self.random)

    async def run(self) -> Report:
        began = time.monotonic()
        async with self.server, self.operator:
            await self._crowd()
            for phase, point in enumerate(self.points, start=1):
                await self._phase(phase, point)
            self._calm()
            self.contacts.dark.unlink(missing_ok=True)
            await self.server.start()
            await replay_parked(self.server)
            # What is still due is counted.
            with suppress(AssertionError):
                await self.server.quiet(DRAIN_PATIENCE)
            await self.server.kill()
        async with self.server.store() as store:
            await self.contacts.count(store, self.report, self.operator.said)
        self.report.taken_over = self.operator.taken
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _crowd(self) -> None:
        """Other processes, in name: each counts for a part of the sending rate. What a killed one had is nobody's for five
        seconds, and had it been all, its successors would mostly be killed before they may send."""
        store, now = self.operator.store, self.operator.store.now()
        for number in range(CROWD):
            one = Instance(id=f"other-{number}", host="other", pid=0, started_at=now, seen_at=now + timedelta(days=1))
            await store.shared.insert(INSTANCES, one)

    async def _phase(self, phase: int, point: str) -> None:
        """Start armed, let everybody write, wait for the crash."""
        self._trouble(quiet=phase % 2 == 0 and point != CALLED_BACK)
        people = range(self.contacts.people)
        if point == PARKING:
            self.contacts.dark.touch()
        nth = 1 if point in (PARKING, PROPOSED) else self.random.randint(1, max(1, len(people) // 8))
        before = await self.operator.leases(len(people))
        await self.server.start(FRONTDESK_CRASH_AT=f"{point}:{nth}")
        delivering = asyncio.gather(
            *(self._write(number, phase, point) for number in people),
            self.operator.meddle(self._some(people), 0.5),
        )
        code = await self.server.ended(CRASH_PATIENCE)
        print(f"{phase:3d} {point:24s} {'crashed' if code is not None else 'not reached'}", file=sys.stderr)
        if code is None:
            self.report.not_reached.append(point)
            await self.server.kill()
        else:
            self.report.crashes[point] += 1
        # Before the dead one's leases have run out, and nobody there to withdraw or to send.
        held = await self.operator.leases(len(people))
        await self.operator.meddle(self._some(sorted(set(held.values()))))
        self.contacts.dark.unlink(missing_ok=True)
        if point == PROPOSED:
            # Between two kills there is no time for a slow answer.
            self.contacts.hurry.touch()
        # What was not answered is delivered again by Twilio; a server that stays up takes it.
        await self.server.start()
        await delivering
        await self._taken_up(held.keys() - before.keys())
        await until("nobody starves", self._nobody_starves, DRAIN_PATIENCE)
        await self.server.kill()
        self.report.crashes["between"] += 1

    async def _write(self, number: int, phase: int, point: str) -> None:
        if point == PARKING and number == 0:
            await self.contacts.say(number, "dark")
        elif point == PROPOSED and number < INSISTENT:
            await self.contacts.insist(number)
        else:
            await self.contacts.write(number, point, extras=number == phase % self.contacts.people)

    def _some(self, people: Sequence[int]) -> list[int]:
        return self.random.sample(people, min(MEDDLED_WITH, len(people)))

    async def _taken_up(self, held: Set[str]) -> None:
        """Until the server goes on with what the dead one *held*: with the first of it, and a moment longer."""

        async def any_taken_up() -> bool:
            return not held or bool(held - (await self.operator.leases(self.contacts.people)).keys())

        await until("what the dead one held is taken up", any_taken_up, DRAIN_PATIENCE)
        await asyncio.sleep(self.random.random() * TIMES["conversation_lease"] / 3)

    async def _nobody_starves(self) -> bool:
        """No turn is left that was cut off often: after ten times it would be closed without a model, rightly.

        The kills come every few seconds; a slow machine with many conversations needs longer for all their turns.
        """
        turns = await self.operator.store.for_tenant(TENANT).find(
            TURNS, {"state": In(("open", "proposed"))}, order_by="opened_at", limit=1000
        )
        return all(turn.tries < CUT_OFF for turn in turns)

    def _trouble(self, quiet: bool) -> None:
        """What Twilio does in a phase. *quiet*: it calls back for nothing, and its list is late."""
        self._count_dropped()
        self.twilio.faults.add(*DROPS.values())
        told = () if quiet else self.random.choice((None, (1, 0)))
        self.twilio.callbacks.default = CallbackPlan(times=0, copies=self.random.choice((1, 1, 2)), told=told)
        self.twilio.state.list_lag = LIST_LAG if quiet else 0.0

    def _calm(self) -> None:
        self._count_dropped()
        self.twilio.faults.clear()
        self.twilio.callbacks.default = CallbackPlan(times=0)
        self.twilio.state.list_lag = 0.0

    def _count_dropped(self) -> None:
        """Since it was counted last."""
        while self.twilio.faults.met:
            fault = replace(self.twilio.faults.met.pop(), times=0)
            (kind,) = (kind for kind, one in DROPS.items() if replace(one, times=0) == fault)
            self.report.ambiguous[f"{kind}, by the list" if self.twilio.state.list_lag else kind] += 1


async def crash_run(
    conversations: int, folder: Path, store: str = "", seed: int = 1, points: Sequence[str] = ON_THE_WAY
) -> Report:
    """Run it in *folder*, a crash at each of *points*; the report."""
    async with FakeTwilio(log=folder / "twilio.jsonl") as twilio:
        return await CrashRun(folder, twilio, conversations, store, seed, points).run()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", default="", help="a store's URL; default: SQLite in a new folder")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-crash-"))
    report = asyncio.run(crash_run(given.conversations, folder, given.store, given.seed))
    print(f"{report}\n{folder}")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
