"""The buttons below a reminder: each acts on exactly the visit it was sent for, as that visit was then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from frontdesk import Appointment, Choice, Contact, Conversation, Message, Refused, RetryLater

from .words import Said, filled, own, speaks, when

if TYPE_CHECKING:
    from . import Reminders

NAME = "reminders"
CAUSE = "the contact tapped a button"
DEEDS = ("confirm", "move", "cancel")
MOVING_FOR = timedelta(hours=24)
"""How long after the tap a time that the contact names is for the visit to be moved."""


@dataclass(frozen=True, slots=True)
class Tap:
    """What a button's id says."""

    deed: str
    appointment: str
    edition: int


def edition(appointment: Appointment) -> int:
    """Which time of it this is: how often it was booked or moved. A reminder is of one edition only."""
    return sum(each.what in ("booked", "moved") for each in appointment.history)


def stands(appointment: Appointment, wanted: int) -> bool:
    """Whether it is booked, and at the time that it had in that edition."""
    return appointment.state == "booked" and edition(appointment) == wanted


def choices(appointment: Appointment, language: str) -> tuple[Choice, ...]:
    """The buttons for the visit as it is now."""
    ids = {deed: f"{NAME}:{deed}:{appointment.id}:{edition(appointment)}" for deed in DEEDS}
    return (
        Choice(id=ids["confirm"], title=own("confirm", language)),
        Choice(id=ids["move"], title=own("move", language)),
        Choice(id=ids["cancel"], title=own("cancel", language)),
    )


def read(payload: str) -> Tap | None:
    """What a button's id says; None: it is none of ours."""
    name, _, rest = payload.partition(":")
    parts = rest.split(":")
    if name != NAME or len(parts) != 3 or parts[0] not in DEEDS or not parts[2].isdecimal():
        return None
    return Tap(parts[0], parts[1], int(parts[2]))


async def answer(
    plugin: Reminders, conversation: Conversation, contact: Contact, message: Message, *, tries: int = 3
) -> str | None:
    """Do what was tapped and say what is so; nothing is changed where the visit is not as it was. The same message may
    come again."""
    language = speaks(contact.language, plugin.tenant.language)
    tap = read(str(message.data.get("payload", "")))
    if tap is None:
        return None
    appointment = await plugin.appointments.get(tap.appointment)
    if appointment is None or appointment.conversation not in conversation.parts:
        return own("unknown", language)

    def say(said: Said) -> str:
        at = when(appointment.starts_at, ZoneInfo(appointment.zone), language)
        return filled(own(said, language), language, when=at, service=appointment.service)

    if any(each.key == f"{NAME}/{message.id}" for each in appointment.history):
        return say("cancelled" if tap.deed == "cancel" else "confirmed")
    if appointment.state == "cancelled":
        return say("cancelled_before")
    if appointment.starts_at <= plugin.clock.now() or appointment.state != "booked":
        return say("over")
    if edition(appointment) != tap.edition:
        return say("moved")
    match tap.deed:
        case "confirm":
            await plugin.appointments.note(appointment.id, message.id, confirmed_at=plugin.clock.now(), cause=CAUSE)
            return say("confirmed")
        case "cancel":
            try:
                await plugin.appointments.become(
                    appointment.id, "cancelled", message.id, cause=CAUSE, version=appointment.version
                )
            except (Refused, RetryLater):
                if tries == 1:
                    raise
                # Somebody was quicker: it is looked at as it is now.
                return await answer(plugin, conversation, contact, message, tries=tries - 1)
            return say("cancelled")
        case _:
            doc = {"appointment": appointment.id, "edition": tap.edition, "at": plugin.clock.now().isoformat()}
            await plugin.store.put("moving", conversation.contact, doc)
            return say("moving")


async def to_be_moved(plugin: Reminders, conversation: Conversation) -> Appointment | None:
    """The visit that the contact has tapped to move, until it is moved, cancelled, or a day has passed."""
    moving = await plugin.store.get("moving", conversation.contact)
    if moving is None:
        return None
    appointment = await plugin.appointments.get(moving["appointment"])
    late = plugin.clock.now() - datetime.fromisoformat(moving["at"]) > MOVING_FOR
    if late or appointment is None or not stands(appointment, moving["edition"]):
        await plugin.store.delete("moving", conversation.contact)
        return None
    return appointment
