"""What a tenant tells the plugin: what can be booked, with whom, when, and in which calendar it is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from frontdesk import DaySpans, Duration, OpeningHours, Settings, Text

from .google.settings import GoogleAccess

Id = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=40)]
"""A short name in ids, never told to a contact."""


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("write more than nothing, e.g. 30 min")
    return value


Length = Annotated[Duration, AfterValidator(_positive)]


class Service(Settings):
    """Something that can be booked."""

    id: Id
    """A short name of it in small letters, e.g. `trial-lesson`. Keep it: appointments refer to it."""
    name: Text
    """What contacts are told it is, e.g. `Buổi học thử`."""
    names: dict[str, Text] = Field(default_factory=dict)
    """The same in other languages: `en: Trial lesson`."""
    words: tuple[Text, ...] = ()
    """Other words that people use for it."""
    duration: Length
    """How long it takes, e.g. `45 min`."""
    before: Duration = timedelta()
    """What is kept free before it, e.g. to prepare a room."""
    after: Duration = timedelta()
    """What is kept free after it."""
    seats: int = Field(default=1, ge=1, le=1000)
    """How many contacts one time takes: a class with ten seats has 10."""
    price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """What it costs, in `currency`. 0: free of charge; without it nothing is said of a price."""
    currency: str = Field(default="", pattern=r"^([A-Z]{3})?$", examples=["VND"])
    """The currency of the price (ISO 4217)."""
    staff: tuple[Id, ...] = ()
    """Who or what can do it, by their ids, in the order in which they are asked; without it all of `staff`."""
    hours: OpeningHours | None = None
    """Narrower hours for this alone, e.g. a class's; without it those of the staff."""
    grid: Length | None = None
    """How far apart its times begin; without it as in `grid`."""

    @model_validator(mode="after")
    def _price_has_a_currency(self) -> Service:
        if self.price and not self.currency:
            raise ValueError(f"{self.id}: a price needs its currency, e.g. currency: VND")
        return self


class DayOff(Settings):
    """Days that are not as the week says."""

    day: date
    """The day, e.g. `2026-12-24`."""
    until: date | None = None
    """The last day, if there are several."""
    hours: DaySpans = ()
    """When it is open on these days; without it they are closed."""
    reason: str = ""
    """What the contact may be told, e.g. `company party`."""

    @model_validator(mode="after")
    def _in_order(self) -> DayOff:
        if self.until is not None and self.until < self.day:
            raise ValueError(f"until ({self.until}) is before day ({self.day})")
        return self


class Staff(Settings):
    """Somebody, or something, that a visit takes up: a person, a room, a chair."""

    id: Id
    """A short name in small letters, e.g. `ms-lan`. Keep it: appointments refer to it."""
    name: Text
    """What contacts are told."""
    calendar: str = ""
    """With `backend: google` the calendar that appointments are written to, e.g. `lan@example.com`."""
    also_busy: tuple[str, ...] = ()
    """Other calendars in which this one is taken, e.g. a private one. They are only read."""
    hours: OpeningHours | None = None
    """Working hours; without it those of the plugin."""
    exceptions: tuple[DayOff, ...] = ()
    """Days off, and days with other hours."""

    @property
    def calendars(self) -> tuple[str, ...]:
        """All that are read, the one that is written first."""
        return tuple(dict.fromkeys(each for each in (self.calendar, *self.also_busy) if each))


class GcalSchedulerSettings(Settings):
    """Appointments in the business's calendar."""

    backend: Literal["local", "google"] = "local"
    """Where appointments are kept besides Frontdesk: `google` writes them to Google Calendar, `local` nowhere."""
    services: tuple[Service, ...] = Field(min_length=1, max_length=100)
    """What can be booked."""
    staff: tuple[Staff, ...] = Field(default=(), max_length=200)
    """Whom or what visits take up; without it one that takes one visit at a time: the business itself."""
    hours: OpeningHours | None = None
    """When visits can take place; without it the tenant's `opening_hours`."""
    exceptions: tuple[DayOff, ...] = ()
    """Days on which everything is closed, or open at other times."""
    holidays: str = Field(default="", pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$", examples=["VN", "GB-ENG"])
    """The country (ISO 3166), perhaps with a part of it, on whose public holidays everything is closed."""
    lead_time: Duration = timedelta(hours=2)
    """How long before a visit it must be booked."""
    change_until: Duration = timedelta(hours=2)
    """How long before a visit a contact can move or cancel it; later a person does that."""
    horizon: Length = timedelta(days=60)
    """How far ahead can be booked."""
    grid: Length = timedelta(minutes=30)
    """How far apart times begin, counted from midnight."""
    hold: Length = timedelta(minutes=10)
    """How long a time is kept for a contact who has not said yes."""
    offers: int = Field(default=3, ge=1, le=10)
    """How many times a contact is offered at once."""
    place: str = Field(default="", max_length=500)
    """Where visits take place: in the calendar file that contacts are sent."""
    calendar_file: bool = True
    """Whether a contact who has booked is sent the visit for their own calendar: a link, and a file where it can be sent."""
    tell_changes: bool = True
    """Whether a contact is told when somebody moves or deletes their visit in the calendar itself."""
    google: GoogleAccess = Field(default_factory=GoogleAccess)
    """How Google Calendar is reached, with `backend: google`."""

    @model_validator(mode="after")
    def _whole(self) -> GcalSchedulerSettings:
        _once("services", [each.id for each in self.services])
        _once("staff", [each.id for each in self.staff])
        there = {each.id for each in self.staff}
        for service in self.services:
            if unknown := [each for each in service.staff if each not in there]:
                raise ValueError(
                    f"services: {service.id}: staff {unknown[0]} is not in staff; there is {_listed(there)}"
                )
        if self.backend == "google":
            if not self.staff:
                raise ValueError("backend: google needs staff with a calendar: staff: [{id: …, name: …, calendar: …}]")
            if without := [each.id for each in self.staff if not each.calendar]:
                raise ValueError(f"staff: {without[0]} has no calendar; with backend: google each needs one")
            if missing := self.google.missing():
                raise ValueError(missing)
        return self


def _once(what: str, ids: Sequence[str]) -> None:
    for id in ids:
        if ids.count(id) > 1:
            raise ValueError(f"{what}: the id {id} is there twice; each needs its own")


def _listed(ids: set[str]) -> str:
    return ", ".join(sorted(ids)) or "none"
