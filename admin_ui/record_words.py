"""What happened to a record, in words: shared by the pages of leads and of appointments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from frontdesk.services.appointments import Appointment, Change
from frontdesk.services.leads import Lead
from frontdesk.services.office import Office

from .language import _, clock_time, day

NOT_TOLD = frozenset({"reference", "evidence", "moves", "contact"})
"""Fields whose change says nothing to a person: a vendor's, or told elsewhere on the page."""


OPERATOR = "operator:"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what it is called, what it was and what it is; empty: it was not there, or is gone."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of a history."""

    at: datetime
    who: str
    what: str
    cause: str
    differences: tuple[Difference, ...]


async def history(office: Office, record: Lead | Appointment, zone: ZoneInfo) -> list[Told]:
    """The newest first."""
    operators = office.talk.people
    await operators.learn(each.by.removeprefix(OPERATOR) for each in record.history if each.by.startswith(OPERATOR))
    return [_told(each, zone, operators.of) for each in reversed(record.history)]


def _told(change: Change, zone: ZoneInfo, called: Callable[[str], str]) -> Told:
    differences = tuple(_differences(change, zone))
    by = called(change.by.removeprefix(OPERATOR)) if change.by.startswith(OPERATOR) else who(change.by)
    return Told(change.at, by, what(change.what), change.cause, differences)


def who(by: str) -> str:
    """Who made a change, if it was no operator, as people say it."""
    kind, _colon, name = by.partition(":")
    if kind == "bot":
        return _("Bot")
    if kind == "contact":
        return _("Contact")
    return name or by


def what(word: str) -> str:
    """What was done; a plugin's own word stays as it is."""
    words = {
        "new": _("New"),
        "changed": _("Changed"),
        "scored": _("Judged"),
        "moved": _("Moved"),
        "corrected": _("Corrected"),
        "merged": _("Joined with another contact"),
        "reminded": _("Reminder"),
        "confirmed": _("Confirmed"),
        "noted": _("Noted"),
    }
    return words.get(word) or state(word)


def state(word: str) -> str:
    """A state of an appointment."""
    words = {"booked": _("Booked"), "cancelled": _("Cancelled"), "showed": _("Came"), "no_show": _("Did not come")}
    return words.get(word, word.replace("_", " "))


def _differences(change: Change, zone: ZoneInfo) -> Iterator[Difference]:
    before, after = change.before, change.after
    for name in dict.fromkeys([*before, *after]):
        if name in NOT_TOLD:
            continue
        was, now = before.get(name), after.get(name)
        if name == "reminders":
            was, now = _reminders(was), _reminders(now)
        if isinstance(was, dict) or isinstance(now, dict):
            was, now = was or {}, now or {}
            for key in dict.fromkeys([*was, *now]):
                if was.get(key) != now.get(key):
                    yield Difference(key, _value(key, was.get(key), zone), _value(key, now.get(key), zone))
        elif was != now:
            yield Difference(_name(name), _value(name, was, zone), _value(name, now, zone))


def _reminders(kept: Any) -> dict[str, str]:
    """Each rule → how far its reminder is."""
    words = {"planned": _("Planned"), "sent": _("Sent"), "dropped": _("Not sent"), "cancelled": _("Void")}
    return {each["rule"]: words.get(each["state"], each["state"]) for each in kept or ()}


def _name(field: str) -> str:
    words = {
        "temperature": _("temperature"),
        "score": _("score"),
        "stage": _("stage"),
        "owner": _("looked after by"),
        "pinned": _("kept by hand"),
        "state": _("state"),
        "starts_at": _("start"),
        "ends_at": _("end"),
        "service": _("service"),
        "resource": _("with"),
        "confirmed_at": _("confirmed"),
    }
    return words.get(field, field.replace("_", " "))


def _value(field: str, value: Any, zone: ZoneInfo) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field == "temperature":
        return {"hot": _("Hot"), "warm": _("Warm"), "cold": _("Cold")}.get(value, str(value))
    if field == "state":
        return state(str(value))
    if field.endswith("_at") and isinstance(value, str):
        at = datetime.fromisoformat(value)
        return f"{day(at, zone, 'EEE d MMM')}, {clock_time(at, zone)}"
    return str(value)
