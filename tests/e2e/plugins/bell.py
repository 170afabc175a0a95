"""The plugin of the pains' tests: what operators are told goes into a file, and the business can be made to write first.

`POST /plugins/bell/TENANT/write` with `{"conversation", "key", "text", "template", "variables", "fallback"}` is what a CRM
or a reminder would do; `template` and `fallback` are ContentSids.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quart import request

from frontdesk import Contact, Conversation, Message, Plugin, Settings, Template, current_plugin, hookimpl

if TYPE_CHECKING:
    from quart import Blueprint


class BellSettings(Settings):
    """Where it is heard."""

    heard: str
    """A file: one line of JSON for whatever operators are told."""


class Bell(Plugin):
    """Rings."""

    settings: BellSettings

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        blueprint.add_url_rule("/write", "write", _write, methods=["POST"])

    @hookimpl
    async def alert_operator(self, title: str, text: str, conversation: Conversation | None) -> None:
        await self._ring("alert", title=title, text=text, conversation=conversation.id if conversation else "")

    @hookimpl
    async def on_message_failed(self, conversation: Conversation, message: Message) -> None:
        await self._ring("message_failed", conversation=conversation.id, text=message.text, error=message.error)

    @hookimpl
    async def on_handoff(self, conversation: Conversation, contact: Contact, reason: str) -> None:
        await self._ring("handoff", conversation=conversation.id, reason=reason)

    async def _ring(self, what: str, **told: Any) -> None:
        line = json.dumps({"what": what, "tenant": self.tenant.id, **told}, ensure_ascii=False)
        await asyncio.to_thread(_append, Path(self.settings.heard), line + "\n")


async def _write() -> tuple[str, int]:
    asked = await request.get_json()
    bell = current_plugin()
    variables = asked.get("variables", {})
    template = Template(id=asked["template"], variables=variables) if "template" in asked else None
    fallback = Template(id=asked["fallback"], variables=variables) if "fallback" in asked else None
    await bell.conversations.send(
        asked["conversation"], asked["key"], asked.get("text", ""), template=template, fallback=fallback
    )
    return "", 204


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
