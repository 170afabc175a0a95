"""Books visits: free times by the rules of the business, holds, appointments, and a calendar that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from frontdesk import (
    Appointment,
    Card,
    Change,
    Contact,
    Conversation,
    Done,
    Finding,
    NeedsAttention,
    Plugin,
    Section,
    Services,
    Task,
    ToolContext,
    Turn,
    hookimpl,
    tool,
)

from . import words
from .calendars import Keeper
from .desk import Desk
from .diary import HOLDS, Diary
from .invitation import CONTENT_TYPE, calendar_file, calendar_link
from .local import LocalCalendars
from .offers import COLLECTION, Offers
from .outside import FOREIGN, Outside
from .rules import Rules
from .settings import GcalSchedulerSettings
from .visits import LEAVE, SETTLE, Visits

if TYPE_CHECKING:
    from quart import Blueprint

FILE_LASTS = timedelta(days=1)
"""So long after a visit the link to its file works."""


class GcalScheduler(Plugin):
    """Finds, holds, books, moves and cancels visits; in a Google Calendar, too, if there is one."""

    settings: GcalSchedulerSettings
    has_page = False

    def __init__(self, name: str, settings: GcalSchedulerSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self.calendars: Keeper = _keeper(self, settings)
        self.rules = Rules(settings, self.tenant.name, self.tenant.opening_hours, self.tenant.zone)
        self.diary = Diary(self, self.rules, self.calendars)
        self.visits = Visits(self, self.rules, self.diary, self.calendars)
        self.outside = Outside(self, self.rules, self.diary, self.visits, self.calendars)
        self.offers = Offers(self, self.rules)
        self._desk = Desk(self, self.rules, self.diary, self.visits, self.offers, self.outside)

    # What the model may do. It gives ids, and what the contact said; never a time of its own making.

    @tool
    async def find_slots(
        self, context: ToolContext, when: str = "", service: str = "", with_whom: str = "", appointment: str = ""
    ) -> str:
        """Look up free times for a visit, one a line: the id of the slot, a dash, and the time as people say it.

        Call it whenever the contact asks about a time, also "can I come Monday at 3?". Nobody knows what is free without it.

        Args:
            when: What the contact said of the time, in their own words and language ("chiều thứ sáu", "next Tuesday after
                5"). Do not work out a date. Leave it out for the next free times.
            service: The service's id or name; leave it out if the contact has named none.
            with_whom: Whom the contact wants to see, if they named somebody.
            appointment: The id of the appointment that is to be moved, as my_appointments gave it.
        """
        return await self._desk.find(when, service, with_whom, appointment, context)

    @tool
    async def hold_slot(self, slot: str, context: ToolContext) -> str:
        """Keep one slot for this contact for some minutes while they decide. A contact has one; a new one replaces it.

        Args:
            slot: The id of the slot, as find_slots gave it.
        """
        return await self._desk.hold(slot, context)

    @tool(deed=True, lookup="find_booking")
    async def book(self, slot: str, context: ToolContext) -> Done:
        """Book a visit, after the contact has agreed to a read-back of what, when and with whom.

        Args:
            slot: The id of the slot, as find_slots gave it.
        """
        return await self._desk.book(slot, context)

    async def find_booking(self, slot: str, context: ToolContext) -> Done | None:
        """Whether the deed with this key has booked."""
        return await self._desk.find_booking(context)

    @tool(deed=True, lookup="find_move")
    async def move(self, appointment: str, slot: str, context: ToolContext) -> Done:
        """Move a booked visit to another slot, after the contact has agreed to a read-back.

        Args:
            appointment: The id of the appointment, as my_appointments gave it.
            slot: The id of the new slot, as find_slots gave it.
        """
        return await self._desk.move(appointment, slot, context)

    async def find_move(self, appointment: str, slot: str, context: ToolContext) -> Done | None:
        """Whether the deed with this key has moved it."""
        return await self._desk.find_change(appointment, "moved", context)

    @tool(deed=True, lookup="find_cancellation")
    async def cancel(self, appointment: str, context: ToolContext) -> Done:
        """Cancel a booked visit, after the contact has confirmed that they want that.

        Args:
            appointment: The id of the appointment, as my_appointments gave it.
        """
        return await self._desk.cancel(appointment, context)

    async def find_cancellation(self, appointment: str, context: ToolContext) -> Done | None:
        """Whether the deed with this key has cancelled it."""
        return await self._desk.find_change(appointment, "cancelled", context)

    @tool
    async def my_appointments(self, context: ToolContext) -> str:
        """This contact's own booked visits that are to come, one a line: the id of the appointment, a dash, and when."""
        return await self._desk.own(context)

    @hookimpl
    async def prompt_section(self, conversation: Conversation, contact: Contact) -> Section:
        """What can be booked, so that the model can name it and its price."""
        language = contact.language or self.tenant.language
        lines = [f"{each.id}: {words.about(each, language)}" for each in self.settings.services]
        return Section(name="bookable services", text="\n".join([words.say("list", language), *lines]))

    # What others do.

    @hookimpl
    async def on_appointment_changed(self, appointment: Appointment, change: Change) -> None:
        await self.outside.changed(appointment, change)

    @hookimpl
    async def on_turn_committed(self, conversation: Conversation, contact: Contact, turn: Turn) -> None:
        """Whoever has booked or moved is sent the visit for their own calendar, after the words that say so."""
        if not self.settings.calendar_file:
            return
        for deed in turn.deeds:
            if deed.plugin == self.name and deed.state == "done" and deed.tool in ("book", "move"):
                booked = deed.tool == "book"
                id = self.appointments.id_of(deed.key) if booked else str(deed.arguments.get("appointment", ""))
                there = await self.appointments.get(id)
                if there is not None and there.state == "booked" and there.starts_at > self.clock.now():
                    await self._invite(there, contact)

    async def _invite(self, there: Appointment, contact: Contact) -> None:
        now, language = self.clock.now(), contact.language or self.tenant.language
        content = calendar_file(there, self.tenant.name, self.settings.place, there.changed_at)
        key = await self.media.put(content, CONTENT_TYPE)
        lasts = there.ends_at + FILE_LASTS - now
        told = words.say(
            "calendar",
            language,
            service=there.service,
            when=words.moment(there.starts_at, self.tenant.zone, language, now),
            link=calendar_link(there, self.tenant.name, self.settings.place),
            file=self.media.url(key, seconds=lasts.total_seconds()),
        )
        case = f"calendar/{there.id}/{there.moves}"
        await self.conversations.send(there.conversation, case, told, useful_until=there.starts_at)

    @hookimpl
    async def contact_card(self, conversation: Conversation, contact: Contact, language: str) -> Card | None:
        """What is kept for the contact, so that who takes over knows; booked visits stand beside it anyway."""
        kept = await self.diary.kept(contact.id)
        slot = await self.offers.slot(contact.id, kept.slot) if kept is not None else None
        if kept is None or slot is None:
            return None
        now = self.clock.now()
        when = words.moment(slot.begins, self.tenant.zone, language, now)
        until = words.clock(kept.until, self.tenant.zone)
        told = words.card(language, when=when, service=words.service_name(slot.service, language), until=until)
        return Card(title=told[0], rows=((told[1], told[2]),))

    # Privacy.

    @hookimpl
    async def export_contact(self, conversation: Conversation, contact: Contact) -> Mapping[str, Any] | None:
        kept = {
            name: [found for part in conversation.parts if (found := await self.store.get(name, part)) is not None]
            for name in (HOLDS, COLLECTION)
        }
        ids = [each.id for each in await self._appointments_of(conversation)]
        told: dict[str, Any] = {name: found for name, found in kept.items() if found}
        if elsewhere := await self.calendars.export_contact(ids):
            told["calendar"] = [elsewhere]
        return told or None

    @hookimpl
    async def erase_contact(self, conversation: Conversation, contact: Contact) -> None:
        """Out of the calendars, and what they hold and were offered. The core forgets the appointments and frees days."""
        for there in await self._appointments_of(conversation):
            await self.store.delete(FOREIGN, there.id)
            if there.plugin == self.name and there.reference.get("calendar"):
                await self.calendars.erase(self.visits.event_of(there))
        for part in conversation.parts:
            await self.diary.release(part)
            await self.offers.forget(part)

    async def _appointments_of(self, conversation: Conversation) -> Sequence[Appointment]:
        return await self.appointments.of(conversation.contact)

    # Body.

    @hookimpl
    async def start(self) -> None:
        try:
            await self.call_blocking(self.rules.prepare, self.clock.now())
        except LookupError as err:
            raise NeedsAttention(
                f"holidays: {self.settings.holidays}: {err}; write a country such as VN or GB-ENG"
            ) from err
        await self.calendars.start()

    @hookimpl
    async def stop(self) -> None:
        await self.calendars.stop()

    @hookimpl
    async def run_task(self, task: Task) -> datetime | None:
        if task.name == SETTLE:
            await self.visits.settle(task.data)
        elif task.name == LEAVE:
            await self.visits.leave(task.data)
        elif task.name.startswith("google_"):
            return await self.calendars.run_task(task)
        return None

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        """Where Google comes to: its push messages, and operators back from its consent page."""
        from .google import routes  # its SDK is imported by nobody who does not need it

        routes.add(blueprint)

    @hookimpl
    async def admin_panel(self, page: str, language: str) -> Card | None:
        return await self.calendars.panel(language)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        if self.rules.never_open:
            return {"ok": False, "detail": NEVER_OPEN}
        return await self.calendars.check_health()

    @hookimpl
    async def diagnose(self) -> tuple[Finding, ...]:
        found = await self.calendars.diagnose()
        if self.rules.never_open:
            cure = "write opening_hours for the tenant, or hours for gcal_scheduler or its staff"
            return (Finding(level="problem", what=NEVER_OPEN, cure=cure), *found)
        return found

    @hookimpl
    async def repair(self, fix: str) -> None:
        await self.calendars.repair(fix)


NEVER_OPEN = "nothing can be booked: neither the tenant nor anybody of the staff has working hours"


def _keeper(plugin: GcalScheduler, settings: GcalSchedulerSettings) -> Keeper:
    if settings.backend == "local":
        return LocalCalendars()
    from .google import GoogleCalendars  # its SDK is imported by nobody who does not need it

    return GoogleCalendars(plugin)
