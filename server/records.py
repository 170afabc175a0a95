"""The records of the trade that the core keeps: leads, appointments, and which times are taken. Rules and vendors are
plugins'.

Fields are only ever added, always with a default, as in model.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Temperature = Literal["cold", "warm", "hot"]
TEMPERATURES: tuple[Temperature, ...] = ("hot", "warm", "cold")
"""In the order in which people look at them."""

AppointmentState = Literal["booked", "cancelled", "showed", "no_show"]
"""A moved one is booked at another time; its history has the move."""
ReminderState = Literal["planned", "sent", "dropped", "cancelled"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The contact's own words that something is taken from."""

    quote: str
    message: str = ""
    """The id of the inbound message in which they stand; empty: an operator wrote it."""
    field: str = ""
    """The lead's field that it tells of; empty: the score as a whole."""
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One entry of a record's history; never changed."""

    key: str
    """Who repeats a change with its key changes nothing more."""
    at: datetime
    by: str
    """`bot`, `operator:NAME`, `plugin:NAME` or `contact`."""
    cause: str = ""
    """Why, in words for people."""
    what: str = ""
    """Of an appointment: booked, moved, cancelled, showed, no_show, reminded …; of a lead: scored, corrected, merged …"""
    before: dict[str, Any] = field(default_factory=dict)
    """The fields that changed, as JSON, as they were."""
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lead:
    """What is known of a contact's interest. `id` is the contact's: one each."""

    id: str
    version: int = 1
    contact: str
    temperature: Temperature = "cold"
    score: int = 0
    """0 to 100; what it is made of is the scoring plugin's."""
    stage: str = ""
    """The tenant's own word for how far it has come."""
    owner: str = ""
    """The operator's name who looks after it; empty: nobody."""
    fields: dict[str, str] = field(default_factory=dict)
    """What the tenant wants to know (need, budget, timing …) → what is known."""
    evidence: tuple[Evidence, ...] = ()
    """The newest last."""
    history: tuple[Change, ...] = ()
    """The newest last; the last KEPT of them."""
    pinned: bool = False
    """An operator has set the temperature: plugins leave it so."""
    created_at: datetime
    changed_at: datetime

    @property
    def best_quote(self) -> str:
        """The words that say most: the newest of the score as a whole, else the newest."""
        whole = [each.quote for each in self.evidence if not each.field]
        return whole[-1] if whole else self.evidence[-1].quote if self.evidence else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder:
    """How far a reminder of an appointment is. `rule` is the reminding plugin's name of it, e.g. `24h`."""

    rule: str
    at: datetime
    state: ReminderState = "planned"
    message: str = ""
    """The id of the message that went."""
    reason: str = ""
    """Why it was dropped."""


@dataclass(frozen=True, kw_only=True)
class Appointment:
    """A visit that was booked. Times are aware UTC; `zone` is where it takes place."""

    id: str
    version: int = 1
    contact: str
    conversation: str = ""
    service: str = ""
    """What it is for, as contacts are told."""
    resource: str = ""
    """Whom or what it takes up: a person, a room, a class."""
    starts_at: datetime
    ends_at: datetime
    zone: str
    """IANA."""
    state: AppointmentState = "booked"
    words: str = ""
    """The contact's words that asked for it."""
    message: str = ""
    """The id of the message in which they stand."""
    plugin: str = ""
    """Whose it is to book and move; empty: an operator's."""
    reference: dict[str, Any] = field(default_factory=dict)
    """What the plugin finds it by at its vendor: calendar, event, etag …"""
    moves: int = 0
    """How often it was moved: a reminder of an earlier time is void."""
    reminders: tuple[Reminder, ...] = ()
    confirmed_at: datetime | None = None
    """When the contact last said that they will come, of this time."""
    history: tuple[Change, ...] = ()
    created_at: datetime
    changed_at: datetime


TakenState = Literal["held", "writing", "booked", "undoing"]
"""Kept for a contact who has not said yes; being written to a calendar; booked; being taken out of a calendar again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A span of time in which a resource is taken, what is kept free before and after it included."""

    key: str
    """By whom: one each at a resource, whatever spans it has."""
    owner: str
    """What it is for, e.g. an appointment's id: those of one owner are in nobody's way but others'."""
    begins: datetime
    """Aware UTC."""
    ends: datetime
    """Aware UTC; half-open."""
    state: TakenState
    until: datetime | None = None
    """From then on it is void, as if it were not there; None: it stays."""
    share: str = ""
    """What is taken together: those of the same name and the same span have one seat each. Empty: it is alone."""
    seats: int = 1
    """How many may share it."""
    contact: str = ""
    """Whose it is; it goes with the contact."""
    data: dict[str, Any] = field(default_factory=dict)
    """The plugin's own, as JSON."""

    def in_the_way_of(self, other: Taken) -> bool:
        """Whether the spans overlap and they are not one owner's."""
        return self.begins < other.ends and other.begins < self.ends and self.owner != other.owner

    def fits(self, others: Collection[Taken]) -> bool:
        """Whether there is room for it beside *others*, none of which is void."""
        in_the_way = [each for each in others if each.in_the_way_of(self)]
        if not all(each.shares_with(self) for each in in_the_way):
            return False
        return len({each.owner for each in in_the_way}) < self.seats

    def shares_with(self, other: Taken) -> bool:
        """Whether they are of the same thing at the same time."""
        return self.share != "" and (self.share, self.begins, self.ends) == (other.share, other.begins, other.ends)


@dataclass(frozen=True, kw_only=True)
class Day:
    """What is taken of one resource on one day of its zone: the document on which those who book meet.

    `id` is plugin, resource and date. A span over midnight stands in both days.
    """

    id: str
    version: int = 1
    resource: str
    begins: datetime
    """When the day begins: aware UTC."""
    taken: tuple[Taken, ...] = ()

    def alive(self, now: datetime) -> tuple[Taken, ...]:
        """Those that are not void."""
        return tuple(each for each in self.taken if each.until is None or each.until > now)


KEPT = 200
"""Entries of a record's history."""
