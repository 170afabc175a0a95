"""When a visit can be, by the rules alone: hours, exceptions, holidays, lead time, horizon, grid, changes of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from frontdesk import OpeningHours
from frontdesk.plugins.gcal_scheduler.diary import without
from frontdesk.plugins.gcal_scheduler.finding import spread
from frontdesk.plugins.gcal_scheduler.rules import Rules, Slot
from frontdesk.plugins.gcal_scheduler.settings import GcalSchedulerSettings, Service

LONDON = ZoneInfo("Europe/London")
ALL_WEEK = "monday tuesday wednesday thursday friday saturday sunday".split()
VISIT = {"id": "visit", "name": "Visit", "duration": "30 min"}
MONDAY = date(2026, 11, 23)


def rules(zone: ZoneInfo = LONDON, hours: Any = ("09:00-12:00",), **given: Any) -> Rules:
    settings = GcalSchedulerSettings.model_validate({"services": [VISIT], **given})
    week = OpeningHours.model_validate({day: list(hours) for day in ALL_WEEK})
    return Rules(settings, "Clinic", week, zone)


def starts(of: Rules, day: date = MONDAY, staff: int = 0) -> list[str]:
    service = of.settings.services[0]
    return [f"{at.astimezone(of.zone):%H:%M}" for at in of.starts(service, of.staff_of(service)[staff], day)]


def test_a_visit_begins_on_the_grid_and_ends_while_it_is_open() -> None:
    assert starts(rules()) == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
    assert starts(rules(grid="45 min")) == ["09:00", "09:45", "10:30", "11:15"]
    assert starts(rules(services=[{**VISIT, "duration": "2 h", "grid": "1 h"}])) == ["09:00", "10:00"]
    assert starts(rules(hours=("09:10-10:10",))) == ["09:30"]


def test_whose_hours_are_narrower_has_fewer_times() -> None:
    of = rules(
        staff=[{"id": "a", "name": "A", "hours": {"monday": ["11:00-13:00"]}}, {"id": "b", "name": "B"}],
        services=[{**VISIT, "hours": {"monday": ["11:00-12:00"]}}],
    )
    assert starts(of) == ["11:00", "11:30"] == starts(of, staff=1)
    assert starts(of, MONDAY + timedelta(days=1)) == [] == starts(of, MONDAY + timedelta(days=1), staff=1)


def test_exceptions_of_one_and_of_all() -> None:
    off = {"day": "2026-11-23", "until": "2026-11-24", "reason": "party"}
    day = {"day": "2026-11-23", "hours": ["10:00-11:00"]}
    of = rules(exceptions=[off], staff=[{"id": "a", "name": "A", "exceptions": [day]}, {"id": "b", "name": "B"}])
    assert starts(of) == ["10:00", "10:30"] and starts(of, staff=1) == []
    assert of.closed(MONDAY, "en") == (False, "party")
    assert of.closed(MONDAY + timedelta(days=1), "en") == (True, "party")
    assert of.closed(MONDAY + timedelta(days=2), "en") == (False, "")


def test_public_holidays_by_their_names() -> None:
    of = rules(holidays="VN", exceptions=[{"day": "2026-09-02", "hours": ["09:00-10:00"]}])
    tet = date(2026, 2, 17)
    assert of.closed(tet, "vi") == (True, "Tết Nguyên Đán") and starts(of, tet) == []
    assert of.closed(tet, "en")[1] == "Lunar New Year"
    assert starts(of, date(2026, 9, 2)) == ["09:00", "09:30"], "an exception of one's own has the say"
    rules(holidays="GB-ENG").prepare(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(LookupError):
        rules(holidays="XX").prepare(datetime(2026, 1, 1, tzinfo=UTC))


def test_lead_time_horizon_and_what_is_offered_no_more() -> None:
    of = rules(lead_time="2 h", horizon="10 d")
    (service,), (staff,) = of.settings.services, of.staff
    slot = Slot(service=service, staff=staff, begins=datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
    at = slot.begins
    assert [of.problem(slot, at - timedelta(hours=h)) for h in (1, 2, 240, 241)] == ["too_soon", "", "", "too_far"]
    assert of.problem(replace(slot, begins=at + timedelta(minutes=10)), at - timedelta(hours=9)) == "gone"
    longer = service.model_copy(update={"duration": timedelta(hours=1)})
    assert of.problem(replace(slot, service=longer), at - timedelta(hours=9)) == "gone"


def test_a_night_is_one_window_and_not_two() -> None:
    of = rules(hours=("00:00-02:00", "22:00-24:00"), services=[{**VISIT, "duration": "90 min"}])
    assert starts(of) == ["00:00", "00:30", "22:00", "22:30", "23:00", "23:30"]


SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)


def test_when_the_clock_is_changed() -> None:
    night = rules(hours=("00:00-04:00",))
    assert starts(night, SPRING) == ["00:00", "00:30", "02:00", "02:30", "03:00", "03:30"], "1:00 to 2:00 is not there"
    assert starts(night, AUTUMN)[:4] == ["00:00", "00:30", "01:00", "01:30"], "what is there twice is offered once"
    (service,), (staff,) = night.settings.services, night.staff
    for day, hours in ((SPRING, 3), (AUTUMN, 5)):
        times = list(night.starts(service, staff, day))
        assert times[-1] - times[0] == timedelta(hours=hours) - timedelta(minutes=30)


@given(
    zone=st.sampled_from(
        ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran"]
    ),
    day=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    opens=st.integers(0, 22),
    length=st.integers(5, 180),
)
def test_every_time_is_on_its_day_within_the_hours_and_only_there_once(
    zone: str, day: date, opens: int, length: int
) -> None:
    there = ZoneInfo(zone)
    of = rules(there, (f"{opens:02}:00-{opens + 2:02}:00",), services=[{**VISIT, "duration": f"{length} min"}])
    times = list(of.starts(of.settings.services[0], of.staff[0], day))
    assert times == sorted(set(times))
    for at in times:
        assert at.astimezone(there).date() == day and at.astimezone(there).hour >= opens
        closes = datetime.combine(day, time()) + timedelta(hours=opens + 2)
        assert (at + timedelta(minutes=length)).astimezone(there).replace(tzinfo=None) <= closes


def test_what_is_left_of_busy_spans_is_other_peoples() -> None:
    def at(hour: float) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)

    assert without([(at(9), at(12))], [(at(9.5), at(10)), (at(10), at(11))]) == [(at(9), at(9.5)), (at(11), at(12))]
    assert without([(at(9), at(10))], [(at(9), at(10)), (at(14), at(15))]) == []
    assert without([(at(9), at(10))], []) == [(at(9), at(10))]


def test_offers_are_as_different_as_they_can_be() -> None:
    of = rules()
    (service,), (staff,) = of.settings.services, of.staff
    one = [Slot(service=service, staff=staff, begins=at) for at in of.starts(service, staff, MONDAY)]
    after = [replace(slot, begins=slot.begins + timedelta(days=day)) for day in (0, 1, 2, 3) for slot in one]
    assert [f"{slot.begins:%H:%M}" for slot in spread(one, 3, LONDON)] == ["09:00", "10:00", "11:30"]
    assert [f"{slot.begins:%d %H:%M}" for slot in spread(after, 3, LONDON)] == ["23 09:00", "24 09:00", "25 09:00"]
    assert spread(one[:2], 3, LONDON) == one[:2] and spread(one, 1, LONDON) == one[:1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"services": []}, "at least 1 item"),
        ({"services": [{**VISIT, "price": 5}]}, "a price needs its currency"),
        ({"services": [{**VISIT, "staff": ["bob"]}]}, "staff bob is not in staff"),
        ({"services": [VISIT, VISIT]}, "the id visit is there twice"),
        ({"services": [{**VISIT, "duration": "0 min"}]}, "more than nothing"),
        ({"backend": "google"}, "needs staff with a calendar"),
        ({"backend": "google", "staff": [{"id": "a", "name": "A"}]}, "staff: a has no calendar"),
        ({"exceptions": [{"day": "2026-12-24", "until": "2026-12-20"}]}, "is before day"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_what_would_be_right(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        GcalSchedulerSettings.model_validate({"services": [VISIT], **given})


def test_a_service_says_what_it_costs_in_the_contacts_language() -> None:
    from frontdesk.plugins.gcal_scheduler import words

    whitening = Service.model_validate(
        {**VISIT, "name": "Whitening", "price": 295, "currency": "GBP", "duration": "2 h"}
    )
    assert words.about(whitening, "en-GB") == "Whitening (2 h, £295.00)"
    assert words.about(whitening, "vi").replace("\xa0", " ") == "Whitening (2 giờ, 295,00 £)"
    assert words.about(Service.model_validate({**VISIT, "price": 0}), "vi") == "Visit (30 phút, miễn phí)"
    assert words.about(Service.model_validate(VISIT), "en") == "Visit (30 min)"
