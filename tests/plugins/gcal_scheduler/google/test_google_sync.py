"""What people change in Google comes back, once and all of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from frontdesk import RetryLater
from frontdesk.plugins.gcal_scheduler.calendars import Event
from frontdesk.plugins.gcal_scheduler.google import sync
from frontdesk.testing.fake_google import FakeGoogle, Fault

from .conftest import DESK, LAN, NINE, Make

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Visit = Callable[..., Event]


async def test_moved_deleted_and_declined_come_back_and_nobodys_else(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    running = make()
    ids = ["moved", "gone0", "no000", "as0is"]
    for id in ids:
        await running.google.write(event(id=id, appointment=f"of-{id}"))
    assert {each.id for each in await running.sync()} == set(ids)
    google.person_adds(LAN, NINE, 30)
    google.person_moves(LAN, "moved", NINE + DAY, 60)
    google.person_deletes(LAN, "gone0")
    google.person_changes(LAN, "no000", attendees=[{"email": LAN, "self": True, "responseStatus": "declined"}])
    found = {each.id: each for each in await running.sync()}
    assert {id: (each.appointment, each.state) for id, each in found.items()} == {
        "moved": ("of-moved", "confirmed"),
        "gone0": ("of-gone0", "cancelled"),
        "no000": ("of-no000", "cancelled"),
    }
    assert (found["moved"].starts_at, found["moved"].ends_at) == (NINE + DAY, NINE + DAY + HOUR)
    assert await running.sync() == []


async def test_what_was_deleted_while_the_token_grew_too_old_is_found(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    running = make()
    for id in ("stood", "gone0", "lost0"):
        await running.google.write(event(id=id, appointment=f"of-{id}"))
    await running.sync()
    google.person_deletes(LAN, "gone0")
    # Google forgets deleted events after a while.
    del google.calendars.all[LAN].events["lost0"]
    google.forget_changes(LAN)
    found = {each.id: each.state for each in await running.sync()}
    assert found == {"stood": "confirmed", "gone0": "cancelled", "lost0": "cancelled"}
    assert await running.sync() == []


async def test_pages_are_taken_in_and_a_run_that_was_cut_goes_on(
    make: Make, google: FakeGoogle, event: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "PER_PAGE", 2)
    monkeypatch.setattr(sync, "WORK_SECONDS", -1.0)
    running = make()
    for number in range(5):
        await running.google.write(event(id=f"v000{number}", appointment=f"of-{number}"))
    first = await running.run("sync", calendar=LAN, until=(running.clock.now() + DAY).isoformat())
    assert first == running.clock.now() and len(running.applied) == 2, "a page a run"
    assert len(await running.sync()) == 3
    assert await running.sync() == []


async def test_a_change_that_cannot_be_taken_in_now_is_taken_in_later(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    running = make()
    await running.google.write(event())
    await running.sync()
    google.person_moves(LAN, "v0a11", NINE + DAY, 60)
    running.apply_fails = [RetryLater("somebody else writes the appointment")]
    assert await running.sync() == []
    assert [each.id for each in await running.sync()] == ["v0a11"]


@pytest.mark.parametrize(
    "fault", [Fault(kind="drop_before"), Fault(kind="garbage"), Fault(status=403, reason="quotaExceeded")]
)
async def test_a_look_that_fails_is_done_again_later_and_never_given_up(
    make: Make, google: FakeGoogle, event: Visit, fault: Fault
) -> None:
    running = make()
    await running.google.write(event())
    google.faults.add(Fault(**{**vars(fault), "of": "events.list", "times": 2}))
    again = await running.run("sync", calendar=LAN, until=(running.clock.now() + DAY).isoformat())
    assert again is not None and again > running.clock.now()
    google.faults.clear()
    assert len(await running.sync()) == 1


async def test_a_calendar_that_is_not_shared_any_more_cancels_nothing(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    running = make()
    await running.google.write(event())
    await running.sync()
    del google.calendars.all[LAN].rights[DESK]
    google.forget_changes(LAN)
    assert await running.sync() == [] and len(running.told) == 1
    google.calendars.all[LAN].rights[DESK] = "writer"
    assert [each.state for each in await running.sync()] == ["confirmed"]


async def test_a_day_begins_the_next_and_its_looks_end_with_it(make: Make, google: FakeGoogle) -> None:
    running = make()
    await running.google.start()
    ((_, key),) = running.tasks.all
    assert key == "2026-11-28"
    await running.run("day")
    assert {(name, key.partition("/")[0]) for name, key in running.tasks.all} == {
        ("google_day", "2026-11-28"),
        ("google_day", "2026-11-29"),
        ("google_probe", "2026-11-28"),
        ("google_sync", "2026-11-28"),
    }
    tomorrow, _ = running.tasks.all["google_day", "2026-11-29"]
    _, data = next(each for (name, _), each in running.tasks.all.items() if name == "google_sync")
    again = await running.run("sync", **data)
    assert again == running.clock.now() + timedelta(minutes=5)
    running.clock.advance((tomorrow - running.clock.now()).total_seconds())
    assert await running.run("sync", **data) is None


async def test_visits_of_long_ago_are_forgotten(make: Make, event: Visit) -> None:
    running = make()
    await running.google.write(event())
    await running.run("day")
    assert ("google_events", "v0a11") in running.store.kept
    running.clock.advance((NINE + timedelta(days=32) - running.clock.now()).total_seconds())
    await running.run("day")
    assert ("google_events", "v0a11") not in running.store.kept


@pytest.mark.parametrize("role", ["reader", "freeBusyReader"])
async def test_the_daily_probe_notices_before_a_booking_fails(make: Make, google: FakeGoogle, role: str) -> None:
    running = make()
    await running.run("probe", calendar=LAN)
    assert not running.told
    google.calendars.all[LAN].rights[DESK] = role
    await running.run("probe", calendar=LAN)
    assert "may be read and not written" in running.told[0]
    (found, *_) = await running.google.diagnose()
    assert found.level == "problem" and "Make changes to events" in found.what


async def test_the_doctor_names_a_calendar_that_nobody_may_see(make: Make, google: FakeGoogle) -> None:
    google.add_calendar("home@example.com")
    running = make(staff=[{"id": "lan", "name": "Cô Lan", "calendar": LAN, "also_busy": ["home@example.com"]}])
    levels = [(each.level, LAN in each.what, "home@" in each.what) for each in await running.google.diagnose()]
    assert levels == [("ok", True, False), ("problem", False, True), ("ok", False, False)]
