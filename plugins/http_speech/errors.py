"""What goes wrong at Deepgram and ElevenLabs, as what the core can do about it.

Sources: Deepgram, Errors (`err_code`, `category`); ElevenLabs, Errors (`detail.status`). Nothing of their texts is told on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from frontdesk import NeedsAttention, PluginError, Refused, RetryLater

BUSY_SECONDS = 3.0
LONGEST_PAUSE = 600.0
_PAY = ("quota_exceeded", "payment_required", "ASR_PAYMENT_REQUIRED", "INSUFFICIENT_CREDITS")


@contextmanager
def reached(vendor: str) -> Iterator[None]:
    """Raise the core's exception in place of aiohttp's."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError) as err:
        raise RetryLater(f"no usable answer from {vendor} ({type(err).__name__})", after=2.0) from err


def meant(vendor: str, status: int, body: bytes, retry_after: str = "") -> PluginError:
    """The exception for an answer that is no success."""
    code = code_of(body)
    where = f"{vendor} answered HTTP {status}" + (f" ({code})" if code else "")
    if status == 402 or code in _PAY:
        return NeedsAttention(f"{where}: its credit is used up; top it up, or choose another plan", code=code)
    if status in (401, 403):
        return NeedsAttention(f"{where}: it refuses the API key; look at it, and at what it may", code=code)
    if status == 404 or code in ("voice_not_found", "model_not_found"):
        return NeedsAttention(f"{where}: there is no such model or voice; look at the settings", code=code)
    if status == 429:
        return RetryLater(where, after=_seconds(retry_after))
    if status >= 500 or status == 408:
        return RetryLater(where, after=2.0)
    return Refused(where, code=code or str(status))


def code_of(body: bytes) -> str:
    """The vendor's own name of an error; empty: it has none, or one that is no name."""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    detail = told.get("detail")
    code = detail.get("status") if isinstance(detail, dict) else told.get("err_code") or told.get("category")
    return code if isinstance(code, str) and len(code) <= 60 and code.replace("_", "").isalnum() else ""


def _seconds(retry_after: str) -> float:
    try:
        return min(LONGEST_PAUSE, max(1.0, float(retry_after)))
    except ValueError:
        return BUSY_SECONDS
