"""Deepgram hears, ElevenLabs speaks, over HTTP: languages, formats, what it costs, each fault of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
import structlog
from pydantic import ValidationError

from frontdesk import CeilingReached, Media, NeedsAttention, Refused, RetryLater, Services, Transcript
from frontdesk.clock import SystemClock
from frontdesk.config import TenantConfig
from frontdesk.plugins import http_speech
from frontdesk.plugins.http_speech import HttpSpeech
from frontdesk.services.blocking import BlockingCalls
from frontdesk.testing.audio import voice_note, words_in
from frontdesk.testing.fake_http_speech import FakeHttpSpeech, Fault

TENANT = {"id": "hoa-sen", "name": "Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
VOICE = "JBFqnCBsd6RMkjVDRZzb"
OGG, MP3 = "audio/ogg", "audio/mpeg"
NOTE = Media(content_type="audio/ogg; codecs=opus", key="1")
KEYS = {"deepgram_key": {"env": "SPEECH_KEY"}, "elevenlabs_key": {"env": "SPEECH_KEY"}, "voices": {"vi": VOICE}}


class Around:
    """Files and purse of an instance."""

    def __init__(self) -> None:
        self.files = {"1": (NOTE.content_type, voice_note(30, words="em muốn đặt lịch ạ"))}
        self.left = 1.0
        self.settled: list[float] = []

    async def get(self, key: str) -> Any:
        return self.files.get(key)

    async def reserve(self, most: float, *, first: bool = False) -> Any:
        if most > self.left:
            raise CeilingReached("no room", after=3600)
        return SimpleNamespace(settle=lambda cost: self.settled.append(round(cost, 8)))


@pytest.fixture
async def vendors() -> AsyncIterator[FakeHttpSpeech]:
    async with FakeHttpSpeech() as running:
        yield running


@pytest.fixture
async def make(vendors: FakeHttpSpeech, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    monkeypatch.setenv("SPEECH_KEY", "a key")
    calls, unused = BlockingCalls(), cast(Any, None)
    async with aiohttp.ClientSession() as http:

        def made(language: str = "vi", **settings: Any) -> tuple[HttpSpeech, Around]:
            around = Around()
            services = Services(
                tenant=TenantConfig.model_validate({**TENANT, "language": language}),
                clock=SystemClock(),
                store=unused,
                tasks=unused,
                media=cast(Any, around),
                model=unused,
                conversations=unused,
                leads=unused,
                appointments=unused,
                days=unused,
                secrets=unused,
                tell_operators=unused,
                post_signed=unused,
                spending=cast(Any, around),
                http=http,
                shared=unused,
                call_blocking=calls.of("hoa-sen", "http_speech", 5, 4),
                log=structlog.get_logger(),
                public_url="https://desk.example.com",
                count=lambda event: None,
            )
            given = {**KEYS, "deepgram_url": vendors.url, "elevenlabs_url": vendors.url, **settings}
            return HttpSpeech("http_speech", HttpSpeech.settings_class().model_validate(given), services), around

        yield made
    await calls.close(5)


@pytest.mark.parametrize(("language", "code"), [("vi", "vi"), ("vi-VN", "vi"), ("en-GB", "en-AU"), ("fr", "fr")])
async def test_a_voice_note_becomes_words_in_the_language_of_the_conversation(
    make: Any, vendors: FakeHttpSpeech, language: str, code: str
) -> None:
    plugin, around = make(languages={"en": "en-AU"})
    await plugin.start()
    assert await plugin.transcribe(NOTE, language) == Transcript(text="em muốn đặt lịch ạ")
    (asked,) = vendors.requests
    assert (asked["language"], asked["model"], asked["type"]) == (code, "nova-3", "audio/ogg")
    assert around.settled == [round(0.5 * 0.0092, 8)] and vendors.refused == []


async def test_what_cannot_be_heard_says_why(make: Any, vendors: FakeHttpSpeech) -> None:
    plugin, around = make()
    vendors.confidence = 0.2
    assert await plugin.transcribe(NOTE, "vi") == Transcript(unheard="noisy")
    vendors.hears = lambda content: ""
    assert await plugin.transcribe(NOTE, "vi") == Transcript()
    around.files["1"] = ("audio/ogg", b"no sound")
    assert await plugin.transcribe(NOTE, "vi") == Transcript(unheard="damaged")
    around.files.clear()
    assert await plugin.transcribe(NOTE, "vi") == Transcript(unheard="damaged")


async def test_vietnamese_has_a_voice(make: Any, vendors: FakeHttpSpeech) -> None:
    plugin, around = make()
    said = await plugin.synthesize("Dạ, chín giờ ạ.", "vi", OGG)
    assert said.content_type == OGG and words_in(said.content) == "Dạ, chín giờ ạ."
    assert (await plugin.synthesize("Dạ, chín giờ ạ.", "vi-VN", MP3)).content_type == MP3
    first, second = vendors.requests
    assert first == {
        "path": "/v1/text-to-speech", "voice": VOICE, "output_format": "opus_48000_32", "text": "Dạ, chín giờ ạ.",
        "model_id": "eleven_flash_v2_5", "language_code": "vi",
    }  # fmt: skip
    assert second["output_format"] == "mp3_44100_64"
    assert around.settled == [round(15 / 1000 * 0.05, 8)] * 2 and vendors.refused == []


async def test_who_has_no_key_or_no_voice_leaves_it_to_others(make: Any, vendors: FakeHttpSpeech) -> None:
    plugin, _ = make()
    assert await plugin.synthesize("Hello.", "en", OGG) is None
    assert await plugin.synthesize("Dạ.", "vi", "audio/aac") is None
    deaf, _ = make(deepgram_key=None)
    assert await deaf.transcribe(NOTE, "vi") is None
    dumb, _ = make(elevenlabs_key=None)
    assert await dumb.synthesize("Dạ.", "vi", OGG) is None
    assert vendors.requests == []


async def test_that_a_language_has_no_voice_is_said_where_it_is_set_up(make: Any) -> None:
    plugin, _ = make("en")
    told = "`voices` has none for en: answers in it go as text"
    assert await plugin.check_health() == {"ok": True, "detail": told}
    assert told in (await plugin.admin_panel("", "en")).text
    assert await make("vi")[0].check_health() == {"ok": True, "detail": ""}
    assert await make("vi")[0].admin_panel("", "vi") is None


FAULTS = [
    (Fault(kind="hang"), RetryLater),
    (Fault(kind="drop"), RetryLater),
    (Fault(kind="took"), RetryLater),
    (Fault(status=500), RetryLater),
    (Fault(status=503), RetryLater),
    (Fault(status=429, retry_after="7"), RetryLater),
    (Fault(status=401, code="quota_exceeded"), NeedsAttention),
    (Fault(status=402, code="ASR_PAYMENT_REQUIRED"), NeedsAttention),
    (Fault(status=403), NeedsAttention),
    (Fault(status=404, code="voice_not_found"), NeedsAttention),
    (Fault(status=422), Refused),
]


@pytest.mark.parametrize("vendor", ["hears", "speaks"])
@pytest.mark.parametrize(("fault", "raised"), FAULTS, ids=lambda value: getattr(value, "kind", ""))
async def test_each_fault_says_what_is_to_be_done_and_is_survived(
    make: Any, vendors: FakeHttpSpeech, monkeypatch: pytest.MonkeyPatch, fault: Fault, raised: Any, vendor: str
) -> None:
    plugin, around = make()
    ask = {
        "hears": lambda: plugin.transcribe(NOTE, "vi"),
        "speaks": lambda: plugin.synthesize("Dạ.", "vi", OGG),
    }[vendor]
    if fault.kind == "hang":
        short = aiohttp.ClientTimeout(total=0.3)
        monkeypatch.setattr(http_speech, "LISTEN", short)
        monkeypatch.setattr(http_speech, "SAY", short)
    # A key that is refused is tried twice.
    vendors.faults = [fault, fault] if fault.status == 403 else [fault]
    with pytest.raises(raised) as caught:
        await ask()
    assert "words of a contact" not in str(caught.value)
    if fault.retry_after:
        assert caught.value.after == 7
    assert (await plugin.check_health())["ok"] == (raised is not NeedsAttention)
    assert len(around.settled) == (raised is not RetryLater), "what may have been done counts as spent"
    vendors.faults.clear()
    monkeypatch.undo()
    assert await ask()
    assert (await plugin.check_health())["ok"]


async def test_nonsense_is_no_words_and_no_voice(make: Any, vendors: FakeHttpSpeech) -> None:
    plugin, _ = make()
    vendors.faults = [Fault(kind="garbage"), Fault(kind="garbage")]
    with pytest.raises(RetryLater, match="could not be read"):
        await plugin.transcribe(NOTE, "vi")
    with pytest.raises(Refused, match="is no audio/ogg"):
        await plugin.synthesize("Dạ.", "vi", OGG)


async def test_a_key_that_was_rotated_is_read_again(
    make: Any, vendors: FakeHttpSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin, _ = make()
    await plugin.start()
    vendors.keys = {"a new key"}
    with pytest.raises(NeedsAttention, match="refuses the API key"):
        await plugin.transcribe(NOTE, "vi")
    monkeypatch.setenv("SPEECH_KEY", "a new key")
    assert (await plugin.transcribe(NOTE, "vi")).text and (await plugin.synthesize("Dạ.", "vi", OGG)).content


async def test_nothing_is_asked_when_the_ceiling_has_no_room(make: Any, vendors: FakeHttpSpeech) -> None:
    plugin, around = make()
    around.left = 0
    for ask in (plugin.transcribe(NOTE, "vi"), plugin.synthesize("Dạ.", "vi", OGG)):
        with pytest.raises(Refused, match="ceiling"):
            await ask
    assert vendors.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"deepgram_key": None, "elevenlabs_key": None},
        {"voices": {}},
        {"deepgram_url": "http://elsewhere.example"},
        {"voices": {"vi": "no/id"}},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpSpeech.settings_class().model_validate({**KEYS, **wrong})
