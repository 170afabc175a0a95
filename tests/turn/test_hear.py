"""Voice notes and pictures become words, as far as that can be done now; the model is told of the rest."""

from __future__ import annotations

import asyncio
import errno

from frontdesk import NeedsAttention, Plugin, Refused, hookimpl
from frontdesk.channel import Fetched
from frontdesk.model import Media
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class PhoneWithFiles(Phone):
    """A phone whose files can be fetched."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.fetched = []
        self.error = None

    @hookimpl
    async def fetch_media(self, media):
        self.fetched.append(media.url)
        if self.error is not None:
            raise self.error
        return Fetched(content_type="audio/ogg", content=b"OggS " + media.url.encode())


class Ear(ScriptedModel):
    """Understands every voice note, and is told of every message."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.told = []
        self.hangs = False

    @hookimpl
    async def transcribe(self, media, language):
        if self.hangs:
            await asyncio.Event().wait()
        assert media.key
        return f"xin chào ({language})"

    @hookimpl
    async def on_message(self, conversation, contact, message):
        self.told.append((message.id, message.text))


PLUGINS = {"phone": PhoneWithFiles, "ear": Ear}
VOICE = {"kind": "voice", "media": (Media(content_type="", url="https://vendor/1"),)}


async def test_a_voice_note_is_taken_to_be_in_the_language_that_the_contact_wrote_in(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan = server.contact("Lan")
        await lan.says("Chị muốn hỏi học phí")
        await lan.hears()
        await lan.says("", **VOICE)
        assert await lan.hears() == "You said: xin chào (vi)"


async def test_a_voice_note_is_fetched_and_answered_as_words(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        await lan.says("", **VOICE)
        assert await lan.hears() == "You said: xin chào (en)"
        message = await lan.message("Lan-1")
        assert message.data["transcribed"] and message.media[0].content_type == "audio/ogg"
        assert await server.server.media.get("clinic", message.media[0].key) == ("audio/ogg", b"OggS https://vendor/1")
        assert ear.told == [(message.id, "xin chào (en)")]


async def test_a_file_that_cannot_be_fetched_is_told_to_the_model(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        phone.error = Refused("gone")
        await lan.says("", **VOICE)
        assert await lan.hears() == "You said: [voice note, could not be understood]"


class Pager(Plugin):
    """Keeps what operators are told."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.alerts = []

    @hookimpl
    async def alert_operator(self, title, text):
        self.alerts.append((title, text))


async def test_what_a_person_must_mend_before_files_can_be_had_is_told_to_them(desk):
    async with desk(plugins={**PLUGINS, "pager": Pager}, tenants=AT_ONCE) as server:
        lan, phone, pager = server.contact("Lan"), await server.plugin("phone"), await server.plugin("pager")
        phone.error = NeedsAttention("files are at 'elsewhere.example' now; if that is the provider's, allow it")
        await lan.says("", **VOICE)
        assert await lan.hears() == "You said: [voice note, could not be understood]"

        async def told():
            return pager.alerts

        alerts = await server.until("it is told", told)
        assert alerts == [("phone cannot fetch what contacts send", phone.error.what)]


async def test_a_disk_too_full_for_a_file_keeps_no_answer_back(desk, monkeypatch):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:

        async def full(tenant, content, content_type):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(server.server.media, "put", full)
        lan = server.contact("Lan")
        await lan.says("", **VOICE)
        assert await lan.hears() == "You said: [voice note, could not be understood]"
        assert (await lan.message("Lan-1")).media[0].key == ""


async def test_a_picture_without_its_file_says_so_and_keeps_its_caption(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        await lan.says("my tooth", kind="image", media=(Media(content_type="", url="https://vendor/2"),))
        assert await lan.hears() == "You said: [image] my tooth"
        phone.error = ValueError("broken")
        await lan.says("the other", kind="image", media=(Media(content_type="", url="https://vendor/3"),))
        assert await lan.hears() == "You said: [image, could not be understood] the other"


async def test_an_ear_that_hangs_leaves_the_model_its_time(desk):
    times = {
        "times": {
            "turn_deadline": 2, "think_deadline": 1.7, "transcribe_deadline": 0.2, "supersede_until": 1,
            "hook_deadline": 0.25, "sdk_timeout": 0.1,
        }
    }  # fmt: skip
    async with desk(plugins=PLUGINS, tenants=AT_ONCE, server=times) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.hangs = True
        for _ in range(4):
            await lan.says("", **VOICE)
        heard = await lan.hears()
        assert heard.count("could not be understood") == heard.count("voice note") >= 1


async def test_a_message_is_heard_and_told_of_while_a_person_owns_the_conversation(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        await lan.says("Hello.")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        await lan.says("", **VOICE)
        await server.quiet()
        message = await lan.message("Lan-2")
        assert (message.text, message.state, message.announced) == ("xin chào (en)", "received", True)
        await lan.says("Hello?")
        await server.quiet()
        assert len(ear.told) == 3, "each once"
