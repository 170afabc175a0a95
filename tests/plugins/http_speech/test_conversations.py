"""What a contact hears, and an operator sees, whatever happens to the vendors: something true, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from frontdesk import Plugin, hookimpl
from frontdesk.model import Media
from frontdesk.plugins import http_speech
from frontdesk.plugins.http_speech import HttpSpeech
from frontdesk.testing.audio import voice_note
from frontdesk.testing.fake_http_speech import FakeHttpSpeech, Fault
from frontdesk.testing.plugins import Phone, ScriptedModel

AWAY = "I cannot listen to voice messages at the moment. Could you write it to me, please?"
ANSWER = "At nine."


class VoicePhone(Phone):
    """Plays voice messages."""

    voice_types = ("audio/ogg", "audio/mpeg")


class Pager(Plugin):
    """Keeps what operators are told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.alerts: list[str] = []

    @hookimpl
    async def alert_operator(self, title: str, text: str) -> None:
        self.alerts.append(title)


PLUGINS = {"phone": VoicePhone, "model": ScriptedModel, "http_speech": HttpSpeech, "pager": Pager}


@pytest.fixture
async def vendors(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeHttpSpeech]:
    monkeypatch.setenv("SPEECH_KEY", "a key")
    short = aiohttp.ClientTimeout(total=0.3)
    monkeypatch.setattr(http_speech, "LISTEN", short)
    monkeypatch.setattr(http_speech, "SAY", short)
    async with FakeHttpSpeech() as running:
        yield running


def settings(vendors: FakeHttpSpeech) -> dict[str, Any]:
    key = {"env": "SPEECH_KEY"}
    urls = {"deepgram_url": vendors.url, "elevenlabs_url": vendors.url}
    return {
        "http_speech": {"deepgram_key": key, "elevenlabs_key": key, "voices": {"en": "JBFqnCBsd6RMkjVDRZzb"}, **urls}
    }


async def conversation(desk: Any, vendors: FakeHttpSpeech) -> tuple[list[tuple[str, str]], list[str]]:
    """A voice note; kind and text of all that came, and what operators were told."""
    tenants = {"clinic": {"settle": {"quiet_seconds": 0}}}
    times = {"times": {"hear_deadline": 40}}
    async with desk(plugins=PLUGINS, settings=settings(vendors), tenants=tenants, server=times) as server:
        lan, pager = server.contact("Lan"), await server.plugin("pager")
        (await server.plugin("model")).script = [ANSWER]
        key = await server.server.media.put("clinic", voice_note(words="when do you open?"), "audio/ogg")
        await lan.says("", kind="voice", media=(Media(content_type="audio/ogg", key=key),))
        await lan.hears()
        await server.quiet()
        if any(fault.status in (401, 402) for fault in vendors.faults):

            async def told() -> Any:
                return len(pager.alerts) > 1

            await server.until("operators are told", told)
        return [(message.kind, message.text) for message in await lan.received()], pager.alerts


EACH = [
    Fault(kind="hang"),
    Fault(kind="drop"),
    Fault(kind="took"),
    Fault(kind="garbage"),
    Fault(status=503),
    Fault(status=429, retry_after="5"),
]
IDS = ["slow", "drop", "took", "nonsense", "down", "throttling"]


@pytest.mark.parametrize("fault", EACH, ids=IDS)
async def test_what_passes_is_waited_for_and_answered_once(desk: Any, vendors: FakeHttpSpeech, fault: Fault) -> None:
    vendors.faults = [fault]
    assert await conversation(desk, vendors) == ([("voice", ANSWER)], [])


@pytest.mark.parametrize("fault", EACH[::2], ids=IDS[::2])
async def test_what_does_not_pass_is_told_to_the_contact(desk: Any, vendors: FakeHttpSpeech, fault: Fault) -> None:
    vendors.faults = [fault] * 1000
    assert await conversation(desk, vendors) == ([("text", AWAY)], [])


async def test_a_key_that_has_expired_is_told_to_the_operators(desk: Any, vendors: FakeHttpSpeech) -> None:
    vendors.faults = [Fault(status=401, code="INVALID_AUTH")] * 1000
    heard, alerts = await conversation(desk, vendors)
    assert heard == [("text", AWAY)]
    assert sorted(alerts) == ["http_speech cannot put voice notes into words", "http_speech cannot speak"]


@pytest.mark.parametrize("fault", EACH[1::2], ids=IDS[1::2])
async def test_a_voice_that_fails_leaves_the_text(
    desk: Any, vendors: FakeHttpSpeech, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    heard = vendors.hears

    def then_fail(content: bytes) -> str:
        vendors.faults = [fault] * 2
        return heard(content)

    vendors.hears = then_fail
    # Twice: as Ogg and as MP3.
    assert await conversation(desk, vendors) == ([("text", ANSWER)], [])
