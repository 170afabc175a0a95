"""The buttons below a reminder: each acts on exactly the visit it was sent for, as that visit was then."""

from __future__ import annotations

from collections.abc import Mapping
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
DEEDS: Mapping[str, Said] = {"confirm": "confirm", "move": "move", "cancel": "cancel"}
"""What a button asks for → what stands on it."""
LOOK_BACK = 100
"""Messages among which the reminder is looked for."""
MOVING_FOR = timedelta(hours=24)
"""How long after the tap a time that the contact names is for the visit to be moved."""


@dataclass(frozen=True, slots=True)
class Of:
    """What a reminder was of."""

    appointment: str
    edition: int
    rule: str

    @property
    def key(self) -> str:
        """Of the message and the task: the same for the same reminder."""
        return f"{self.appointment}.{self.edition}.{self.rule}"


def edition(appointment: Appointment) -> int:
    """Which time of it this is: how often it was booked or moved. A reminder is of one edition only."""
    return sum(each.what in ("booked", "moved") for each in appointment.history)


def stands(appointment: Appointment, wanted: int) -> bool:
    """Whether it is booked, and at the time that it had in that edition."""
    return appointment.state == "booked" and edition(appointment) == wanted


def choices(language: str) -> tuple[Choice, ...]:
    """The buttons. Their ids are the same for every visit, as those of an approved template are: which one is meant is told
    by the message that they stand below."""
    return tuple(Choice(id=f"{NAME}:{deed}", title=own(said, language)) for deed, said in DEEDS.items())


def deed(payload: str) -> str:
    """What a button's id asks for; empty: it is none of ours."""
    name, _, rest = payload.partition(":")
    return rest if name == NAME and rest in DEEDS else ""


def reminded_of(message: Message) -> Of | None:
    """What a message of ours is a reminder of; None: it is none."""
    author, _, key = message.id.partition("-")
    parts = key.split(".", 2)
    if author != NAME or message.author != f"plugin:{NAME}" or len(parts) != 3 or not parts[1].isdecimal():
        return None
    return Of(parts[0], int(parts[1]), parts[2])


async def meant(plugin: Reminders, conversation: Conversation, message: Message) -> Of | None:
    """The reminder below which the contact tapped; None: that cannot be told for certain."""
    said = await plugin.conversations.messages(conversation.id, limit=LOOK_BACK)
    replied_to = message.data.get("replied_to")
    if replied_to:
        below = next((each for each in said if each.provider_id == replied_to), None)
        return reminded_of(below) if below is not None else None
    # A provider that does not tell: it is certain where all reminders of these days were of one visit.
    found = [of for each in said if each.direction == "outbound" and (of := reminded_of(each)) is not None]
    return found[-1] if len({each.appointment for each in found}) == 1 else None


async def answer(
    plugin: Reminders, conversation: Conversation, contact: Contact, message: Message, *, tries: int = 3
) -> str | None:
    """Do what was tapped and say what is so; nothing is changed where the visit is not as it was. The same message may
    come again."""
    language = speaks(contact.language, plugin.tenant.language)
    asked = deed(str(message.data.get("payload", "")))
    if not asked:
        return None
    of = await meant(plugin, conversation, message)
    appointment = await plugin.appointments.get(of.appointment) if of is not None else None
    if of is None or appointment is None or appointment.conversation not in conversation.parts:
        return own("unknown", language)

    def say(said: Said) -> str:
        at = when(appointment.starts_at, ZoneInfo(appointment.zone), language)
        return filled(own(said, language), language, when=at, service=appointment.service)

    if any(each.key == f"{NAME}/{message.id}" for each in appointment.history):
        return say("cancelled" if asked == "cancel" else "confirmed")
    if appointment.state == "cancelled":
        return say("cancelled_before")
    if appointment.starts_at <= plugin.clock.now() or appointment.state != "booked":
        return say("over")
    if edition(appointment) != of.edition:
        return say("moved")
    match asked:
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
            doc = {"appointment": appointment.id, "edition": of.edition, "at": plugin.clock.now().isoformat()}
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
