"""Kills a real server at every named point while contacts write to it, then counts what reached the contacts.

    python tests/e2e/crash_run.py --conversations 200

The fake Twilio outlives the server: it delivers webhooks until they are answered (with copies and out of order), accepts
some messages and then drops the connection, and its list of accepted messages is what is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frontdesk.clock import SystemClock
from frontdesk.config import load
from frontdesk.crashpoints import POINTS
from frontdesk.model import Message
from frontdesk.store import Store
from frontdesk.store.collections import CONVERSATIONS, MESSAGES, TURNS
from frontdesk.store.opening import open_store
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, CallbackPlan, FakeTwilio, Fault, InboundSpec
from frontdesk.testing.process import ServerProcess

HERE = Path(__file__).parent
NUMBER = "whatsapp:+14155238886"
QUICK = {
    "sdk_timeout": 1.0,
    "hook_deadline": 6.0,
    "send_timeout": 1.2,
    "think_deadline": 3.0,
    "transcribe_deadline": 3.0,
    "turn_deadline": 8.0,
    "supersede_until": 3.0,
    "conversation_lease": 2.0,
    "sweep_every": 0.2,
    "store_wait": 3.0,
    "readiness_off": 0.1,
    "balancer_detection": 0.1,
    "graceful_stop": 10.0,
    "supervisor_kill": 15.0,
}
"""A table of times in which a crash is repaired within seconds, and a busy machine misses no deadline."""
SETTLE = {"quiet_seconds": 0.1, "fragment_seconds": 0.1, "media_seconds": 0.1, "cap_seconds": 0.5}
MEETING = "inbox.message_written"
"""Reached only where messages of one contact meet: two change the conversation at once."""
PROPOSED = "turn.proposed"
"""Reached in SQLite only where a message meets the end of a turn."""
BETWEEN = "store.between_writes"
"""In SQLite it is one transaction."""
CRASH_PATIENCE = 8.0
DELIVERY_PATIENCE = 60.0
DRAIN_PATIENCE = 180.0
_ID = re.compile(r"m\d+x\d+")


@dataclass
class Report:
    """What was counted."""

    accepted: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    possible_duplicates: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    not_reached: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    left_due: int = 0
    deeds: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return "\n".join(
            [
                f"messages accepted {self.accepted}, deeds {self.deeds}, crashes {sum(self.crashes.values())} at "
                f"{len(self.crashes)} points, {self.seconds:.0f} s",
                f"lost {len(self.lost)} {self.lost[:10]}",
                f"twice {len(self.twice)} {self.twice[:10]}",
                f"out of order {len(self.out_of_order)} {self.out_of_order[:10]}",
                f"parked {len(self.parked)} {self.parked[:10]}, possible duplicates {self.possible_duplicates}",
                f"points not reached {self.not_reached}, due rows left {self.left_due}, "
                f"protocol violations {len(self.violations)} {self.violations[:5]}",
            ]
        )


def contact(number: int) -> str:
    return f"whatsapp:+849{number:08d}"


class CrashRun:
    """One run over all points."""

    def __init__(
        self,
        folder: Path,
        twilio: FakeTwilio,
        conversations: int,
        store: str = "",
        seed: int = 1,
        points: Sequence[str] = tuple(POINTS),
    ) -> None:
        self.folder = folder
        self.twilio = twilio
        self.conversations = conversations
        self.points = [point for point in points if store or point != BETWEEN]
        self.random = random.Random(seed)
        self.report = Report()
        self.expected: dict[str, str] = {}
        self.server = ServerProcess(
            folder,
            {"school": self._tenant()},
            server={"times": QUICK, "store": store or "sqlite:///data/frontdesk.db", "log": {"format": "json"}},
            environment={"TWILIO_TOKEN": AUTH_TOKEN, "PYTHONPATH": str(HERE / "plugins")},
        )
        self.hook = f"{self.server.url}/webhooks/twilio_whatsapp/school"

    def _tenant(self) -> dict[str, Any]:
        twilio = {
            "account_sid": ACCOUNT_SID,
            "auth_token": {"env": "TWILIO_TOKEN"},
            "numbers": [NUMBER],
            "api_base_url": self.twilio.url,
            "typing_indicator": False,
        }
        return {
            "name": "Trung tâm Hoa Sen",
            "time_zone": "Asia/Ho_Chi_Minh",
            "language": "vi",
            "settle": SETTLE,
            "plugins": [{"twilio_whatsapp": twilio}, {"parrot": {"world": str(self.folder)}}],
        }

    async def run(self) -> Report:
        began = time.monotonic()
        async with self.server:
            for phase, point in enumerate(self.points, start=1):
                await self._phase(phase, point)
            self.twilio.faults.clear()
            (self.folder / "dark").unlink(missing_ok=True)
            await self.server.start()
            await self._replay()
            await self._drained()
            await self.server.kill()
        await self._count()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _phase(self, phase: int, point: str) -> None:
        """Start armed, let everybody write, wait for the crash."""
        self._faults()
        if point == "turn.parked":
            (self.folder / "dark").touch()
        nth = 1 if point in ("turn.parked", PROPOSED) else self.random.randint(1, max(1, self.conversations // 8))
        await self.server.start(FRONTDESK_CRASH_AT=f"{point}:{nth}")
        delivering = asyncio.gather(*(self._writes(phase, number, point) for number in range(self.conversations)))
        code = await self.server.ended(CRASH_PATIENCE)
        print(f"{phase:3d} {point:24s} {'crashed' if code is not None else 'not reached'}", file=sys.stderr)
        if code is None:
            self.report.not_reached.append(point)
            await self.server.kill()
        else:
            self.report.crashes[point] += 1
        (self.folder / "dark").unlink(missing_ok=True)
        # What was not answered is delivered again by Twilio; a server that stays up takes it.
        await self.server.start()
        await delivering
        # Long enough for a lease to run out: a turn that is cut off in every single phase would be parked, rightly.
        await asyncio.sleep(QUICK["conversation_lease"])
        await self.server.kill()
        self.report.crashes["between"] += 1

    def _faults(self) -> None:
        self.twilio.faults.clear()
        for _ in range(3):
            self.twilio.faults.add(Fault(kind="drop_after"))
        self.twilio.callbacks.default = CallbackPlan(
            times=0, copies=self.random.choice((1, 1, 2)), told=self.random.choice((None, (1, 0)))
        )

    async def _writes(self, phase: int, number: int, point: str) -> None:
        """A contact's messages of this phase: two at once in either order, some of them delivered twice."""
        words = self._words(phase, number, point)
        specs = [self._spec(phase, number, ordinal, word) for ordinal, word in enumerate(words)]
        self.random.shuffle(specs)
        pause = 0.0 if point == MEETING else 0.5
        await asyncio.gather(*(self._deliver(spec, self.random.random() * pause) for spec in specs))

    def _words(self, phase: int, number: int, point: str) -> list[str]:
        if point == "turn.parked" and number == 0:
            return ["dark"]
        if point == MEETING:
            return ["say", "say", "book"]
        words = [self.random.choice(("say", "say", "book")) if not point.startswith("deed") else "book"]
        if self.random.random() < 0.15:
            words.append("extras")
        elif self.random.random() < 0.3:
            words.append("say")
        return words

    def _spec(self, phase: int, number: int, ordinal: int, word: str) -> InboundSpec:
        id = f"m{number}x{phase * 10 + ordinal}"
        self.expected[id] = word
        return InboundSpec(body=f"{word} {id}", from_=contact(number), to=NUMBER, name="Lan")

    async def _deliver(self, spec: InboundSpec, pause: float) -> None:
        await asyncio.sleep(pause)
        form = self.twilio.compose(spec)
        async with asyncio.timeout(DELIVERY_PATIENCE):
            while (await self.twilio.post(self.hook, form)).status != 204:
                await asyncio.sleep(0.2)
        self.report.accepted += 1
        if self.random.random() < 0.2:
            await self.twilio.post(self.hook, form)

    async def _replay(self) -> None:
        """Turns that were parked for want of a model are started again by hand, as an operator does.

        Not the messages that may have been sent: an operator would look into Twilio's log first.
        """
        async with self._store() as store:
            turns = await store.for_tenant("school").find(TURNS, {"state": "parked"}, order_by="opened_at")
        for turn in turns:
            command = (sys.executable, "-m", "frontdesk", "parked", "replay", turn.id, "--file", str(self.server.file))
            environment = {**os.environ, **self.server.environment}
            ended = await asyncio.create_subprocess_exec(*command, cwd=self.folder, env=environment)
            if await ended.wait():
                raise RuntimeError(f"parked replay {turn.id} failed")

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[Store]:
        """The server's store, read beside it."""
        store = open_store(load(self.server.file).store_url(), SystemClock())
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    async def _drained(self) -> None:
        """Wait until nothing is due but tasks far ahead."""
        ends = time.monotonic() + DRAIN_PATIENCE
        async with self._store() as store:
            while time.monotonic() < ends:
                at = await store.due.next_at()
                if at is None or (at - store.now()).total_seconds() > 120:
                    return
                await asyncio.sleep(0.3)

    async def _count(self) -> None:
        async with self._store() as store:
            left = await store.due.claim_next(["turn", "lane"], store.now(), store.now(), 100)
            self.report.left_due = len(left)
            repository = store.for_tenant("school")
            for conversation in await repository.find(CONVERSATIONS, {}, limit=1000):
                where = {"conversation": conversation.id}
                self._count_conversation(await repository.find(MESSAGES, where, order_by="at", limit=1000))
        self._count_said()
        self._count_deeds()
        self.report.violations = list(self.twilio.violations)

    def _count_conversation(self, messages: list[Message]) -> None:
        """Order: what Twilio took is in the order of the places; what was answered, in the order in which it came."""
        taken = {message.sid: place for place, message in enumerate(self.twilio.sent)}
        out = sorted((m for m in messages if m.direction == "outbound" and m.place), key=lambda m: m.place)
        seen = [taken[m.provider_id] for m in out if m.provider_id in taken]
        if seen != sorted(seen):
            self.report.out_of_order.append(messages[0].conversation)
        self.report.parked += [m.id for m in messages if m.state == "parked"]
        self.report.possible_duplicates += sum(m.possible_duplicate for m in messages)
        echoes = [id for m in out if m.text.startswith("Echo") and m.provider_id for id in _ID.findall(m.text)]
        came = [_ID.findall(m.text)[0] for m in messages if m.direction == "inbound"]
        if [id for id in came if id in echoes] != echoes:
            self.report.out_of_order.append(f"{messages[0].conversation}: answers")

    def _count_said(self) -> None:
        """Every message's echo reached its contact once; the extras as often as they were meant to."""
        said = Counter(message.body for message in self.twilio.sent)
        echoed = Counter(id for body, n in said.items() if body.startswith("Echo") for id in _ID.findall(body) * n)
        for id, word in self.expected.items():
            self._judge(id, echoed[id], 1)
            if word == "extras":
                self._judge(f"same words {id}", said[f"Same words {id}"], 2)
                self._judge(f"picture {id}", said[f"Picture {id}"], 1)
                if f"parrot-{id}-template" not in self.report.parked:
                    templates = sum(f'"{id}"' in message.content_variables for message in self.twilio.sent)
                    self._judge(f"template {id}", templates, 1)

    def _count_deeds(self) -> None:
        path = self.folder / "journal.jsonl"
        done = (
            Counter(json.loads(line)["what"] for line in path.read_text("utf-8").splitlines()) if path.exists() else {}
        )
        self.report.deeds = sum(done.values())
        for id, word in self.expected.items():
            if word == "book":
                self._judge(f"deed {id}", done.get(id, 0), 1)

    def _judge(self, what: str, found: int, right: int) -> None:
        if found < right:
            self.report.lost.append(what)
        elif found > right:
            self.report.twice.append(what)


async def crash_run(
    conversations: int, folder: Path, store: str = "", seed: int = 1, points: Sequence[str] = tuple(POINTS)
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
    return 1 if report.lost or report.twice or report.out_of_order else 0


if __name__ == "__main__":
    sys.exit(main())
