"""What is kept of contacts that were erased, as it is stored; the rest of what is stored is in model.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Erased:
    """All that is kept of a name whose contact was erased. `id` is a keyed hash of the name, which stands nowhere."""

    id: str
    version: int = 1
    times: int = 1
    """How often: whoever comes under that name has another id each time."""
    at: datetime
    opted_out: bool = False
    """They wanted no more messages: neither do they when they come again."""
    opted_out_at: datetime | None = None
    opted_out_by: Literal["", "stop", "provider"] = ""


@dataclass(frozen=True, kw_only=True)
class ErasedMessage:
    """A message that was erased, and is not taken in again. `id` is a keyed hash of the provider's id."""

    id: str
    version: int = 1
    at: datetime
