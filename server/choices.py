"""Answers that a contact can choose from with one touch: buttons, or a list; numbered lines where there are neither."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

MOST = 10
"""Choices of one message: as many as WhatsApp's list has rows. It has room for no more than these (characters, composed;
not confirmed)."""
TITLE, DESCRIPTION = 24, 72
MAX_BUTTONS, BUTTON_TITLE = 3, 20
"""So few, so short and without a description, they are buttons."""
ID = 200
"""Characters of an id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One of them. `id` comes back as `data["payload"]` of the inbound message, its title as the text.

    An id `NAME:…` with the name of a plugin that has `answer_choice` is answered by that hook, without a model.
    """

    id: str
    title: str
    description: str = ""


def as_data(choices: Sequence[Choice]) -> dict[str, Any]:
    """How they are kept with a message. Raises ValueError for what nobody could choose."""
    ids = [choice.id for choice in choices]
    if len(set(ids)) < len(ids) or not all(choice.id.strip() and choice.title.strip() for choice in choices):
        raise ValueError("each choice needs an id of its own and a title")
    return {"choices": [{k: unicodedata.normalize("NFC", v) for k, v in asdict(choice).items()} for choice in choices]}


def shape_of(choices: Sequence[Choice]) -> Literal["buttons", "list", ""]:
    """What a phone can show them as; empty: there are too many, or too long ones, and they are numbered lines."""
    if len(choices) <= MAX_BUTTONS and all(
        len(each.title) <= BUTTON_TITLE and not each.description for each in choices
    ):
        return "buttons"
    rows = all(len(each.title) <= TITLE and len(each.description) <= DESCRIPTION for each in choices)
    return "list" if len(choices) <= MOST and rows else ""


def plugin_of(id: str) -> str:
    """Whose a choice is: the name in front of the colon, `reminders:confirm:…`; empty: nobody's, a model answers it."""
    name, colon, rest = id.partition(":")
    return name if colon and rest else ""


def choices_of(data: dict[str, Any]) -> tuple[Choice, ...]:
    """The choices of a message's data; none: it has none."""
    return tuple(Choice(**choice) for choice in data.get("choices", ()))


def words_of(choices: Sequence[Choice]) -> list[str]:
    """What the contact reads of them, a line each."""
    return [f"{choice.title}{f' ({choice.description})' if choice.description else ''}" for choice in choices]


def numbered(text: str, choices: Sequence[Choice]) -> str:
    """*text* with the choices as lines below it, to be answered in words."""
    lines = [f"{number}. {line}" for number, line in enumerate(words_of(choices), 1)]
    return "\n".join([text, *lines] if text else lines)
