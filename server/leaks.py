"""Whether an answer tells the contact what a model was told and the contact must not read: our rules, the tools' names.

Found is what is repeated word for word. A model that puts its rules in other words, or another language, is not found out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .mind import ModelRequest
from .prompt import instructions

RUN = 9
"""So many words of the rules in a row are no accident."""
_WORD = re.compile(r"\w+")


def leak(text: str, request: ModelRequest) -> str:
    """What *text* gives away, for the operator; empty: nothing."""
    said = _words(text)
    told = set(_runs(_words(instructions(request.tenant))))
    if any(run in told for run in _runs(said)):
        return "the answer repeated the instructions"
    # A name of one word (`book`) may be said; nobody says `free_times` to a contact.
    names = {tool.name.casefold() for tool in request.tools if "_" in tool.name}
    return "the answer named a tool" if names.intersection(said) else ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1))
