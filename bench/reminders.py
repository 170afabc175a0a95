"""Reminders that are due at the pace of 100,000 an hour, on one process: `python bench/reminders.py [SECONDS [WAITING]]`.

The store holds 100,000 visits with a reminder each, spread over an hour from when the server is ready. For SECONDS (180) it
is measured how long after its time each one reaches Twilio. Then 5,000 more are due at once, and counted until the last.
The baseline, in the same run: a bare loop that posts the same form to the same sink, one process, as many at a time.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from urllib.parse import urlencode

import aiohttp
import candidates
from candidates import TENANTS
from figures import Figures
from sink import Sink
from workload import ACCOUNT, business, contact

from frontdesk.clock import SystemClock, milliseconds
from frontdesk.model import Contact, Conversation, Task
from frontdesk.records import Appointment, Change
from frontdesk.scheduling import schedule_writes
from frontdesk.store import Insert
from frontdesk.store.collections import APPOINTMENTS, CONTACTS, CONVERSATIONS
from frontdesk.store.sqlite import SqliteStore

HOUR = 100_000
BURST = 5_000
AT_ONCE = 64
LEAD = 25.0
"""Seconds from the last write to the first reminder: the server is ready by then."""


async def main(seconds: float, waiting: int = HOUR) -> None:
    figures = Figures("reminders")
    arrived: dict[str, float] = {}
    async with Sink() as sink:
        sink.heard = lambda to, at: arrived.setdefault(to, _now())
        server = candidates.frontdesk(twilio=sink.url)
        _with_reminders(server.folder / "tenants.yaml")
        due = await _fill(server.folder / "data" / "frontdesk.db", waiting, over=3600.0 * waiting / HOUR)
        async with server:
            first = min(due.values())
            print(f"ready {first - _now():.1f} s before the first", file=sys.stderr)
            await asyncio.sleep(max(0.0, first + seconds - _now()))
            counted = [number for number, at in due.items() if at < first + seconds - 2]
            if not arrived:
                raise RuntimeError(f"no reminder came: {server.log()}")
            missing = [number for number in counted if contact(number) not in arrived]
            late = sorted(arrived[contact(number)] - due[number] for number in counted if contact(number) in arrived)
            figures.note("reminders at 27.8/s that were measured", len(counted))
            figures.note("of them not there 2 s after their time", len(missing), "", "< 1")
            figures.note("after its time, median", 1000 * median(late), "ms")
            figures.note("after its time, p99", 1000 * quantiles(late, n=100)[98], "ms", "< 5000")
            figures.note("after its time, the last tenth, median", 1000 * median(late[-len(late) // 10 :]), "ms")
            figures.note("CPU of one", 1000 * server.cpu_seconds() / max(1, len(arrived)), "ms")
        arrived.clear()
        burst = candidates.frontdesk(twilio=sink.url)
        _with_reminders(burst.folder / "tenants.yaml")
        await _fill(burst.folder / "data" / "frontdesk.db", BURST, over=0.0, lead=0.0)
        began = perf_counter()
        async with burst:
            while len(arrived) < BURST and perf_counter() - began < 600:
                await asyncio.sleep(0.05)
            rate = len(arrived) / (perf_counter() - began - burst.to_ready)
        bare = await _bare(sink)
        figures.note(f"{BURST:,} due at once, a second", rate, "", "> 27.8")
        figures.note("the same posted by a bare loop, a second", bare)
        figures.note("against the bare loop", rate / bare, "x")
    print(*figures.table(), sep="\n")


def _with_reminders(path: Path) -> None:
    rules = "- reminders: {rules: [{id: 2h, before: 2 h}], quiet_from: '00:00', quiet_until: '00:00'}"
    path.write_text(path.read_text("utf-8").replace("    - instant\n", f"    - instant\n    {rules}\n"), "utf-8")


async def _fill(path: Path, count: int, over: float = 3600.0, lead: float = LEAD) -> dict[int, float]:
    """Write *count* visits, their contacts and reminders; number of the contact → when it is due (Unix time)."""
    path.parent.mkdir(exist_ok=True)
    store = SqliteStore(path, SystemClock())
    await store.open()
    # How long the writing takes is not known before: they are due from so much later on.
    begin = store.now() + timedelta(seconds=lead + count / 1500 if lead else 0.0)
    due: dict[int, float] = {}
    try:
        for start in range(0, count, 200):
            numbers = range(start, min(start + 200, count))
            for number in numbers:
                due[number] = (begin + timedelta(seconds=over * number / count)).timestamp()
            await asyncio.gather(*(_one(store, number, begin, over / count) for number in numbers))
    finally:
        await store.close()
    return due


async def _one(store: SqliteStore, number: int, begin: datetime, apart: float) -> None:
    tenant, id, now = f"school-{number % TENANTS}", f"c{number}", store.now()
    at = milliseconds(begin + timedelta(seconds=apart * number))
    starts = at + timedelta(hours=2)
    booked = Change(key="1", at=now - timedelta(days=3), by="bot", what="booked")
    conversation = Conversation(
        id=id,
        contact=id,
        channel="twilio_whatsapp",
        address=business(number % TENANTS),
        external_id=contact(number),
        inbound_seq=1,
        last_inbound_at=now,
        created_at=now,
    )
    visit = Appointment(
        id=f"v{number}",
        contact=id,
        conversation=id,
        service="Học thử",
        starts_at=starts,
        ends_at=starts + timedelta(minutes=45),
        zone="Asia/Ho_Chi_Minh",
        history=(booked,),
        created_at=now,
        changed_at=now,
    )
    data = {"appointment": visit.id, "edition": 1, "rule": "2h", "at": at.isoformat()}
    data["until"] = (at + timedelta(hours=1)).isoformat()
    task = Task(id=f"reminders/remind/{visit.id}/1/2h", plugin="reminders", name="remind", at=at, data=data)
    await store.for_tenant(tenant).write(
        Insert(CONTACTS, Contact(id=id, name="Lan Nguyễn", phone=contact(number)[9:], created_at=now)),
        Insert(CONVERSATIONS, conversation),
        Insert(APPOINTMENTS, visit),
        *schedule_writes(tenant, task, now),
    )


def _now() -> float:
    return SystemClock().now().timestamp()


async def _bare(sink: Sink) -> float:
    """Posts a second, of a loop that does nothing else."""
    url = f"{sink.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    numbers = iter(range(BURST))

    async def post(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            form = urlencode({"To": contact(number), "From": business(0), "Body": "Nhắc lịch hẹn"})
            async with session.post(url, data=form) as answer:
                await answer.read()

    async with aiohttp.ClientSession() as session:
        began = perf_counter()
        await asyncio.gather(*(post(session) for _ in range(AT_ONCE)))
        return BURST / (perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(main(*(kind(given) for kind, given in zip((float, int), sys.argv[1:] or ["180"], strict=False))))
