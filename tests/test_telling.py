"""An event is told to everyone, once each."""

from __future__ import annotations

from frontdesk import NeedsAttention, Refused, RetryLater
from frontdesk.breaker import Breaker
from frontdesk.dispatch import BoundHook
from frontdesk.step import Running
from frontdesk.telling import tell
from frontdesk.testing.clock import MovableClock


def listener(plugin: str, told: list[str], error: Exception | None = None) -> BoundHook:
    async def on_message(message):
        told.append(f"{plugin}: {message}")
        if error is not None:
            raise error

    return BoundHook(Running("clinic", plugin, "on_message"), on_message, ("message",), 5, Breaker(MovableClock()))


async def test_everyone_is_told_in_order_and_nobody_who_has_heard():
    told, heard = [], ["b.on_message"]
    hooks = tuple(listener(plugin, told) for plugin in "abc")
    assert await tell(hooks, heard, message="chào") is None
    assert told == ["a: chào", "c: chào"]
    assert heard == ["b.on_message", "a.on_message", "c.on_message"]


async def test_who_fails_has_not_heard_and_does_not_stop_the_others():
    told, heard = [], []
    errors = (ValueError(), RetryLater("busy", after=30), RetryLater("busy", after=3), None)
    hooks = tuple(listener(plugin, told, error) for plugin, error in zip("abcd", errors, strict=True))
    missed = await tell(hooks, heard, message="chào")
    assert missed is not None and missed.after == 30
    assert heard == ["d.on_message"] and len(told) == 4


async def test_who_refuses_has_heard():
    heard: list[str] = []
    hooks = (listener("a", [], Refused("not mine")), listener("b", [], NeedsAttention("pay the bill")))
    assert await tell(hooks, heard, message="chào") is None
    assert heard == ["a.on_message", "b.on_message"]
