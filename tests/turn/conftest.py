"""A plugin with a deed whose world outlives the server, and short ways to script a model."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from frontdesk import Done, Plugin, ToolContext, tool
from frontdesk.mind import ModelReply, ToolCall


@dataclass
class World:
    """What the vendor has: it knows nothing of our crashes."""

    booked: dict[str, str] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    before: Callable[[str], Any] | None = None
    """Called with the day before it is booked; may raise, or be awaited."""
    after: Callable[[str], Any] | None = None
    """The same when it is booked and the vendor has not answered yet."""
    on_look_up: Callable[[str], Any] | None = None


class Diary(Plugin):
    """Books visits in the test's world."""

    world: World

    @tool(deed=True, lookup="find_booking")
    async def book(self, day: str, context: ToolContext) -> Done:
        """Book a visit."""
        self.world.attempts.append(context.key)
        await _do(self.world.before, day)
        self.world.booked[context.key] = day
        await _do(self.world.after, day)
        return Done(told=f"booked {day}", sentence=f"Your visit on {day} is booked.")

    async def find_booking(self, day: str, context: ToolContext) -> Done | None:
        self.world.looked_up.append(context.key)
        await _do(self.world.on_look_up, day)
        if context.key not in self.world.booked:
            return None
        return Done(told=f"booked {day}", sentence=f"Your visit on {day} is booked.")

    @tool
    async def opening(self, day: str) -> str:
        """Say when it is open."""
        await _do(self.world.before, day)
        return f"{day} from nine to five"


async def _do(behaviour: Callable[[str], Any] | None, day: str) -> None:
    if behaviour is not None:
        result = behaviour(day)
        if hasattr(result, "__await__"):
            await result


@pytest.fixture
def lease_renewed() -> Callable[..., Any]:
    """`await lease_renewed(server, contact)`, after the clock was moved by less than a lease: until the turn that holds the
    conversation has renewed it, however slow the machine is. Without that, the next move would give it to another turn."""

    async def wait(server: Any, contact: Any) -> None:
        whole = server.server.config.times.conversation_lease

        async def renewed() -> bool:
            lease = (await contact.conversation()).turn_lease
            # Renewed at a third: between two renewals two thirds are left.
            return lease is not None and (lease.until - server.clock.now()).total_seconds() >= whole * 2 / 3 - 0.1

        await server.until("the lease is renewed", renewed)

    return wait


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def diary(world: World) -> type[Diary]:
    return type("Diary", (Diary,), {"world": world, "__doc__": Diary.__doc__})


@pytest.fixture
def asks_for() -> Callable[..., ModelReply]:
    """`asks_for("book", day="Monday")` is a model's answer that asks for a tool; *text* is said beside it."""
    numbers = itertools.count(1)

    def reply(name: str, text: str = "", **arguments: Any) -> ModelReply:
        return ModelReply(text=text, tool_calls=(ToolCall(id=f"c{next(numbers)}", name=name, arguments=arguments),))

    return reply
