"""How somebody wants to be answered, by voice or in text: the offline model keeps it, where there is a voice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from frontdesk import ModelRequest, ToolCall, ToolResult
from frontdesk.turn.wish import ANSWER_BY

from .conftest import Desk


class WithVoice:
    """What a desk with a voice offers, and keeps."""

    def __init__(self, desk: Desk) -> None:
        self.kept: list[Any] = []
        self._request, self._run = desk.request, desk.run
        desk.request = self.request  # type: ignore[method-assign]
        desk.run = self.run  # type: ignore[method-assign]

    def request(self, messages: Any) -> ModelRequest:
        asked = self._request(messages)
        return replace(asked, tools=(*asked.tools, ANSWER_BY))

    async def run(self, call: ToolCall) -> ToolResult:
        if call.name != ANSWER_BY.name:
            return await self._run(call)
        self.kept.append(call.arguments["how"])
        return ToolResult(id=call.id, name=call.name, content="It is kept.")


@pytest.mark.parametrize(
    ("said", "how", "answer"),
    [
        ("Can you answer me by voice please", "voice", "from now on I answer you by voice"),
        ("please send me a voice message", "voice", "from now on I answer you by voice"),
        ("No voice messages please, text only", "text", "from now on I answer you in text"),
        ("could you reply in writing", "text", "from now on I answer you in text"),
        ("trả lời bằng giọng nói giúp em nhé", "voice", "trả lời anh/chị bằng giọng nói"),
        ("em nhắn cho chị bằng tin thoại được không", "voice", "trả lời anh/chị bằng giọng nói"),
        ("tra loi em bang chu nhe", "text", "trả lời anh/chị bằng chữ"),
    ],
)
async def test_a_wish_is_kept_and_told(school: Desk, said: str, how: str, answer: str) -> None:
    voice = WithVoice(school)
    assert answer in await school.says(said)
    assert voice.kept == [how] and not school.called_a_person


@pytest.mark.parametrize(
    "said", ["What does a voice lesson cost?", "em nói chuyện với nhân viên được không", "Chào em"]
)
async def test_what_is_no_wish_is_answered_as_ever(school: Desk, said: str) -> None:
    without = await school.says(said)
    school.history.clear()
    voice = WithVoice(school)
    assert await school.says(said) == without and voice.kept == []


async def test_where_there_is_no_voice_nobody_is_promised_one(school: Desk) -> None:
    assert "bằng giọng nói" not in await school.says("trả lời bằng giọng nói giúp em nhé")
