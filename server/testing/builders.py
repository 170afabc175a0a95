"""A tenant that looks lived in: conversations, messages of every kind and state, leads, appointments, failures.

The same *seed* makes the same tenant, so that a page can be looked at again. Nothing here goes through the pipeline: the
documents are put where it would have left them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ..clock import milliseconds
from ..model import (
    BOT,
    NOBODY,
    Contact,
    Conversation,
    Deed,
    Identity,
    Media,
    Memory,
    Message,
    Note,
    Route,
    Summary,
    Task,
    Template,
    Turn,
)
from ..people import People
from ..records import Appointment, Change, Evidence, Lead, Reminder, Temperature
from ..store import Collection, Store
from ..store.bulk import Stored
from ..store.collections import (
    APPOINTMENTS,
    CONTACTS,
    CONVERSATIONS,
    IDENTITIES,
    LEADS,
    MESSAGES,
    NOTES,
    SUMMARIES,
    TASKS,
    TURNS,
)
from .lived_in import ASKED, ERRORS, FAMILY, FIRST, GIVEN, LAST, MIDDLE, QUOTES, SERVICES, TASK_ERRORS, TEMPLATE_TEXT

BATCH = 5_000
"""Documents that are gathered before they are written."""
ONE_MINUTE = timedelta(minutes=1)


@dataclass
class Filled:
    """What there is now; ids by what is special about a conversation."""

    conversations: list[str] = field(default_factory=list)
    """The one whose contact wrote last first."""
    special: dict[str, str] = field(default_factory=dict)
    """`voice`, `image`, `document`, `location`, `failed`, `parked`, `unanswered`, `nobody`, `operator`, `closed`, `staff` →
    the id of one such conversation, as far as there are enough of them."""
    appointments: list[str] = field(default_factory=list)


class Builder:
    """Makes one tenant's documents."""

    def __init__(
        self, people: People, tenant: str, *, now: datetime, language: str = "vi", channel: str = "phone", seed: int = 1
    ) -> None:
        self._people = people
        self._tenant = tenant
        self._now = milliseconds(now)
        self._language = "vi" if language.startswith("vi") else "en"
        self._channel = channel
        self._random = random.Random(seed)  # noqa: S311  nothing secret is made of it
        self.filled = Filled()

    def documents(self, count: int) -> Iterator[tuple[Collection[Any], Any]]:
        """(collection, document) of *count* conversations and of all that belongs to them."""
        for number in range(count):
            yield from self._conversation(number)

    def _conversation(self, number: int) -> Iterator[tuple[Collection[Any], Any]]:
        pick = self._random
        name = self._name()
        phone = f"+849{number:08d}" if self._language == "vi" else f"+4477009{number:05d}"
        external = f"{self._channel}:{phone}"
        id = self._people.id_of(self._tenant, self._channel, external)
        # The newer the more: most of what is looked at is of today.
        last = self._now - timedelta(minutes=1 + number * 7 + pick.randrange(6))
        began = last - timedelta(minutes=pick.randrange(8, 600))
        kind = SPECIAL[number % len(SPECIAL)] if number < 4 * len(SPECIAL) else ""
        if kind == "closed":
            began, last = began - timedelta(days=2), last - timedelta(days=2)
        self.filled.conversations.append(id)
        if kind:
            self.filled.special.setdefault(kind, id)
        messages, turns = self._messages(id, external, began, last, kind)
        inbound = [each for each in messages if each.direction == "inbound"]
        waiting = [each for each in inbound if each.state == "received"]
        owner = {"nobody": NOBODY, "operator": "operator:minh"}.get(kind, BOT)
        yield (
            CONTACTS,
            Contact(
                id=id,
                kind="staff" if kind == "staff" else "customer",
                name=name,
                phone="" if number % 17 == 16 else phone,
                language=self._language,
                memories=self._memories(inbound),
                opted_out=number % 41 == 40,
                created_at=began,
            ),
        )
        yield (
            IDENTITIES,
            Identity(id=f"{self._channel}:{external}", contact=id, channel=self._channel, external_id=external),
        )
        yield (
            CONVERSATIONS,
            Conversation(
                id=id,
                contact=id,
                channel=self._channel,
                address=f"{self._channel}:desk",
                external_id=external,
                owner=owner,
                owner_epoch=1 if owner != BOT else 0,
                owner_since=last + ONE_MINUTE if owner != BOT else None,
                last_human_at=last + ONE_MINUTE if owner.startswith("operator") else None,
                handoff_reason=self._words(HANDED_OFF) if owner == NOBODY else "",
                inbound_seq=len(inbound),
                temperature="" if number % 3 == 2 else self._temperature(number),
                unanswered_since=waiting[0].at if waiting else None,
                turn_no=sum(turn.state == "committed" for turn in turns),
                outbox_seq=len(messages) - len(inbound),
                last_inbound_at=inbound[-1].at,
                created_at=began,
            ),
        )
        yield from ((MESSAGES, each) for each in messages)
        yield from ((TURNS, each) for each in turns)
        yield from self._beside(id, number, messages, last)

    def _name(self) -> str:
        pick = self._random
        if self._language == "vi":
            return f"{pick.choice(FAMILY)} {pick.choice(MIDDLE)} {pick.choice(GIVEN)}"
        return f"{pick.choice(FIRST)} {pick.choice(LAST)}"

    def _words(self, table: dict[str, Any]) -> str:
        return str(self._random.choice(table[self._language]))

    def _memories(self, inbound: list[Message]) -> tuple[Memory, ...]:
        if self._random.random() > 0.3 or not inbound:
            return ()
        said = inbound[0]
        text = {"vi": "Muốn học buổi tối", "en": "Prefers evenings"}[self._language]
        return (Memory(text=text, quote=said.text[:80], message=said.id, author="bot", at=said.at),)

    def _messages(
        self, id: str, external: str, began: datetime, last: datetime, kind: str
    ) -> tuple[list[Message], list[Turn]]:
        """Rounds of a question and its answer; the last one is what *kind* says."""
        rounds = self._random.randrange(2, 5)
        messages: list[Message] = []
        turns: list[Turn] = []
        for number in range(1, rounds + 1):
            at = last if number == rounds else began + (last - began) * (number - 1) / rounds
            question, answer = self._random.choice(ASKED[self._language])
            asked = self._inbound(id, number, milliseconds(at), question, kind if number == rounds else "")
            unanswered = number == rounds and kind in ("unanswered", "nobody", "parked")
            state = "received" if unanswered else "answered"
            asked = _with(asked, state=state, turn="" if unanswered else f"{id}.{number}")
            messages.append(asked)
            if unanswered:
                turns += [self._turn(asked, number, "parked", ())] if kind == "parked" else []
                continue
            said = self._outbound(id, external, number, asked.at + timedelta(seconds=6), answer)
            if number == rounds and kind in OUTBOUND:
                said = _with(said, **OUTBOUND[kind](self._random.choice(ERRORS)))
            if number == rounds and kind == "operator":
                said = _with(said, author="operator:minh", turn="")
            else:
                turns.append(self._turn(asked, number, "committed", (said.id,)))
            messages.append(said)
        return messages, turns

    def _inbound(self, id: str, number: int, at: datetime, text: str, kind: str) -> Message:
        given = INBOUND.get(kind, lambda _: {})(self._language)
        return Message(
            **{
                "id": f"in-{id}-{number}",
                "conversation": id,
                "direction": "inbound",
                "text": text,
                "author": "contact",
                "state": "answered",
                "at": at,
                "provider_id": f"SM{id}{number:04d}",
                "announced": True,
                **given,
            }
        )

    def _outbound(self, id: str, external: str, number: int, at: datetime, text: str) -> Message:
        return Message(
            id=f"{id}.{number}.1",
            conversation=id,
            direction="outbound",
            text=text,
            author="bot",
            state=self._random.choice(("read", "read", "delivered", "sent")),
            at=at,
            provider_id=f"SM{id}{number:04d}out",
            turn=f"{id}.{number}",
            place=number,
            attempts=1,
            route=Route(channel=self._channel, address=f"{self._channel}:desk", external_id=external),
            accepted_at=at,
        )

    def _turn(self, asked: Message, number: int, state: Any, outbound: tuple[str, ...]) -> Turn:
        opened = asked.at + timedelta(seconds=2.5)
        id = f"{asked.conversation}.{number}"
        looked_up = self._random.random() < 0.4
        deeds = (
            (
                Deed(
                    key=f"{id}.1",
                    call="call-1",
                    tool="book",
                    plugin="calendar",
                    arguments={"slot": "s-17"},
                    state="done",
                    result="booked",
                ),
            )
            if looked_up
            else ()
        )
        return Turn(
            id=id,
            conversation=asked.conversation,
            no=number,
            state=state,
            attempts=1,
            parked_times=int(state == "parked"),
            reason="no model answers" if state == "parked" else "",
            read=(asked.id,),
            read_seq=number,
            deeds=deeds,
            outbound=outbound,
            model="rehearsal",
            trace=_trace(opened, asked, looked_up, state),
            opened_at=opened,
            closed_at=asked.at + timedelta(seconds=6),
        )

    def _beside(self, id: str, number: int, messages: list[Message], last: datetime) -> Iterator[tuple[Any, Any]]:
        pick = self._random
        if number % 5 == 0:
            text = {"vi": "Khách quen, gọi lại sau 17 giờ.", "en": "A regular; call back after five."}[self._language]
            yield NOTES, Note(id=f"note-{id}", conversation=id, text=text, author="operator:minh", at=last)
        if number % 6 == 0:
            text = {"vi": "Hỏi học phí và lịch học buổi tối.", "en": "Asked for prices and evening times."}[
                self._language
            ]
            yield (
                SUMMARIES,
                Summary(id=f"{id}.s", conversation=id, text=text, messages=(messages[0].id,), until=last, made_at=last),
            )
        if number % 3 != 2:
            yield LEADS, self._lead(id, number, messages[0], last)
        if number % 4 == 1:
            appointment = self._appointment(id, number, messages[0], last)
            self.filled.appointments.append(appointment.id)
            yield APPOINTMENTS, appointment
        if number % 19 == 7:
            error = pick.choice(TASK_ERRORS)
            task = Task(id=f"crm/push/{id}", plugin="crm", name="push", at=last, conversation=id)
            yield TASKS, _with(task, state="failed", attempts=10, error=error)
        if number % 11 == 3:
            at = self._now + timedelta(hours=number % 48 + 1)
            yield TASKS, Task(id=f"reminders/remind/{id}", plugin="reminders", name="remind", at=at, conversation=id)

    def _temperature(self, number: int) -> Temperature:
        return "hot" if number % 8 == 0 else "warm" if number % 3 == 0 else "cold"

    def _lead(self, id: str, number: int, said: Message, at: datetime) -> Lead:
        temperature = self._temperature(number)
        score = {"hot": 85, "warm": 50, "cold": 15}[temperature] + self._random.randrange(10)
        quote = str(self._random.choice(QUOTES[self._language][temperature]))
        change = Change(
            key="m1",
            at=at,
            by="plugin:lead_scoring",
            cause=quote,
            what="scored",
            before={"temperature": "cold", "score": 0},
            after={"temperature": temperature, "score": score},
        )
        return Lead(
            id=id,
            contact=id,
            temperature=temperature,
            score=score,
            stage={"hot": "visit", "warm": "talking", "cold": "new"}[temperature],
            owner="minh" if temperature == "hot" else "",
            fields={"need": str(self._random.choice(SERVICES[self._language]))},
            evidence=(Evidence(quote=quote, message=said.id, at=at),),
            history=(change,),
            created_at=said.at,
            changed_at=at,
        )

    def _appointment(self, id: str, number: int, said: Message, at: datetime) -> Appointment:
        pick = self._random
        day = self._now.replace(minute=0, second=0, microsecond=0) + timedelta(days=pick.randrange(-12, 12))
        starts = day.replace(hour=pick.randrange(1, 10)) + timedelta(minutes=30 * pick.randrange(2))
        past = starts < self._now
        state: Any = pick.choice(("showed", "showed", "no_show", "cancelled")) if past else "booked"
        booked = Change(key="b", at=at, by="plugin:calendar", cause="", what="booked")
        reminder = Reminder(rule="24h", at=starts - timedelta(hours=24), state="sent" if past else "planned")
        return Appointment(
            id=f"appointment-{id}",
            contact=id,
            conversation=id,
            service=str(pick.choice(SERVICES[self._language])),
            resource=pick.choice(("Cô Hương", "Thầy Nam") if self._language == "vi" else ("Dr Patel", "Dr Jones")),
            starts_at=starts,
            ends_at=starts + timedelta(minutes=pick.choice((30, 45, 60, 90))),
            zone="Asia/Ho_Chi_Minh" if self._language == "vi" else "Europe/London",
            state=state,
            words=said.text,
            message=said.id,
            plugin="calendar",
            moves=number % 8 == 1,
            reminders=(reminder,),
            history=(booked,),
            created_at=at,
            changed_at=at,
        )


SPECIAL = (
    "",
    "voice",
    "unanswered",
    "image",
    "nobody",
    "failed",
    "document",
    "operator",
    "parked",
    "location",
    "maybe_sent",
    "template",
    "closed",
    "staff",
)
"""What is special about the first conversations, in this order, and again."""
HANDED_OFF = {
    "vi": ["Khách muốn gặp người phụ trách", "Khách hỏi hoàn học phí"],
    "en": ["The contact asked for a person", "A question about a refund"],
}
INBOUND: dict[str, Any] = {
    "voice": lambda language: {
        "kind": "voice",
        "text": {"vi": "Chị ơi cho em hỏi lớp tối còn chỗ không ạ", "en": "Hi, do you have a place on Friday"}[
            language
        ],
        "media": (Media(content_type="audio/ogg", key="", size=18_400),),
    },
    "image": lambda language: {
        "kind": "image",
        "text": {"vi": "Bảng điểm của cháu đây ạ", "en": "This is the tooth"}[language],
        "media": (Media(content_type="image/jpeg", key="", size=182_000),),
    },
    "document": lambda _: {
        "kind": "document",
        "text": "",
        "media": (Media(content_type="application/pdf", key="", size=48_000),),
        "data": {"filename": "Hồ sơ <đăng ký>.pdf"},
    },
    "location": lambda _: {
        "kind": "location",
        "text": "",
        "data": {"latitude": 21.0278, "longitude": 105.8342, "label": "Hồ Hoàn Kiếm"},
    },
}
OUTBOUND: dict[str, Any] = {
    "failed": lambda error: {"state": "failed", "error": error, "provider_id": ""},
    "maybe_sent": lambda _: {"state": "parked", "error": "may have been sent: the line dropped", "provider_id": ""},
    "template": lambda _: {
        "kind": "template",
        "text": TEMPLATE_TEXT,
        "template": Template(id="HX" + "a" * 32, variables={"1": "Lan"}),
    },
}


def _with(document: Any, **changes: Any) -> Any:
    return replace(document, **changes)


def _trace(opened: datetime, asked: Message, looked_up: bool, state: str) -> tuple[dict[str, Any], ...]:
    def at(seconds: float) -> str:
        return (opened + timedelta(seconds=seconds)).isoformat()

    lines: list[dict[str, Any]] = [
        {
            "at": at(0),
            "what": "taken up",
            "attempt": 1,
            "count": 1,
            "messages": [{"at": asked.at.isoformat(), "kind": asked.kind}],
            "waited_for": "quiet",
            "quiet_seconds": 2.5,
            "seconds": 2.5,
        },
        {
            "at": at(0.1),
            "what": "prompt",
            "history": 4,
            "messages": 1,
            "characters": 640,
            "tools": ["book", "call_a_person"],
            "sections": [{"name": "persona", "characters": 820}, {"name": "facts", "characters": 2400}],
        },
    ]
    if looked_up:
        booked = {"tool": "book", "plugin": "calendar", "call": "call-1", "outcome": "done", "seconds": 0.4}
        lines.append({"at": at(1.2), "what": "tool", **booked})
    if state == "parked":
        lines.append({"at": at(2.9), "what": "no answer", "plugin": "bedrock_llm", "reason": "throttled"})
        return tuple(lines)
    lines.append(
        {
            "at": at(2.8),
            "what": "thought",
            "plugin": "bedrock_llm",
            "model": "nova-pro",
            "seconds": 1.6,
            "input_tokens": 1840,
            "output_tokens": 62,
            "cached_tokens": 0,
            "notes": [],
            "tools": [],
            "characters": 96,
            "cost": 0.0041,
            "currency": "USD",
        }
    )
    lines.append({"at": at(3.1), "what": "proposed", "messages": 1, "characters": 96})
    return tuple(lines)


async def fill(
    store: Store,
    people: People,
    tenant: str,
    conversations: int = 40,
    *,
    language: str = "vi",
    channel: str = "phone",
    seed: int = 1,
) -> Filled:
    """Give *tenant* so many conversations, the newest of this minute. A hundred thousand take some minutes."""
    builder = Builder(people, tenant, now=store.now(), language=language, channel=channel, seed=seed)
    waiting: dict[str, list[Stored]] = defaultdict(list)
    collections: dict[str, Collection[Any]] = {}
    for collection, document in builder.documents(conversations):
        collections[collection.name] = collection
        lines = waiting[collection.name]
        lines.append(_stored(tenant, collection, document))
        if len(lines) >= BATCH:
            await store.bulk.add(collection, lines)
            lines.clear()
    for name, lines in waiting.items():
        await store.bulk.add(collections[name], lines)
    return builder.filled


def _stored(tenant: str, collection: Collection[Any], document: Any) -> Stored:
    fields = collection.adapter.dump_python(document, mode="json")
    id, version = fields.pop("id"), fields.pop("version")
    return Stored(tenant, id, version, collection.schema, fields)
