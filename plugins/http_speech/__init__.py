"""Voice notes into words by Deepgram, answers into speech by ElevenLabs, over their HTTP APIs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from frontdesk import (
    Card,
    CeilingReached,
    Media,
    NeedsAttention,
    Plugin,
    Refused,
    RetryLater,
    Secret,
    SecretUnavailable,
    Services,
    Speech,
    Transcript,
    hookimpl,
    seconds_of,
)

from .errors import meant, reached
from .settings import HttpSpeechSettings

DEEPGRAM, ELEVENLABS = "Deepgram", "ElevenLabs"
LISTEN = aiohttp.ClientTimeout(total=60, connect=3)
"""Deepgram answers when it has heard all of it: longer than a turn waits, which then goes on without."""
SAY = aiohttp.ClientTimeout(total=9, connect=3)
"""Below the deadline of a hook."""
READ_SECONDS = 3.0
FORMATS = {"audio/ogg": "opus_48000_32", "audio/mpeg": "mp3_44100_64"}
"""Content type → ElevenLabs' output_format."""
MOST_BYTES = 4_000_000
"""Of an answer: more is no voice message."""
CORRUPT = 400
"""Deepgram's status for sound that it cannot read, and for a language that the model does not have."""


class HttpSpeech(Plugin):
    """Hears by Deepgram, speaks by ElevenLabs."""

    settings: HttpSpeechSettings

    def __init__(self, name: str, settings: HttpSpeechSettings, services: Services) -> None:
        super().__init__(name, settings, services)
        self._keys: dict[str, str] = {}
        self._troubles: dict[str, str] = {}
        """Vendor → what a person must mend, until it answers again."""

    @hookimpl
    async def start(self) -> None:
        """Read the keys, so that a missing one is told before the first voice note."""
        for vendor in (DEEPGRAM, ELEVENLABS):
            if self._secret(vendor) is not None:
                await self._key(vendor)

    @hookimpl
    async def transcribe(self, media: Media, language: str) -> Transcript | None:
        settings = self.settings
        if settings.deepgram_key is None:
            return None
        file = await self.media.get(media.key)
        if file is None:
            return Transcript(unheard="damaged")
        cost = (seconds_of(file[1]) or 60.0) / 60 * settings.price_per_minute
        spending = await self._reserved(cost)
        own = settings.languages
        code = own.get(language) or own.get(language.partition("-")[0]) or language.partition("-")[0]
        asked = {
            "url": f"{settings.deepgram_url}/v1/listen",
            "params": {"model": settings.deepgram_model, "language": code, "smart_format": "true"},
            "data": file[1],
            "headers": {"Content-Type": file[0].partition(";")[0]},
            "timeout": LISTEN,
        }
        try:
            status, body = await self._post(DEEPGRAM, asked, refused=(CORRUPT,))
        except (NeedsAttention, Refused):
            spending.settle(0)
            raise
        spending.settle(cost if status == 200 else 0)
        if status == CORRUPT:
            return Transcript(unheard="damaged")
        return _understood(body, settings.least_confidence)

    @hookimpl
    async def synthesize(self, text: str, language: str, content_type: str) -> Speech | None:
        """None for a language without a voice in the settings."""
        settings = self.settings
        voice = settings.voices.get(language) or settings.voices.get(language.partition("-")[0])
        if settings.elevenlabs_key is None or not voice or content_type not in FORMATS:
            return None
        cost = len(text) / 1000 * settings.price_per_thousand
        spending = await self._reserved(cost)
        asked = {
            "url": f"{settings.elevenlabs_url}/v1/text-to-speech/{voice}",
            "params": {"output_format": FORMATS[content_type]},
            "json": {
                "text": text,
                "model_id": settings.elevenlabs_model,
                "language_code": language.partition("-")[0],
            },
            "timeout": SAY,
        }
        try:
            _, content = await self._post(ELEVENLABS, asked)
        except (NeedsAttention, Refused):
            spending.settle(0)
            raise
        spending.settle(cost)
        if not content.startswith(b"OggS" if content_type == "audio/ogg" else (b"ID3", b"\xff")):
            raise Refused(f"ElevenLabs' answer is no {content_type}")
        return Speech(content=content, content_type=content_type)

    @hookimpl
    async def check_health(self) -> Mapping[str, Any]:
        """The last trouble of each vendor that a person must mend; and whether the tenant's language is answered in text."""
        told = "; ".join(self._troubles.values())
        return {"ok": not told, "detail": told or self._limit()}

    @hookimpl
    async def admin_panel(self, page: str, language: str) -> Card | None:
        if page or not self._limit():
            return None
        title = "Giới hạn" if language.startswith("vi") else "What it cannot do"
        return Card(title=title, text=f"{self._limit()}.")

    def _limit(self) -> str:
        language, voices = self.tenant.language, self.settings.voices
        if self.settings.elevenlabs_key is None or voices.get(language) or voices.get(language.partition("-")[0]):
            return ""
        return f"`voices` has none for {language}: answers in it go as text"

    async def _reserved(self, cost: float) -> Any:
        try:
            return await self.spending.reserve(cost)
        except CeilingReached as err:
            # Not before midnight: nobody waits so long.
            raise Refused("today's spending ceiling has no room for it") from err

    async def _post(self, vendor: str, asked: dict[str, Any], refused: tuple[int, ...] = ()) -> tuple[int, bytes]:
        """Status (200, or one of *refused*) and body. A key that is refused is read again, once."""
        key = self._keys.get(vendor) or await self._key(vendor)
        try:
            try:
                answer = await self._posted(vendor, key, asked, refused)
            except NeedsAttention as err:
                if "API key" not in err.what or (fresh := await self._key(vendor)) == key:
                    raise
                answer = await self._posted(vendor, fresh, asked, refused)
        except NeedsAttention as err:
            self._troubles[vendor] = err.what
            raise
        self._troubles.pop(vendor, None)
        return answer

    async def _posted(
        self, vendor: str, key: str, asked: dict[str, Any], refused: tuple[int, ...]
    ) -> tuple[int, bytes]:
        signed = {"Authorization": f"Token {key}"} if vendor == DEEPGRAM else {"xi-api-key": key}
        given = {**asked, "headers": {**asked.get("headers", {}), **signed}, "allow_redirects": False}
        with reached(vendor):
            async with self.http.post(**given) as response:
                body = await _read(response)
                if response.status != 200 and response.status not in refused:
                    raise meant(vendor, response.status, body, response.headers.get("Retry-After", ""))
                return response.status, body

    async def _key(self, vendor: str) -> str:
        """Read anew."""
        secret = self._secret(vendor)
        assert secret is not None, "asked only where there is one"
        try:
            key = await self.call_blocking(_revealed, secret, timeout=READ_SECONDS)
        except TimeoutError as err:
            raise RetryLater("the key could not be read in time") from err
        self._keys[vendor] = key
        return key

    def _secret(self, vendor: str) -> Secret | None:
        return self.settings.deepgram_key if vendor == DEEPGRAM else self.settings.elevenlabs_key


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        content += piece
        if len(content) > MOST_BYTES:
            raise Refused("the answer is far too large for a voice message")
    return bytes(content)


def _understood(body: bytes, least: float) -> Transcript:
    """What Deepgram has heard (its API reference, Listen). Raises RetryLater for nonsense."""
    try:
        best = json.loads(body)["results"]["channels"][0]["alternatives"][0]
        text, confidence = str(best["transcript"]).strip(), float(best.get("confidence", 1.0))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as err:
        raise RetryLater("Deepgram's answer could not be read", after=2.0) from err
    if text and confidence < least:
        return Transcript(unheard="noisy")
    return Transcript(text=text)


def _revealed(secret: Secret) -> str:
    try:
        # At the start, and after a vendor said no: what is remembered may be what was rejected.
        return secret.reveal(fresh=True)
    except SecretUnavailable as err:
        raise NeedsAttention(str(err)) from err
