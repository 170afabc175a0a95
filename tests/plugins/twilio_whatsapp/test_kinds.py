"""Every type of message from Twilio's webhook to what the model is told of it; albums; files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from frontdesk import ModelReply, ToolCall, hookimpl
from frontdesk.store.collections import MESSAGES
from frontdesk.testing.audio import voice_note
from frontdesk.testing.plugins import ScriptedModel

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 32
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + b"\0" * 32
PDF = b"%PDF-1.7\n" + b"\0" * 32
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Bình\nTEL;waid=84907654321:0907\nEND:VCARD\n".encode()
AD = {"ReferralHeadline": "Khai giảng", "ReferralSourceType": "ad"}

FILLED_IN = '{"flow_token": "f-1", "tên bé": "Bống", "ca": ["sáng", "tối"], "ăn trưa": false, "ghi chú": " "}'


class Ear(ScriptedModel):
    """Understands voice notes."""

    @hookimpl
    async def transcribe(self, media: Any, language: str) -> str:
        return "mai tôi đến"


async def told(it: Any) -> tuple[str, tuple[str, ...], int]:
    """The contact's newest message as the model was given it: text, notes, files."""
    await it.server.quiet()
    message = (await it.server.plugin("model")).requests[-1].messages[-1]
    return message.text, message.notes, sum(bool(item.key) for item in message.media)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"kind": "image", "body": "răng này", "content": JPEG}, ("[image] răng này", (), 1)),
        (
            {"kind": "audio", "content": voice_note()},
            ("mai tôi đến", ("a voice note, as it was understood",), 1),
        ),
        ({"kind": "sticker", "content": WEBP}, ("[sticker]", (), 1)),
        ({"kind": "video", "content": MP4}, ("[video, could not be understood]", (), 1)),
        ({"kind": "document", "content": PDF}, ("[document (application/pdf), could not be understood]", (), 1)),
        ({"kind": "location", "label": "Hồ Gươm"}, ("[location: Hồ Gươm 21.0285, 105.8542]", (), 0)),
        ({"kind": "contacts", "content": CARD}, ("[contact card: Bình, +84907654321]", (), 1)),
        ({"kind": "list", "body": "Sáng", "payload": "s7"}, ("Sáng", ('chosen by a tap: id "s7"',), 0)),
        ({"body": "Học phí?", "extra": AD}, ("Học phí?", ('came from an advertisement: "Khai giảng"',), 0)),
        (
            {"body": "Sent", "extra": {"MessageType": "interactive", "InteractiveData": FILLED_IN}},
            ("[answers in a form: tên bé: Bống; ca.1: sáng; ca.2: tối; ăn trưa: no] Sent", (), 0),
        ),
        ({"extra": {"MessageType": "poll"}}, ("[message of the kind poll, could not be understood]", (), 0)),
    ],
    ids=lambda value: value.get("kind", "text") if isinstance(value, dict) else "",
)
async def test_every_type_has_its_meaning_for_the_turn(front: Any, sent: dict[str, Any], expected: Any) -> None:
    async with front(plugins={"model": Ear}) as it:
        assert (await it.writes(**sent)).status == 204
        assert await told(it) == expected
        assert it.twilio.violations == [], "credentials stayed at Twilio"


async def test_a_reply_and_a_tap_on_a_button_say_what_they_answer(front: Any) -> None:
    async with front() as it:
        await it.writes(body="Mấy giờ mở cửa?")
        await it.server.quiet()
        await it.twilio.idle()
        (answer,) = it.twilio.sent
        for spec in ({"body": "cái này"}, {"kind": "button", "body": "Đồng ý"}):
            await it.writes(**spec, replied_to=answer.sid)
            text, notes, _ = await told(it)
            assert (text, notes[0]) == (spec["body"], 'answers your message: "You said: Mấy giờ mở cửa?"')


async def test_what_a_model_offers_goes_out_as_buttons_and_comes_back_with_its_id(front: Any) -> None:
    async with front() as it:
        model = await it.server.plugin("model")
        choices = [{"title": "Đồng ý", "id": "slot-7f3a"}, {"title": "Để em xem lại"}]
        offer = ToolCall(id="c", name="offer_choices", arguments={"choices": choices})
        model.script = [ModelReply(text="Chị giữ chỗ chứ ạ?", tool_calls=(offer,))]
        await it.writes(body="Mai còn chỗ không?")
        await it.server.quiet()
        await it.twilio.idle()
        (answer,), (attempt,) = it.twilio.sent, it.twilio.attempts
        buttons = it.twilio.contents.known[attempt["ContentSid"]].types["twilio/quick-reply"]
        assert buttons["body"] == "Chị giữ chỗ chứ ạ?" and [each["id"] for each in buttons["actions"]] == [
            "slot-7f3a",
            "Để em xem lại",
        ]
        await it.writes(kind="button", body="Đồng ý", payload="slot-7f3a", replied_to=answer.sid)
        text, notes, _ = await told(it)
        assert (text, notes[-1]) == ("Đồng ý", 'chosen by a tap: id "slot-7f3a"')
        assert it.twilio.violations == []


async def test_an_album_is_one_turn_that_sees_every_picture(front: Any) -> None:
    async with front() as it:
        for place in range(3):
            await it.writes(kind="image", body="Nhà em đây." if place == 0 else "", content=JPEG + bytes([place]))
            it.clock.advance(1.5)
        await it.server.quiet()
        (request,) = (await it.server.plugin("model")).requests
        assert [message.text for message in request.messages] == ["[image] Nhà em đây.", "[image]", "[image]"]
        assert len({item.key for message in request.messages for item in message.media}) == 3
        assert len(it.twilio.sent) == 1
        at = [message.at for message in await it.all(MESSAGES) if message.direction == "inbound"]
        assert max(at) - min(at) > timedelta(seconds=2.5), "longer than the quiet time of words"
