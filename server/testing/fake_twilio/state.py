"""What the fake has accepted, shown and counted, and the faults it will commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from frontdesk.tasks import Owner

from .callbacks import CallbackPlan, Callbacks
from .contents import Contents
from .faults import Faults
from .messages import FakeMessage, new_sid
from .world import World


@dataclass
class State:
    """State of one fake Twilio, beside its World."""

    world: World
    senders: frozenset[str] = frozenset()
    """Addresses that may be in From; empty: any."""
    list_lag: float = 0.0
    """Seconds until the list shows an accepted message."""
    rate: float = 0.0
    """Messages that a sender may send in a second, and as many at once; one more is a violation. 0: any number."""
    service_window: timedelta | None = None
    """How long after the contact's last message to that sender free-form messages are delivered; later ones fail with 63016,
    and are a violation (Twilio: 24 hours). None: at any time."""
    fetch_media: bool = True
    """Whether MediaUrl is downloaded, as Twilio does after it has answered."""
    base_url: str = ""
    storage_base: str = ""
    messages: dict[str, FakeMessage] = field(default_factory=dict)
    """Everything the account has, inbound and outbound, by SID."""
    sent: list[FakeMessage] = field(default_factory=list)
    """Accepted outbound messages in the order of acceptance; deleting a message does not take it out."""
    attempts: list[dict[str, str]] = field(default_factory=list)
    """The fields of every authenticated request to send, taken or not."""
    violations: list[str] = field(default_factory=list)
    """What a correct client or server would not have done."""
    typing: list[str] = field(default_factory=list)
    """SIDs for which the typing indicator was asked."""
    contents: Contents = field(default_factory=Contents)
    """Templates, buttons and lists of the Content API."""
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.callbacks = Callbacks(self.world)
        self.tasks = Owner("fake twilio")
        self._closing = asyncio.Event()
        self._levels: dict[str, tuple[float, float]] = {}

    async def close(self) -> None:
        self._closing.set()
        await self.tasks.drain(0)

    async def hang(self, seconds: float) -> None:
        """Real seconds without an answer; cut short when the fake ends."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def attempt(self, account: str, fields: Sequence[tuple[str, str]]) -> None:
        if self.rate:
            self._count(dict(fields).get("From", ""))
        self.attempts.append(dict(fields))
        self.world.record("attempt", account_sid=account, fields=dict(fields))

    def _count(self, sender: str) -> None:
        """A leaky bucket of one second's messages: what was on its way for a little longer is no violation."""
        now = self.world.clock.monotonic()
        level, at = self._levels.get(sender, (0.0, now))
        level = max(0.0, level - (now - at) * self.rate) + 1
        if level > self.rate:
            self.violation(f"{sender} sends more than {self.rate:g} messages a second")
        self._levels[sender] = (level, now)

    def violation(self, what: str) -> None:
        self.violations.append(what)
        self.world.record("violation", what=what)

    def typing_shown(self, sid: str) -> None:
        self.typing.append(sid)
        self.world.record("typing", sid=sid)

    def accept(self, account: str, fields: Sequence[tuple[str, str]]) -> FakeMessage:
        """Take an outbound message whose fields were checked; from here on it counts as sent."""
        given, now = dict(fields), self.world.clock.now()
        media = tuple(value for name, value in fields if name == "MediaUrl")
        message = FakeMessage(
            sid=new_sid("MM" if media else "SM"),
            account_sid=account,
            direction="outbound-api",
            from_=given.get("From", ""),
            to=given["To"],
            body=given.get("Body") or self.contents.text_of(given.get("ContentSid", "")),
            status="queued" if given.get("From") else "accepted",
            created_at=now,
            visible_at=now + timedelta(seconds=self.list_lag),
            media_urls=media,
            content_sid=given.get("ContentSid", ""),
            content_variables=given.get("ContentVariables", ""),
            status_callback=given.get("StatusCallback", ""),
            messaging_service_sid=given.get("MessagingServiceSid", ""),
            parameters=tuple(fields),
        )
        self.messages[message.sid] = message
        self.sent.append(message)
        self.world.record("accepted", **message.summary())
        return message

    def in_window(self, message: FakeMessage) -> bool:
        """Whether an accepted *message* is delivered: it is an approved template, or the contact wrote lately."""
        content = self.contents.get(message.account_sid, message.content_sid) if message.content_sid else None
        if self.service_window is None or (content is not None and content.status == "approved"):
            return True
        since = message.created_at - self.service_window
        return any(
            one.direction == "inbound" and (one.from_, one.to) == (message.to, message.from_) and one.created_at > since
            for one in self.messages.values()
        )

    def listed(self, account: str) -> list[FakeMessage]:
        """The account's messages that the list shows by now, newest first."""
        now = self.world.clock.now()
        shown = [m for m in self.messages.values() if m.account_sid == account and m.visible_at <= now]
        return shown[::-1]

    def storage_url(self, media_sid: str) -> str:
        return f"{self.storage_base}/storage/{media_sid}"

    def start_callbacks(self, plan: CallbackPlan, message: FakeMessage) -> None:
        self.tasks.start(self.run_callbacks(plan, message), f"callbacks of {message.sid}")

    async def run_callbacks(self, plan: CallbackPlan, message: FakeMessage) -> None:
        async def deliverable() -> int:
            return await self._fetch(message) if self.fetch_media else 0

        await self.callbacks.run(plan, message, deliverable)

    async def _fetch(self, message: FakeMessage) -> int:
        """Download the message's media; 63019 (media failed to download) if one cannot be had, else 0."""
        for url in message.media_urls:
            status, content_type, content = await self.world.download(url)
            self.world.record("media_fetched", url=url, status=status, content_type=content_type, size=len(content))
            if status != 200:
                return 63019
        return 0

    def summary(self) -> dict[str, Any]:
        """What the control API tells."""
        return {
            "sent": [message.summary() for message in self.sent],
            "attempts": self.attempts,
            "violations": self.violations,
            "typing": self.typing,
            "callbacks": [event for event in self.world.events if event["event"] == "callback"],
            "webhooks": [event for event in self.world.events if event["event"] == "webhook"],
            "busy": len(self.tasks),
        }
