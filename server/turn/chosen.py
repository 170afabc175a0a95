"""What a contact tapped: a choice that a plugin offered is that plugin's to answer, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from .. import alerts, blame, dispatch
from ..choices import plugin_of
from ..errors import NeedsAttention, PluginError, Refused
from ..model import Message
from ..store.collections import MESSAGES
from . import guard
from .state import NoAnswer, Work

log = structlog.get_logger(__name__)

TOLD = "told"
"""Key of a message's data: what the plugin said to it. It is asked once, and a turn that is taken up again says the same."""


async def answers(work: Work) -> Mapping[str, str]:
    """Of the unanswered messages, by id, those that a plugin has answered, and in which words.

    Raises NoAnswer if a plugin could not do what was tapped: a model would have to guess; Superseded, OwnerChanged.
    """
    found: dict[str, str] = {}
    for place, message in enumerate(work.unanswered):
        if message.direction != "inbound" or message.kind != "button":
            continue
        if TOLD not in message.data:
            message = work.unanswered[place] = await _asked(work, message)
        if words := str(message.data.get(TOLD) or ""):
            found[message.id] = words
    return found


async def _asked(work: Work, message: Message) -> Message:
    hooks = work.runtime.hook("answer_choice", plugin_of(str(message.data.get("payload", ""))) or "-")
    if not hooks:
        return message
    await guard.look(work)
    plugin, words = hooks[0].label.plugin, None
    try:
        words = await dispatch.call(
            hooks[0],
            within=work.seconds_left(),
            conversation=work.held.conversation,
            contact=work.contact,
            message=message,
        )
    except Refused as err:
        work.note("chosen", plugin=plugin, outcome="refused", result=err.reason)
    except (PluginError, dispatch.HookFailed) as err:
        log.warning("choice_not_answered", tenant=work.runtime.tenant.id, plugin=plugin, reason=blame.in_words(err))
        if isinstance(err, NeedsAttention):
            case = {"case": work.turn.id, "conversation": work.turn.conversation}
            await alerts.alert(work.runtime, work.repository, work.store, f"{plugin} needs attention", err.what, **case)
        raise NoAnswer(f"{plugin} could not do what the contact tapped (“{message.text}”): {err}") from err
    else:
        work.note("chosen", plugin=plugin, outcome="done" if words else "left to the model", result=words or "")
    data = {**message.data, TOLD: words or ""}
    return await work.repository.update(MESSAGES, message, data=data) or replace(message, data=data)
