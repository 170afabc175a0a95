"""An OpenAI-compatible server on loopback for tests: `POST /v1/chat/completions`, every request checked.

    python -m frontdesk.testing.fake_openai --port 8400

What is checked stands in OpenAI's API reference (Chat completions): roles, the order of tool calls and their results, tools.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import click
from aiohttp import web

from .standalone import port_option, run


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One answer: words, calls of tools (name, arguments as JSON), or a failure."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish: str = ""
    """Empty: `tool_calls` with calls, `stop` without."""
    status: int = 200
    seconds: float = 0.0
    body: bytes | None = None
    """Sent as it is."""


Line = str | Completion | Callable[[dict[str, Any]], "str | Completion"]


@dataclass
class FakeOpenai:
    """`async with FakeOpenai() as server:`; `server.url` is the plugin's `base_url`."""

    port: int = 0
    key: str = ""
    """The key that a request must bear; empty: any."""
    script: list[Line] = field(default_factory=list)
    """What it answers, one line a request; then it repeats what was said."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why requests were wrong: a plugin that works well leaves it empty."""
    _runner: web.AppRunner | None = None
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/v1/chat/completions", self._complete)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _complete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided.")
        if wrong := _wrong(asked):
            self.refused.append(wrong)
            return _error(400, wrong)
        self.requests.append(asked)
        line = self.script.pop(0) if self.script else _echo
        made = line(asked) if callable(line) else line
        answer = made if isinstance(made, Completion) else Completion(text=made)
        await asyncio.sleep(answer.seconds)
        if answer.body is not None:
            return web.Response(status=answer.status, body=answer.body, content_type="application/json")
        if answer.status != 200:
            return _error(answer.status, f"You said {asked['messages'][-1]['content']!r}")
        return web.json_response(self._told(asked, answer))

    def _told(self, asked: dict[str, Any], answer: Completion) -> dict[str, Any]:
        calls = [
            {"id": f"call_{next(self._ids)}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in answer.calls
        ]
        message = {"role": "assistant", "content": answer.text or None, **({"tool_calls": calls} if calls else {})}
        tokens = len(json.dumps(asked["messages"])) // 4, len(json.dumps(message)) // 4
        return {
            "id": f"chatcmpl-{next(self._ids)}",
            "object": "chat.completion",
            "created": 0,
            "model": asked["model"],
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "finish_reason": answer.finish or ("tool_calls" if calls else "stop"),
                }
            ],
            "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
        }


def _wrong(asked: dict[str, Any]) -> str:
    """Why a server would refuse it; empty: it would not."""
    messages = asked.get("messages") or [{}]
    if not asked.get("model") or messages[0].get("role") != "system" or messages[-1].get("role") == "assistant":
        return "a model, a system message first, and the user's or a tool's message last"
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return f"messages[{place}]: a tool's message must follow the call that it answers"
            waiting.discard(message["tool_call_id"])
        elif waiting:
            return f"messages[{place}]: these calls have no answer: {sorted(waiting)}"
        if not isinstance(message.get("content"), str) and not message.get("tool_calls"):
            return f"messages[{place}]: content is a string"
        waiting |= {call["id"] for call in message.get("tool_calls", ())}
    names = [tool["function"]["name"] for tool in asked.get("tools", ())]
    return "the tools' names are not unique" if len(set(names)) < len(names) else ""


def _echo(asked: dict[str, Any]) -> str:
    return f"You said: {asked['messages'][-1]['content']}"


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=status)


@click.command()
@port_option
def main(port: int) -> None:
    """Run the stand-in until SIGINT or SIGTERM; its base URL is the first line printed."""
    run(FakeOpenai(port=port))


if __name__ == "__main__":
    main()
