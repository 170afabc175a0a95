"""What is kept of outbound webhooks: who is told what (Subscription), and what became of each event (Delivery)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

DeliveryState = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A receiver of one tenant's events. Its secret is among the stored secrets (services/secrets.py)."""

    id: str
    version: int = 1
    url: str
    events: tuple[str, ...] = ()
    """Types (events/types.py)."""
    description: str = ""
    content: bool = False
    """Whether what was said, names and phone numbers are in the events; without it only ids, states and times are."""
    enabled: bool = True
    disabled_reason: str = ""
    """Why the server has disabled it; empty: a person did, or it is enabled."""
    created_at: datetime
    created_by: str
    old_secret_until: datetime | None = None
    """Until when events are signed with the secret before this one, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One time that an event was sent to its receiver."""

    at: datetime
    milliseconds: int
    status: int = 0
    """Of the answer; 0: there was none."""
    said: str = ""
    """The beginning of the answer, or why there was none."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event on its way to one subscription. `id` is `SUBSCRIPTION.EVENT`: an event is told to each once."""

    id: str
    version: int = 1
    subscription: str
    event: str
    """The event's id, the same for every receiver and attempt (the header webhook-id)."""
    type: str
    at: datetime
    """When it happened, by the store's time; orders the line."""
    conversation: str = ""
    """Empty: it is about none."""
    data: dict[str, Any] = field(default_factory=dict)
    """Ids, states and times; content is read when it is sent."""
    state: DeliveryState = "waiting"
    attempts: int = 0
    next_at: datetime | None = None
    """When it is tried again; None: at once."""
    tried: tuple[Attempt, ...] = ()
    """The last few."""


@dataclass(frozen=True, kw_only=True)
class SubscribedMark:
    """That a tenant's (`id`) subscriptions were changed: what every process looks for, every few seconds."""

    id: str
    version: int = 1
    changed_at: datetime
