"""The conversation so far, read again at every call: who said what, and what is still open between the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from frontdesk import ModelMessage, ToolCall, ToolResult, ToolSpec

from . import options, when
from .arguments import Argument, arguments
from .intents import read
from .language import Language, detect, sentences, visible
from .phrases import VOICES, Voice, said, say
from .tools import role

GoalOf = Callable[[str, Language], str | None]
"""What a text wants done: `book`, `move`, `cancel`, `mine`, `tool:NAME`, or None."""


@dataclass(slots=True)
class Round:
    """What the assistant said last, and everything the contact wrote after it."""

    said: str = ""
    texts: list[str] = field(default_factory=list)
    media: bool = False
    done: list[tuple[ToolCall, ToolResult]] = field(default_factory=list)
    """The tool calls made since, with their results."""

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


@dataclass(slots=True)
class Thread:
    """One errand of the contact, from the wish to the deed, as far as it has come."""

    goal: str | None = None
    wishes: list[str] = field(default_factory=list)
    """What was written about it, newest first: days, times and words are read from here."""
    when: str = ""
    """The newest of them as a tool is told it: an hour alone stands behind the day it is of."""
    picks: dict[str, str] = field(default_factory=dict)
    """The label picked from a list that was offered, by the kind of list: `free` or `own`."""
    values: dict[str, str] = field(default_factory=dict)
    """The replies to questions for single arguments."""
    visit: str = ""
    """The id of the visit to be moved, where it is known without being asked for."""
    confirmed: bool = False
    dropped: bool = False
    """The contact has just said no to it."""
    moved: bool = False
    """The newest text took it a step on: what it says is for the errand, not a question of its own."""


def rounds(messages: Sequence[ModelMessage]) -> list[Round]:
    """The conversation, oldest first; the last round is the one to answer."""
    found = [Round()]
    calls: dict[str, ToolCall] = {}
    for message in messages:
        if message.desk:
            continue  # nothing to put right: what is said here is a fact, a tool's result or a phrase
        here = found[-1]
        if message.tool_calls:
            calls.update({call.id: call for call in message.tool_calls})
        elif message.role == "assistant":
            if here.texts or here.media:
                found.append(Round(said=message.text))
            else:
                here.said = f"{here.said}\n{message.text}".strip()
        elif message.tool_results:
            here.done += [(calls[result.id], result) for result in message.tool_results if result.id in calls]
        else:
            here.texts += [text] if (text := visible(message.text).strip()) else []
            here.media = here.media or bool(message.media)
    return found


def language_of(talk: Sequence[Round], fallback: Language) -> Language:
    """The language of the newest text of the contact that shows one."""
    texts = (text for one in reversed(talk) for text in reversed(one.texts))
    return next((found for text in texts if (found := detect(text))), fallback)


def follow(
    talk: Sequence[Round], tools: Sequence[ToolSpec], today: date, goal_of: GoalOf, *, to_move: str = ""
) -> Thread:
    """The errand that is open after the newest round; without a goal if there is none.

    :param to_move: the id of the visit that a time named next is for.
    """
    thread = Thread(visit=to_move)
    language: Language = "vi"
    for one in talk[_start(talk, tools) :]:
        language = detect(one.text) or language
        _advance(thread, one, language, tools, today, goal_of)
    return thread


def _start(talk: Sequence[Round], tools: Sequence[ToolSpec]) -> int:
    """The place of the last round in which nothing was open: there an errand can begin, before it none goes on."""
    for place in range(len(talk) - 1, 0, -1):
        if _pending(talk[place].said, tools) is None:
            return place
    return 0


def _advance(
    thread: Thread, one: Round, language: Language, tools: Sequence[ToolSpec], today: date, goal_of: GoalOf
) -> None:
    pending = _pending(one.said, tools)
    reading = read(one.text, language)
    thread.moved = thread.dropped = False
    if pending is not None and "no" in reading.intents:
        thread.goal, thread.dropped = None, True
        return
    goal = _first(goal_of(sentence, language) for sentence in _clauses(one.text))
    if goal is None and pending == "offer_booking" and "yes" in reading.intents:
        goal = "book"
    if thread.goal is None and thread.visit and when.named(one.text, today) and reading.wish in (None, "move"):
        goal = "move"
    if goal is None and thread.goal is None and when.alone(one.text, today) and not reading.further:
        goal = "book" if any(role(tool) == "book" for tool in tools) else None
    if goal is not None and goal != thread.goal:
        thread.goal, thread.wishes, thread.confirmed, thread.moved = goal, [one.text], False, True
        thread.picks, thread.values, thread.when = {}, {}, one.text
        return
    if thread.goal is None or pending is None:
        return
    if not _take_answer(thread, pending, one, language, today):
        _take_wish(thread, one, today)
        if goal is not None and not thread.moved:
            # Said once more in other words, which a tool may understand where nothing here does.
            _wish_anew(thread, one, today)


def _take_answer(thread: Thread, pending: str, one: Round, language: Language, today: date) -> bool:
    """Whether the round answers just what had been asked."""
    reading = read(one.text, language)
    if pending == "confirm" and "yes" in reading.intents:
        thread.confirmed = thread.moved = True
    elif pending in ("free", "own"):
        labels = options.shown(one.said)
        place = 0 if len(labels) == 1 and "yes" in reading.intents else options.pick(labels, one.text, today)
        if place is not None:
            thread.picks[pending], thread.moved = labels[place], True
    elif pending.startswith("value:") and one.text and not one.text.rstrip().endswith("?"):
        if not reading.intents & {"person", "angry", "bot", "identity"}:
            thread.values[pending.removeprefix("value:")] = one.text
            thread.moved = True
    return thread.moved


def _take_wish(thread: Thread, one: Round, today: date) -> None:
    if when.named(one.text, today):
        _wish_anew(thread, one, today)


def _wish_anew(thread: Thread, one: Round, today: date) -> None:
    thread.picks.pop("free", None)
    thread.confirmed, thread.moved = False, True
    thread.when = _with_day(thread, one, today)
    thread.wishes.insert(0, one.text)


def _with_day(thread: Thread, one: Round, today: date) -> str:
    """What the contact wrote; where it is an hour alone, behind the days that are talked about: those they named, unless
    only others were offered."""
    if not when.hour_alone(one.text, today):
        return one.text
    if when.names_stretch(thread.when) and not (when.clocks(thread.when) or when.part_of_day(thread.when)):
        return f"{thread.when}, {one.text}"
    labels = options.shown(one.said) or ([one.said] if said("confirm_end", one.said) else [])
    offered = dict.fromkeys(day for label in labels for day in when.days(label, today))
    named = when.days(thread.when, today)
    days = [day for day in named if day in offered] or list(offered) or named
    return " ".join([" or ".join(day.isoformat() for day in days), one.text]).strip()


def _pending(text: str, tools: Iterable[ToolSpec]) -> str | None:
    """What the assistant's words *text* leave open: `free`, `own`, `day`, `confirm`, `offer_booking`, `value:NAME`."""
    for key, pending in (("pick_time", "free"), ("pick_own", "own"), ("ask_day", "day"), ("offer_booking",) * 2):
        if said(key, text):
            return pending
    if said("confirm_end", text):
        return "confirm"
    for tool in tools:
        for argument in arguments(tool):
            if any(ask_value(argument, voice) in text for voice in VOICES):
                return f"value:{argument.name}"
    return None


def ask_value(argument: Argument, voice: Voice) -> str:
    """The question for one argument of a tool."""
    asked = argument.kind in ("name", "phone", "email", "time")
    return say("ask_value", voice, what=say(f"value_{argument.kind}", voice) if asked else argument.asked_as)


def _clauses(text: str) -> list[str]:
    return [clause for sentence in sentences(text) for clause in sentence.split(",")]


def _first(goals: Iterable[str | None]) -> str | None:
    return next((goal for goal in goals if goal), None)
