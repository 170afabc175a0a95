"""How fast one contact is written to: a few messages at once, then one now and then, so that a long chain stays below what
WhatsApp takes for a pair of numbers (Meta: 131056).

All that is remembered is a moment in the conversation, written together with the lane's lease when that is given back: no
call of the store for it. A crash in between forgets the messages of that hold; the provider's own limit is above ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..clock import milliseconds
from ..leases import Held
from ..plugin import Channel
from ..runtime import Runtime


@dataclass(frozen=True, slots=True)
class PairRate:
    """*burst* messages at once, and in the long run one in *pause*; no pause: as many as there are."""

    pause: timedelta
    burst: int

    @classmethod
    def of(cls, runtime: Runtime, channel: str) -> PairRate:
        """What the tenant's *channel* takes for one contact."""
        plugin = runtime.plugins.get(channel)
        known = plugin if isinstance(plugin, Channel) else Channel
        return cls(timedelta(seconds=known.seconds_per_contact), known.burst_per_contact)


class PairPace:
    """The contact of one conversation, for as long as its lane is held."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._used_until = held.conversation.paced_until

    def not_before(self, rate: PairRate, now: datetime) -> datetime | None:
        """When the next message may go; None: now."""
        if self._used_until is None:
            return None
        at = self._used_until - rate.pause * (rate.burst - 1)
        return at if rate.pause and at > now else None

    def went(self, rate: PairRate, now: datetime) -> None:
        """One goes now: it uses up one pause, from now or from when those before it have used up theirs."""
        if not rate.pause:
            return
        used_until = self._used_until = milliseconds(max(now, self._used_until or now) + rate.pause)
        self._held.at_release(lambda _: {"paced_until": used_until})
