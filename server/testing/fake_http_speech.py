"""Deepgram and ElevenLabs on loopback for tests: `POST /v1/listen` and `POST /v1/text-to-speech/VOICE`, each checked.

    python -m frontdesk.testing.fake_http_speech --port 8600

What is checked stands in the vendors' API references: Deepgram, Listen (pre-recorded audio) and Errors; ElevenLabs, Create
speech and Errors.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import click
from aiohttp import web

from .audio import voice_note, words_in
from .standalone import port_option, run

LANGUAGES = frozenset("vi en en-US en-GB en-AU fr de es it ja ko nl pt ru sv zh id th".split())
"""Some of those that Deepgram's models hear."""
OPUS = ("opus_48000_32", "opus_48000_64", "opus_48000_96", "opus_48000_128", "opus_48000_192")
MP3 = ("mp3_22050_32", "mp3_44100_32", "mp3_44100_64", "mp3_44100_96", "mp3_44100_128", "mp3_44100_192")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Happens to the next request."""

    kind: Literal["status", "hang", "drop", "took", "garbage"] = "status"
    """`took`: what was asked is done, then the connection breaks."""
    status: int = 500
    code: str = ""
    """The vendor's own name of the error."""
    seconds: float = 30.0
    retry_after: str = ""


@dataclass
class FakeHttpSpeech:
    """`async with FakeHttpSpeech() as vendors:`; `vendors.url` is the URL of both."""

    port: int = 0
    keys: set[str] = field(default_factory=lambda: {"a key"})
    """Keys that are taken."""
    voices: set[str] = field(default_factory=lambda: {"JBFqnCBsd6RMkjVDRZzb"})
    confidence: float = 0.97
    hears: Callable[[bytes], str] = words_in
    faults: list[Fault] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why requests were wrong: a plugin that works well leaves it empty."""
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.add_routes(
            [web.post("/v1/listen", self._listen), web.post("/v1/text-to-speech/{voice}", self._say)],
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _listen(self, request: web.Request) -> web.Response:
        body = await request.read()
        given = request.headers.get("Authorization", "")
        return await self._served(request, given.removeprefix("Token "), _deepgram, lambda: self._heard(request, body))

    async def _say(self, request: web.Request) -> web.Response:
        body = await request.read()
        key = request.headers.get("xi-api-key", "")
        return await self._served(request, key, _elevenlabs, lambda: self._said(request, body))

    async def _served(
        self,
        request: web.Request,
        key: str,
        error: Callable[[int, str], web.Response],
        do: Callable[[], web.Response],
    ) -> web.Response:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "garbage":
            return web.Response(body=b"<html>", content_type="text/html")
        if fault is not None and fault.kind == "status":
            answer = error(fault.status, fault.code)
            if fault.retry_after:
                answer.headers["Retry-After"] = fault.retry_after
            return answer
        if fault is None or fault.kind != "drop":
            done = do() if key in self.keys else error(401, "INVALID_AUTH" if error is _deepgram else "invalid_api_key")
        if fault is not None and fault.kind in ("drop", "took"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return done

    def _heard(self, request: web.Request, body: bytes) -> web.Response:
        query = dict(request.query)
        if not query.get("model") or query.get("language") not in LANGUAGES:
            self.refused.append(f"no such model or language: {query}")
            return _deepgram(400, "Bad Request")
        if not request.content_type.startswith("audio/"):
            self.refused.append(f"sound is not {request.content_type}")
            return _deepgram(400, "Bad Request")
        self.requests.append({"path": "/v1/listen", **query, "bytes": len(body), "type": request.content_type})
        if not body.startswith((b"OggS", b"RIFF", b"ID3")):
            return _deepgram(400, "Bad Request")
        best = {"transcript": self.hears(body), "confidence": self.confidence, "words": []}
        return web.json_response({"metadata": {"duration": 2.0}, "results": {"channels": [{"alternatives": [best]}]}})

    def _said(self, request: web.Request, body: bytes) -> web.Response:
        asked, kind = json.loads(body), request.query.get("output_format", "mp3_44100_128")
        known = {"text", "model_id", "language_code", "voice_settings", "seed", "previous_text", "next_text"}
        if kind not in (*OPUS, *MP3) or not asked.get("text") or not set(asked) <= known:
            self.refused.append(f"{kind}: {sorted(asked)}")
            return web.json_response({"detail": [{"loc": ["body"], "msg": "wrong", "type": "value_error"}]}, status=422)
        voice = request.match_info["voice"]
        if voice not in self.voices:
            return _elevenlabs(404, "voice_not_found")
        self.requests.append({"path": "/v1/text-to-speech", "voice": voice, "output_format": kind, **asked})
        text = asked["text"]
        if kind in OPUS:
            return web.Response(body=voice_note(0.06 * len(text), words=text), content_type="audio/ogg")
        return web.Response(body=b"ID3\x04\x00" + text.encode(), content_type="audio/mpeg")


def _deepgram(status: int, code: str) -> web.Response:
    told = {"err_code": code, "err_msg": "a fault of the stand-in, with words of a contact", "request_id": "1"}
    return web.json_response(told, status=status)


def _elevenlabs(status: int, code: str) -> web.Response:
    told = {"detail": {"status": code, "message": "a fault of the stand-in, with words of a contact"}}
    return web.json_response(told, status=status)


@click.command()
@port_option
def main(port: int) -> None:
    """Run the stand-in until SIGINT or SIGTERM; its base URL is the first line printed."""
    run(FakeHttpSpeech(port=port))


if __name__ == "__main__":
    main()
