"""What an SQS standard queue does with messages, as AWS describes it: at least once, in no order, seen again if not deleted.

Source: the documentation in botocore's service model `sqs` 2012-11-05 (ReceiveMessage, DeleteMessage, SetQueueAttributes).
"""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass, field

from ..clock import Clock


@dataclass(eq=False)
class Held:
    """One message in a queue. Times are seconds of the clock's `monotonic`."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0
    receipt: str = ""
    """Of the last receive: an older one deletes nothing any more."""


@dataclass
class StandardQueue:
    """One queue. What it does of its own accord is drawn from *mischief*.

    :param repeat: how likely a message that is received stays visible, as if another of AWS's copies had been asked.
    """

    name: str
    clock: Clock
    mischief: random.Random
    repeat: float = 0.0
    visibility: float = 30.0
    """Seconds, unless a receive names others."""
    max_receives: int = 0
    """After so many receives a message goes to *dead_letters*; 0: never."""
    dead_letters: StandardQueue | None = None
    held: dict[str, Held] = field(default_factory=dict)
    """Messages that are not deleted, by id."""
    sent: int = 0
    deleted: int = 0
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def send(self, body: str, delay: float = 0.0) -> Held:
        """*delay*: seconds in which nobody sees it."""
        now = self.clock.monotonic()
        message = Held(f"{self.name}-{next(self._numbers)}", body, now, now + delay)
        self.held[message.id] = message
        self.sent += 1
        return message

    def receive(self, most: int, visibility: float | None = None) -> list[Held]:
        """Up to *most* of the visible messages, in any order; nobody else sees them for *visibility* seconds."""
        now = self.clock.monotonic()
        visible = [message for message in self.held.values() if message.visible_at <= now]
        self.mischief.shuffle(visible)
        received: list[Held] = []
        for message in visible:
            if self.dead_letters is not None and message.receives >= self.max_receives:
                self.dead_letters.take_over(self.held.pop(message.id))
            elif len(received) < most:
                received.append(
                    self._handed_out(message, now + (self.visibility if visibility is None else visibility))
                )
        return received

    def delete(self, receipt: str) -> None:
        """Succeeds with an old receipt, too, and deletes nothing then."""
        message = self.held.get(receipt.partition("/")[0])
        if message is not None and message.receipt == receipt:
            del self.held[message.id]
            self.deleted += 1

    def hide(self, receipt: str, seconds: float) -> None:
        """Nobody sees it for *seconds* from now; 0 gives it back. An old receipt changes nothing."""
        message = self.held.get(receipt.partition("/")[0])
        if message is not None and message.receipt == receipt:
            message.visible_at = self.clock.monotonic() + seconds

    def next_visible_in(self) -> float | None:
        """In how many seconds a message becomes visible; None: there is none."""
        times = [message.visible_at for message in self.held.values()]
        return max(0.0, min(times) - self.clock.monotonic()) if times else None

    def counts(self) -> tuple[int, int, int]:
        """How many are visible, were received and not deleted, and are delayed."""
        now = self.clock.monotonic()
        hidden = [message for message in self.held.values() if message.visible_at > now]
        delayed = sum(message.receives == 0 for message in hidden)
        return len(self.held) - len(hidden), len(hidden) - delayed, delayed

    def attributes(self, arn: str) -> dict[str, str]:
        """What GetQueueAttributes tells: text, all of it."""
        visible, in_flight, delayed = self.counts()
        told = {
            "QueueArn": arn,
            "VisibilityTimeout": f"{self.visibility:.0f}",
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }
        if self.dead_letters is not None:
            target = f"{arn.rpartition(':')[0]}:{self.dead_letters.name}"
            told["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": self.max_receives})
        return told

    def take_over(self, message: Held) -> None:
        """A dead letter keeps its id and the time when it was first sent."""
        self.held[message.id] = Held(message.id, message.body, message.sent_at, self.clock.monotonic())

    def _handed_out(self, message: Held, visible_at: float) -> Held:
        message.receives += 1
        message.receipt = f"{message.id}/{message.receives}"
        if self.mischief.random() >= self.repeat:
            message.visible_at = visible_at
        return message
