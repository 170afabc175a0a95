"""Reminds contacts of their visits, and writes to who did not come or went quiet: once, at a good hour, never of what is
no longer so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from frontdesk import (
    Appointment,
    Change,
    Choice,
    Contact,
    Conversation,
    Finding,
    Lead,
    Message,
    Plugin,
    Reminder,
    RetryLater,
    Section,
    Task,
    Template,
    hookimpl,
)

from . import taps
from .settings import FollowUp, RemindersSettings, Rule, Wording
from .timing import Quiet, later, plan
from .words import filled, own, speaks, when

REMIND, NO_SHOW, QUIET_LEAD, LOOK = "remind", "no_show", "quiet_lead", "look"
"""The plugin's tasks."""
AHEAD = timedelta(days=2)
"""How much longer before a visit than the earliest reminder the daily look plans it."""
LOOK_EVERY = timedelta(hours=24)
QUIET_AGAIN = timedelta(days=30)
"""A contact who went quiet is written to once in so long."""
STALE = timedelta(hours=6)
"""A follow-up that is later than this is not worth sending."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is written to."""

    conversation: Conversation
    contact: Contact
    language: str


class Reminders(Plugin):
    """Reminds of visits at the times that the tenant chose, with buttons to confirm, move or cancel them."""

    settings: RemindersSettings

    @hookimpl
    async def start(self) -> None:
        await self._look_again(self.clock.now())

    # What has to be planned.

    @hookimpl
    async def on_appointment_changed(self, appointment: Appointment, change: Change) -> None:
        if change.what in ("booked", "moved", "cancelled", "showed", "no_show"):
            await self._withdraw(appointment)
        if change.what in ("booked", "moved") and appointment.state == "booked":
            await self.remember(appointment)
        elif change.what == "no_show" and appointment.state == "no_show" and self.settings.after_no_show is not None:
            now = self.clock.now()
            at = later(max(now, appointment.ends_at) + self.settings.after_no_show.after, self._quiet(appointment.zone))
            key = f"{appointment.id}/{taps.edition(appointment)}"
            data = {"appointment": appointment.id, "edition": taps.edition(appointment)}
            await self.tasks.schedule(
                NO_SHOW, key, at, data, conversation=appointment.conversation, useful_until=at + STALE
            )

    async def _withdraw(self, appointment: Appointment) -> None:
        """Reminders of what is no longer so that are held, or whose provider is away."""
        ended = taps.edition(appointment) - (appointment.state == "booked")
        for edition in range(1, ended + 1):
            for rule in self.settings.rules:
                key = taps.Of(appointment.id, edition, rule.id).key
                await self.conversations.withdraw(key, "the visit was moved or cancelled meanwhile")

    async def remember(self, appointment: Appointment) -> None:
        """Plan what is not planned yet; what is too late is shown with the reason."""
        edition, quiet = taps.edition(appointment), self._quiet(appointment.zone)
        for rule in self.settings.rules:
            planned = plan(appointment.starts_at, rule.before, _booked_at(appointment), quiet)
            key = taps.Of(appointment.id, edition, rule.id).key
            if not planned.reason and planned.until > self.clock.now():
                times = {"at": planned.at.isoformat(), "until": planned.until.isoformat()}
                data = {"appointment": appointment.id, "edition": edition, "rule": rule.id, **times}
                # Without an end: what comes too late is not forgotten, it is shown as dropped.
                await self.tasks.schedule(REMIND, key, planned.at, data, conversation=appointment.conversation)
                state, reason = "planned", ""
            else:
                state, reason = "dropped", planned.reason or "it is too late for it"
            if not any(each.rule == rule.id and each.at == planned.at for each in appointment.reminders):
                noted = Reminder(rule=rule.id, at=planned.at, state=state, reason=reason)  # type: ignore[arg-type]
                await self.appointments.note(appointment.id, f"{key}/{state}", reminder=noted)

    @hookimpl
    async def on_lead_changed(self, lead: Lead, change: Change) -> None:
        follow = self.settings.quiet_lead
        if follow is not None and lead.temperature == "warm" and change.after.get("temperature") == "warm":
            await self._when_quiet(lead.contact, change.key, self.clock.now() + follow.after)

    async def _when_quiet(self, contact: str, key: str, at: datetime) -> None:
        at = later(at, self._quiet(self.tenant.time_zone))
        data = {"contact": contact, "key": key}
        await self.tasks.schedule(
            QUIET_LEAD, f"{key}/{at.isoformat()}", at, data, conversation=contact, useful_until=at + STALE
        )

    # What is due.

    @hookimpl
    async def run_task(self, task: Task) -> None:
        match task.name:
            case "remind":
                await self._remind(task)
            case "no_show":
                await self._after_no_show(task)
            case "quiet_lead":
                await self._follow_quiet_lead(task)
            case _:
                await self._look()

    async def _remind(self, task: Task) -> None:
        appointment = await self.appointments.get(task.data["appointment"])
        rule = next((each for each in self.settings.rules if each.id == task.data["rule"]), None)
        if appointment is None or rule is None or not taps.stands(appointment, task.data["edition"]):
            return
        at, now = datetime.fromisoformat(task.data["at"]), self.clock.now()
        until = datetime.fromisoformat(task.data["until"])
        listener = await self._listener(appointment.conversation)
        if now >= until:
            return await self._noted(appointment, rule, at, "dropped", "it was too late to be useful")
        if listener is None or listener.contact.opted_out:
            return await self._noted(appointment, rule, at, "dropped", "the contact wants no messages")
        if (quiet := self._quiet(appointment.zone).around(now)) is not None:
            if quiet[1] >= until:
                return await self._noted(appointment, rule, at, "dropped", "it came into the quiet hours")
            raise RetryLater("quiet hours", after=(quiet[1] - now).total_seconds())
        key = taps.Of(appointment.id, task.data["edition"], rule.id).key
        wording = _wording(rule.words, listener.language)
        values = self._values(appointment, listener)
        await self.conversations.send(
            listener.conversation.id,
            key,
            filled((wording and wording.text) or own("remind", listener.language), listener.language, **values),
            fallback=_template(wording, listener.language, values),
            choices=taps.choices(listener.language) if rule.buttons else (),
            useful_until=until,
        )
        await self._noted(appointment, rule, at, "sent", "")

    async def _after_no_show(self, task: Task) -> None:
        appointment = await self.appointments.get(task.data["appointment"])
        follow = self.settings.after_no_show
        if appointment is None or follow is None or appointment.state != "no_show":
            return
        if any(
            each.state == "booked" and each.starts_at > self.clock.now() for each in await self._theirs(appointment)
        ):
            return  # they have another one already
        await self._follow_up(
            appointment.conversation, f"no-show/{appointment.id}/{task.data['edition']}", follow, "no_show", appointment
        )

    async def _follow_quiet_lead(self, task: Task) -> None:
        contact, follow, now = task.data["contact"], self.settings.quiet_lead, self.clock.now()
        lead = await self.leads.get(contact)
        conversation = await self.conversations.get(contact)
        if follow is None or conversation is None or lead is None or lead.temperature != "warm":
            return
        spoke = conversation.last_inbound_at
        if spoke is not None and spoke + follow.after > now:
            return await self._when_quiet(contact, task.data["key"], spoke + follow.after)
        if any(each.state == "booked" and each.starts_at > now for each in await self.appointments.of(contact)):
            return
        last = await self.store.get("followed", conversation.contact)
        if last is not None and last["key"] != task.data["key"]:
            if now - datetime.fromisoformat(last["at"]) < QUIET_AGAIN:
                return
            await self.store.delete("followed", conversation.contact)
        await self.store.insert("followed", conversation.contact, {"at": now.isoformat(), "key": task.data["key"]})
        await self._follow_up(contact, f"quiet/{task.data['key']}", follow, "quiet", None)

    async def _follow_up(
        self, conversation: str, key: str, follow: FollowUp, said: Any, appointment: Appointment | None
    ) -> None:
        listener = await self._listener(conversation)
        if listener is None or listener.contact.opted_out or listener.conversation.owner.startswith("operator:"):
            return
        wording = _wording(follow.words, listener.language)
        values = self._values(appointment, listener)
        again = Choice(id="another-time", title=own("again", listener.language))
        await self.conversations.send(
            listener.conversation.id,
            key,
            filled((wording and wording.text) or own(said, listener.language), listener.language, **values),
            fallback=_template(wording, listener.language, values),
            choices=(again,) if appointment is not None else (),
            useful_until=self.clock.now() + STALE,
        )

    async def _look(self) -> None:
        """Once a day: visits that were booked before the plugin worked here, or are further ahead than a task is kept."""
        now = self.clock.now()
        furthest = max((rule.before for rule in self.settings.rules), default=timedelta()) + AHEAD
        begin = now
        while page := await self.appointments.between(begin, now + furthest, limit=200):
            for appointment in page:
                if appointment.state == "booked":
                    await self.remember(appointment)
            if len(page) < 200 or page[-1].starts_at == begin:
                break
            begin = page[-1].starts_at
        await self._look_again(now + LOOK_EVERY)

    async def _look_again(self, at: datetime) -> None:
        await self.tasks.schedule(LOOK, f"{at:%Y-%m-%d}", at)

    async def _noted(self, appointment: Appointment, rule: Rule, at: datetime, state: Any, reason: str) -> None:
        noted = Reminder(rule=rule.id, at=at, state=state, reason=reason)
        key = f"{taps.Of(appointment.id, taps.edition(appointment), rule.id).key}/{state}"
        await self.appointments.note(appointment.id, key, reminder=noted)

    @hookimpl
    async def on_message_failed(self, conversation: Conversation, message: Message) -> None:
        """A reminder that did not go after all is shown as dropped, with the reason."""
        of = taps.reminded_of(message)
        appointment = await self.appointments.get(of.appointment) if of is not None else None
        if of is None or appointment is None or not taps.stands(appointment, of.edition):
            return
        sent = next((each for each in appointment.reminders if each.rule == of.rule and each.state == "sent"), None)
        rule = next((each for each in self.settings.rules if each.id == of.rule), None)
        if sent is not None and rule is not None:
            await self._noted(appointment, rule, sent.at, "dropped", message.error or message.state)

    # What the contact taps.

    @hookimpl
    async def answer_choice(self, conversation: Conversation, contact: Contact, message: Message) -> str | None:
        return await taps.answer(self, conversation, contact, message)

    @hookimpl
    async def on_message(self, conversation: Conversation, contact: Contact, message: Message) -> None:
        """While a person answers, or nobody, what was tapped is done all the same, and said."""
        if conversation.owner == "bot" or not taps.deed(str(message.data.get("payload", ""))):
            return
        words = await taps.answer(self, conversation, contact, message)
        if words:
            await self.conversations.send(conversation.id, f"tap/{message.id}", words)

    @hookimpl
    async def prompt_section(self, conversation: Conversation) -> Section | None:
        appointment = await taps.to_be_moved(self, conversation)
        if appointment is None:
            return None
        starts = appointment.starts_at.astimezone(ZoneInfo(appointment.zone))
        return Section(
            name="A visit to be moved",
            text=f"The contact tapped a button to move the visit with the id {appointment.id}, now {starts:%Y-%m-%d %H:%M}: "
            "the time they name next is for this visit, which is moved and not booked anew.",
        )

    # Privacy.

    @hookimpl
    async def erase_contact(self, conversation: Conversation) -> None:
        for part in conversation.parts:
            for collection in ("followed", "moving"):
                await self.store.delete(collection, part)

    # What operators see.

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        words = [*(rule.words for rule in self.settings.rules)]
        words += [each.words for each in (self.settings.after_no_show, self.settings.quiet_lead) if each is not None]
        language = speaks("", self.tenant.language)
        lacking = [each for each in words if _template(_wording(each, language), language, _EXAMPLE) is None]
        if not lacking:
            return ()
        return (
            Finding(
                level="warning",
                what="there are reminders without a template: they do not reach who has not written for 24 hours",
                cure="have a template approved at the provider and name it under `words` of each rule",
            ),
        )

    async def _listener(self, conversation: str) -> Listener | None:
        found = await self.conversations.get(conversation)
        contact = await self.conversations.contact(found.contact) if found is not None else None
        if found is None or contact is None:
            return None
        return Listener(found, contact, speaks(contact.language, self.tenant.language))

    async def _theirs(self, appointment: Appointment) -> Sequence[Appointment]:
        return await self.appointments.of(appointment.contact)

    def _quiet(self, zone: str) -> Quiet:
        return Quiet(self.settings.quiet_from, self.settings.quiet_until, ZoneInfo(zone))

    def _values(self, appointment: Appointment | None, listener: Listener) -> Mapping[str, str]:
        values = {"name": listener.contact.name, "business": self.tenant.name, "service": "", "when": ""}
        if appointment is not None:
            values["service"] = appointment.service
            values["when"] = when(appointment.starts_at, ZoneInfo(appointment.zone), listener.language)
        return values


_EXAMPLE = {"name": "", "business": "", "service": "", "when": ""}


def _booked_at(appointment: Appointment) -> datetime:
    """When it got the time that it has now."""
    times = [each.at for each in appointment.history if each.what in ("booked", "moved")]
    return times[-1] if times else appointment.created_at


def _wording(words: Sequence[Wording], language: str) -> Wording | None:
    found = {each.language.partition("-")[0]: each for each in words}
    return found.get(language)


def _template(wording: Wording | None, language: str, values: Mapping[str, str]) -> Template | None:
    if wording is None or wording.template is None:
        return None
    given = {name: filled(text, language, **values) for name, text in wording.template.variables.items()}
    return Template(id=wording.template.id, variables=given)
