"""What the tools do: ids in, every rule looked at again, words for the contact out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from frontdesk import Appointment, Done, Message, Plugin, Refused, RetryLater, ToolContext

from . import words
from .calendars import Changed
from .diary import Diary, holder
from .finding import LOOKED_AT, Asked, Finder, language_of, without_names
from .offers import Offers
from .outside import Outside
from .rules import Rules, Slot
from .visits import Clash, Visits
from .when import hear


class Desk:
    """Of one tenant."""

    def __init__(
        self, plugin: Plugin, rules: Rules, diary: Diary, visits: Visits, offers: Offers, outside: Outside
    ) -> None:
        self._plugin = plugin
        self._rules = rules
        self._diary = diary
        self._visits = visits
        self._offers = offers
        self._outside = outside
        self._finder = Finder(plugin, rules, diary, offers)

    # Look-ups.

    async def find(self, when: str, service: str, with_whom: str, appointment: str, context: ToolContext) -> str:
        """Free slots, one a line. Raises Refused, RetryLater."""
        said = await self._said(context)
        language = self._language(context, said)
        texts = [when, *(each.text for each in said)]
        asked = await self._finder.what(service, with_whom, context.contact, texts, language)
        if appointment.strip():
            there = await self._own_visit(appointment, context, language)
            asked = self._to_move(there, asked, bool(service.strip()), bool(with_whom.strip()))
        return await self._finder.find(when, asked, context.contact, language)

    def _to_move(self, there: Appointment, asked: Asked, named: bool, wished: bool) -> Asked:
        """Of the same service and with the same person as the visit that is to be moved, unless another is named; its own
        time is in nobody's way."""
        own = (*asked.own, there.id)
        service = self._rules.service(str(there.reference.get("service", "")))
        if named or service is None:
            service = asked.service
        can = self._rules.staff_of(service)
        wanted = {each.id for each in asked.staff} if wished else {str(there.reference.get("staff", ""))}
        staff = tuple(each for each in can if each.id in wanted) or can
        return replace(asked, own=own, service=service, staff=staff)

    async def hold(self, id: str, context: ToolContext) -> str:
        """Until when it is kept. Raises Refused."""
        language = self._language(context, await self._said(context))
        slot = await self._offered(id, context, language)
        self._check(slot, language)
        await self._look(slot, context, "", language)
        until = await self._diary.hold(context.contact.id, id.strip(), slot)
        if until is None:
            raise Refused(words.say("taken", language))
        when = self._finder.label(slot, context.contact, language, named=False)
        return words.say("held", language, when=when, until=words.clock(until, self._rules.zone))

    async def own(self, context: ToolContext) -> str:
        """The contact's visits that are to come, one a line."""
        language = self._language(context, await self._said(context))
        now = self._plugin.clock.now()
        theirs = await self._plugin.appointments.of(context.contact.id)
        lines = [
            f"{each.id} — {self._finder.spoken(each.starts_at, context.contact, language)} – {self._service(each, language)}"
            for each in sorted(theirs, key=lambda each: each.starts_at)
            if each.state == "booked" and each.ends_at > now
        ]
        return "\n".join(lines) or words.say("none", language)

    # Deeds.

    async def book(self, id: str, context: ToolContext) -> Done:
        said = await self._said(context)
        language = self._language(context, said)
        if (done := await self.find_booking(context)) is not None:
            return done
        slot = await self._offered(id, context, language)
        self._check(slot, language)
        visit = self._plugin.appointments.id_of(context.key)
        await self._look(slot, context, visit, language)
        try:
            booked = await self._visits.book(
                slot, context.contact, context.conversation, context.key, self._asked(said)
            )
        except Refused as err:
            raise Refused(_said(err.reason, language)) from err
        except Clash as err:
            await self._clashed(slot, context)
            raise Refused(words.say("taken", language)) from err
        return self._done("booked", booked, context, language)

    async def find_booking(self, context: ToolContext) -> Done | None:
        there = await self._plugin.appointments.get(self._plugin.appointments.id_of(context.key))
        if there is None:
            return None
        await self._visits.booked(there)
        await self._diary.release(context.contact.id)
        return self._done("booked", there, context, self._language(context, await self._said(context)))

    async def move(self, appointment: str, id: str, context: ToolContext) -> Done:
        language = self._language(context, await self._said(context))
        if (done := await self.find_change(appointment, "moved", context)) is not None:
            return done
        there = await self._own_visit(appointment, context, language)
        self._check_changeable(there, language)
        slot = await self._offered(id, context, language)
        if (service := self._rules.service(str(there.reference.get("service", "")))) is not None:
            slot = replace(slot, service=service)
        if slot.begins == there.starts_at and slot.staff.id == there.reference.get("staff"):
            raise Refused(words.say("same", language))
        self._check(slot, language)
        await self._look(slot, context, there.id, language)
        try:
            moved = await self._visits.move(there, slot, context.contact, context.conversation, context.key)
        except Refused as err:
            raise Refused(_said(err.reason, language)) from err
        except Clash as err:
            await self._clashed(slot, context)
            raise Refused(words.say("taken", language)) from err
        except Changed as err:
            raise Refused(await self._changed_meanwhile(there, err, context, language)) from err
        return self._done("moved", moved, context, language)

    async def cancel(self, appointment: str, context: ToolContext) -> Done:
        said = await self._said(context)
        language = self._language(context, said)
        if (done := await self.find_change(appointment, "cancelled", context)) is not None:
            return done
        there = await self._own_visit(appointment, context, language)
        self._check_changeable(there, language)
        cause = said[0].text[:200] if said else ""
        cancelled = await self._visits.cancel(there, context.key, cause)
        return self._done("cancelled", cancelled, context, language)

    async def find_change(self, appointment: str, what: str, context: ToolContext) -> Done | None:
        """What the deed with this key has made of the visit; None: nothing."""
        there = await self._plugin.appointments.get(appointment.strip())
        key = f"{self._plugin.name}/{context.key}"
        if there is None or not any(each.key == key for each in there.history):
            return None
        if what == "moved":
            await self._visits.moved(there, key)
            await self._diary.release(context.contact.id)
        else:
            await self._visits.cancelled(there)
        return self._done(what, there, context, self._language(context, await self._said(context)))

    def _done(self, key: str, there: Appointment, context: ToolContext, language: str) -> Done:
        when = self._finder.spoken(there.starts_at, context.contact, language)
        told = words.say(key, language, service=self._service(there, language), when=when)
        return Done(told=told, sentence=told)

    # What is looked at before anything is written.

    async def _offered(self, id: str, context: ToolContext, language: str) -> Slot:
        slot = await self._offers.slot(context.contact.id, id)
        if slot is None:
            raise Refused(words.say("unknown_slot", language))
        return slot

    async def _own_visit(self, id: str, context: ToolContext, language: str) -> Appointment:
        """Raises Refused, in the same words, for another's and for one that there is not."""
        there = await self._plugin.appointments.get(id.strip())
        if there is None or there.contact not in context.conversation.parts or there.plugin != self._plugin.name:
            raise Refused(words.say("unknown_visit", language))
        return there

    def _check(self, slot: Slot, language: str) -> None:
        now, zone = self._plugin.clock.now(), self._rules.zone
        match self._rules.problem(slot, now):
            case "gone":
                raise Refused(words.say("gone", language))
            case "too_soon":
                lead = words.length(self._rules.settings.lead_time, language)
                raise Refused(words.say("too_soon", language, lead=lead))
            case "too_far":
                until = self._rules.latest(now).astimezone(zone).date()
                raise Refused(words.say("too_far", language, until=words.day_of(until, language, now.date())))

    def _check_changeable(self, there: Appointment, language: str) -> None:
        if there.state != "booked":
            raise Refused(words.say("not_booked", language))
        if there.starts_at < self._plugin.clock.now() + self._rules.settings.change_until:
            lead = words.length(self._rules.settings.change_until, language)
            raise Refused(words.say("too_late", language, lead=lead))

    async def _look(self, slot: Slot, context: ToolContext, visit: str, language: str) -> None:
        """Whether it is free, just before it is taken. Raises Refused, RetryLater."""
        try:
            free = await self._diary.is_free(slot, (holder(context.contact.id), visit))
            free = free and not await self._diary.is_disturbed(slot)
        except RetryLater as err:
            raise RetryLater(words.say("away", language), after=err.after) from err
        if not free:
            raise Refused(words.say("taken", language))

    async def _clashed(self, slot: Slot, context: ToolContext) -> None:
        values = {
            "service": slot.service.name,
            "when": words.moment(slot.begins, self._rules.zone, self._plugin.tenant.language, self._plugin.clock.now()),
            "staff": slot.staff.name,
        }
        await self._visits.tell("clash", "clash_text", f"{context.key}/clash", context.conversation.id, values)

    async def _changed_meanwhile(
        self, there: Appointment, changed: Changed, context: ToolContext, language: str
    ) -> str:
        """People have moved or deleted the event: that stands first, and the contact decides anew."""
        event = changed.event or replace(self._visits.event_of(there), state="cancelled")
        await self._outside.apply(event, tell=False)
        if event.state == "cancelled":
            return words.say("cancelled_meanwhile", language)
        when = self._finder.spoken(event.starts_at, context.contact, language)
        return words.say("moved_meanwhile", language, when=when)

    # What the contact has said.

    async def _said(self, context: ToolContext) -> list[Message]:
        """Their newest messages, the newest first."""
        messages = await self._plugin.conversations.messages(context.conversation.id, limit=LOOKED_AT * 2)
        return [each for each in reversed(messages) if each.direction == "inbound" and each.text][:LOOKED_AT]

    def _language(self, context: ToolContext, said: Sequence[Message]) -> str:
        return language_of(context.contact, self._plugin.tenant.language, [each.text for each in said])

    def _asked(self, said: Sequence[Message]) -> dict[str, str]:
        """The words that asked for it: the newest that name a time."""
        now = self._plugin.clock.now()
        for each in said:
            language = words.spoken(self._plugin.tenant.language)
            text = without_names(self._rules.settings.services, each.text)
            if hear(text, now, zone=self._rules.zone, language=language).spans:
                return {"words": each.text[:500], "message": each.id}
        return {"words": said[0].text[:500], "message": said[0].id} if said else {}

    def _service(self, there: Appointment, language: str) -> str:
        service = self._rules.service(str(there.reference.get("service", "")))
        return words.service_name(service, language) if service is not None else there.service


def _said(reason: str, language: str) -> str:
    """The words for a reason of visits.py, which are keys; a vendor's reason stands as it is."""
    return words.say(reason, language) if reason in ("taken", "gone") else reason
