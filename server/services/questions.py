"""A question to a tenant's models that is no turn: a summary, a plugin's own."""

from __future__ import annotations

from datetime import datetime

from .. import dispatch
from ..errors import PluginError, Refused, RetryLater
from ..mind import ModelMessage, ModelReply, ModelRequest, Section
from ..model import Contact
from ..runtime import Runtime


async def ask(runtime: Runtime, now: datetime, instruction: str, text: str) -> str:
    """The words of the first model that answers. *text* is data.

    Raises RetryLater if none did, Refused if none ever will: they answer contacts only.
    """
    request = ModelRequest(
        tenant=runtime.tenant,
        contact=Contact(id="", created_at=now),
        now=now.astimezone(runtime.tenant.zone),
        sections=(Section(name="instruction", text=instruction),),
        messages=(ModelMessage(role="user", text=text),),
        question=True,
        seconds=runtime.times.think_deadline,
    )
    reasons: list[str] = []
    refused = 0
    for bound in runtime.hook("think"):
        try:
            reply: ModelReply | None = await dispatch.call(bound, request=request)
        except (PluginError, dispatch.HookFailed) as err:
            reasons.append(str(err))
            refused += isinstance(err, Refused)
            continue
        if reply is not None and reply.text.strip():
            return reply.text.strip()
        reasons.append(f"{bound.label.plugin}: answered nothing")
    why = "; ".join(reasons) or "no model of this tenant answered"
    if reasons and refused == len(reasons):
        raise Refused(why)
    raise RetryLater(why, after=10)
