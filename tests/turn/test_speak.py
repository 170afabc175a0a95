"""An answer that is spoken: to whom, as what, and what happens when it cannot be."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from frontdesk import Choice, ModelReply, NeedsAttention, Plugin, Refused, RetryLater, Speech, ToolCall, hookimpl
from frontdesk.channel import StatusUpdate
from frontdesk.model import Media
from frontdesk.store.collections import CONTACTS, MESSAGES
from frontdesk.testing.audio import voice_note
from frontdesk.testing.plugins import Phone, ScriptedModel

AT_ONCE: dict[str, Any] = {"settle": {"quiet_seconds": 0}}
TENANTS = {"clinic": AT_ONCE}


class VoicePhone(Phone):
    """Plays voice messages."""

    voice_types = ("audio/ogg", "audio/mpeg")
    max_voice: ClassVar[int] = 20_000


class Voice(Plugin):
    """Hears `xin chào`, and speaks English only."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.said: list[tuple[str, str, str]] = []
        self.troubles: dict[str, Any] = {}
        """Content type → what it raises, or answers."""

    @hookimpl
    async def transcribe(self, media: Any, language: str) -> str:
        return "When do you open?"

    @hookimpl
    async def synthesize(self, text: str, language: str, content_type: str) -> Speech | None:
        self.said.append((text, language, content_type))
        trouble = self.troubles.get(content_type)
        if isinstance(trouble, Exception):
            raise trouble
        if isinstance(trouble, bytes):
            return Speech(content=trouble, content_type=content_type)
        if not language.startswith("en"):
            return None
        return Speech(content=f"{content_type}:{text}".encode(), content_type=content_type)


PLUGINS = {"phone": VoicePhone, "model": ScriptedModel, "voice": Voice}


async def speaks(server: Any, contact: Any) -> None:
    """Sends a voice note."""
    key = await server.server.media.put("clinic", voice_note(), "audio/ogg")
    await contact.says("", kind="voice", media=(Media(content_type="audio/ogg", key=key),))


async def got(server: Any, contact: Any, count: int = 1) -> list[tuple[str, str, str]]:
    """Kind, text, and content type of what they received."""

    async def enough() -> Any:
        received = await contact.received()
        return received if len(received) >= count else None

    received = await server.until(f"{count} messages came", enough)
    await server.quiet()
    assert len(received) == len(await contact.received())
    return [(m.kind, m.text, m.media[0].content_type if m.media else "") for m in received]


async def test_a_voice_note_is_answered_by_voice_and_a_text_in_text(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan, model, voice = server.contact("Lan"), await server.plugin("model"), await server.plugin("voice")
        model.script = ["We open at **nine** 🙂.", "At nine."]
        await speaks(server, lan)
        assert await got(server, lan) == [("voice", "We open at **nine** 🙂.", "audio/ogg")]
        assert voice.said == [("We open at nine .", "en", "audio/ogg")]
        (sent,) = await lan.received()
        assert await server.server.media.get("clinic", sent.media[0].key) == (
            "audio/ogg",
            b"audio/ogg:We open at nine .",
        )
        (out,) = (await server.plugin("phone")).sent
        assert out.kind == "voice" and out.media_urls[0].startswith("http") and sent.media[0].key in out.media_urls[0]
        await lan.says("When?")
        assert (await got(server, lan, 2))[1] == ("text", "At nine.", "")
        spoken = [line for line in (await lan.turns())[0].trace if line["what"] == "spoken"]
        assert [(line["outcome"], line["language"], line["content_type"]) for line in spoken] == [
            ("done", "en", "audio/ogg")
        ]


@pytest.mark.parametrize(
    ("setting", "wish", "by_voice", "as_text"),
    [
        ("like_for_like", "", "voice", "text"),
        ("voice", "", "voice", "voice"),
        ("text", "", "text", "text"),
        ("text", "voice", "voice", "voice"),
        ("voice", "text", "text", "text"),
        ("voice", "like_for_like", "voice", "text"),
    ],
)
async def test_the_contacts_wish_goes_before_the_tenants_setting(desk, setting, wish, by_voice, as_text):
    tenants = {"clinic": {**AT_ONCE, "voice": {"answers": setting}}}
    async with desk(plugins=PLUGINS, tenants=tenants) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.repository().update(CONTACTS, await lan.contact(), answers=wish)
        await speaks(server, lan)
        await got(server, lan, 2)
        await lan.says("Hello again.")
        assert [kind for kind, *_ in await got(server, lan, 3)][1:] == [by_voice, as_text]


async def test_a_contact_says_how_they_want_to_be_answered(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        call = ToolCall(id="1", name="answer_by", arguments={"how": "voice"})
        model.script = [ModelReply(text="Gladly.", tool_calls=(call,))]
        await lan.says("Please send me voice messages.")
        assert (await got(server, lan))[0][:2] == ("voice", "Gladly."), "from this answer on"
        assert (await lan.contact()).answers == "voice"
        wrong = ToolCall(id="2", name="answer_by", arguments={"how": "fax"})
        model.script = [ModelReply(tool_calls=(wrong,)), "I cannot."]
        await lan.says("By fax?")
        await got(server, lan, 2)
        (result,) = model.requests[-1].messages[-1].tool_results
        assert result.error and "voice, text, like_for_like" in result.content


async def test_nobody_is_offered_a_voice_that_there_is_not(desk):
    async with desk(plugins={"phone": VoicePhone, "model": ScriptedModel}, tenants=TENANTS) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        await lan.says("Hello.")
        await lan.hears()
        assert "answer_by" not in [tool.name for tool in model.requests[0].tools]


@pytest.mark.parametrize(
    "text",
    [
        "Book at https://clinic.example/book.",
        "Call 020 7946 0123.",
        "- a clean is 40\n- a crown is 300\n- a check is 20",
    ],
)
async def test_what_has_to_be_read_goes_as_text_too(desk, text):
    async with desk(
        plugins=PLUGINS, tenants={"clinic": {**AT_ONCE, "facts": [{"topic": "all", "answer": text}]}}
    ) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [text]
        await speaks(server, lan)
        first, second = await got(server, lan, 2)
        assert first == ("voice", text, "audio/ogg") and second[0] == "text"
        assert "https" not in (await server.plugin("voice")).said[0][0]


async def test_choices_stand_below_the_text(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        choices = {"choices": [{"title": "Yes"}, {"title": "No"}]}
        model.script = [
            ModelReply(text="Shall I?", tool_calls=(ToolCall(id="1", name="offer_choices", arguments=choices),))
        ]
        await speaks(server, lan)
        assert [kind for kind, *_ in await got(server, lan, 2)] == ["voice", "button"]
        assert Choice is not None


@pytest.mark.parametrize(
    ("troubles", "expected"),
    [
        ({"audio/ogg": Refused("no ogg")}, "audio/mpeg"),
        ({"audio/ogg": RetryLater("busy"), "audio/mpeg": RetryLater("busy")}, ""),
        ({"audio/ogg": ValueError("broken"), "audio/mpeg": ValueError("broken")}, ""),
        ({"audio/ogg": bytes(20_001), "audio/mpeg": b"small"}, "audio/mpeg"),
        ({"audio/ogg": bytes(20_001), "audio/mpeg": bytes(20_001)}, ""),
    ],
    ids=["no ogg", "busy", "broken", "ogg too large", "too large"],
)
async def test_another_sound_and_then_text_when_the_vendor_cannot(desk, troubles, expected):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan, voice = server.contact("Lan"), await server.plugin("voice")
        (await server.plugin("model")).script = ["At nine."]
        voice.troubles = troubles
        await speaks(server, lan)
        assert await got(server, lan) == [("voice" if expected else "text", "At nine.", expected)]


async def test_a_language_without_a_voice_is_answered_in_text_and_it_is_told_why(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        (await server.plugin("model")).script = ["Dạ, bên em mở cửa lúc chín giờ ạ."]
        await speaks(server, lan)
        assert await got(server, lan) == [("text", "Dạ, bên em mở cửa lúc chín giờ ạ.", "")]
        (line,) = [line for line in (await lan.turns())[0].trace if line["what"] == "spoken"]
        assert (line["outcome"], line["reason"]) == ("failed", "no plugin has a voice for vi")


async def test_a_long_answer_is_not_spoken(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": {**AT_ONCE, "voice": {"longest_answer": 60}}}) as server:
        lan = server.contact("Lan")
        (await server.plugin("model")).script = ["We are glad that you wrote to us today. " * 2]
        await speaks(server, lan)
        assert (await got(server, lan))[0][0] == "text"
        assert (await server.plugin("voice")).said == []


async def test_bad_credentials_of_a_voice_are_told_to_the_operators(desk):
    class Pager(Plugin):
        """Keeps what operators are told."""

        alerts: ClassVar[list[tuple[str, str]]] = []

        @hookimpl
        async def alert_operator(self, title: str, text: str) -> None:
            self.alerts.append((title, text))

    async with desk(plugins={**PLUGINS, "pager": Pager}, tenants=TENANTS) as server:
        lan, voice = server.contact("Lan"), await server.plugin("voice")
        voice.troubles = dict.fromkeys(("audio/ogg", "audio/mpeg"), NeedsAttention("the key has expired"))
        await speaks(server, lan)
        assert (await got(server, lan))[0][0] == "text"

        async def told() -> Any:
            return Pager.alerts

        assert await server.until("it is told", told) == [("voice cannot speak", "the key has expired")]


async def fails(server: Any, message: Any, code: str) -> None:
    update = StatusUpdate(provider_id=message.provider_id, state="failed", code=code, reason="not delivered")
    await server.server.status.take("clinic", [update])


async def said(server: Any, contact: Any, id: str) -> Any:
    async def there() -> Any:
        found = await server.repository().get(MESSAGES, id)
        return found if found is not None and found.state == "accepted" else None

    return await server.until("it is said another way", there)


async def test_what_is_not_delivered_is_said_as_another_sound_and_then_as_text(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        (await server.plugin("model")).script = ["At nine."]
        await speaks(server, lan)
        await got(server, lan)
        (first,) = await lan.received()
        await fails(server, first, "63019")
        second = await said(server, lan, f"{first.id}.again")
        assert (second.kind, second.text, second.media[0].content_type) == ("voice", "At nine.", "audio/mpeg")
        await fails(server, second, "63021")
        third = await said(server, lan, f"{second.id}.again")
        assert (third.kind, third.text, third.media, third.again_of) == ("text", "At nine.", (), second.id)
        failed = await server.repository().get(MESSAGES, first.id)
        assert failed.error == f"63019: not delivered It is said again as {second.id}."
        await fails(server, third, "63024")
        await server.quiet()
        assert await server.repository().get(MESSAGES, f"{third.id}.again") is None


async def test_what_the_provider_refuses_at_once_is_said_another_way_too(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan, phone = server.contact("Lan"), await server.plugin("phone")
        (await server.plugin("model")).script = ["At nine."]

        def no_sound(message: Any) -> None:
            if message.kind == "voice":
                raise Refused("no sound", code="21620")

        phone.on_send = no_sound
        await speaks(server, lan)
        assert await lan.hears() == "At nine."
        assert [message.kind for message in await lan.received()] == ["text"]


async def test_who_wants_no_more_messages_is_not_told_another_way(desk):
    async with desk(plugins=PLUGINS, tenants=TENANTS) as server:
        lan = server.contact("Lan")
        await speaks(server, lan)
        await got(server, lan)
        (first,) = await lan.received()
        await server.repository().update(CONTACTS, await lan.contact(), opted_out=True)
        await fails(server, first, "63019")
        await server.quiet()
        assert await server.repository().get(MESSAGES, f"{first.id}.again") is None


async def test_nothing_is_paid_for_what_is_not_going_to_be_said(desk):
    async with desk(
        plugins=PLUGINS, tenants={"clinic": {"settle": {"quiet_seconds": 0}, "voice": {"answers": "voice"}}}
    ) as server:
        lan, model, voice = server.contact("Lan"), await server.plugin("model"), await server.plugin("voice")

        async def more(_: Any) -> str:
            model.script = ["At nine, both."]
            await lan.says("And when do you close?")
            return "At nine."

        model.script = [more]
        await lan.says("When do you open?")
        assert (await got(server, lan))[0][1] == "At nine, both."
        assert [text for text, *_ in voice.said] == ["At nine, both."]
