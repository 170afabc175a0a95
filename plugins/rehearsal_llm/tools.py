"""What the offered tools are for, read from their names and descriptions alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from frontdesk import ToolSpec

from .arguments import VISIT, Argument, arguments
from .language import detect, fold
from .match import Index

CALL_A_PERSON = "call_a_person"
"""The core's own tool; it takes a `reason`."""
OFFER_CHOICES = "offer_choices"
"""Another; it takes `choices` with `title`, `description` and `id`, and the answer's words beside the call."""

_VERBS = {
    "cancel": frozenset("cancel delete remove withdraw huy".split()),
    "move": frozenset("move reschedule postpone shift change doi doi_lich".split()),
    "book": frozenset("book reserve schedule arrange create make register enrol enroll hold dat".split()),
}
_OWN = frozenset(
    "my mine own existing booked upcoming contact's contacts their own bookings appointments visits".split()
)
_FREE = frozenset("free available availability open slots slot times openings".split())
_CONFIRM = re.compile(r"confirm|read[ -]?back|xac nhan", re.IGNORECASE)


def role(tool: ToolSpec) -> str:
    """`book`, `move` or `cancel` for a deed that does it; `own` or `free` for a look-up that lists it; `hold` for one that
    keeps what was chosen; else ``."""
    name, described = set(tool.name.split("_")), set(re.findall(r"[a-z']+", fold(tool.description)))
    if tool.deed:
        first = set(fold(tool.description).split()[:1])
        return next((verb for where in (name, first) for verb, known in _VERBS.items() if where & known), "")
    if "hold" in name:
        return "hold"
    for where in (name, described):
        if where & (_FREE - _OWN):
            return "free"
        if where & _OWN:
            return "own"
    return ""


def deed_for(goal: str, tools: Sequence[ToolSpec], asked: Sequence[str], index: Index) -> ToolSpec | None:
    """The deed that does *goal*; among several the one whose description is nearest to what was *asked*."""
    able = [tool for tool in tools if tool.deed and role(tool) == goal]
    wanted = _all_terms(asked, index)
    return max(able, key=lambda tool: len(wanted & _all_terms([described(tool)], index)), default=None)


def source_of(argument: Argument, deed: ToolSpec, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """The look-up whose answer holds the ids for *argument* of *deed*."""
    lookups = [tool for tool in tools if not tool.deed and tool.name != CALL_A_PERSON]
    named = next((tool for tool in lookups if tool.name in argument.description), None)
    if named is not None:
        return named
    own = role(deed) == "cancel" or (role(deed) == "move" and bool(set(argument.name.split("_")) & VISIT))
    wanted = "own" if own else "free"
    return next((tool for tool in lookups if role(tool) == wanted), None)


def hold_for(deed: ToolSpec, tools: Sequence[ToolSpec]) -> tuple[ToolSpec, Argument] | None:
    """The look-up that keeps what *deed* will take while the contact thinks, and the argument of both that names it."""
    shared = {argument.name for argument in arguments(deed) if argument.kind == "id"}
    holds = [tool for tool in tools if not tool.deed and role(tool) == "hold"]
    return next(
        ((tool, argument) for tool in holds for argument in arguments(tool) if argument.name in shared),
        None,
    )


def other_lookup(asked: Sequence[str], tools: Sequence[ToolSpec], index: Index) -> ToolSpec | None:
    """A look-up that is about most of what was *asked*, by its name and description."""
    lookups = [tool for tool in tools if not tool.deed and tool.name != CALL_A_PERSON and not role(tool)]
    best = max(lookups, key=lambda tool: _share(asked, tool, index), default=None)
    return best if best is not None and _share(asked, best, index) >= 0.5 else None


def described(tool: ToolSpec) -> str:
    """Name and description as words."""
    return f"{tool.name.replace('_', ' ')}. {tool.description}"


def wants_confirmation(tool: ToolSpec) -> bool:
    """Whether the tool says that the contact must have agreed to a read-back."""
    return bool(_CONFIRM.search(fold(tool.description))) or any(
        _CONFIRM.search(f"{argument.name} {fold(argument.description)}") for argument in arguments(tool)
    )


def _all_terms(texts: Sequence[str], index: Index) -> set[str]:
    return {term for text in texts for term in index.terms(text, detect(text) or "en")}


def _share(asked: Sequence[str], tool: ToolSpec, index: Index) -> float:
    wanted = {term for term in asked if not term.isdigit()}
    about = wanted & _all_terms([described(tool)], index)
    if not about:
        return 0.0
    # What can be asked of it stands in its parameters, too: `sourdough` among the kinds of bread.
    return len(about | wanted & _all_terms(list(_choices(tool)), index)) / len(wanted)


def _choices(tool: ToolSpec) -> Iterator[str]:
    for argument in arguments(tool):
        yield argument.description
        yield from (str(choice).replace("_", " ") for choice in argument.schema.get("enum") or ())
