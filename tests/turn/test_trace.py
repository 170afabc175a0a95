"""A trace stays small, whatever a model does, and says nothing that a contact said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.mind import ModelReply
from frontdesk.testing.plugins import ScriptedModel
from frontdesk.turn import trace
from frontdesk.turn.think import MAX_STEPS

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def test_a_model_that_goes_round_in_circles_leaves_a_small_trace_without_what_was_said(desk, diary, asks_for):
    async with desk(plugins={"model": ScriptedModel, "diary": diary}) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        model.script = [
            ModelReply(text="bí mật " * 500, tool_calls=asks_for("opening", day="thứ Hai").tool_calls)
            for _ in range(MAX_STEPS)
        ]
        await lan.says("Số của mình là 0901234567, " + "rất dài " * 300)
        await lan.hears()
        (turn,) = await lan.turns()
    kinds = [line["what"] for line in turn.trace]
    assert kinds.count("thought") == kinds.count("tool") == MAX_STEPS
    assert kinds.count("prompt") == 1
    kept = json.dumps(turn.trace, ensure_ascii=False)
    assert len(kept) < 8_000
    assert not [word for word in ("0901234567", "rất dài", "bí mật", "thứ Hai") if word in kept]


@given(st.integers(0, 3 * trace.LINES), st.integers(0, 2000), st.integers(0, 300))
def test_lines_texts_and_lists_are_bounded_and_what_is_left_out_is_counted(lines, characters, listed):
    kept: list[dict[str, Any]] = []
    for number in range(lines):
        trace.add(kept, NOON, "hook", {"number": number, "reason": "x" * characters, "tools": ["t"] * listed})
    assert len(kept) == min(lines, trace.LINES)
    told = [line for line in kept if line["what"] == "hook"]
    assert all(len(line["reason"]) <= trace.CHARACTERS and len(line["tools"]) <= trace.LISTED for line in told)
    left_out = kept[-1]["lines"] if kept and kept[-1]["what"] == "more" else 0
    assert len(told) + left_out == lines
    assert [line["number"] for line in told] == list(range(len(told)))


def test_a_parked_turn_that_is_looked_at_for_messages_it_has_not_read_has_no_line_of_any():
    work = SimpleNamespace(unanswered=[], note=pytest.fail)
    trace.taken_up(work)
