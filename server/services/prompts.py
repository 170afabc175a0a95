"""What a model would be told for a conversation as it stands: nothing is asked of a model, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .. import dispatch
from ..model import Conversation
from ..prompt import compose
from ..runtime import Runtime
from ..store import Store
from ..store.collections import CONTACTS
from ..turn.recall import history, told


@dataclass(frozen=True, kw_only=True)
class Preview:
    """`plugin`: the first of the tenant that shows what it would send; empty: none does, and `sent` are our own words."""

    plugin: str
    sent: Mapping[str, Any]


async def preview(runtime: Runtime, store: Store, conversation: Conversation) -> Preview | None:
    """What the next turn would send first, or, if nothing waits for an answer, what the last one would send today.

    None: the contact was erased, or has never written.
    """
    repository = store.for_tenant(runtime.tenant.id)
    contact = await repository.get(CONTACTS, conversation.contact)
    said = await history(repository, conversation.id, merged=conversation.merged)
    unanswered = [message for message in said if message.direction == "inbound" and message.state == "received"]
    if not unanswered:
        while said and said[-1].direction != "inbound":
            said = said[:-1]
        unanswered = said[-1:]
    if contact is None or not unanswered:
        return None
    request, _ = await told(
        runtime,
        repository,
        conversation,
        contact,
        said,
        unanswered,
        now=store.now(),
        seconds=runtime.times.think_deadline,
    )
    for bound in runtime.hook("preview"):
        sent = await dispatch.call(bound, request=request)
        if sent is not None:
            return Preview(plugin=bound.label.plugin, sent=sent)
    words = asdict(compose(request))
    tools = [asdict(spec) for spec in request.tools]
    return Preview(plugin="", sent={**words, "tools": tools})
