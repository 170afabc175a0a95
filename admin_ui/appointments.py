"""Appointments: a list by day, a week, and one of them with the words that asked for it and what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_interval, format_time
from quart import Response, abort, request, url_for

from frontdesk.services.appointments import FOLLOWS, Appointment, AppointmentState, Conflict, NotPossible
from frontdesk.services.office import Office

from . import week
from .gate import Here, Pages
from .language import _, dates, mark
from .record_words import history, state

PAGE = 50
MOST = 500
"""Appointments that a week shows."""
LONGEST = timedelta(days=1)
"""An appointment that began so long before a week may reach into it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A way to look at the list: its name (a msgid), of which state, and on which side of now."""

    name: str
    state: AppointmentState | None = None
    side: str = ""
    """`after`: from now on, the next first; `before`: until now, the latest first; empty: all, the latest first."""


FILTERS: Mapping[str, Filter] = {
    "upcoming": Filter(mark("Upcoming"), "booked", "after"),
    "open": Filter(mark("Did they come?"), "booked", "before"),
    "showed": Filter(mark("Came"), "showed"),
    "no_show": Filter(mark("Did not come"), "no_show"),
    "cancelled": Filter(mark("Cancelled"), "cancelled"),
    "all": Filter(mark("All")),
}
STATES: tuple[AppointmentState, ...] = ("showed", "no_show", "cancelled", "booked")
"""What an operator may say of an appointment, in the order of the buttons."""


@dataclass(frozen=True, slots=True)
class Row:
    """An appointment as it is shown."""

    appointment: Appointment
    name: str
    phone: str
    may_become: Sequence[AppointmentState]
    wrong: str = ""
    """Why it was not changed."""


def add(pages: Pages, office: Office) -> None:
    """The list, the week, and one appointment."""
    _add_list(pages, office)
    _add_week(pages, office)
    _add_one(pages, office)


def _add_list(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/appointments", role="viewer")
    async def appointments_page() -> Response:
        here, shown = pages.here(), request.args.get("show", "upcoming")
        tenant = here.business.id
        if shown not in FILTERS:
            abort(404)
        day = _date(request.args.get("day", ""))
        begin, end, latest_first = _span(FILTERS[shown], day, here)
        after = request.args.get("after", "")
        found = await office.appointments.between(
            tenant,
            begin,
            end,
            state=FILTERS[shown].state,
            latest_first=latest_first,
            limit=PAGE + 1,
            after=await office.appointments.get(tenant, after) if after else None,
        )
        more = ""
        if len(found) > PAGE:
            more = url_for("admin_ui.appointments_page", tenant=tenant, show=shown, day=day, after=found[PAGE - 1].id)
        rows = await _rows(office, here, found[:PAGE])
        days = [(key, list(group)) for key, group in groupby(rows, lambda row: _day_of(row.appointment, here.zone))]
        part = "HX-Request" in request.headers
        return await pages.render(
            "appointments/_days.html" if part else "appointments/list.html",
            filters=FILTERS,
            shown=shown,
            days=days,
            day=day,
            more=more,
            state_word=state,
        )


def _add_week(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/appointments/week", role="viewer")
    async def appointments_week() -> Response:
        here = pages.here()
        today = here.now.astimezone(here.zone).date()
        first = week.monday(_date(request.args.get("of", "")) or today)
        begin, end = week.bounds(first, here.zone)
        found = await office.appointments.between(here.business.id, begin - LONGEST, end, limit=MOST)
        shown = [each for each in found if each.ends_at > begin and each.state != "cancelled"]
        rows = {row.appointment.id: row for row in await _rows(office, here, shown)}
        return await pages.render(
            "appointments/week.html",
            week=week.week(first, here.zone, shown),
            rows=rows,
            first=first,
            before=first - timedelta(days=7),
            after=first + timedelta(days=7),
            today=today,
            now=here.now.astimezone(here.zone),
            title=format_interval(first, first + timedelta(days=6), "yMMMd", locale=dates()),
            at_hour=lambda hour: format_time(time(hour), "short", locale=dates()),
            at_noon=lambda day: datetime(day.year, day.month, day.day, 12, tzinfo=here.zone),
            full=len(found) == MOST,
            state_word=state,
        )


def _add_one(pages: Pages, office: Office) -> None:
    @pages.tenant_page("/appointments/<id>", role="viewer")
    async def appointments_one(id: str) -> Response:
        here = pages.here()
        there = await office.appointments.get(here.business.id, id)
        if there is None:
            abort(404)
        return await _page(pages, office, there)

    @pages.tenant_page("/appointments/<id>/become", role="agent", methods=["POST"])
    async def appointments_become(id: str) -> Response:
        """Came, did not come, cancelled, or booked again."""
        here, form = pages.here(), await request.form
        tenant, me = here.business.id, here.me
        wanted = next((each for each in STATES if each == form.get("state")), None)
        before = await office.appointments.get(tenant, id)
        if before is None or wanted is None:
            abort(404)
        part = "HX-Request" in request.headers
        try:
            became = await office.records.become(
                tenant,
                me,
                id,
                wanted,
                key=secrets.token_hex(8),
                cause=form.get("cause", ""),
                version=_version(form),
            )
        except Conflict as err:
            assert isinstance(err.current, Appointment)
            wrong = _("Somebody else has changed it meanwhile. It is shown as it is now; nothing of yours was saved.")
            return await _answer(pages, office, err.current, part, wrong=wrong)
        except NotPossible:
            wrong = _("It cannot become that any more. It is shown as it is now.")
            return await _answer(pages, office, before, part, wrong=wrong)
        return await _answer(pages, office, became, part)


async def _answer(pages: Pages, office: Office, there: Appointment, part: bool, *, wrong: str = "") -> Response:
    """To who has pressed a button: the row of the list, or the page of the appointment."""
    here = pages.here()
    if part:
        (row,) = await _rows(office, here, [there], wrong)
        return await pages.render("appointments/_row.html", 409 if wrong else 200, row=row, state_word=state)
    if wrong:
        return await _page(pages, office, there, wrong)
    return pages.go("appointments_one", tenant=here.business.id, id=there.id, said=_("Saved."))


async def _page(pages: Pages, office: Office, there: Appointment, wrong: str = "") -> Response:
    here = pages.here()
    (row,) = await _rows(office, here, [there], wrong)
    return await pages.render(
        "appointments/one.html",
        409 if wrong else 200,
        row=row,
        there=there,
        entries=await history(office, there, here.zone),
        state_word=state,
        elsewhere=None if there.zone == here.zone.key else ZoneInfo(there.zone),
    )


async def _rows(office: Office, here: Here, found: Sequence[Appointment], wrong: str = "") -> list[Row]:
    people = await office.people(here.business.id, [each.contact for each in found])
    may = here.may("agent")
    return [_row(each, people.get(each.contact), here.now, may, wrong) for each in found]


def _row(there: Appointment, contact: Any, now: datetime, may: bool, wrong: str) -> Row:
    name, phone = (contact.name, contact.phone) if contact else ("", "")
    return Row(there, name, phone, [each for each in _next(there, now) if may], wrong)


def _next(there: Appointment, now: datetime) -> list[AppointmentState]:
    """What it may become: nobody has come, or stayed away, before it begins."""
    begun = there.starts_at <= now
    return [each for each in STATES if each in FOLLOWS[there.state] and (begun or each in ("cancelled", "booked"))]


def _span(filter: Filter, day: date | None, here: Here) -> tuple[datetime | None, datetime | None, bool]:
    """(from, before, the latest first) of a filter; *day*: only that one."""
    if day is not None:
        return week.midnight(day, here.zone), week.midnight(day + timedelta(days=1), here.zone), False
    if filter.side == "after":
        return here.now, None, False
    return None, here.now if filter.side == "before" else None, True


def _day_of(there: Appointment, zone: ZoneInfo) -> datetime:
    """Noon of its day: what a heading is made from."""
    local = there.starts_at.astimezone(zone)
    return datetime(local.year, local.month, local.day, 12, tzinfo=zone).astimezone(UTC)


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        abort(404)
    # The first and last years have weeks that reach out of what dates can say.
    return found if 1970 < found.year < 2200 else abort(404)


def _version(form: Mapping[str, str]) -> int:
    """That of the record that the buttons were drawn for; 0, which none has, without it."""
    given = form.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
