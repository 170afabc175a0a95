"""What a turn holds in its hands while it runs, and the ways in which it ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import dispatch
from ..choices import Choice
from ..clock import Clock
from ..leases import Held
from ..mind import ModelMessage
from ..model import Contact, Media, Message, Turn
from ..observe.metrics import Metrics
from ..runtime import Runtime
from ..step import Running
from ..store import Repository, Store
from . import trace


class Superseded(Exception):
    """The contact wrote more while the model thought: the draft is dropped, the turn starts over with it."""


class StillHearing(Exception):
    """A voice note is still being put into words: the turn goes on with it, at the latest at *until* (store time)."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class OwnerChanged(Exception):
    """Somebody took the conversation over: what the turn was going to say is withdrawn."""


class NoAnswer(Exception):
    """No model answered; says why, for the operator."""


class TurnMoved(Exception):
    """The turn document was taken up by somebody else: we are the ghost, and stop."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer as sound."""

    text: str
    sound: Media
    language: str
    to_be_read: bool
    """It goes as text, too."""


@dataclass
class Draft:
    """What the turn is going to do at its commit."""

    texts: list[str] = field(default_factory=list)
    handoff: str | None = None
    """Why a person is called; None: nobody is."""
    model: str = ""
    choices: tuple[Choice, ...] = ()
    """What the contact can tap below the last of the texts."""
    spoken: Spoken | None = None
    """The texts as sound; None: they go as text."""


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
    metrics: Metrics
    began: float
    """On clock.monotonic(): when it was taken up."""
    began_at: datetime
    """The same by the store's time."""
    model_seconds: float = 0.0
    """How long models have thought in this take-up."""
    ending: str = "lost"
    """One of observe.metrics.ENDINGS."""
    outgrown: bool = False
    """What a model is shown no longer has room for the conversation."""
    prompt: dict[str, Any] = field(default_factory=dict)
    """What the last line of the trace about the prompt says."""
    exchange: list[ModelMessage] = field(default_factory=list)
    """What the model and the tools have said to each other in this turn."""
    trace: list[dict[str, Any]] = field(default_factory=list)
    draft: Draft = field(default_factory=Draft)

    def seconds_left(self) -> float:
        return max(0.0, self.ends_at - self.clock.monotonic())

    def note(self, what: str, **details: Any) -> None:
        """Add a line to the turn's timeline: what happened, when, in words and figures, no personal data."""
        trace.add(self.trace, self.store.now(), what, details)

    def hook_ended(self, label: Running, seconds: float, outcome: str) -> None:
        """See dispatch.Timekeeper. Models and tools have lines of their own."""
        if label.hook == "think" or label.hook.startswith(dispatch.TOOL):
            return
        if seconds > trace.SLOW_HOOK or outcome != "ok":
            self.note("hook", plugin=label.plugin, hook=label.hook, seconds=round(seconds, 4), outcome=outcome)
