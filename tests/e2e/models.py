"""What models at the fake Bedrock answer: lines of its script that look, book, and say what the tools have said."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from frontdesk.clock import SystemClock
from frontdesk.testing.fake_bedrock import Answer, Call

from .contacts import QUICK

BIG = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
SMALL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
TIMES = {**QUICK, "think_deadline": 7.0, "turn_deadline": 20.0, "graceful_stop": 25.0, "supervisor_kill": 30.0}
"""Both models are asked within `think_deadline`: the plugin begins no call with less than 1.5 s left."""
HANOI = "Asia/Ho_Chi_Minh"
LISTED = re.compile(r"^(\w+) — (.+)$", re.MULTILINE)


def tomorrow(zone: str) -> str:
    return (SystemClock().now().astimezone(ZoneInfo(zone)).date() + timedelta(days=1)).isoformat()


def results(asked: dict[str, Any]) -> list[str]:
    """What the tools returned that the model had asked for."""
    blocks = asked["messages"][-1]["content"]
    return [block["toolResult"]["content"][0]["text"] for block in blocks if "toolResult" in block]


def free_times(zone: str) -> Answer:
    return Answer(calls=(Call("free_times", {"day": tomorrow(zone)}),))


def offer(words: str) -> Callable[[dict[str, Any]], str]:
    """The times that the tool has told, without their ids."""
    return lambda asked: words + " " + "; ".join(time for _, time in LISTED.findall(results(asked)[0])) + "."


def book(place: int, name: str) -> Callable[[dict[str, Any]], Answer]:
    """The time at *place* in what the tool has told."""
    return lambda asked: Answer(
        calls=(Call("book", {"slot": LISTED.findall(results(asked)[0])[place][0], "name": name}),)
    )


def repeat_result(asked: dict[str, Any]) -> str:
    return results(asked)[0]


BOOKING = [free_times(HANOI), book(1, "Lan"), repeat_result]
"""A model that looks, books the second time, and says what the tool has said."""
