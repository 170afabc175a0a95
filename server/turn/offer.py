"""The core's tool `offer_choices`: answers that the contact can tap, which go out below the turn's own words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from frontdesk.config import OptOut

from ..choices import BUTTON_TITLE, DESCRIPTION, ID, MAX_BUTTONS, MOST, TITLE, Choice, words_of
from ..consent import word_of
from ..errors import Refused
from ..mind import ModelMessage, ToolCall, ToolSpec

OFFER_CHOICES = ToolSpec(
    name="offer_choices",
    description=(
        "Put choices below your answer, which the contact can tap instead of typing: when you ask them to pick one of a few "
        "given things, such as free times, services or yes and no. Your answer asks the question and does not list them. "
        f"Up to {MAX_BUTTONS} with a title of at most {BUTTON_TITLE} characters and no description are shown as buttons, "
        f"others as a list. What is tapped comes back as the contact's message, with the choice's id."
    ),
    schema={
        "type": "object",
        "properties": {
            "choices": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST,
                "items": {
                    "type": "object",
                    "properties": {
                        "title": {
                            "type": "string",
                            "maxLength": TITLE,
                            "description": "What the contact would say, in their language.",
                        },
                        "description": {
                            "type": "string",
                            "maxLength": DESCRIPTION,
                            "description": "A second line, if the title is not enough.",
                        },
                        "id": {
                            "type": "string",
                            "maxLength": ID,
                            "description": "The id that a tool gave it, if any; the contact does not see it.",
                        },
                    },
                    "required": ["title"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["choices"],
        "additionalProperties": False,
    },
)

OFFERED = "They will stand below your answer. Write the answer now, without listing them."
_FIELDS = frozenset({"title", "description", "id"})


def choices_in(call: ToolCall, opt_out: OptOut) -> tuple[Choice, ...]:
    """What a call offers. Raises Refused, in words that help the model, if a phone could not show it.

    The reasons name a choice by its number and repeat nothing of it: what a tool answers counts as said.
    """
    given = call.arguments.get("choices")
    if not isinstance(given, list) or set(call.arguments) != {"choices"} or not 1 <= len(given) <= MOST:
        raise Refused(f"`choices` is a list of 1 to {MOST}, and all there is; offer fewer, or ask for less at once")
    choices = tuple(_choice(no, each) for no, each in enumerate(given, 1))
    problems = [problem for no, choice in enumerate(choices, 1) for problem in _problems(no, choice, opt_out)]
    for what, values in (("title", [each.title.casefold() for each in choices]), ("id", [each.id for each in choices])):
        if len(set(values)) < len(values):
            problems.append(f"two have the same {what}; each needs its own")
    if problems:
        raise Refused(f"nothing is offered: {'; '.join(problems)}")
    return choices


def standing(exchange: Iterable[ModelMessage], opt_out: OptOut) -> tuple[Choice, ...]:
    """What this exchange offers so far: the last offer, unless the answer that it was for was turned down since."""
    found: tuple[Choice, ...] = ()
    for message in exchange:
        if message.desk:
            found = ()
        for call in message.tool_calls:
            if call.name == OFFER_CHOICES.name:
                try:
                    found = choices_in(call, opt_out)
                except Refused:
                    continue
    return found


def said_in(text: str, calls: Sequence[ToolCall]) -> str:
    """*text* and everything that *calls* would have the contact read, well formed or not."""
    offered = [each for call in calls if call.name == OFFER_CHOICES.name for each in _listed(call)]
    return "\n".join([text, *(str(each.get(key, "")) for each in offered for key in ("title", "description"))])


def said_with(text: str, choices: Sequence[Choice]) -> str:
    """*text* as the contact reads it together with what is offered."""
    return "\n".join([text, *words_of(choices)])


def _listed(call: ToolCall) -> list[dict[str, Any]]:
    given = call.arguments.get("choices")
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _choice(no: int, given: Any) -> Choice:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise Refused(f"choice {no} is an object of texts: `title`, and if need be `description` and `id`")
    if unknown := sorted(set(given) - _FIELDS):
        raise Refused(f"choice {no} has no {', '.join(unknown)}; it has `title`, `description` and `id`")
    title, description, id = (_line(given.get(key, "")) for key in ("title", "description", "id"))
    return Choice(id=id or title, title=title, description=description)


def _problems(no: int, choice: Choice, opt_out: OptOut) -> Iterable[str]:
    if not choice.title:
        yield f"choice {no} has no title"
    if len(choice.title) > TITLE:
        shorten = f"use at most {TITLE}, and the description for the rest"
        yield f"the title of choice {no} has {len(choice.title)} characters; {shorten}"
    if len(choice.description) > DESCRIPTION:
        yield f"the description of choice {no} has {len(choice.description)} characters; use at most {DESCRIPTION}"
    if len(choice.id) > ID:
        yield f"the id of choice {no} has {len(choice.id)} characters; at most {ID} are taken"
    if word_of(choice.title, opt_out):
        yield f"the title of choice {no} alone asks for no more messages, or for messages again; say what it is about"


def _line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
