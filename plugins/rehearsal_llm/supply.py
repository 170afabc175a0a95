"""What an errand has to work with: what the tools have answered in this turn, and what the contact has given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from frontdesk import ModelRequest, ToolCall, ToolResult, ToolSpec

from . import options, when
from .arguments import Argument, answer, from_texts
from .thread import Thread


class Supply:
    """Results and values for one errand; nothing here is made up."""

    def __init__(self, thread: Thread, done: Sequence[tuple[ToolCall, ToolResult]], request: ModelRequest) -> None:
        self._thread = thread
        self._request = request
        self.results = [result for _, result in done]

    def result_of(self, tool: ToolSpec, after: ToolResult | None = None) -> ToolResult | None:
        """The newest answer of *tool* in this turn, given *after* another one if that is named."""
        later = self.results[self.results.index(after) + 1 :] if after is not None else self.results
        return next((result for result in reversed(later) if result.name == tool.name), None)

    def value(self, argument: Argument, ids: Iterable[str] = ()) -> Any:
        """A value the contact has given; None if there is none. A required name or phone may be that of the profile.

        :param ids: what was chosen already.
        """
        given = self._thread.values.get(argument.name)
        if given is not None:
            return answer(argument, given, self._request.now)
        if argument.kind == "when":
            return self.of_time(ids)
        found = from_texts(argument, self._thread.wishes, self._request.now)
        if found is not None or not argument.required:
            return found
        contact = self._request.contact
        known = {"name": contact.name, "phone": contact.phone, "words": self.newest_wish()[:200]}.get(argument.kind)
        return answer(argument, known, self._request.now) if known else None

    def of_time(self, ids: Iterable[str]) -> str:
        """What a tool is told of the time, on one line; in `move it to 4pm` it is the day of the visit chosen by *ids*."""
        text, today = " ".join(self._thread.when.split())[:300], self._request.now.date()
        if not when.hour_alone(text, today):
            return text
        chosen = set(ids)
        listed = (option for result in self.results for option in options.parse(result.content) if option.id in chosen)
        day = next((day for option in listed for day in when.days(option.label, today)), None)
        return f"{day.isoformat()} {text}" if day is not None else text

    def newest_wish(self) -> str:
        """What the contact last wrote about the errand, on one line."""
        return " ".join((self._thread.wishes[0] if self._thread.wishes else "").split())[:300]

    def without_ids(self, content: str) -> str:
        """A tool's answer as people read it: the ids that tools go by mean nothing to them."""
        ids = {option.id for result in self.results for option in options.parse(result.content)}
        for id in sorted(ids, key=len, reverse=True):
            content = re.sub(rf"\s*[(\[]?\b{re.escape(id)}\b[)\]]?", "", content)
        return content.strip()
