"""The table of faults: what a vendor can do to us, for each call, and what is true after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import NeedsAttention, RetryLater
from frontdesk.plugins.gcal_scheduler.calendars import Event
from frontdesk.plugins.gcal_scheduler.google import GoogleCalendars
from frontdesk.testing.fake_google import FakeGoogle, Fault

from .conftest import DESK, LAN, NINE, Make

DAY = timedelta(days=1)
QUICK = {"seconds": 1.0}
Visit = Callable[..., Event]
Call = Callable[[GoogleCalendars, Event], Awaitable[Any]]

CALLS: dict[str, tuple[str, Call]] = {
    "busy": ("freebusy.query", lambda calendars, there: calendars.busy([LAN], NINE, NINE + DAY)),
    "others": ("events.list", lambda calendars, there: calendars.others(LAN, NINE, NINE + DAY)),
    "write": ("events.insert", lambda calendars, there: calendars.write(replace(there, id="v0a22", etag=""))),
    "move": (
        "events.patch",
        lambda calendars, there: calendars.move(replace(there, starts_at=NINE + DAY, ends_at=NINE + DAY * 2)),
    ),
    "cancel": ("events.delete", lambda calendars, there: calendars.cancel(there)),
    "read": ("events.get", lambda calendars, there: calendars.read(LAN, there.id)),
}
"""Method at Google, and the call."""


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (Fault(status=503), 5),
        (Fault(status=500, reason=""), 5),
        (Fault(status=429, reason="rateLimitExceeded"), 10),
        (Fault(status=403, reason="userRateLimitExceeded"), 10),
        (Fault(status=403, reason="rateLimitExceeded"), 10),
        (Fault(status=403, reason="quotaExceeded"), 900),
        (Fault(kind="garbage"), 5),
        (Fault(kind="drop_before"), 5),
    ],
    ids=lambda value: f"{value.kind} {value.status} {value.reason}" if isinstance(value, Fault) else "",
)
async def test_google_away_busy_or_talking_nonsense_is_for_later_and_nothing_is_done(
    make: Make, google: FakeGoogle, event: Visit, fault: Fault, after: float
) -> None:
    running = make()
    there = await running.google.write(event())
    for call, (method, ask) in CALLS.items():
        before = {id: dict(each) for id, each in google.calendars.all[LAN].events.items()}
        google.faults.add(replace(fault, of=method, times=0))
        with pytest.raises(RetryLater) as later:
            await ask(running.google, there)
        assert later.value.after == after, call
        assert google.calendars.all[LAN].events == before and not running.told, call
        google.faults.clear()
    for _, ask in CALLS.values():
        await ask(running.google, there)


@pytest.mark.parametrize("call", ["busy", "write"])
async def test_a_slow_google_is_not_waited_for(make: Make, google: FakeGoogle, event: Visit, call: str) -> None:
    running = make(**QUICK)
    there = await running.google.write(event())
    method, ask = CALLS[call]
    google.faults.add(Fault(of=method, kind="hang_before", seconds=30), Fault(of="events.get", status=503))
    with pytest.raises(RetryLater):
        await ask(running.google, there)


@pytest.mark.parametrize("kind", ["drop_after", "hang_after"])
@pytest.mark.parametrize("call", ["write", "move", "cancel"])
async def test_taken_and_then_dropped_is_done_once(
    make: Make, google: FakeGoogle, event: Visit, call: str, kind: Any
) -> None:
    running = make(**QUICK)
    there = await running.google.write(event())
    method, ask = CALLS[call]
    # Both connections: httplib2 asks once more by itself when one breaks.
    google.faults.add(Fault(of=method, kind=kind, times=2))
    try:
        await ask(running.google, there)
    except RetryLater:
        assert call == "cancel", "a write and a move look what became of it"
        google.faults.clear()
        await ask(running.google, there)
    events = google.calendars.all[LAN].events
    assert {id: each["status"] for id, each in events.items()} == {
        "v0a11": "cancelled" if call == "cancel" else "confirmed",
        **({"v0a22": "confirmed"} if call == "write" else {}),
    }
    if call == "move":
        found = await running.google.read(LAN, "v0a11")
        assert found is not None and found.starts_at == NINE + DAY
        assert events["v0a11"]["sequence"] == 1


async def test_a_server_that_is_down_is_for_later(make: Make, event: Visit) -> None:
    running = make(api_url="http://127.0.0.1:9")
    for _, ask in CALLS.values():
        with pytest.raises(RetryLater, match=r"cannot be reached|no usable answer"):
            await ask(running.google, event())
    assert not running.told


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(of="token", kind="drop_before", times=0), RetryLater),
        (Fault(of="token", kind="garbage", times=0), RetryLater),
        (Fault(of="events.get", status=401, reason="authError", times=0), NeedsAttention),
        (Fault(of="events.get", status=403, reason="accessNotConfigured", times=0), NeedsAttention),
        (Fault(of="events.get", status=403, reason="insufficientPermissions", times=0), NeedsAttention),
    ],
    ids=lambda value: f"{value.of} {value.kind} {value.reason}" if isinstance(value, Fault) else "",
)
async def test_no_access_is_a_persons_to_mend_and_no_answer_is_for_later(
    make: Make, google: FakeGoogle, fault: Fault, error: type[Exception]
) -> None:
    running = make()
    google.faults.add(fault)
    with pytest.raises(error):
        await running.google.read(LAN, "v0a11")
    assert bool(running.told) == (error is NeedsAttention)
    google.faults.clear()
    assert await running.google.read(LAN, "v0a11") is None


async def test_a_key_that_was_deleted_at_google_is_told_and_a_new_one_is_taken(make: Make, google: FakeGoogle) -> None:
    running = make()
    assert await running.google.read(LAN, "v0a11") is None
    google.accounts.revoke(DESK)
    with pytest.raises(NeedsAttention, match="does not accept the permission any more"):
        await running.google.read(LAN, "v0a11")
    assert "connect-google-calendar.md" in running.told[0]
    google.service_account(DESK)
    assert await running.google.read(LAN, "v0a11") is None
    assert (await running.google.check_health())["ok"]


async def test_an_event_that_is_none_is_no_answer(make: Make, google: FakeGoogle, event: Visit) -> None:
    running = make()
    await running.google.write(event())
    del google.calendars.all[LAN].events["v0a11"]["start"]
    with pytest.raises(RetryLater):
        await running.google.read(LAN, "v0a11")
