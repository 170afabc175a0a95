"""Plugins for tests: a channel that keeps what it sends, and a model that says what a test told it to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..channel import ApprovedTemplate, Found, Outgoing
from ..hookspecs import hookimpl
from ..mind import ModelReply, ModelRequest
from ..plugin import Channel, Plugin

Answer = str | ModelReply | Exception | Callable[[ModelRequest], Any]


class Phone(Channel):
    """A channel without a provider: what is sent is kept in `sent`. A test may set `on_send` to raise what it likes."""

    messages_per_second = 10_000.0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: list[Outgoing] = []
        self.on_send: Callable[[Outgoing], Any] | None = None
        self.typing: list[str] = []
        self.templates: tuple[ApprovedTemplate, ...] | Exception = ()
        """What it tells of its templates, or raises."""
        self.erased: list[str] = []
        """The provider's ids of the messages that were to be deleted."""

    @hookimpl
    async def send(self, message: Outgoing) -> str:
        if self.on_send is not None:
            result = self.on_send(message)
            if hasattr(result, "__await__"):
                await result
        self.sent.append(message)
        return f"phone-{message.id}"

    @hookimpl
    async def find_sent(self, message: Outgoing, since: datetime) -> tuple[Found, ...]:
        return tuple(
            Found(provider_id=f"phone-{sent.id}", at=since, matches=sent.text == message.text)
            for sent in self.sent
            if sent.external_id == message.external_id
        )

    @hookimpl
    async def erase_message(self, message: Any) -> None:
        self.erased.append(message.provider_id)
        self.sent = [sent for sent in self.sent if f"phone-{sent.id}" != message.provider_id]

    @hookimpl
    async def list_templates(self) -> tuple[ApprovedTemplate, ...]:
        if isinstance(self.templates, Exception):
            raise self.templates
        return self.templates

    @hookimpl
    async def show_typing(self, message: Any) -> None:
        self.typing.append(message.id)


class ScriptedModel(Plugin):
    """A model that gives the answers in `script` one after the other, then repeats the contact's words.

    An answer is a text, a ModelReply, an exception to raise, or a function of the request. `requests` keeps what it was
    asked.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.script: list[Answer] = []
        self.requests: list[ModelRequest] = []

    @hookimpl
    async def think(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        answer: Any = self.script.pop(0) if self.script else _echo
        if callable(answer):
            answer = answer(request)
            if hasattr(answer, "__await__"):
                answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ModelReply) else ModelReply(text=str(answer), model="scripted")


def _echo(request: ModelRequest) -> str:
    said = []
    for message in reversed(request.messages):
        if message.role != "user":
            break
        said.append(message.text)
    return "You said: " + " / ".join(reversed(said))
