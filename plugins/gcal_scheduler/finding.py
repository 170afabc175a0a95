"""From what a contact said of time, service and person to slots that are free."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from frontdesk import Contact, Plugin, Refused, detect_language, fold

from . import words
from .diary import Diary, holder
from .offers import Offers
from .rules import ONE_DAY, Rules, Slot
from .settings import Service, Staff
from .when import Heard, Span, hear

AROUND = timedelta(days=7)
"""So far from a time that is not free others are looked for."""
POINT = timedelta(minutes=1)
"""A span so short is a point in time: it is free, or it is not."""
PLENTY = 200
"""Times of a range from which those are chosen that are offered."""
LOOKED_AT = 10
"""Messages of a contact in which a service may be named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is looked for."""

    service: Service
    staff: tuple[Staff, ...]
    named: bool
    """Whether the contact wants one of the staff by name."""
    own: tuple[str, ...]
    """Owners of entries that are in nobody's way."""


class Finder:
    """Of one tenant."""

    def __init__(self, plugin: Plugin, rules: Rules, diary: Diary, offers: Offers) -> None:
        self._plugin = plugin
        self._rules = rules
        self._diary = diary
        self._offers = offers

    async def find(self, when: str, asked: Asked, contact: Contact, language: str) -> str:
        """What the model is told: a sentence, and one slot a line. Raises Refused in words for the contact, RetryLater."""
        now = self._plugin.clock.now()
        plain = without_names(self._rules.settings.services, when)
        opens = self._rules.opens(asked.service)
        heard = hear(plain, now, zone=self._rules.zone, language=words.spoken(language), opens=opens)
        if heard.problem and heard.problem != "nothing":
            raise Refused(self._problem(heard, language, now))
        spans = heard.spans or (Span(begin=now, end=self._rules.latest(now) + timedelta(minutes=1)),)
        # Two times of one zone are compared by the clock on the wall, which on one night goes back.
        spans = tuple(Span(begin=each.begin.astimezone(UTC), end=each.end.astimezone(UTC)) for each in spans)
        self._refuse_far(spans, now, language)
        key, slots = "free", await self._within(spans, asked)
        if not slots and all(span.end - span.begin <= POINT for span in spans):
            key, slots = "nearest", await self._around(spans[0].begin, asked)
        head = self._closed(spans, language, now) if not slots or key == "nearest" else ""
        if not slots or head:
            key, slots = "later", (await self._after(spans[0].begin, asked))[: self._rules.settings.offers]
        if not slots:
            return head or words.say("nothing", language, service=words.service_name(asked.service, language))
        told = words.say(key, language, service=words.about(asked.service, language))
        ids = await self._offers.make(contact.id, slots)
        lines = [
            f"{id} — {self.label(slot, contact, language, asked.named)}" for id, slot in zip(ids, slots, strict=True)
        ]
        return "\n".join([" ".join(filter(None, (head, told))), *lines])

    def label(self, slot: Slot, contact: Contact, language: str, named: bool) -> str:
        """A slot as people say it."""
        when = self.spoken(slot.begins, contact, language)
        several = [words.service_name(slot.service, language)] if len(self._rules.settings.services) > 1 else []
        of = [*several, *([slot.staff.name] if named else [])]
        return " – ".join([when, ", ".join(of)]) if of else when

    def spoken(self, at: datetime, contact: Contact, language: str) -> str:
        """When that is, by the business's clock; by the contact's, too, if theirs shows another time."""
        when = words.moment(at, self._rules.zone, language, self._plugin.clock.now())
        theirs = words.their_zone(contact, at, self._rules.zone)
        if theirs is None:
            return when
        there, country = words.clock(at, theirs), words.country_of(contact.phone, language)
        return words.say("their_time", language, when=when, there=there, place=country)

    async def what(self, service: str, with_whom: str, contact: Contact, said: Iterable[str], language: str) -> Asked:
        """Raises Refused in words that help the model to ask again."""
        found = self._named(service, language) if service.strip() else self._spoken_of(said, language)
        staff = self._rules.staff_of(found)
        if with_whom.strip():
            wanted = fold(with_whom)
            staff = tuple(each for each in staff if fold(each.name) in wanted or wanted in (fold(each.name), each.id))
            if not staff:
                there = ", ".join(each.name for each in self._rules.staff_of(found))
                raise Refused(words.say("unknown_staff", language, there=there))
        return Asked(service=found, staff=staff, named=bool(with_whom.strip()), own=(holder(contact.id),))

    def _named(self, asked: str, language: str) -> Service:
        by_id = self._rules.service(asked.strip())
        found = by_id or _mentioned(self._rules.settings.services, asked)
        if found is None:
            names = ", ".join(words.service_name(each, language) for each in self._rules.settings.services)
            raise Refused(words.say("unknown_service", language, there=names))
        return found

    def _spoken_of(self, said: Iterable[str], language: str) -> Service:
        """The service that the contact's newest words name; the first if they name none."""
        services = self._rules.settings.services
        return next((found for text in said if (found := _mentioned(services, text))), services[0])

    async def _around(self, begin: datetime, asked: Asked) -> list[Slot]:
        found = await self._free(asked, begin - ONE_DAY, begin + AROUND, PLENTY)
        nearest = sorted(found, key=lambda slot: abs(slot.begins - begin))[: self._rules.settings.offers]
        return sorted(nearest, key=lambda slot: slot.begins)

    async def _within(self, spans: Sequence[Span], asked: Asked) -> list[Slot]:
        found: list[Slot] = []
        most = self._rules.settings.offers
        for span in spans:
            enough = most if span.end - span.begin > 2 * AROUND else PLENTY
            found += await self._free(asked, span.begin, span.end, enough)
        return spread(found, most, self._rules.zone)

    async def _after(self, begin: datetime, asked: Asked) -> list[Slot]:
        return await self._free(asked, begin, self._rules.latest(self._plugin.clock.now()), self._rules.settings.offers)

    async def _free(self, asked: Asked, begin: datetime, end: datetime, most: int) -> list[Slot]:
        return await self._diary.free(asked.service, asked.staff, begin, end, own=asked.own, most=most)

    def _problem(self, heard: Heard, language: str, now: datetime) -> str:
        """What keeps a text from being a time, in words for the contact."""
        detail, today = heard.detail, now.astimezone(self._rules.zone).date()
        if heard.problem == "unclear":
            if " is " in detail:
                named = words.day_of(date.fromisoformat(detail[:10]), language, today)
                return words.say("weekday", language, day=named)
            return words.say("lunar" if detail == "lunar" else "unclear", language)
        if heard.problem == "past":
            named = words.day_of(date.fromisoformat(detail[:10]), language, today) if detail else heard.words
            return words.say("past", language, detail=named)
        return words.say("impossible", language, detail=heard.words)

    def _refuse_far(self, spans: Sequence[Span], now: datetime, language: str) -> None:
        latest = self._rules.latest(now)
        if all(span.begin > latest for span in spans):
            until = words.day_of(latest.astimezone(self._rules.zone).date(), language, now.date())
            raise Refused(words.say("too_far", language, until=until))

    def _closed(self, spans: Sequence[Span], language: str, now: datetime) -> str:
        """That nobody works on the one day that was asked for."""
        days = {at.astimezone(self._rules.zone).date() for at in (spans[0].begin, spans[-1].end - timedelta(minutes=1))}
        if len(days) > 1:
            return ""
        (day,) = days
        closed, why = self._rules.closed(day, language)
        if not closed:
            return ""
        named = words.day_of(day, language, now.astimezone(self._rules.zone).date())
        reason = f" ({why})" if why else ""
        return words.say("closed", language, day=named[:1].upper() + named[1:], reason=reason)


def spread(slots: Sequence[Slot], most: int, zone: ZoneInfo) -> list[Slot]:
    """*most* of them, in order, as different as they can be: over the days, else over the day."""
    if len(slots) <= most:
        return list(slots)
    days: dict[Any, list[Slot]] = {}
    for slot in slots:
        days.setdefault(slot.begins.astimezone(zone).date(), []).append(slot)
    if len(days) >= most:
        return [of_day[0] for of_day in list(days.values())[:most]]
    step = (len(slots) - 1) / (most - 1) if most > 1 else 0
    return [slots[round(number * step)] for number in range(most)]


def _mentioned(services: Sequence[Service], text: str) -> Service | None:
    """The service that *text* names by the longest of its names."""
    said = f" {' '.join(_words(text))} "
    names = [
        (len(name), each)
        for each in services
        for known in (each.name, *each.names.values(), *each.words)
        if (name := " ".join(_words(known))) and f" {name} " in said
    ]
    return max(names, key=lambda pair: pair[0])[1] if names else None


def without_names(services: Sequence[Service], text: str) -> str:
    """*text* without the names of services: in `hoc thu chieu thu sau` no `thu` but the last is a day's."""
    told = [(match.start(), match.end(), fold(match[0])) for match in re.finditer(r"\w+", text)]
    names = {tuple(_words(name)) for each in services for name in (each.name, *each.names.values(), *each.words)}
    for name in sorted(names, key=len, reverse=True):
        for place in range(len(told) - len(name) + 1):
            if len(name) > 1 and tuple(word for _, _, word in told[place : place + len(name)]) == name:
                begin, end = told[place][0], told[place + len(name) - 1][1]
                text = f"{text[:begin]}{',' * (end - begin)}{text[end:]}"
    return text


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in fold(text)).split()


def language_of(contact: Contact, tenant: str, said: Iterable[str]) -> str:
    """In what the contact is told: the language of their newest words that show one, else what is known of them."""
    newest = next((found for text in said if (found := detect_language(text))), "")
    return newest or contact.language or tenant
