"""What passes between the core and a plugin that hears or speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Wish = Literal["voice", "text", "like_for_like"]
WISHES: tuple[Wish, ...] = ("voice", "text", "like_for_like")
"""How a contact wants to be answered: by voice, in text, or a voice note by voice and a text in text."""

Unheard = Literal["silent", "noisy", "long", "damaged", "type"]
"""Why there are no words: nothing is said in it, nobody can tell what, it is longer than is taken, it is cut off or broken,
or it is no sound that can be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """What became of a voice note. `Transcript(text="")` alone: nothing was said."""

    text: str = ""
    unheard: Unheard | Literal[""] = ""
    """Why there are no words: the contact is told so, in the tenant's words."""
    again_after: Annotated[float, Field(ge=0, le=3600)] | None = None
    """It is being made: ask again after so many seconds. The turn waits for it without holding the conversation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Speech:
    """A text as sound."""

    content: bytes
    content_type: str
    """What was asked for: `audio/ogg` (Opus), or `audio/mpeg`; parameters may follow."""
