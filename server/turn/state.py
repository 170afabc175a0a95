"""What a turn holds in its hands while it runs, and the ways in which it ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..clock import Clock
from ..leases import Held
from ..mind import ModelMessage
from ..model import Contact, Message, Turn
from ..runtime import Runtime
from ..store import Repository, Store


class Superseded(Exception):
    """The contact wrote more while the model thought: the draft is dropped, the turn starts over with it."""


class OwnerChanged(Exception):
    """Somebody took the conversation over: what the turn was going to say is withdrawn."""


class NoAnswer(Exception):
    """No model answered; says why, for the operator."""


class TurnMoved(Exception):
    """The turn document was taken up by somebody else: we are the ghost, and stop."""


@dataclass
class Draft:
    """What the turn is going to do at its commit."""

    texts: list[str] = field(default_factory=list)
    handoff: str | None = None
    """Why a person is called; None: nobody is."""
    model: str = ""


@dataclass
class Work:
    """One take-up of one turn."""

    runtime: Runtime
    repository: Repository
    store: Store
    clock: Clock
    held: Held
    contact: Contact
    turn: Turn
    unanswered: list[Message]
    """What this turn answers."""
    left_over: bool
    """More waited when it was taken up: a message whose conversation a crash left unwritten is not in its inbound_seq."""
    epoch_read: int
    """The conversation's owner_epoch when the turn was taken up."""
    ends_at: float
    """On clock.monotonic(): when the turn must have ended."""
    exchange: list[ModelMessage] = field(default_factory=list)
    """What the model and the tools have said to each other in this turn."""
    trace: list[dict[str, Any]] = field(default_factory=list)
    draft: Draft = field(default_factory=Draft)

    def seconds_left(self) -> float:
        return max(0.0, self.ends_at - self.clock.monotonic())

    def note(self, what: str, **details: Any) -> None:
        """Add a line to the turn's timeline: what happened, when, in words and figures, no personal data."""
        self.trace.append({"at": self.store.now().isoformat(), "what": what, **details})
