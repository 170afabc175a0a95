from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import Inbound, Media, StatusUpdate, WebhookRefused, WebhookRequest
from frontdesk.plugins.twilio_whatsapp.flows import answers
from frontdesk.plugins.twilio_whatsapp.inbound import (
    FORM,
    Pairs,
    claimed_address,
    read_form,
    understand,
    understand_status,
)

FIXTURES = Path(__file__).parent / "fixtures"
ACCOUNT = "AC" + "0" * 32
NUMBER = "whatsapp:+14155238886"
SM, MM = ("SM0123456789abcdef0123456789abcdef", "MM0123456789abcdef0123456789abcdef")
QUOTED = "SM" + "f" * 32
MEDIA_URL = (
    f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{MM}/Media/ME0123456789abcdef0123456789abcdef"
)


def request(body: bytes, content_type: str = FORM) -> WebhookRequest:
    return WebhookRequest(
        method="POST", url="https://bot.example.com/w", headers={"content-type": content_type}, body=body
    )


def body_of(fixture: str) -> bytes:
    """A captured payload: one pair per line."""
    return "&".join((FIXTURES / f"{fixture}.txt").read_text("ascii").split()).encode()


def pairs_of(fixture: str, **changes: str) -> Pairs:
    pairs = read_form(request(body_of(fixture)))
    assert pairs is not None
    return list((dict(pairs) | changes).items())


def inbound(fixture: str, **changes: str) -> Inbound:
    return understand(pairs_of(fixture, **changes), ACCOUNT, [NUMBER])


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=80)

EXPECTED: dict[str, dict[str, Any]] = {
    "text__vietnamese": {"kind": "text", "text": "Xin chào 👋"},
    "text__decomposed": {"kind": "text", "text": "Xin ch\u00e0o"},
    "text__reply": {"kind": "text", "text": "Duoc", "data": {"replied_to": QUOTED}},
    "text__from_advertisement": {
        "kind": "text",
        "text": "Học phí?",
        "data": {
            "referral": {
                "Body": "Lớp IELTS",
                "Headline": "Khai giảng",
                "SourceId": "123",
                "SourceType": "ad",
                "SourceUrl": "https://fb.me/abc",
                "CtwaClid": "clid",
                "NumMedia": "0",
            }
        },
    },
    "text__no_type_field": {"kind": "text", "text": "hi"},
    "text__username_without_phone": {
        "kind": "text",
        "text": "hello",
        "external_id": "whatsapp:US.13491208655302741918",
        "phone": "",
        "data": {"external_user_id": "whatsapp:US.13491208655302741918"},
    },
    "image__with_caption": {
        "kind": "image",
        "text": "Ảnh này",
        "media": (Media(content_type="image/jpeg", url=MEDIA_URL),),
    },
    "audio__voice_note": {"kind": "voice", "text": "", "media": (Media(content_type="audio/ogg", url=MEDIA_URL),)},
    "document__pdf": {"kind": "document", "media": (Media(content_type="application/pdf", url=MEDIA_URL),)},
    "location__shared": {
        "kind": "location",
        "data": {
            "latitude": 21.0285,
            "longitude": 105.8542,
            "label": "Hồ Gươm",
            "address": "1 Đinh Tiên Hoàng",
        },
    },
    "button__tapped": {"kind": "button", "text": "Đồng ý", "data": {"payload": "yes", "replied_to": QUOTED}},
    "interactive__list_picked": {
        "kind": "button",
        "text": "Sáng thứ 7",
        "data": {"payload": "slot-7", "description": "09:00"},
    },
    "contacts__shared": {
        "kind": "other",
        "data": {"type": "contacts"},
        "media": (Media(content_type="text/vcard", url=MEDIA_URL),),
    },
    "unheard_of__type": {"kind": "other", "text": "", "data": {"type": "hologram"}},
}


@pytest.mark.parametrize("fixture", EXPECTED)
def test_a_captured_payload_becomes_the_message_it_is(fixture: str) -> None:
    message = inbound(fixture)
    expected = {
        "provider_id": MM if message.media else SM,
        "external_id": "whatsapp:+84901234567",
        "address": NUMBER,
        "name": "Nguyễn Văn An",
        "phone": "+84901234567",
        "data": {},
        "media": (),
        **EXPECTED[fixture],
    }
    assert {name: getattr(message, name) for name in expected} == expected


def test_every_captured_payload_is_expected_to_be_something() -> None:
    assert {path.stem for path in FIXTURES.glob("*.txt")} - set(EXPECTED) == {
        "status__delivered",
        "status__undelivered_outside_window",
    }


@given(
    st.text(max_size=200)
    | st.recursive(LEAVES, lambda part: st.lists(part) | st.dictionaries(st.text(), part)).map(dumps)
)
def test_whatever_was_filled_in_on_a_flow_is_bounded_text(written: str) -> None:
    found = answers({"FlowData": written})
    assert len(found) <= 40 and all(len(name) <= 60 and len(value) <= 500 for name, value in found.items())
    "".join([*found, *found.values()]).encode()  # no halves of characters


def test_half_a_character_of_a_flow_is_a_question_mark() -> None:
    assert answers({"InteractiveData": r'{"a": "x\ud83d"}'}) == {"a": "x?"}


def test_a_flow_is_no_list_and_a_list_no_flow() -> None:
    flow = {"MessageType": "interactive", "FlowData": '{"a": 1}'}
    assert inbound("text__vietnamese", **flow).kind == "other"
    assert inbound("text__vietnamese", **flow, ListId="a", ListTitle="A").kind == "button"
    assert inbound("text__vietnamese", **{**flow, "FlowData": "not JSON"}).data["answers"] == {"answer": "not JSON"}


def test_a_contact_whose_number_is_hidden_is_known_by_phone_where_waid_tells_it() -> None:
    assert inbound("text__username_without_phone", WaId="84901234567").phone == "+84901234567"
    assert inbound("text__username_without_phone", WaId="'; drop table").phone == ""


def test_every_name_of_a_contact_is_told_to_the_core() -> None:
    user = "whatsapp:MX.13491208655302741918"
    message = inbound("text__vietnamese", From="whatsapp:+5215512345678", WaId="5215512345678", ExternalUserId=user)
    assert (message.phone, message.also) == ("+525512345678", (user, "whatsapp:+525512345678"))
    hidden = inbound("text__username_without_phone", WaId="84901234567")
    assert hidden.also == ("whatsapp:+84901234567",)
    assert inbound("text__vietnamese", ExternalUserId="nonsense").also == ()


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("nan", "1"), ("91", "1"), ("1", "-181"), ("", "1"), ("1e999", "1")]
)
def test_a_position_that_is_nowhere_is_left_out(latitude: str, longitude: str) -> None:
    message = inbound("location__shared", Latitude=latitude, Longitude=longitude)
    assert (message.kind, message.data.get("latitude"), message.data["label"]) == ("location", None, "Hồ Gươm")


@pytest.mark.parametrize(
    "text", ["😀" * 10, "مرحبا \u202eRTL", "zero\u200bwidth\u200d", "a\u0000b", "ê" * 65_536], ids=lambda text: text[:4]
)
def test_any_text_comes_through_whole(text: str) -> None:
    assert inbound("text__vietnamese", Body=text).text == text


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"AccountSid": "AC" + "1" * 32}, 403, "AccountSid"),
        ({"AccountSid": ""}, 403, "AccountSid"),
        ({"To": "whatsapp:+14155550000"}, 403, "numbers"),
        ({"MessageSid": ""}, 400, "MessageSid"),
        ({"MessageSid": "SM123"}, 400, "MessageSid"),
        ({"MessageSid": SM + "\n"}, 400, "MessageSid"),
        ({"From": "+84901234567"}, 400, "From"),
        ({"From": "whatsapp:"}, 400, "From"),
        ({"NumMedia": "-1"}, 400, "NumMedia"),
        ({"NumMedia": "1000000"}, 400, "NumMedia"),
        ({"NumMedia": "٣"}, 400, "NumMedia"),
    ],
)
def test_what_is_not_ours_or_makes_no_sense_is_refused(changes: dict[str, str], status: int, reason: str) -> None:
    with pytest.raises(WebhookRefused, match=reason) as caught:
        inbound("text__vietnamese", **changes)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"Body=\xff\xfe",
        b"Body=%FF%FE",
        b"&".join(b"f%d=1" % number for number in range(10_000)),
    ],
    ids=["bytes that are not UTF-8", "escapes that are not UTF-8", "10,000 fields"],
)
def test_a_form_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused) as caught:
        read_form(request(body))
    assert caught.value.status == 400


@given(st.text(alphabet="ab=&+%2Cc3A9 é", max_size=60))
def test_a_form_is_read_as_urllib_reads_it(body: str) -> None:
    try:
        right = parse_qsl(body, keep_blank_values=True, errors="strict")
    except ValueError:
        with pytest.raises(WebhookRefused):
            read_form(request(body.encode()))
    else:
        assert read_form(request(body.encode())) == right


def test_blank_and_repeated_fields_are_kept_and_json_is_no_form() -> None:
    assert read_form(request(b"a=&b=1&b=2&c", f"{FORM}; charset=UTF-8")) == [
        ("a", ""),
        ("b", "1"),
        ("b", "2"),
        ("c", ""),
    ]
    assert read_form(request(b"{}", "application/json")) is None


def test_the_claimed_address_is_found_without_parsing_everything() -> None:
    assert claimed_address(body_of("text__vietnamese")) == f"{ACCOUNT}|{NUMBER}"
    assert claimed_address(b"To=whatsapp%3A%2B1") is None
    assert claimed_address(b"") is None


@given(
    st.dictionaries(
        st.sampled_from(sorted(dict(pairs_of("button__tapped")))) | st.text(max_size=5), st.text(max_size=50)
    )
)
def test_whatever_a_form_holds_it_is_understood_or_refused(changes: dict[str, str]) -> None:
    pairs = read_form(request(urlencode(dict(pairs_of("button__tapped")) | changes, errors="replace").encode()))
    assert pairs is not None
    try:
        message = understand(pairs, ACCOUNT, [NUMBER])
    except WebhookRefused as refused:
        assert refused.status in (400, 403)
    else:
        assert message.address == NUMBER


def status(fixture: str, **changes: str) -> tuple[StatusUpdate, ...]:
    return understand_status(pairs_of(fixture, **changes), ACCOUNT, "out-1")


@pytest.mark.parametrize(
    ("twilios", "ours"),
    [
        ("queued", "accepted"),
        ("accepted", "accepted"),
        ("sending", "accepted"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
    ],
)
def test_a_status_binds_twilios_id_to_our_message(twilios: str, ours: Any) -> None:
    assert status("status__delivered", MessageStatus=twilios) == (
        StatusUpdate(provider_id=SM, state=ours, message="out-1"),
    )


def test_a_failure_comes_with_its_code_and_a_sentence() -> None:
    (update,) = status("status__undelivered_outside_window")
    assert (update.state, update.code) == ("failed", "63016")
    assert "24 hours" in update.reason


def test_only_a_failure_that_may_pass_asks_to_be_sent_again() -> None:
    pauses = {code: status("status__undelivered_outside_window", ErrorCode=code)[0].again_after for code in CODES}
    assert pauses == CODES


CODES = {
    "63018": 3600.0,
    "30036": 60.0,
    "63012": 5.0,
    "63019": 10.0,
    "63016": None,
    "20503": None,
    "63001": None,
    "69999": None,
}


def test_a_failure_without_a_code_says_so() -> None:
    (update,) = status("status__delivered", MessageStatus="failed")
    assert (update.code, update.reason) == ("", "Twilio did not say why.")


def test_a_status_that_says_nothing_to_us_is_left_out() -> None:
    assert status("status__delivered", MessageStatus="partially_delivered") == ()
    assert status("status__delivered", MessageStatus="received") == ()


def test_a_status_of_another_account_is_refused() -> None:
    with pytest.raises(WebhookRefused) as caught:
        status("status__delivered", AccountSid="AC" + "1" * 32)
    assert caught.value.status == 403
