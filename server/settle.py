"""How long to wait for the rest of a thought: people send three short messages for one, an album comes as N webhooks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from frontdesk.config import TenantConfig

from .consent import word_of
from .model import Message

_SENTENCE_ENDS = (".", "!", "?", "…", "。", "？", "！", ")", "ạ", "nhé", "nha", "thanks", "cảm ơn")
_FRAGMENT_WORDS = 3


def quiet_seconds(tenant: TenantConfig, message: Message) -> float:
    """How long the contact must be quiet after *message* (seconds); 0: answer at once."""
    settle = tenant.settle
    if settle.quiet_seconds <= 0 or word_of(message.text, tenant.opt_out) == "stop":
        return 0.0
    if message.media:
        return max(settle.quiet_seconds, settle.media_seconds)
    if _goes_on(message):
        return max(settle.quiet_seconds, settle.fragment_seconds)
    return settle.quiet_seconds


def due_at(tenant: TenantConfig, message: Message, unanswered_since: datetime, now: datetime) -> datetime:
    """When the turn may begin: after the quiet time, but no later than the cap after the first unanswered message."""
    quiet = now + timedelta(seconds=quiet_seconds(tenant, message))
    cap = unanswered_since + timedelta(seconds=tenant.settle.cap_seconds)
    return max(now, min(quiet, cap))


def waited_for(
    tenant: TenantConfig, last: Message, unanswered_since: datetime
) -> Literal["", "quiet", "fragment", "media", "cap"]:
    """What a turn waited for that answers *last* and what came before: the rule by which its time came; empty: nothing."""
    seconds = quiet_seconds(tenant, last)
    if seconds <= 0:
        return ""
    if unanswered_since + timedelta(seconds=tenant.settle.cap_seconds) < last.at + timedelta(seconds=seconds):
        return "cap"
    if last.media:
        return "media"
    return "fragment" if _goes_on(last) else "quiet"


def _goes_on(message: Message) -> bool:
    """A tap is whole, however short its title is."""
    return message.kind != "button" and is_fragment(message.text)


def is_fragment(text: str) -> bool:
    """Whether more is likely to come: a trailing comma or dots, or a few words without an end."""
    stripped = text.strip().lower()
    if not stripped:
        return False
    if stripped.endswith((",", "...", ":", "-")):
        return True
    return len(stripped.split()) <= _FRAGMENT_WORDS and not stripped.endswith(_SENTENCE_ENDS)
