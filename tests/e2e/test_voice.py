"""Voice notes that are heard and answered by voice, through a real server with the offline model.

On the simulator's phone, in Vietnamese (Deepgram, ElevenLabs) and in English (Transcribe, Polly); and on WhatsApp, where a
voice message does not arrive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import pytest
import yaml

from frontdesk.model import Message
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.audio import voice_note, words_in
from frontdesk.testing.fake_http_speech import FakeHttpSpeech
from frontdesk.testing.fake_speech import FakeSpeech
from frontdesk.testing.fake_speech.server import REGION
from frontdesk.testing.fake_twilio import CallbackPlan, FakeTwilio

from .conftest import Served, until
from .contacts import SETTLE

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
OURS = {"X-Frontdesk-Simulator": "1"}
VOICE = "JBFqnCBsd6RMkjVDRZzb"


@pytest.fixture
async def vendors() -> AsyncIterator[FakeHttpSpeech]:
    async with FakeHttpSpeech() as running:
        yield running
        assert running.refused == []


@pytest.fixture
def moto(aws_keys: None) -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # it takes long to import

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    client: Any = boto3.session.Session(region_name=REGION).client("s3", endpoint_url=url)
    client.create_bucket(Bucket="speech", CreateBucketConfiguration={"LocationConstraint": REGION})
    yield url
    client.close()
    server.stop()


def business(id: str, *plugins: Any) -> dict[str, Any]:
    """A tenant of the example with these plugins and the offline model."""
    tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"][id]
    tenant.pop("opening_hours", None)
    return {**tenant, "settle": SETTLE, "plugins": [*plugins, "rehearsal_llm"]}


def by_http(vendors: FakeHttpSpeech) -> dict[str, Any]:
    keys = {key: {"env": "SPEECH_KEY"} for key in ("deepgram_key", "elevenlabs_key")}
    urls = dict.fromkeys(("deepgram_url", "elevenlabs_url"), vendors.url)
    return {"http_speech": {**keys, **urls, "voices": {"vi": VOICE}}}


class SimulatedPhone:
    """Somebody at the phone in the browser."""

    def __init__(self, desk: Served, http: aiohttp.ClientSession, tenant: str) -> None:
        self._desk, self._http, self.tenant = desk, http, tenant
        self.page = f"{desk.url}/plugins/simulator/{tenant}/"
        self.contact = "1a4" * 8
        self._said = 0
        self._heard = 0

    async def says(self, words: str, *, aloud: bool) -> None:
        self._said += 1
        body: dict[str, Any] = {"id": f"message-{self._said:016}", "from": self.contact}
        if aloud:
            note = voice_note(3, words=words)
            async with self._http.post(f"{self.page}media", data=note, headers=OURS) as answer:
                body |= {"kind": "voice", "media": {"key": (await answer.json())["key"]}}
        else:
            body |= {"text": words}
        url = f"{self._desk.url}/webhooks/simulator/{self.tenant}"
        async with self._http.post(url, json=body, headers=OURS) as answer:
            assert answer.status == 204, await answer.text()

    async def hears(self) -> Message:
        """The next message that comes."""

        async def more() -> Message | None:
            received = await self.received()
            return received[self._heard] if len(received) > self._heard else None

        message: Message = await until(f"an answer of {self.tenant}", more, 40)
        self._heard += 1
        return message

    async def received(self) -> list[Message]:
        async with self._desk.store() as store:
            where = {"direction": "outbound", "state": "sent"}
            found = await store.for_tenant(self.tenant).find(MESSAGES, where, order_by="at", limit=100)
        return sorted(found, key=lambda message: message.place)

    async def plays(self, message: Message) -> tuple[str, bytes]:
        """What the page's player gets."""
        async with self._http.get(f"{self.page}media/{message.media[0].key}") as answer:
            assert answer.headers["Content-Disposition"] == "inline"
            return answer.headers["Content-Type"], await answer.read()


async def test_pain_10_a_voice_note_is_heard_and_answered_by_voice_in_vietnamese(
    tmp_path: Path, vendors: FakeHttpSpeech
) -> None:
    tenants = {"lotus-school": business("lotus-school", "simulator", by_http(vendors))}
    environment = {"SPEECH_KEY": "a key"}
    async with (
        aiohttp.ClientSession() as http,
        Served(tmp_path, tenants, server={"log": {"format": "json"}}, environment=environment) as desk,
    ):
        await desk.start()
        lan = SimulatedPhone(desk, http, "lotus-school")
        await lan.says("trung tâm ở đâu vậy em", aloud=True)
        spoken = await lan.hears()
        assert spoken.kind == "voice" and "88 phố Láng Hạ" in spoken.text
        kind, content = await lan.plays(spoken)
        assert kind == "audio/ogg" and "Láng Hạ" in words_in(content)
        await lan.says("khóa ielts giá bao nhiêu vậy em", aloud=False)
        written = await lan.hears()
        assert written.kind == "text" and "7.900.000đ" in written.text, "like for like"
        await lan.says("", aloud=True)
        assert (await lan.hears()).text.startswith("Dạ, em chưa nghe thấy gì"), "there is nothing to be heard in it"
        assert not desk.logged("hook_failed")


@pytest.mark.slow
async def test_pain_10_a_voice_note_is_heard_and_answered_by_voice_in_english(tmp_path: Path, moto: str) -> None:
    async with FakeSpeech(moto) as amazon, aiohttp.ClientSession() as http:
        amazon.jobs.seconds = 6.0  # longer than until the first look at it
        endpoints = {"transcribe_endpoint": amazon.url, "polly_endpoint": amazon.url, "storage_endpoint": moto}
        by_amazon = {"aws_speech": {"region": REGION, "bucket": "speech", **endpoints}}
        tenants = {"riverside-dental": business("riverside-dental", "simulator", by_amazon)}
        async with Served(tmp_path, tenants, server={"log": {"format": "json"}}) as desk:
            await desk.start()
            tom = SimulatedPhone(desk, http, "riverside-dental")
            await tom.says("Where are you, please?", aloud=True)
            spoken = await tom.hears()
            assert spoken.kind == "voice" and spoken.data["language"].startswith("en")
            kind, content = await tom.plays(spoken)
            assert kind == "audio/ogg; codecs=opus" and words_in(content)[:20] in spoken.text
            (asked,) = amazon.asked("StartTranscriptionJob")
            assert asked["LanguageCode"] == "en-GB"
            assert amazon.refused == [] and amazon.jobs.names == []
            assert not desk.logged("hook_failed")


@pytest.mark.slow
async def test_pain_10_a_voice_message_that_whatsapp_does_not_take_is_said_as_mp3_and_then_as_text(
    front: Any, twilio: FakeTwilio, vendors: FakeHttpSpeech, monkeypatch: pytest.MonkeyPatch
) -> None:
    twilio.callbacks.default = CallbackPlan(statuses=("sent", "undelivered"), error_code=63021, times=0)
    monkeypatch.setenv("SPEECH_KEY", "a key")
    async with front(business("lotus-school", by_http(vendors)), channel={"media_hosts": ["localhost"]}) as desk:
        await desk.start()
        lan = desk.phone("+84901234567")
        await lan.says("", kind="audio", content=voice_note(3, words="trung tâm ở đâu vậy em"))

        async def all_three() -> Any:
            return len(lan.received()) >= 3

        await until("it is said three times", all_three, 60)
        await desk.quiet()
        first, second, third = lan.received()
        assert first.media_urls and second.media_urls and not third.media_urls
        assert (first.body, second.body) == ("", "") and "88 phố Láng Hạ" in third.body
        kinds = [asked["output_format"] for asked in vendors.requests if "output_format" in asked]
        assert kinds == ["opus_48000_32", "mp3_44100_64"]
