"""What the page is told of its conversation: everything at first, then what has changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from frontdesk import Conversation, Message, choices_of, shape_of

from .posted import PROVIDER

if TYPE_CHECKING:
    from . import Simulator


class Clock(Protocol):
    """What is asked of the clock here: seconds that never go backwards."""

    def monotonic(self) -> float: ...


MESSAGES = 200
"""The newest messages of a conversation that the page shows."""
TYPING_FOR = timedelta(seconds=25)
"""How long WhatsApp shows typing dots, unless a message comes first."""
HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that nothing on the way closes the connection."""

_NOBODY_WROTE: dict[str, Any] = {"typing": False, "doing": None}
_ON_THE_PHONE = ("accepted", "sent", "delivered", "read")
_ON_THE_WAY = ("queued", "sending")
_STUCK = ("failed", "parked", "expired")


@dataclass(frozen=True, slots=True)
class Typing:
    """The last time the bot showed that it is writing (UTC)."""

    at: datetime
    heard_at: datetime
    """When the newest message came that is being answered."""

    @classmethod
    def of(cls, stored: Mapping[str, str] | None) -> Typing | None:
        """What `as_stored` made; None for None."""
        if stored is None:
            return None
        return cls(datetime.fromisoformat(stored["at"]), datetime.fromisoformat(stored["heard_at"]))

    def as_stored(self) -> dict[str, str]:
        return {"at": self.at.isoformat(), "heard_at": self.heard_at.isoformat()}


@dataclass(frozen=True, slots=True)
class View:
    """A conversation as the phone shows it, made from what is stored."""

    conversation: Conversation
    messages: Sequence[Message]
    typing: Typing | None
    now: datetime
    return_after: timedelta
    """How long no person acts before the bot answers again."""
    among_ourselves: bool
    """Whether whoever looks may read what is meant for operators: their names, reasons, errors."""

    def typing_now(self) -> bool:
        """Whether the dots are to be seen: until a message has come, or for a while."""
        since = self.typing
        if since is None or self.now >= since.at + TYPING_FOR:
            return False
        # Counted from the message, not from the dots: dots may be shown a moment after their answer was written.
        return not any(m.state in _ON_THE_PHONE + _STUCK and m.at >= since.heard_at for m in self._outbound())

    def doing(self) -> dict[str, Any]:
        """What the bot is doing, for the panel: a step, who answers, and the times behind it."""
        waiting = [m for m in self.messages if m.direction == "inbound" and m.state == "received"]
        last = self._outbound()[-1:]
        heard = [m for m in self.messages if m.direction == "inbound"][-1:]
        return {
            "step": self._step(waiting, last),
            "waiting": len(waiting),
            "owner": self._owner(),
            "epoch": self.conversation.owner_epoch,
            "returns_at": self._returns_at(),
            "reason": self.conversation.handoff_reason if self.among_ourselves else "",
            "heard_at": _time(heard[0].at) if heard else None,
            "answered_at": _time(last[0].at) if last else None,
            "error": last[0].error if self.among_ourselves and last and last[0].state in _STUCK else "",
        }

    def bubbles(self) -> dict[str, dict[str, Any]]:
        """Message id → what a bubble needs."""
        seen = [m for m in self.messages if m.direction == "inbound" or m.state in _ON_THE_PHONE]
        return {message.id: self._bubble(message) for message in seen}

    def _owner(self) -> str:
        kind, colon, name = self.conversation.owner.partition(":")
        return f"{kind}{colon}{name if self.among_ourselves else ''}"

    def _returns_at(self) -> str | None:
        """When the bot answers again unless a person acts; only operators need to know."""
        if self.conversation.owner == "bot" or not self.among_ourselves:
            return None
        return _time(self.conversation.silent_since + self.return_after)

    def _step(self, waiting: list[Message], last: list[Message]) -> str:
        if waiting:
            lease = self.conversation.turn_lease
            thinks = self.typing_now() or (lease is not None and lease.until > self.now)
            return "thinking" if thinks else "waiting"
        if not last:
            return "idle"
        if last[0].state in _ON_THE_WAY:
            return "sending"
        return "stuck" if last[0].state in _STUCK else last[0].state

    def _bubble(self, message: Message) -> dict[str, Any]:
        mine = message.direction == "inbound"
        return {
            "id": message.id,
            # The page knows what it posted by the name it gave it.
            "posted": message.provider_id.rpartition(":")[2] if mine else "",
            "mine": mine,
            "kind": message.kind,
            "text": message.text,
            **self._choices(message),
            "media": [{"key": item.key, "type": item.content_type} for item in message.media if item.key],
            "author": message.author.partition(":")[0],
            "at": _time(message.at),
            "place": message.place,
            "state": ("read" if self._heard(message) else "delivered") if mine else message.state,
        }

    def _choices(self, message: Message) -> dict[str, Any]:
        """Of ours, what can be tapped below it; of theirs, what was, and below which message."""
        if choices := choices_of(message.data):
            return {"choices": [asdict(choice) for choice in choices], "shape": shape_of(choices) or "list"}
        if message.direction == "outbound" or message.kind != "button":
            return {}
        message_id = str(message.data.get("replied_to", "")).removeprefix(PROVIDER)
        tapped = {"message": message_id, "id": message.data.get("payload", "")}
        return {"tapped": tapped, "description": message.data.get("description", "")}

    def _heard(self, message: Message) -> bool:
        """As on WhatsApp, typing dots say that what was written before them has been read."""
        return message.state == "answered" or (self.typing is not None and message.at <= self.typing.heard_at)

    def _outbound(self) -> list[Message]:
        sent = [m for m in self.messages if m.direction == "outbound" and m.place > 0 and m.state != "withdrawn"]
        return sorted(sent, key=lambda message: message.place)


async def look(simulator: Simulator, conversation: Conversation) -> View:
    """Read a conversation as it is now."""
    return View(
        conversation=await simulator.conversations.get(conversation.id) or conversation,
        messages=await simulator.conversations.messages(conversation.id, limit=MESSAGES),
        typing=Typing.of(await simulator.store.get("typing", conversation.id)),
        now=simulator.clock.now(),
        return_after=simulator.tenant.return_to_bot_after,
        among_ourselves=simulator.among_ourselves,
    )


class _Teller:
    """Remembers what one page has been told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, Any] | None = None
        self._told_at = clock.monotonic()

    def tell(self, now: dict[str, Any]) -> bytes:
        """The event with what is new, a heartbeat if it is time for one, or nothing."""
        told = self._told or {}
        changed = [key for key, value in now.items() if told.get(key, ...) != value]
        if not changed and self._clock.monotonic() - self._told_at < HEARTBEAT:
            return b""
        first, self._told, self._told_at = self._told is None, now, self._clock.monotonic()
        if not changed:
            return b": still here\n\n"
        messages = [now[key] for key in changed if key not in _NOBODY_WROTE]
        return _event({"first": first, "typing": now["typing"], "doing": now["doing"], "messages": messages})


async def stream(simulator: Simulator, contact: str) -> AsyncIterator[bytes]:
    """The server-sent events of one open page, until it goes away."""
    teller = _Teller(simulator.clock)
    while (conversation := await simulator.conversations.of(simulator.name, contact)) is None:
        # There is no conversation to watch yet; whatever is watched, its event is set every second.
        async with simulator.conversations.watch(contact) as event:
            if news := teller.tell(_NOBODY_WROTE):
                yield news
            await event.wait()
    async with simulator.watching(conversation.id) as event:
        while True:
            event.clear()
            view = await look(simulator, conversation)
            if news := teller.tell({**view.bubbles(), "typing": view.typing_now(), "doing": view.doing()}):
                yield news
            await event.wait()


def _event(data: dict[str, Any]) -> bytes:
    return f"event: change\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
