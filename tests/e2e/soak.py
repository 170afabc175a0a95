"""One real server under a steady load for a long time: does it need more and more, and is everything still answered once?

    python -m tests.e2e.soak --minutes 30

Contacts write in bursts, with deeds, files in and out, and copies of webhooks; an operator takes conversations over and
gives them back; pages of the simulator are opened and left; the tenants file is changed and read again. Memory, file
handles, threads and due rows are sampled.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import secrets
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from frontdesk.testing.fake_twilio import FakeTwilio

from .conftest import Front
from .contacts import TENANT, Contacts, Count, parrot_tenant
from .growth import Allowed, Growth, growth
from .operator import Operator

SAMPLES = 400
"""How many are taken in a run, at most one a second."""
DRAIN_PATIENCE = 120.0
MEDDLE_EVERY = 4.0
CHANGE_EVERY = 15.0
PICTURES = 0.1
"""The part of the bursts that have a picture before them."""
ALLOWED = {
    "memory": Allowed(12.0, 0.05),  # MB: SQLite's cache and Python's arenas fill for longer than the warm-up
    "handles": Allowed(10.0),  # pools of connections breathe with what happens at once
    "threads": Allowed(3.0),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process needs at a moment, and what is to be done."""

    seconds: float
    memory: float
    """MB (resident)."""
    handles: int
    threads: int
    due: int
    """Rows of `due`: turns, lanes and tasks."""
    accepted: int

    def __str__(self) -> str:
        return (
            f"{self.seconds / 60:6.1f} min  {self.memory:6.1f} MB  {self.handles:4d} handles  {self.threads:3d} threads  "
            f"{self.due:4d} due  {self.accepted:6d} accepted"
        )


@dataclass
class Report(Count):
    """What was counted, and how what the process needs grew."""

    growths: dict[str, Growth] = field(default_factory=dict)
    taken_over: int = 0
    pages: int = 0
    reloads: int = 0
    seconds: float = 0.0
    exit_code: int | None = None

    @property
    def grew(self) -> list[str]:
        """What grew steadily and by more than is allowed."""
        return [name for name, each in self.growths.items() if each.too_much]

    @property
    def failed(self) -> bool:
        return bool(self.wrong or self.grew or self.left_due or self.violations or self.exit_code != 0)

    def __str__(self) -> str:
        lines = [
            f"{name:8s} median {each.median:7.1f}, {each.per_hour:+8.2f} an hour, {each.total:+7.2f} in the judged time"
            f"{'  GROWS' if each.too_much else ''}"
            for name, each in self.growths.items()
        ]
        beside = f"{self.taken_over} taken over and given back, {self.pages} pages opened, {self.reloads} reloads"
        head = f"{self.seconds:.0f} s, {beside}, exit code {self.exit_code}"
        return "\n".join([head, *lines, super().__str__()])


class Soak:
    """One run."""

    def __init__(self, folder: Path, twilio: FakeTwilio, seconds: float, people: int, rate: float, seed: int) -> None:
        tenant = parrot_tenant(folder)
        tenant["plugins"].append("simulator")
        self.server = Front(folder, twilio, tenant, "tenants", {})
        self.server.fresh = True
        self.random = random.Random(seed)
        self.contacts = Contacts(twilio, folder, [self.server.hook], people, self.random)
        self.operator = Operator(self.server.file, self.random)
        self.samples: list[Sample] = []
        self.report = Report()
        self._seconds = seconds
        self._between = people / rate
        self._every = max(1.0, seconds / SAMPLES)
        self._began = 0.0
        self._over = asyncio.Event()

    async def run(self) -> Report:
        async with self.server, self.operator:
            await self.server.start()
            self._began = time.monotonic()
            await self._load()
            with suppress(AssertionError):  # what is still due is counted
                await self.server.quiet(DRAIN_PATIENCE)
            await self._sample()
            assert self.server.process is not None
            self.server.process.send_signal(signal.SIGTERM)
            self.report.exit_code = await self.server.ended(30)
        async with self.server.store() as store:
            await self.contacts.count(store, self.report, self.operator.said)
        for name, allowed in ALLOWED.items():
            series = [(sample.seconds, float(getattr(sample, name))) for sample in self.samples]
            self.report.growths[name] = growth(series, allowed)
        self.report.taken_over = self.operator.taken
        self.report.reloads = len(self.server.logged("reloaded"))
        self.report.seconds = time.monotonic() - self._began
        return self.report

    async def _load(self) -> None:
        async with asyncio.TaskGroup() as load:
            for number in range(self.contacts.people):
                load.create_task(self._writes(number))
            load.create_task(self._meddles())
            load.create_task(self._opens_pages())
            load.create_task(self._changes_the_file())
            load.create_task(self._watches())
            await asyncio.sleep(self._seconds)
            self._over.set()

    async def _writes(self, number: int) -> None:
        """A contact's bursts, at uneven times."""
        await self._pause(self._between * self.random.random())
        while not self._over.is_set():
            if self.random.random() < PICTURES:
                await self.contacts.show(number)
            await self.contacts.write(number, "soak")
            await self._pause(self._between * self.random.uniform(0.5, 1.5))

    async def _meddles(self) -> None:
        while not self._over.is_set():
            await self.operator.meddle([self.random.randrange(self.contacts.people)], 2.0)
            await self._pause(MEDDLE_EVERY)

    async def _opens_pages(self) -> None:
        """Somebody opens the simulator's page, looks for a while, and closes the browser."""
        url = f"{self.server.url}/plugins/simulator/{TENANT}"
        while not self._over.is_set():
            async with aiohttp.ClientSession() as browser:
                async with browser.get(f"{url}/") as page:
                    assert page.status == 200
                async with browser.get(f"{url}/events", params={"contact": secrets.token_hex(16)}) as events:
                    await events.content.readline()
                    await self._pause(self.random.uniform(0.5, 3.0))
            self.report.pages += 1

    async def _changes_the_file(self) -> None:
        """The business has another name; the server reads the file by itself."""
        written = yaml.safe_load(self.server.file.read_text("utf-8"))
        name, changed, number = written["tenants"][TENANT]["name"], self.server.file.with_suffix(".new"), 0
        while not self._over.is_set():
            await self._pause(CHANGE_EVERY)
            number += 1
            written["tenants"][TENANT]["name"] = f"{name} {number}"
            changed.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), "utf-8")
            changed.replace(self.server.file)

    async def _watches(self) -> None:
        told = 0.0
        while not self._over.is_set():
            await self._sample()
            if self.samples[-1].seconds >= told:
                told += max(self._every, self._seconds / 30)
                print(self.samples[-1], file=sys.stderr, flush=True)
            await self._pause(self._every)

    async def _sample(self) -> None:
        assert self.server.process is not None
        process = Path(f"/proc/{self.server.process.pid}")
        status = (process / "status").read_text("utf-8")
        async with aiohttp.ClientSession() as http, http.get(f"{self.server.url}/metrics") as page:
            metrics = await page.text()
        self.samples.append(
            Sample(
                seconds=time.monotonic() - self._began,
                memory=int(_found(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024,
                handles=len(list((process / "fd").iterdir())),
                threads=int(_found(r"Threads:\s+(\d+)", status)[0]),
                due=sum(int(float(rows)) for rows in _found(r"^frontdesk_due_rows{[^}]*} (\S+)$", metrics)),
                accepted=self.contacts.accepted,
            )
        )

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()


def _found(pattern: str, text: str) -> list[str]:
    found = re.findall(pattern, text, re.MULTILINE)
    assert found, f"no {pattern} in {text[:500]}"
    return found


async def soak(minutes: float, folder: Path, people: int = 40, rate: float = 2.0, seed: int = 1) -> Report:
    """Run it in *folder*: *people* who write *rate* bursts a second between them; the report."""
    async with FakeTwilio(log=folder / "twilio.jsonl") as twilio:
        run = Soak(folder, twilio, minutes * 60, people, rate, seed)
        report = await run.run()
    lines = [",".join(Sample.__dataclass_fields__)]
    lines += [",".join(f"{getattr(sample, name):g}" for name in Sample.__dataclass_fields__) for sample in run.samples]
    (folder / "samples.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--conversations", type=int, default=40)
    parser.add_argument("--rate", type=float, default=2.0, help="bursts of messages a second, of all contacts together")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-soak-"))
    report = asyncio.run(soak(given.minutes, folder, given.conversations, given.rate, given.seed))
    print(f"{report}\n{folder}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
