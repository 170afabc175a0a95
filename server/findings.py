"""What a look at an installation finds, for `frontdesk doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    """`problem`: something does not work; `warning`: it may not, or not always."""
    what: str
    """In a sentence: what is so."""
    cure: str = ""
    """What to change, and where; empty only if all is well."""
    fix: str = ""
    """The plugin's `repair` can do it: a name that the plugin understands."""
