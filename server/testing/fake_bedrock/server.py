"""The server: `POST /model/ID/converse`, every request held against botocore's model and Converse's own rules.

It also runs as a program, for several processes:

    python -m frontdesk.testing.fake_bedrock --port 8300
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, Self, TypeVar
from urllib.parse import unquote

from aiohttp import web

from ...clock import Clock, SystemClock
from . import rules
from .answers import Answer, Line, PromptCache, content, tokens
from .faults import STATUS, Fault, Faults
from .shapes import Invalid, checked_answer, checked_request

R = TypeVar("R", bound=web.StreamResponse)

REGION = "ap-southeast-1"
MAX_BYTES = 32 * 1024 * 1024
OPERATION = "Converse"
BLOCKED = "Sorry, the model cannot answer this question."
"""What a guardrail says unless somebody wrote words of their own."""


class FakeBedrock:
    """The server, in process: `async with FakeBedrock() as bedrock:`; `bedrock.url` is the plugin's `endpoint`.

    :param cache_from: the shortest prefix (tokens) that its prompt cache keeps.
    """

    def __init__(self, *, port: int = 0, clock: Clock | None = None, cache_from: int = 1024) -> None:
        self.script: list[Line] = []
        """What it answers, one line a request; then `otherwise`, for ever."""
        self.otherwise: Line = _echo
        self.faults = Faults()
        self.requests: list[dict[str, Any]] = []
        """What was asked and found to be valid, as boto3's `converse` was given it, in order."""
        self.refused: list[str] = []
        """Why requests were found to be wrong: a plugin that works well leaves it empty."""
        self.answered = 0
        """How many answers went out whole."""
        self.guardrails: dict[tuple[str, str], tuple[str, ...]] = {}
        """(identifier, version) → the words that it blocks, in a text or among the bytes of a wrapped picture."""
        clock = clock or SystemClock()
        self._clock = clock
        self._cache = PromptCache(clock.monotonic, cache_from)
        self._ids = itertools.count(1)
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BYTES)
        app.add_routes([web.post("/model/{model:.+}/converse", self._serve)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        model = unquote(request.match_info["model"])
        body = await request.read()
        fault = self.faults.take(model)
        if fault is not None and fault.kind in ("error", "drop", "garbage"):
            return self._failed(request, fault)
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if not _is_signed(request):
            return _error("UnrecognizedClientException", "The security token included in the request is invalid.")
        try:
            asked = checked_request(OPERATION, model, json.loads(body))
            rules.check(asked)
            self._check_guardrail(asked)
        except (Invalid, ValueError) as err:
            self.refused.append(str(err))
            return _error("ValidationException", str(err))
        self.requests.append(asked)
        answer = await self._answer(asked)
        if fault is not None and fault.kind in ("cut", "trickle"):
            return await self._slowly(request, answer, fault)
        self.answered += 1
        return _response(web.Response(body=answer, content_type="application/json"))

    def _check_guardrail(self, asked: dict[str, Any]) -> None:
        config = asked.get("guardrailConfig")
        if config and (config["guardrailIdentifier"], config["guardrailVersion"]) not in self.guardrails:
            raise Invalid("The guardrail identifier or version provided in the request does not exist.")

    async def _answer(self, asked: dict[str, Any]) -> bytes:
        usage = self._cache.counted(asked)
        if self._is_blocked(asked):
            answer = Answer(text=BLOCKED, stop="guardrail_intervened", output_tokens=0)
        else:
            line = self.script.pop(0) if self.script else self.otherwise
            made = line(asked) if callable(line) else line
            answer = made if isinstance(made, Answer) else Answer(text=made)
        if answer.seconds:
            await asyncio.sleep(answer.seconds)
        blocks = content(answer, self._ids)
        out = min(tokens(blocks), asked.get("inferenceConfig", {}).get("maxTokens", 10**6)) if blocks else 1
        out = out if answer.output_tokens is None else answer.output_tokens
        told = {
            "output": {"message": {"role": "assistant", "content": blocks}},
            "stopReason": answer.stop or ("tool_use" if answer.calls else "end_turn"),
            "usage": {**usage, "outputTokens": out, "totalTokens": out + usage["totalTokens"]},
            "metrics": {"latencyMs": int(answer.seconds * 1000) + 1},
        }
        return json.dumps(checked_answer(OPERATION, told), ensure_ascii=False).encode()

    def _is_blocked(self, asked: dict[str, Any]) -> bool:
        """Of a conversation with wrapped content only that is looked at (Bedrock: Use a guardrail with the Converse API)."""
        config = asked.get("guardrailConfig")
        if config is None:
            return False
        blocks = list(rules.every_block(asked))
        looked_at = [block["guardContent"] for block in blocks if "guardContent" in block]
        texts = [block["text"]["text"] for block in looked_at if "text" in block]
        texts += [block["image"]["source"]["bytes"].decode("latin-1") for block in looked_at if "image" in block]
        texts = texts or [block["text"] for block in blocks if "text" in block]
        words = self.guardrails[config["guardrailIdentifier"], config["guardrailVersion"]]
        return any(word.casefold() in text.casefold() for text in texts for word in words)

    def _failed(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "error":
            return _error(fault.error, fault.message)
        if fault.kind == "garbage":
            return _response(web.Response(body=b"<html>", content_type="text/html"))
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _slowly(self, request: web.Request, answer: bytes, fault: Fault) -> web.StreamResponse:
        response = _response(web.StreamResponse(headers={"Content-Type": "application/json"}))
        response.content_length = len(answer)
        await response.prepare(request)
        pieces = len(answer) if fault.kind == "trickle" else 2
        size = max(1, len(answer) // pieces)
        for start in range(0, len(answer), size):
            await response.write(answer[start : start + size])
            if fault.kind == "cut":
                assert request.transport is not None
                request.transport.close()
                return response
            await asyncio.sleep(fault.seconds / pieces)
        self.answered += 1
        return response


def _is_signed(request: web.Request) -> bool:
    """By a key of AWS for this service, or by a Bedrock API key."""
    given = request.headers.get("Authorization", "")
    return f"/{REGION}/bedrock/aws4_request" in given or given.startswith("Bearer ")


def _error(name: str, message: str) -> web.Response:
    response = web.json_response({"message": message}, status=STATUS[name], headers={"x-amzn-ErrorType": name})
    return _response(response)


def _response(response: R) -> R:
    # boto3 keeps connections open beyond its own close(): the stand-in's end would find them.
    response.force_close()
    return response


def _echo(asked: dict[str, Any]) -> str:
    return "You said: " + " / ".join(said(asked))


def said(asked: dict[str, Any]) -> list[str]:
    """The texts of the last message, wrapped or not."""
    blocks = asked["messages"][-1]["content"]
    found = [block.get("text", block.get("guardContent", {}).get("text", {}).get("text")) for block in blocks]
    return [text for text in found if text]
