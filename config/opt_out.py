"""How contacts ask for no more messages."""

from __future__ import annotations

from .fields import Text
from .settings import Settings


class OptOut(Settings):
    """What contacts write to get no more messages, and to get them again."""

    confirm: bool = True
    """Whether who asks for no more messages is told once that there will be none."""
    stop_words: tuple[Text, ...] = ()
    """Further words for it, besides the built-in ones of 22 languages; each counts as the whole of a message only."""
    start_words: tuple[Text, ...] = ()
    """Further words that take it back."""
