"""Events and free times at Google."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from frontdesk import NeedsAttention
from frontdesk.plugins.gcal_scheduler.calendars import Changed, Event
from frontdesk.testing.fake_google import FakeGoogle

from .conftest import DESK, LAN, NINE, Make

DAY = timedelta(days=1)
Visit = Callable[..., Event]


async def test_a_visit_is_written_with_its_zone_and_read_again_as_it_was(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    calendars = make().google
    written = await calendars.write(event())
    assert written == replace(event(), etag=written.etag) and written.etag
    assert await calendars.read(LAN, "v0a11") == written
    stored = google.event(LAN, "v0a11")
    assert stored is not None
    assert stored["start"] == {"dateTime": "2026-11-30T09:00:00+07:00", "timeZone": "Asia/Ho_Chi_Minh"}
    assert stored["extendedProperties"]["private"] == {"frontdesk": "a1", "frontdesk_resource": "lan"}
    assert "attendees" not in stored, "a service account may not invite anybody"


async def test_an_id_that_is_there_is_given_back_as_it_is(make: Make, google: FakeGoogle, event: Visit) -> None:
    calendars = make().google
    await calendars.write(event())
    assert (await calendars.write(event(title="Khác"))).title == event().title
    google.person_deletes(LAN, "v0a11")
    assert (await calendars.write(event())).state == "cancelled"


async def test_busy_is_what_google_says_and_unknown_what_it_does_not(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    calendars = make().google
    await calendars.write(event())
    google.person_adds(LAN, NINE + timedelta(hours=2), 30)
    google.add_calendar("private@example.com")
    found = await calendars.busy([LAN, "private@example.com", "nobody@example.com"], NINE - DAY, NINE + DAY)
    two = NINE + timedelta(hours=2)
    assert found[LAN] == ((NINE, NINE + timedelta(hours=1)), (two, two + timedelta(minutes=30)))
    assert found["private@example.com"] is None and found["nobody@example.com"] is None


async def test_many_calendars_and_long_times_are_asked_for_in_parts(make: Make, google: FakeGoogle) -> None:
    names = [f"room{n}@example.com" for n in range(60)]
    for each in names:
        google.add_calendar(each, freeBusyReader=DESK)
    google.person_adds(names[59], NINE + timedelta(days=100), 30)
    found = await make().google.busy(names, NINE, NINE + timedelta(days=120))
    assert None not in found.values() and len(found[names[59]] or ()) == 1
    assert len([call for call in google.calls if call.method == "freebusy.query"]) == 6


async def test_what_others_have_put_in_is_told_without_ours(make: Make, google: FakeGoogle, event: Visit) -> None:
    calendars = make().google
    await calendars.write(event())
    google.person_adds(LAN, NINE, 30, "Họp phụ huynh")
    google.person_adds(LAN, NINE, 30, "Sinh nhật", transparency="transparent")
    google.person_adds(LAN, NINE + DAY * 3, 30, "Later")
    found = await calendars.others(LAN, NINE - DAY, NINE + DAY)
    assert found is not None and [each.title for each in found] == ["Họp phụ huynh"]
    google.add_calendar("only-busy@example.com", freeBusyReader=DESK)
    assert await calendars.others("only-busy@example.com", NINE, NINE + DAY) is None
    assert await calendars.others("nobody@example.com", NINE, NINE + DAY) is None


async def test_a_whole_day_takes_the_tenants_day(make: Make, google: FakeGoogle) -> None:
    google.person_adds(LAN, NINE, 30, "Tết", start={"date": "2026-12-01"}, end={"date": "2026-12-02"})
    (found,) = await make().google.others(LAN, NINE, NINE + DAY * 3) or ()
    assert (found.starts_at.isoformat(), found.ends_at.isoformat()) == (
        "2026-11-30T17:00:00+00:00",
        "2026-12-01T17:00:00+00:00",
    )


async def test_a_visit_moves_if_nobody_has_changed_it(make: Make, google: FakeGoogle, event: Visit) -> None:
    calendars = make().google
    written = await calendars.write(event())
    ten = {"starts_at": NINE + timedelta(hours=1), "ends_at": NINE + timedelta(hours=2)}
    moved = await calendars.move(replace(written, **ten))
    assert moved.etag != written.etag and (await calendars.read(LAN, written.id)) == moved
    google.person_moves(LAN, written.id, NINE + timedelta(hours=5), 60)
    with pytest.raises(Changed) as changed:
        await calendars.move(replace(moved, starts_at=NINE, ends_at=NINE + timedelta(hours=1)))
    assert changed.value.event is not None and changed.value.event.starts_at == NINE + timedelta(hours=5)
    # Without an etag it is put where it belongs, in any case.
    back = await calendars.move(replace(moved, starts_at=NINE, ends_at=NINE + timedelta(hours=1), etag=""))
    assert back.starts_at == NINE
    google.person_deletes(LAN, written.id)
    for etag in ("", back.etag):
        with pytest.raises(Changed) as gone:
            await calendars.move(replace(back, etag=etag))
        assert gone.value.event is not None and gone.value.event.state == "cancelled"
    with pytest.raises(Changed) as never:
        await calendars.move(event(id="never0"))
    assert never.value.event is None


async def test_a_visit_is_taken_out_once_or_twice(make: Make, google: FakeGoogle, event: Visit) -> None:
    calendars = make().google
    written = await calendars.write(event())
    google.person_moves(LAN, written.id, NINE + DAY, 60)
    await calendars.cancel(written)
    await calendars.cancel(written)
    await calendars.cancel(event(id="never0"))
    found = await calendars.read(LAN, written.id)
    assert found is not None and found.state == "cancelled"
    assert await calendars.read(LAN, "never0") is None


async def test_whoever_is_erased_is_not_in_the_calendars_bin_either(
    make: Make, google: FakeGoogle, event: Visit
) -> None:
    running = make()
    written = await running.google.write(event())
    exported = await running.google.export_contact(["a1", "a2"])
    assert exported is not None and [each["summary"] for each in exported["events"]] == [event().title]
    await running.google.cancel(written)
    for _ in range(2):
        await running.google.erase(written)
    stored = google.event(LAN, written.id)
    assert stored is not None and (stored["status"], stored["summary"], stored["description"]) == ("cancelled", "", "")
    assert not [key for key in running.store.kept if key[0] == "google_events"]


async def test_a_calendar_that_is_not_shared_is_told_to_operators(make: Make, google: FakeGoogle, event: Visit) -> None:
    running = make()
    del google.calendars.all[LAN].rights[DESK]
    with pytest.raises(NeedsAttention, match="the calendar of lan is not there, or is not shared"):
        await running.google.write(event())
    assert len(running.told) == 1 and LAN not in running.told[0], "it goes into the log, too"
    health: Any = await running.google.check_health()
    assert not health["ok"]
    google.calendars.all[LAN].rights[DESK] = "reader"
    with pytest.raises(NeedsAttention, match="may be read and not written"):
        await running.google.write(event())
    google.calendars.all[LAN].rights[DESK] = "writer"
    await running.google.write(event())
    assert (await running.google.check_health())["ok"]


async def test_one_client_serves_all_who_have_the_same_account(make: Make, google: FakeGoogle) -> None:
    one, other = make(), make()
    for each in (one, other):
        await each.google.busy([LAN], NINE, NINE + DAY)
    assert len(google.accounts.tokens) == 1
