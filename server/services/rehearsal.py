"""Tries a tenant's draft against its own models: nobody else's business.

A rehearsal has no conversation, no contact and no message in the store: what was said is given to it and forgotten. Only
plugins that think are made, with services that keep, schedule and send nothing; every tool is answered "a rehearsal".
So nothing can reach a channel, a CRM, a calendar or a record. What the models cost is real, and counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from frontdesk.config import Packed, Settings, TenantConfig

from .. import blame, dispatch
from ..errors import HookFailed, PluginError, Refused
from ..mind import ModelMessage, ModelReply, ModelRequest, ToolCall, ToolResult
from ..model import Contact
from ..plugin import Services
from ..prompt import compose
from ..registry import PluginType
from ..runtime import Runtime, Runtimes
from ..tenants import Declared, packed_settings
from ..turn.tools import CALL_A_PERSON, core_tools

if TYPE_CHECKING:
    from ..app import Server

ROUNDS = 5
"""How often a model may ask for tools before it has to answer."""
MOST = 40
"""Messages of a rehearsal that a model is shown."""
LONGEST = 2_000
"""Characters of one of them."""
NOT_DONE = "This is a rehearsal: nothing is looked up, booked, moved, cancelled or sent. Say so."


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One message of a rehearsal."""

    who: Literal["contact", "bot"]
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A tool that a model asked for, and that nobody ran."""

    name: str
    arguments: str
    """As JSON."""
    deed: bool
    """It would have changed the world."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What the draft would have answered."""

    text: str = ""
    model: str = ""
    asked: tuple[Asked, ...] = ()
    person: str = ""
    """Why a person would have been called."""
    cost: float | None = None
    """In US dollars, if it is known."""
    seconds: float = 0.0
    trouble: str = ""
    """Why there is no answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a model would be told."""

    rules: str
    about: str
    tools: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """A tenant as it would be, its plugins with their settings."""

    tenant: TenantConfig
    plugins: tuple[tuple[PluginType, Settings], ...]


class Rehearsal:
    """One server's rehearsals."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def answer(self, cast_: Cast, said: Sequence[Line]) -> Tried:
        """What would be answered to the last line of *said*."""
        clock = self._server.clock
        began = clock.monotonic()
        thinkers = [(kind, settings) for kind, settings in cast_.plugins if "think" in kind.hooks]
        if not thinkers:
            return Tried(trouble="no plugin of this business thinks; switch a model on")
        runtimes = self._runtimes(cast_, thinkers)
        try:
            async with (
                asyncio.timeout(self._server.config.times.turn_deadline),
                runtimes.use(cast_.tenant.id) as runtime,
            ):
                tried = await self._exchange(runtime, self._request(cast_, said))
        except TimeoutError:
            tried = Tried(trouble="no answer within the time that a turn has")
        finally:
            await runtimes.close()
        return replace(tried, seconds=clock.monotonic() - began)

    def preview(self, cast_: Cast, said: Sequence[Line] = ()) -> Preview:
        """What a model would be told, in words of ours; nothing is asked."""
        request = self._request(cast_, said or (Line(who="contact", text="…"),))
        prompt = compose(request)
        return Preview(rules=prompt.rules, about=prompt.about, tools=tuple(tool.name for tool in request.tools))

    def _request(self, cast_: Cast, said: Sequence[Line]) -> ModelRequest:
        now = self._server.store.now()
        roles: Mapping[str, Literal["user", "assistant"]] = {"contact": "user", "bot": "assistant"}
        messages = [ModelMessage(role=roles[line.who], text=line.text[:LONGEST], at=now) for line in said[-MOST:]]
        tools = [tool.spec for kind, _ in cast_.plugins for tool in kind.tools]
        return ModelRequest(
            tenant=cast_.tenant,
            contact=Contact(id="rehearsal", created_at=now),
            now=now.astimezone(cast_.tenant.zone),
            messages=tuple(messages),
            tools=(*tools, *core_tools(cast_.tenant)),
            seconds=self._server.config.times.think_deadline,
        )

    def _runtimes(self, cast_: Cast, thinkers: Sequence[tuple[PluginType, Settings]]) -> Runtimes:
        id, server = cast_.tenant.id, self._server
        settings = tuple((kind.name, each) for kind, each in thinkers)
        declared = Declared(Packed({id: cast_.tenant}), packed_settings({id: settings}), {}, server.registry)
        return Runtimes(
            declared,
            server.registry,
            lambda tenant, plugin: rehearsed(server.services_for(tenant, plugin)),
            server.quarantine,
            server.clock,
            server.config.times,
            failed=lambda _label: None,
            prepare=server.vaults.prepare,
        )

    async def _exchange(self, runtime: Runtime, request: ModelRequest) -> Tried:
        asked: list[Asked] = []
        person, costs = "", []
        for _round in range(ROUNDS):
            reply, trouble = await _think(runtime, request)
            if reply is None:
                return Tried(trouble=trouble, asked=tuple(asked), person=person)
            costs.append(reply.usage.cost)
            results = []
            for call in reply.tool_calls:
                if call.name == CALL_A_PERSON.name:
                    person = str(call.arguments.get("reason", "")) or "…"
                else:
                    asked.append(_asked(call, request))
                results.append(_result(call))
            if not reply.tool_calls or (reply.text and person):
                known = [cost for cost in costs if cost is not None]
                cost = sum(known) if len(known) == len(costs) else None
                return Tried(text=reply.text, model=reply.model, asked=tuple(asked), person=person, cost=cost)
            exchange = (
                ModelMessage(role="assistant", text=reply.text, tool_calls=reply.tool_calls),
                ModelMessage(role="user", tool_results=tuple(results)),
            )
            request = replace(request, messages=(*request.messages, *exchange))
        return Tried(trouble=f"the model asked for tools {ROUNDS} times and did not answer", asked=tuple(asked))


async def _think(runtime: Runtime, request: ModelRequest) -> tuple[ModelReply | None, str]:
    """The first answer, or why there is none."""
    troubles = list(runtime.troubles.values())
    for bound in runtime.hook("think"):
        try:
            reply: ModelReply | None = await dispatch.call(bound, request=request)
        except HookFailed as err:
            troubles.append(f"{err.plugin}: {err.reason}")
        except PluginError as err:
            troubles.append(f"{bound.label.plugin}: {str(err) or blame.in_words(err)}")
        else:
            if reply is not None:
                return reply, ""
    return None, "; ".join(troubles) or "no model has an answer"


def _asked(call: ToolCall, request: ModelRequest) -> Asked:
    deed = any(tool.name == call.name and tool.deed for tool in request.tools)
    return Asked(name=call.name, arguments=json.dumps(call.arguments, ensure_ascii=False), deed=deed)


def _result(call: ToolCall) -> ToolResult:
    if call.name == CALL_A_PERSON.name:
        return ToolResult(id=call.id, name=call.name, content="A colleague has been asked to take over.")
    return ToolResult(id=call.id, name=call.name, content=NOT_DONE, error=True, refused=True)


class _Nothing:
    """A service that does nothing, and says why."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*_arguments: Any, **_named: Any) -> Any:
            raise Refused(f"{name}: nothing is kept, scheduled or sent in a rehearsal")

        return refuse


class _Forgotten:
    """A plugin's documents for as long as a rehearsal lasts."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}

    async def get(self, collection: str, key: str) -> dict[str, Any] | None:
        return self._kept.get((collection, key))

    async def put(self, collection: str, key: str, data: Mapping[str, Any]) -> None:
        self._kept[collection, key] = dict(data)

    async def insert(self, collection: str, key: str, data: Mapping[str, Any]) -> bool:
        if (collection, key) in self._kept:
            return False
        self._kept[collection, key] = dict(data)
        return True

    async def delete(self, collection: str, key: str) -> bool:
        return self._kept.pop((collection, key), None) is not None

    async def list(self, collection: str, *, after: str = "", limit: int = 100) -> list[tuple[str, dict[str, Any]]]:
        rows = sorted((key, data) for (of, key), data in self._kept.items() if of == collection and key > after)
        return rows[:limit]


def rehearsed(services: Services) -> Services:
    """The same without anything that reaches a contact, a record or the time to come."""
    nothing = cast(Any, _Nothing())
    return replace(
        services,
        store=_Forgotten(),
        tasks=nothing,
        media=nothing,
        model=nothing,
        conversations=nothing,
        leads=nothing,
        appointments=nothing,
        days=nothing,
        secrets=nothing,
        tell_operators=nothing,
    )
