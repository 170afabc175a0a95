"""What becomes of an accepted message, and when Twilio tells: status callbacks, signed by the vendor's own code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .messages import API_VERSION, FakeMessage
from .world import World

FAILED = frozenset({"failed", "undelivered"})


@dataclass(frozen=True, kw_only=True)
class CallbackPlan:
    """The statuses a message goes through after it was accepted, and how they are told."""

    statuses: tuple[str, ...] = ("sent", "delivered")
    """In the order in which they happen, e.g. `sent, undelivered` with `error_code` 63016."""
    error_code: int = 0
    """With `failed` and `undelivered`."""
    delay: float = 0.0
    """Seconds before the first."""
    interval: float = 0.0
    """Seconds between two."""
    copies: int = 1
    """How often each is told."""
    told: tuple[int, ...] | None = None
    """Positions in `statuses` in the order of telling: `(1, 0)` is out of order, `()` tells nothing. None: as it is."""
    before_answer: bool = False
    """All are told before the request to send is answered."""
    times: int = 1
    """For how many messages (0: for every one); only of a plan that was queued."""
    to: str = ""
    """Only for messages to this address."""


class Callbacks:
    """Runs the plans."""

    def __init__(self, world: World) -> None:
        self.default = CallbackPlan(times=0)
        self._queued: list[CallbackPlan] = []
        self._world = world

    def add(self, *plans: CallbackPlan) -> None:
        self._queued.extend(plans)

    def take(self, message: FakeMessage) -> CallbackPlan:
        """The plan for a message: the oldest queued one that matches, else the default."""
        for index, plan in enumerate(self._queued):
            if plan.to and plan.to != message.to:
                continue
            if plan.times == 1:
                del self._queued[index]
            elif plan.times > 1:
                self._queued[index] = CallbackPlan(**{**vars(plan), "times": plan.times - 1})
            return plan
        return self.default

    async def run(self, plan: CallbackPlan, message: FakeMessage, deliverable: Callable[[], Awaitable[int]]) -> None:
        """Let the statuses happen and tell them. *deliverable* answers the error code of media that cannot be had."""
        if code := await deliverable():
            plan = CallbackPlan(statuses=("undelivered",), error_code=code, delay=plan.delay)
        order = range(len(plan.statuses)) if plan.told is None else plan.told
        await asyncio.sleep(plan.delay)
        if plan.told is not None:
            for status in plan.statuses:
                self._happen(message, status, plan)
        for turn, position in enumerate(order):
            if turn:
                await asyncio.sleep(plan.interval)
            status = plan.statuses[position]
            if plan.told is None:
                self._happen(message, status, plan)
            for _ in range(plan.copies):
                await self._tell(message, status, plan)

    def _happen(self, message: FakeMessage, status: str, plan: CallbackPlan) -> None:
        message.status = status
        if message.sent_at is None and status not in FAILED:
            message.sent_at = self._world.clock.now()
        if status in FAILED:
            message.error_code = plan.error_code or None

    async def _tell(self, message: FakeMessage, status: str, plan: CallbackPlan) -> None:
        if not message.status_callback:
            return
        fields = [
            ("ChannelPrefix", "whatsapp"),
            ("ApiVersion", API_VERSION),
            ("MessageStatus", status),
            ("SmsSid", message.sid),
            ("SmsStatus", status),
            ("ChannelInstallSid", "XE" + "0" * 32),
            ("To", message.to),
            ("From", message.from_),
            ("MessageSid", message.sid),
            ("AccountSid", message.account_sid),
            ("ChannelToAddress", message.to.removeprefix("whatsapp:")),
        ]
        if status in FAILED and plan.error_code:
            fields += [("ErrorCode", str(plan.error_code)), ("ErrorMessage", "")]
        answer = await self._world.post(message.status_callback, fields, message.account_sid)
        self._world.record("callback", sid=message.sid, status=status, answer=answer.status, error=answer.error)
