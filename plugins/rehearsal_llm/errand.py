"""The next step of an errand: look something up, ask for what is missing, do the deed, tell what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from frontdesk import ModelRequest, ToolResult, ToolSpec

from . import options
from .arguments import Argument, arguments
from .language import Language, detect
from .match import Index
from .options import Offer, Option
from .phrases import Voice, say
from .supply import Supply
from .thread import Round, Thread, ask_value
from .tools import deed_for, hold_for, role, source_of, wants_confirmation


@dataclass(frozen=True, slots=True)
class Step:
    """What the errand needs next: a tool to be called, or words for the contact; with `person`, a colleague besides."""

    text: str = ""
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    person: str = ""
    """Why a colleague is needed; empty if none is."""
    offer: Offer | None = None
    """What the contact can choose from, below the text."""


class Errand:
    """One errand within one call of the model."""

    def __init__(self, thread: Thread, newest: Round, request: ModelRequest, index: Index, voice: Voice) -> None:
        self._thread = thread
        self._supply = Supply(thread, newest.done, request)
        self._request = request
        self._tools = {tool.name: tool for tool in request.tools}
        self._index = index
        self._language: Language = voice.language
        self._voice = voice
        self._today = request.now.date()

    def next(self) -> Step:
        goal = self._thread.goal or ""
        if goal == "mine":
            return self._tell_own()
        if goal.startswith("tool:"):
            return self._look_up_and_tell(self._tools[goal.removeprefix("tool:")])
        deed = deed_for(goal, self._request.tools, self._thread.wishes, self._index)
        if deed is None:
            return Step(text=self._say("no_tool"), person=self._reason(goal))
        return self._towards(deed)

    # Look-ups that are told as they are.

    def _tell_own(self) -> Step:
        lookup = next((tool for tool in self._request.tools if not tool.deed and role(tool) == "own"), None)
        if lookup is None:
            return Step(text=self._say("no_tool"), person=self._reason("mine"))
        result = self._supply.result_of(lookup)
        if result is None or result.error:
            return self._call(lookup) if result is None else self._lookup_failed(lookup, result)
        listed = options.parse(result.content)
        if listed:
            return Step(text=f"{self._say('own')}\n{options.show(listed)}")
        return Step(text=self._say("no_own"))

    def _look_up_and_tell(self, lookup: ToolSpec) -> Step:
        result = self._supply.result_of(lookup)
        if result is None:
            return self._call(lookup)
        if result.error:
            return self._lookup_failed(lookup, result)
        listed = options.parse(result.content)
        return Step(text=options.show(listed) if listed else self._say("lead", text=result.content.strip()))

    # Deeds.

    def _towards(self, deed: ToolSpec) -> Step:
        tried = self._supply.result_of(deed)
        if tried is not None and not tried.error:
            return Step(text=self._say("done", text=self._supply.without_ids(tried.content)))
        failures = [result for result in self._supply.results if result.name == deed.name and result.error]
        if len(failures) > 1 or any(not failure.refused for failure in failures):
            return self._failed_for_good(deed, failures[-1])
        step, values, labels = self._ids(deed, failures[-1] if failures else None)
        if step is not None:
            return step
        if failures:
            return self._failed_for_good(deed, failures[-1])
        for argument in arguments(deed):
            if argument.kind != "id" and not _is_confirmation(argument):
                value = self._supply.value(argument)
                if value is None and argument.required:
                    return self._ask(argument)
                if value is not None:
                    values[argument.name] = value
        if wants_confirmation(deed) and not self._thread.confirmed:
            return self._hold(deed, values) or self._read_back(deed, labels, values)
        values.update({argument.name: True for argument in arguments(deed) if _is_confirmation(argument)})
        return Step(tool=deed.name, arguments=values)

    def _ids(self, deed: ToolSpec, failure: ToolResult | None) -> tuple[Step | None, dict[str, Any], list[str]]:
        """The ids the deed needs, with their labels; or the step that gets the next of them."""
        values: dict[str, Any] = {}
        labels: list[str] = []
        for argument in arguments(deed):
            if argument.kind != "id" or not argument.required:
                continue
            lookup = source_of(argument, deed, self._request.tools)
            if lookup is None:
                return Step(text=self._say("no_tool"), person=self._reason("tool", deed.name)), {}, []
            found = self._choose(lookup, failure, values)
            if isinstance(found, Step):
                return found, {}, []
            values[argument.name] = found.id
            labels.append(found.label)
        return None, values, labels

    def _choose(self, lookup: ToolSpec, failure: ToolResult | None, ids: dict[str, Any]) -> Option | Step:
        kind = "own" if role(lookup) == "own" else "free"
        result = self._supply.result_of(lookup, after=failure if kind == "free" else None)
        if result is None:
            return self._call(lookup, ids)
        if result.error:
            return self._lookup_failed(lookup, result)
        listed = options.parse(result.content)
        if not listed:
            return self._nothing(kind, failure)
        chosen = None if failure is not None and kind == "free" else self._chosen(kind, listed)
        return chosen if chosen is not None else self._offer(kind, listed, failure, result)

    def _chosen(self, kind: str, listed: list[Option]) -> Option | None:
        picked = self._thread.picks.get(kind)
        if picked is not None:
            return next((option for option in listed if picked in (option.label, option.tapped)), None)
        if kind == "own" and self._thread.goal == "move" and self._thread.visit:
            return next((option for option in listed if option.id == self._thread.visit), None)
        if kind == "own" and len(listed) == 1:
            return listed[0]
        newest = self._thread.wishes[0] if self._thread.wishes else ""
        if kind == "own" and self._thread.goal == "move":
            return None  # the day in "move it to Friday" is that of the new time
        fitting = options.matching([option.label for option in listed], newest, self._today)
        return listed[fitting[0]] if len(fitting) == 1 and options.names_time(newest) else None

    def _offer(self, kind: str, listed: list[Option], failure: ToolResult | None, result: ToolResult) -> Step:
        if kind == "own":
            return Step(text=self._say("own"), offer=Offer(listed, asked=self._say("pick_own")))
        newest = self._thread.wishes[0] if self._thread.wishes else ""
        fitting = options.matching([option.label for option in listed], newest, self._today)
        gone = "free" in self._thread.picks or (options.names_time(newest) and not fitting)
        intro = self._failed(failure) + "\n" if failure is not None else ""
        head = self._say("times_otherwise" if gone and failure is None else "times")
        if (told := options.heading(result.content)) and (detect(told) or self._language) == self._language:
            head = told  # the tool knows why it is other times
        offered = [listed[place] for place in fitting] or listed
        return Step(text=f"{intro}{head}", offer=Offer(offered, asked=self._say("pick_time")))

    def _nothing(self, kind: str, failure: ToolResult | None) -> Step:
        if kind == "own":
            return Step(text=self._say("no_own"))
        intro = self._failed(failure) + "\n" if failure is not None else ""
        return Step(text=f"{intro}{self._say('no_times')} {self._say('ask_day')}")

    def _hold(self, deed: ToolSpec, values: dict[str, Any]) -> Step | None:
        """Keep what was chosen until the contact says yes; None: it is kept, or nothing can be."""
        found = hold_for(deed, self._request.tools)
        if found is None or found[1].name not in values:
            return None
        tool, argument = found
        kept = self._supply.result_of(tool)
        if kept is None:
            return Step(tool=tool.name, arguments={argument.name: values[argument.name]})
        return Step(text=f"{self._failed(kept)} {self._say('ask_day')}") if kept.error else None

    def _read_back(self, deed: ToolSpec, labels: Sequence[str], values: dict[str, Any]) -> Step:
        ids = {argument.name for argument in arguments(deed) if argument.kind == "id"}
        others = [str(value) for name, value in values.items() if name not in ids]
        what = self._say(f"goal_{role(deed)}", what=", ".join([*labels[-1:], *others]))
        return Step(text=f"{self._say('confirm', what=what)} {self._say('confirm_end')}")

    def _failed_for_good(self, deed: ToolSpec, result: ToolResult) -> Step:
        return Step(
            text=self._failed(result), person=self._say("reason_tool", tool=deed.name, wrote=result.content.strip())
        )

    def _failed(self, result: ToolResult) -> str:
        """Why a deed was refused, in the tool's words where a contact can read them. One that broke may have been done."""
        if not result.refused:
            return self._say("failed_unsure")
        reason = result.content.strip()
        readable = "_" not in reason and (detect(reason) or self._language) == self._language
        return self._say("failed", reason=reason) if readable and reason else self._say("failed_somehow")

    def _lookup_failed(self, lookup: ToolSpec, result: ToolResult) -> Step:
        """A look-up that declined has told why, and the contact may ask for something else; one that broke has not."""
        reason = result.content.strip()
        if result.refused and reason and "_" not in reason:
            if role(lookup) == "free" and _asks_a_day(lookup) and reason.endswith("?"):
                # Asked in the words that are known again, so that the answer is one to this errand.
                reason = reason.rpartition(";")[0] or reason
            stop = "" if reason[-1] in ".!?…" else "."
            foreign = (detect(reason) or self._language) != self._language
            again = self._say("ask_day") if role(lookup) == "free" and _asks_a_day(lookup) else ""
            told = self._say("lead_foreign" if foreign else "refused", text=reason + stop)
            return Step(text=f"{told} {again}".rstrip())
        return Step(text=self._say("failed_lookup"), person=self._reason("tool", lookup.name))

    def _call(self, lookup: ToolSpec, ids: dict[str, Any] | None = None) -> Step:
        """*ids*: what was chosen already, for a look-up that takes it, too."""
        values: dict[str, Any] = {}
        for argument in arguments(lookup):
            value = (ids or {}).get(argument.name) or self._supply.value(argument, (ids or {}).values())
            if value is None and argument.required:
                return self._ask(argument)
            if value is not None:
                values[argument.name] = value
        return Step(tool=lookup.name, arguments=values)

    def _ask(self, argument: Argument) -> Step:
        if argument.kind == "day":
            return Step(text=self._say("ask_day"))
        return Step(text=ask_value(argument, self._voice))

    def _reason(self, why: str, tool: str = "") -> str:
        """Why a colleague is needed, in the language of the conversation."""
        return self._say(f"reason_{why}", tool=tool, wrote=self._supply.newest_wish())

    def _say(self, key: str, **values: str) -> str:
        return say(key, self._voice, **values)


def _asks_a_day(lookup: ToolSpec) -> bool:
    return any(argument.kind in ("day", "when") for argument in arguments(lookup))


def _is_confirmation(argument: Argument) -> bool:
    return argument.kind == "yes" and "confirm" in argument.name.casefold()
