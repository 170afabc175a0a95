"""Voice notes and pictures become words, as far as that can be done now; the model is told of the rest."""

from __future__ import annotations

import asyncio
import errno
from datetime import timedelta

import pytest

from frontdesk import ModelReply, NeedsAttention, Plugin, Refused, RetryLater, Transcript, hookimpl
from frontdesk.channel import Fetched
from frontdesk.model import Media
from frontdesk.testing.audio import voice_note
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE = {"clinic": {"settle": {"quiet_seconds": 0}}}


class PhoneWithFiles(Phone):
    """A phone whose files can be fetched."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.fetched = []
        self.error = None
        self.content = voice_note(2)

    @hookimpl
    async def fetch_media(self, media):
        self.fetched.append(media.url)
        if self.error is not None:
            raise self.error
        return Fetched(content_type="audio/ogg", content=self.content)


class Ear(ScriptedModel):
    """Understands every voice note, and is told of every message."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.told = []
        self.hangs = False
        self.answers = []
        """What it answers (or raises) instead, one after the other; the last one for ever."""
        self.asked = 0

    @hookimpl
    async def transcribe(self, media, language):
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.answers:
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
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
        assert await server.server.media.get("clinic", message.media[0].key) == ("audio/ogg", voice_note(2))
        assert ear.told == [(message.id, "xin chào (en)")]


SAID = {
    "silent": "I could not hear anything in your voice message. Could you record it again, please?",
    "noisy": "I could not make out your voice message. Could you say it again, or write it to me, please?",
    "long": "Your voice message is too long for me. Could you send a shorter one, or write it to me, please?",
    "damaged": "Your voice message did not arrive whole. Could you send it again, please?",
    "type": "I cannot play this recording. Could you send it as a voice message, or write it to me, please?",
    "away": "I cannot listen to voice messages at the moment. Could you write it to me, please?",
}


@pytest.mark.parametrize(
    ("content", "answer", "told"),
    [
        (voice_note(0.2), "a guess", "silent"),
        (voice_note(2), Transcript(), "silent"),
        (voice_note(2), "  ", "silent"),
        (voice_note(2), Transcript(unheard="noisy"), "noisy"),
        (voice_note(301), "a guess", "long"),
        (voice_note(2)[:-7], "a guess", "damaged"),
        (b"OggS", "a guess", "damaged"),
        (b"%PDF-1.7\n" + bytes(32), "a guess", "type"),
        (voice_note(2), Refused("no such language"), "away"),
        (voice_note(2), ValueError("broken"), "away"),
    ],
    ids=["moment", "silent", "blank", "noisy", "long", "cut", "nothing", "pdf", "refused", "defect"],
)
async def test_what_nobody_can_hear_gets_its_own_answer_and_is_not_guessed_at(desk, content, answer, told):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, phone, ear = server.contact("Lan"), await server.plugin("phone"), await server.plugin("ear")
        phone.content, ear.answers = content, [answer]
        await lan.says("", **VOICE)
        assert await lan.hears() == SAID[told]
        message = await lan.message("Lan-1")
        assert (message.text, message.data, message.state) == ("", {"unheard": told}, "answered")
        assert ear.requests == [], "no model was asked"


async def test_the_contact_hears_of_it_in_their_language_and_the_tenants_own_words(desk):
    words = {"voice_silent": "We hear nothing, {assistant} says."}
    tenants = {"clinic": {**AT_ONCE["clinic"], "words": words, "persona": {"name": "An"}}}
    async with desk(plugins=PLUGINS, tenants=tenants) as server:
        lan, ann, ear = server.contact("Lan"), server.contact("Ann"), await server.plugin("ear")
        ear.answers = [Transcript()]
        await lan.says("Chị muốn hỏi học phí")
        await lan.hears()
        await lan.says("", **VOICE)
        assert await lan.hears() == (
            "Dạ, em chưa nghe thấy gì trong tin nhắn thoại của anh/chị. Anh/chị ghi âm lại giúp em với ạ."
        )
        await ann.says("", **VOICE)
        assert await ann.hears() == "We hear nothing, An says."


async def test_what_was_written_beside_it_is_answered_too(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": {"settle": {"quiet_seconds": 1}}}) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.answers = [Transcript(unheard="noisy")]
        ear.script = [ModelReply(text="We open at nine.")]
        await lan.says("When do you open?")
        await lan.says("", **VOICE)
        assert [await lan.hears(), await lan.hears()] == [SAID["noisy"], "We open at nine."]
        assert ear.requests[0].messages[-1].text == (
            "[voice note, could not be understood (noisy); the contact is being told so]"
        )


async def test_a_file_that_is_gone_at_the_provider_is_told_to_the_contact(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        phone.error = Refused("gone")
        await lan.says("", **VOICE)
        assert await lan.hears() == SAID["damaged"]


async def test_words_that_take_longer_are_waited_for_without_holding_the_conversation(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.answers = [Transcript(again_after=20)]
        await lan.says("", **VOICE)

        async def waited_for():
            return (
                "hearing_until" in (await lan.message("Lan-1")).data and (await lan.conversation()).turn_lease is None
            )

        await server.until("the turn waits", waited_for)
        (turn,) = await lan.turns()
        assert (turn.state, turn.trace[-1]["what"]) == ("open", "hearing")
        assert ear.told == [], "the plugins are told of it with its words"
        ear.answers = ["tôi muốn đặt lịch"]
        began = server.clock.now()
        assert await lan.hears() == "You said: tôi muốn đặt lịch"
        assert timedelta(seconds=18) < server.clock.now() - began < timedelta(seconds=40)
        message = await lan.message("Lan-1")
        assert message.data == {"transcribed": True} and ear.told == [(message.id, "tôi muốn đặt lịch")]
        assert ear.asked == 2


async def test_what_comes_meanwhile_waits_with_it_and_is_answered_with_it(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.answers = [Transcript(again_after=15), "mai tôi đến"]
        await lan.says("", **VOICE)
        await server.until("it was listened to", lambda: _later(ear.asked))
        await lan.says("được không?")
        assert await lan.hears() == "You said: mai tôi đến / được không?"
        (turn,) = await lan.turns()
        assert len(turn.read) == 2 and (await lan.message("Lan-1")).text == "mai tôi đến"


async def _later(value):
    return value


@pytest.mark.parametrize("point", ["hear.pending", "turn.released", "hear.worded"])
async def test_a_crash_while_it_is_put_into_words_loses_nothing(desk, dies_at, point):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        clock, lan, ear = server.clock, server.contact("Lan"), await server.plugin("ear")
        ear.answers = [Transcript(again_after=5), "xin chào"]
        death = dies_at(point)
        await lan.says("", **VOICE)

        async def it_did():
            return death.happened

        await server.until("it died", it_did)
    clock.advance(20)
    async with desk(plugins=PLUGINS, tenants=AT_ONCE, clock=clock) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.answers = ["xin chào"]
        began = clock.now()
        assert await lan.hears() == "You said: xin chào"
        assert clock.now() - began < timedelta(seconds=60), "not only when nobody waits for it any more"
        await server.quiet()
        message = await lan.message("Lan-1")
        assert ear.told == [(message.id, "xin chào")] and len(await lan.received()) == 1


@pytest.mark.parametrize("trouble", ["busy", "hangs", "works on it"])
async def test_the_contact_is_told_when_nobody_puts_it_into_words_in_time(desk, trouble):
    times = {"times": {"hear_deadline": 40, "transcribe_deadline": 5}}
    async with desk(plugins=PLUGINS, tenants=AT_ONCE, server=times) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.hangs = trouble == "hangs"
        ear.answers = [RetryLater("throttled", after=7) if trouble == "busy" else Transcript(again_after=7)]
        if ear.hangs:
            # Time-outs are the loop's, which no test's clock moves.
            runtime = await server.server.runtimes.get("clinic")
            object.__setattr__(runtime.times, "transcribe_deadline", 0.1)
            object.__setattr__(runtime.times, "hear_deadline", 0.5)
        began = server.clock.now()
        await lan.says("", **VOICE)
        assert await lan.hears() == SAID["away"]
        assert ear.hangs or server.clock.now() - began >= timedelta(seconds=33)
        await server.quiet()
        assert [message.kind for message in await lan.received()] == ["text"], "told once"


async def test_bad_credentials_are_told_to_the_operators_and_the_contact_at_once(desk):
    async with desk(plugins={**PLUGINS, "pager": Pager}, tenants=AT_ONCE) as server:
        lan, ear, pager = server.contact("Lan"), await server.plugin("ear"), await server.plugin("pager")
        ear.answers = [NeedsAttention("the key has expired; write a new one into the settings")]
        await lan.says("", **VOICE)
        assert await lan.hears() == SAID["away"]
        alerts = await server.until("it is told", lambda: _later(pager.alerts))
        assert alerts == [
            ("ear cannot put voice notes into words", "the key has expired; write a new one into the settings")
        ]


class SecondEar(Plugin):
    """Another plugin that hears."""

    @hookimpl
    async def transcribe(self, media, language):
        return "the second heard it"


@pytest.mark.parametrize(
    "answer", [None, RetryLater("busy"), NeedsAttention("expired"), ValueError("broken")], ids=repr
)
async def test_the_next_plugin_is_asked_when_one_cannot(desk, answer):
    async with desk(plugins={**PLUGINS, "second": SecondEar}, tenants=AT_ONCE) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        ear.answers = [answer]
        await lan.says("", **VOICE)
        assert await lan.hears() == "You said: the second heard it"


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


async def test_words_that_come_late_reach_the_plugins_also_while_a_person_answers(desk):
    async with desk(plugins=PLUGINS, tenants=AT_ONCE) as server:
        lan, ear = server.contact("Lan"), await server.plugin("ear")
        await lan.says("Hello.")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        ear.answers = [Transcript(again_after=5), "gọi lại cho tôi"]
        await lan.says("", **VOICE)

        async def heard():
            return (await lan.message("Lan-2")).text

        assert await server.until("it has words", heard) == "gọi lại cho tôi"
        message = await lan.message("Lan-2")
        await server.until("it is told", lambda: _later((message.id, "gọi lại cho tôi") in ear.told))
        await server.quiet()
        assert len(ear.told) == 2, "each once"
