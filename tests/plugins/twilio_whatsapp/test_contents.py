"""Buttons, lists, places and templates: what leaves is what Twilio takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import Choice, Outgoing, Refused, Template
from frontdesk.choices import as_data
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.plugins.twilio_whatsapp.contents import interactive
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio, Fault
from frontdesk.testing.fake_twilio.contents import check_content

NUMBER, CONTACT = "whatsapp:+14155238886", "whatsapp:+84901234567"
SLOTS = tuple(Choice(id=f"slot-{hour}", title=f"Thứ Hai, {hour} giờ") for hour in range(8, 20))


def outgoing(text: str = "Chị chọn giờ nào ạ?", **fields: Any) -> Outgoing:
    return Outgoing(**{"id": "out-1", "external_id": CONTACT, "address": NUMBER, "text": text, **fields})


def offered(*choices: Choice) -> Outgoing:
    return outgoing(kind="button", data=as_data(choices))


async def test_up_to_three_short_choices_are_buttons_and_the_same_ones_are_made_once(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    twilio.contents.strict = True
    await plugin.send(offered(*SLOTS[:3]))
    await plugin.send(offered(*SLOTS[:3]))
    (content,) = twilio.contents.known.values()
    assert [attempt["ContentSid"] for attempt in twilio.attempts] == [content.sid, content.sid]
    assert "Body" not in twilio.attempts[0] and twilio.violations == []
    reply = content.types["twilio/quick-reply"]
    assert reply["body"] == "Chị chọn giờ nào ạ?" and content.language == "vi"
    assert reply["actions"][0] == {"type": "QUICK_REPLY", "title": "Thứ Hai, 8 giờ", "id": "slot-8"}


async def test_more_of_them_or_described_ones_are_a_list(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    await plugin.send(offered(*SLOTS[:10]))
    await plugin.send(offered(Choice(id="a", title="Khoá cơ bản", description="2.400.000đ, 24 buổi"), SLOTS[0]))
    ten, two = (content.types["twilio/list-picker"] for content in twilio.contents.known.values())
    assert len(ten["items"]) == 10 and ten["button"] == "Chọn"
    assert two["items"][0] == {"id": "a", "item": "Khoá cơ bản", "description": "2.400.000đ, 24 buổi"}


async def test_buttons_that_are_gone_at_twilio_or_were_made_in_another_account_are_made_anew(
    plugin: TwilioWhatsapp, make_plugin: Any, twilio: FakeTwilio
) -> None:
    twilio.contents.strict = True
    await plugin.send(offered(*SLOTS[:3]))
    twilio.contents.known.clear()
    await plugin.send(offered(*SLOTS[:3]))
    (content,) = twilio.contents.known.values()
    assert [message.content_sid for message in twilio.sent[1:]] == [content.sid]
    twilio.add_account("AC" + "b" * 32, AUTH_TOKEN)
    other = make_plugin(account_sid="AC" + "b" * 32)
    await other.send(offered(*SLOTS[:3]))
    assert len(twilio.sent) == 3


async def test_choices_that_twilio_does_not_take_as_buttons_go_as_numbered_lines(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    twilio.faults.add(Fault(kind="error", operation="content", status=400, code=20001))
    await plugin.send(offered(*SLOTS[:3]))
    assert "1. Thứ Hai, 8 giờ" in twilio.sent[0].body


async def test_what_whatsapp_has_no_room_for_is_numbered_lines(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    await plugin.send(offered(*SLOTS))
    await plugin.send(offered(Choice(id="a", title="Một khoá học có tên dài hơn hai mươi bốn chữ", description="x")))
    assert twilio.contents.known == {}
    first, second = (attempt["Body"] for attempt in twilio.attempts)
    assert first.startswith("Chị chọn giờ nào ạ?\n1. Thứ Hai, 8 giờ\n2. ") and first.count("\n") == 12
    assert second.endswith("1. Một khoá học có tên dài hơn hai mươi bốn chữ (x)")


WORDS = st.text(min_size=1, max_size=90).filter(str.strip)


@given(
    st.text(max_size=1100),
    st.lists(st.builds(Choice, id=WORDS, title=WORDS, description=st.text(max_size=80)), max_size=12),
)
def test_twilio_takes_whatever_is_made(text: str, choices: list[Choice]) -> None:
    distinct = list({choice.id: choice for choice in choices}.values())
    made = interactive(text, distinct, "Chọn", "vi-VN")
    if made is not None and text.strip():
        check_content(json.loads(json.dumps(made)))


async def test_a_place_goes_as_a_location(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    place = {"latitude": 21.0285, "longitude": 105.8542, "label": "Hoa Sen | Hồ Gươm"}
    await plugin.send(outgoing("", kind="location", data=place))
    (attempt,) = twilio.attempts
    assert attempt["PersistentAction"] == "geo:21.028500,105.854200|Hoa Sen   Hồ Gươm"
    assert attempt["Body"] == "Hoa Sen | Hồ Gươm" and twilio.violations == []
    with pytest.raises(Refused, match="latitude"):
        await plugin.send(outgoing("", kind="location"))


@pytest.mark.parametrize("status", ["pending", "rejected", "paused", "disabled", ""])
async def test_a_template_that_is_not_approved_is_never_sent(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, status: str
) -> None:
    sid = twilio.contents.template(
        ACCOUNT_SID, "Nhắc lịch {{1}}", status=status, rejection_reason="TAG_CONTENT_MISMATCH"
    )
    with pytest.raises(Refused, match=status or "unsubmitted") as refused:
        await plugin.send(outgoing(kind="template", template=Template(id=sid, variables={"1": "9:00"})))
    assert "TAG_CONTENT_MISMATCH" in refused.value.reason and twilio.attempts == []


@pytest.mark.parametrize(
    ("variables", "code", "says"),
    [
        ({"1": "Lan"}, "21656", "{{gio}}"),
        ({"1": "Lan", "gio": " "}, "21656", "{{gio}}"),
        ({"1": "Lan", "gio": "9:00", "3": "x"}, "21656", "no placeholder 3"),
        ({"1": "Lan     Nguyễn", "gio": "9:00"}, "63013", "wording"),
    ],
)
async def test_variables_must_fit_the_approved_definition(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, variables: dict[str, str], code: str, says: str
) -> None:
    sid = twilio.contents.template(ACCOUNT_SID, "Chào {{1}}, hẹn {{ gio }}.")
    with pytest.raises(Refused) as refused:
        await plugin.send(outgoing(kind="template", template=Template(id=sid, variables=variables)))
    assert (refused.value.code, says in refused.value.reason, twilio.attempts) == (code, True, [])
    await plugin.send(outgoing(kind="template", template=Template(id=sid, variables={"1": "Lan", "gio": "9:00"})))
    assert len(twilio.sent) == 1


async def test_a_template_that_is_not_there_is_refused_and_one_that_cannot_be_looked_up_is_sent(
    plugin: TwilioWhatsapp, make_plugin: Any, twilio: FakeTwilio
) -> None:
    twilio.contents.strict = True
    message = outgoing(kind="template", template=Template(id="HX" + "b" * 32, variables={"1": "Lan"}))
    with pytest.raises(Refused) as refused:
        await plugin.send(message)
    assert refused.value.code == "21655" and twilio.attempts == []
    twilio.contents.strict = False
    twilio.faults.add(Fault(kind="error", operation="content", status=503, times=0))
    await plugin.send(message)
    await make_plugin(check_templates=False).send(message)
    assert len(twilio.sent) == 2
