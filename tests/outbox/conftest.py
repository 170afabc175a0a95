"""A provider that outlives the server: it may lose its answer, lag in its list, or hold more than was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from frontdesk import Message, Plugin, hookimpl
from frontdesk.channel import Found, Outgoing
from frontdesk.mind import ModelReply, ToolCall
from frontdesk.testing.plugins import Phone, ScriptedModel


@dataclass
class Vendor:
    """What the provider has taken, in order."""

    taken: list[tuple[str, Outgoing, datetime]] = field(default_factory=list)
    calls: int = 0
    before: Callable[[Outgoing], Any] | None = None
    """Called with what is about to be taken; may raise, or be awaited."""
    after: Callable[[Outgoing], Any] | None = None
    """The same when it was taken and the answer has not gone out."""
    listed: Callable[[Outgoing, tuple[Found, ...]], Any] | None = None
    """What its list shows in place of the truth; may raise."""
    asked: int = 0

    def texts(self) -> list[str]:
        return [message.text for _, message, _ in self.taken]


class Line(Phone):
    """The channel of that provider."""

    vendor: Vendor

    @hookimpl
    async def send(self, message: Outgoing) -> str:
        self.vendor.calls += 1
        await _do(self.vendor.before, message)
        provider_id = f"SM{len(self.vendor.taken) + 1}"
        self.vendor.taken.append((provider_id, message, self.clock.now()))
        await _do(self.vendor.after, message)
        return provider_id

    @hookimpl
    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:
        self.vendor.asked += 1
        truth = tuple(
            Found(provider_id=provider_id, at=at, matches=taken.text == message.text)
            for provider_id, taken, at in self.vendor.taken
            if at >= since and taken.external_id == message.external_id
        )
        return truth if self.vendor.listed is None else self.vendor.listed(message, truth)


class Listener(Plugin):
    """Keeps the messages that it is told have failed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failed: list[Message] = []

    @hookimpl
    async def on_message_failed(self, message: Message) -> None:
        self.failed.append(message)


async def _do(behaviour: Callable[[Outgoing], Any] | None, message: Outgoing) -> None:
    if behaviour is not None:
        result = behaviour(message)
        if hasattr(result, "__await__"):
            await result


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def start(desk: Any, vendor: Vendor) -> Callable[..., Any]:
    """`async with start() as server:` is a desk whose phone is the provider's line, and which never settles."""
    line = type("Line", (Line,), {"vendor": vendor, "__doc__": Line.__doc__})

    def started(clock: Any = None, plugins: Any = None, **tenant: Any) -> Any:
        tenants = {"clinic": {"settle": {"quiet_seconds": 0}, **tenant}}
        return desk(plugins={"phone": line, "model": ScriptedModel, **(plugins or {})}, tenants=tenants, clock=clock)

    return started


@pytest.fixture
def listener() -> type[Plugin]:
    """`start(plugins={"listener": listener})`; then `(await server.plugin("listener")).failed` is what it was told."""
    return Listener


@pytest.fixture
def outbound() -> Callable[..., Any]:
    """`await outbound(server, lan, "queued")`: until the newest message to the contact is in that state."""

    async def wait(server: Any, contact: Any, *states: str) -> Any:
        async def there() -> Any:
            found = [m for m in await contact.messages() if m.direction == "outbound" and m.state in states]
            return found[-1] if found else None

        return await server.until(f"a message is {' or '.join(states)}", there)

    return wait


@pytest.fixture
def asks_a_person() -> ModelReply:
    """A model's answer that hands the conversation off."""
    call = ToolCall(id="c1", name="call_a_person", arguments={"reason": "wants a person"})
    return ModelReply(text="One moment.", tool_calls=(call,))
