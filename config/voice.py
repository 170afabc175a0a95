"""How a tenant hears voice notes and answers by voice."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from .fields import Duration
from .settings import Settings

Answers = Literal["like_for_like", "voice", "text"]


class Voice(Settings):
    """Voice notes, in and out, where a plugin hears or speaks."""

    answers: Answers = "like_for_like"
    """How contacts are answered who have not said what they want: `like_for_like`, a voice note by voice and a text in text;
    `voice`; `text`. What a plugin has no voice for goes as text."""
    longest: Duration = timedelta(minutes=5)
    """A voice note that is longer is not put into words; the contact is asked for a shorter one."""
    longest_answer: int = Field(default=600, ge=50, le=3000)
    """An answer of more characters goes as text: nobody listens to minutes of a bot."""
