"""How a conversation stands: who answers next, until when, and what may be sent to the contact now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..model import BOT, NOBODY, OPERATOR, Contact, Conversation, Turn
from ..outbox.policy import MARGIN, closes_at
from ..plugin import Channel, Plugin
from ..runtime import TenantPlugins
from ..store import Repository, Store
from ..store.collections import CONTACTS, TURNS
from .templates import Known, TemplateDesk


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation just now. Times are UTC."""

    conversation: Conversation
    contact: Contact
    returns_at: datetime | None
    """When the bot answers again unless a person acts; None: it does already."""
    closes_at: datetime | None
    """When the service window closes, or closed; None: the channel takes free-form messages at any time."""
    window_open: bool
    bot_writes: bool
    parked: Turn | None
    """The turn that nobody could answer, if the newest one is."""
    templates: Known
    """What may be sent while the window is closed; it is not asked for while it is open."""

    @property
    def owner(self) -> str:
        """`bot`, `nobody`, or the operator's name."""
        return self.conversation.owner.removeprefix(OPERATOR)

    @property
    def answered_by(self) -> str:
        """`bot`, `nobody` or `operator`."""
        return self.conversation.owner if self.conversation.owner in (BOT, NOBODY) else "operator"

    def is_of(self, name: str) -> bool:
        """Whether the operator *name* answers it."""
        return self.conversation.owner == f"{OPERATOR}{name}"


def channel_of(declared: TenantPlugins | None, channel: str) -> type[Plugin] | None:
    """The class of a tenant's channel; None: it has none of this name (any more)."""
    plugins = declared.plugins if declared is not None else ()
    return next((kind.cls for kind, _ in plugins if kind.name == channel), None)


async def standing(
    store: Store, tenant: TenantPlugins, templates: TemplateDesk, conversation: Conversation
) -> Standing:
    """How *conversation* of *tenant* stands now."""
    repository, now = store.for_tenant(tenant.tenant.id), store.now()
    channel = channel_of(tenant, conversation.channel)
    window = channel.service_window if channel is not None and issubclass(channel, Channel) else None
    closes = closes_at(conversation, window)
    is_open = closes is None or (conversation.last_inbound_at is not None and now < closes - MARGIN)
    lease = conversation.turn_lease
    return Standing(
        conversation=conversation,
        contact=await contact_of(repository, conversation),
        returns_at=None if conversation.owner == BOT else conversation.silent_since + tenant.tenant.return_to_bot_after,
        closes_at=closes,
        window_open=is_open,
        bot_writes=conversation.owner == BOT and lease is not None and lease.until > now,
        parked=await _parked(repository, conversation),
        templates=Known() if is_open else await templates.known(tenant.tenant.id, conversation.channel),
    )


async def contact_of(repository: Repository, conversation: Conversation) -> Contact:
    """Its contact; an empty one if it is gone."""
    found = await repository.get(CONTACTS, conversation.contact)
    return found or Contact(id=conversation.contact, created_at=conversation.created_at)


async def _parked(repository: Repository, conversation: Conversation) -> Turn | None:
    newest = await repository.find(TURNS, {"conversation": conversation.id}, order_by="no", descending=True, limit=1)
    return newest[0] if newest and newest[0].state == "parked" else None
