from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from frontdesk import Choice, MaybeSent, Media, Message, NeedsAttention, Outgoing, Refused, RetryLater, Secret, Template
from frontdesk.choices import as_data
from frontdesk.clock import SystemClock
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp, client
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, CallbackPlan, FakeTwilio, Fault, InboundSpec

NUMBER = "whatsapp:+14155238886"
CONTACT = "whatsapp:+84901234567"
CONTENT_SID = "HX" + "a" * 32
INBOUND = Message(
    id="in-1",
    conversation="c",
    direction="inbound",
    state="received",
    at=datetime(2026, 11, 20, tzinfo=UTC),
    provider_id="SM" + "1" * 32,
)


def outgoing(text: str = "Chào bạn, lớp học mở lúc 9 giờ.", **fields: Any) -> Outgoing:
    return Outgoing(**{"id": "out-1", "external_id": CONTACT, "address": NUMBER, "text": text, **fields})


@pytest.fixture
def impatient(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs a test can wait for."""
    monkeypatch.setattr(http, "_timeout", aiohttp.ClientTimeout(total=0.3, connect=0.2))


async def test_a_text_is_sent_with_its_status_callback(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    sid = await plugin.send(outgoing(callback_url="https://bot.example.com/webhooks/twilio_whatsapp/s/status/out-1"))
    assert [message.sid for message in twilio.sent] == [sid]
    assert twilio.attempts == [
        {
            "To": CONTACT,
            "From": NUMBER,
            "Body": "Chào bạn, lớp học mở lúc 9 giờ.",
            "StatusCallback": "https://bot.example.com/webhooks/twilio_whatsapp/s/status/out-1",
        }
    ]
    assert twilio.violations == []


async def test_a_template_is_sent_with_its_variables_and_without_a_body(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    content_sid = twilio.contents.template(ACCOUNT_SID, "{{1}}, {{2}}")
    template = Template(id=content_sid, variables={"1": "Nguyễn", "2": "9:00"})
    await plugin.send(outgoing("Chào Nguyễn, hẹn 9:00", kind="template", template=template))
    (attempt,) = twilio.attempts
    assert attempt["ContentSid"] == content_sid
    assert json.loads(attempt["ContentVariables"]) == {"1": "Nguyễn", "2": "9:00"}
    assert "Body" not in attempt
    assert twilio.violations == []


async def test_a_picture_is_sent_by_its_url_with_the_text_as_caption(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    twilio.state.fetch_media = False
    await plugin.send(outgoing("Bản đồ", kind="image", media_urls=("https://bot.example.com/media/abc",)))
    (message,) = twilio.sent
    assert (message.media_urls, message.body) == (("https://bot.example.com/media/abc",), "Bản đồ")


async def test_an_answer_by_voice_is_sent_without_the_text_that_nobody_would_see(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    twilio.state.fetch_media = False
    spoken = outgoing("Dạ chín giờ ạ.", kind="voice", media_urls=("https://bot.example.com/media/abc",))
    spoken = replace(spoken, data={"spoken": True})
    sid = await plugin.send(spoken)
    (attempt,) = twilio.attempts
    assert attempt["MediaUrl"] == "https://bot.example.com/media/abc" and "Body" not in attempt
    twilio.sent[0].status = "delivered"
    (found,) = await plugin.find_sent(spoken, twilio.sent[0].created_at - timedelta(minutes=1))
    assert (found.provider_id, found.matches) == (sid, True)


async def test_an_api_key_and_a_messaging_service_are_used_where_they_are_set(
    make_plugin: Any, twilio: FakeTwilio
) -> None:
    twilio.add_api_key("SK" + "1" * 32, "key secret")
    plugin = make_plugin(
        api_key_sid="SK" + "1" * 32,
        api_key_secret=Secret.from_text("key secret"),
        messaging_service_sid="MG" + "2" * 32,
    )
    await plugin.send(outgoing())
    assert twilio.sent[0].messaging_service_sid == "MG" + "2" * 32
    assert twilio.sent[0].from_ == NUMBER


FAULTS = [
    (Fault(kind="error", status=429, code=20429), RetryLater, 0),
    (Fault(kind="error", status=429, html=True), RetryLater, 0),
    (Fault(kind="error", status=503, code=20503), MaybeSent, 0),
    (Fault(kind="error", status=500), MaybeSent, 0),
    (Fault(kind="error", status=502, html=True), MaybeSent, 0),
    (Fault(kind="error", status=302, html=True), NeedsAttention, 0),
    (Fault(kind="error", status=401, code=20003), NeedsAttention, 0),
    (Fault(kind="error", status=400, code=63007), NeedsAttention, 0),
    (Fault(kind="error", status=400, code=21609), NeedsAttention, 0),
    (Fault(kind="error", status=400, code=21611), RetryLater, 0),
    (Fault(kind="error", status=400, code=21610), Refused, 0),
    (Fault(kind="error", status=400, code=63016), Refused, 0),
    (Fault(kind="error", status=400, code=99999), Refused, 0),
    (Fault(kind="drop_before"), MaybeSent, 0),
    (Fault(kind="drop_after"), MaybeSent, 1),
    (Fault(kind="hang_before"), MaybeSent, 0),
    (Fault(kind="hang_after"), MaybeSent, 1),
    (Fault(kind="error_after", status=500), MaybeSent, 1),
    (Fault(kind="delay", seconds=0.05), None, 1),
]


@pytest.mark.parametrize(
    ("fault", "raised", "accepted"), FAULTS, ids=[f"{fault.kind}-{fault.status}-{fault.code}" for fault, _, _ in FAULTS]
)
async def test_each_fault_of_twilio_leaves_the_core_one_reaction(
    plugin: TwilioWhatsapp,
    twilio: FakeTwilio,
    impatient: None,
    fault: Fault,
    raised: type[Exception] | None,
    accepted: int,
) -> None:
    twilio.faults.add(fault)
    if raised is None:
        await plugin.send(outgoing())
    else:
        with pytest.raises(raised):
            await plugin.send(outgoing())
    assert len(twilio.sent) == accepted
    assert await plugin.send(outgoing())


async def test_nothing_was_sent_if_no_connection_came_about(make_plugin: Any, twilio: FakeTwilio) -> None:
    async with FakeTwilio() as gone:
        plugin = make_plugin(api_base_url=gone.url)
    with pytest.raises(RetryLater):
        await plugin.send(outgoing())


async def test_an_answer_without_a_sid_may_have_been_sent(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    twilio.faults.add(Fault(kind="error", status=201))
    with pytest.raises(MaybeSent):
        await plugin.send(outgoing())


@pytest.mark.parametrize(
    ("message", "raised", "code"),
    [
        (outgoing("x" * 1601), Refused, "21617"),
        (outgoing(external_id="whatsapp:+1"), Refused, "21211"),
        (outgoing(external_id=NUMBER), Refused, "63031"),
        (outgoing(""), Refused, "21619"),
        (outgoing(kind="template", template=Template(id="HX1")), Refused, "21655"),
        (outgoing(kind="template", template=Template(id=CONTENT_SID, variables={"1": ""})), Refused, "21656"),
        (outgoing(callback_url="https://my_host/x"), NeedsAttention, "21609"),
        (outgoing(address="whatsapp:+14155550000"), NeedsAttention, ""),
        (outgoing(kind="location"), Refused, ""),
    ],
)
async def test_what_twilio_never_takes_is_told_with_its_code_and_without_the_number(
    plugin: TwilioWhatsapp, twilio: FakeTwilio, message: Outgoing, raised: type[Refused | NeedsAttention], code: str
) -> None:
    with pytest.raises(raised) as caught:
        await plugin.send(message)
    assert caught.value.code == code
    assert message.external_id.removeprefix("whatsapp:") not in str(caught.value)
    assert twilio.sent == []


async def test_rejected_credentials_are_read_again_once(
    make_plugin: Any, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_TEST_TOKEN", AUTH_TOKEN)
    plugin = make_plugin(auth_token={"env": "TWILIO_TEST_TOKEN"})
    await plugin.start()
    await plugin.send(outgoing("một"))
    twilio.add_account(twilio.account_sid, "rotated")
    with pytest.raises(NeedsAttention) as caught:
        await plugin.send(outgoing("hai"))
    assert caught.value.code == "20003"
    assert (await plugin.check_health())["ok"] is False
    monkeypatch.setenv("TWILIO_TEST_TOKEN", "rotated")
    await plugin.send(outgoing("ba"))
    assert [message.body for message in twilio.sent] == ["một", "ba"]
    assert (await plugin.check_health())["ok"] is True


async def test_typing_is_shown_as_the_answer_to_the_inbound_message(make_plugin: Any, twilio: FakeTwilio) -> None:
    await make_plugin().show_typing(INBOUND)
    await make_plugin(typing_indicator=False).show_typing(INBOUND)
    assert twilio.typing == [INBOUND.provider_id]


async def test_trouble_with_typing_is_never_an_ambiguous_send(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    for kind in ("drop_before", "error"):
        twilio.faults.add(Fault(kind=kind, operation="typing"))
        with pytest.raises(RetryLater):
            await plugin.show_typing(INBOUND)


class TestFindSent:
    """What Twilio has of a message whose answer was lost."""

    async def found(self, plugin: TwilioWhatsapp, message: Outgoing, ago: float = 0) -> list[tuple[str, bool | None]]:
        since = SystemClock().now() - timedelta(seconds=ago)
        return [(one.provider_id, one.matches) for one in await plugin.find_sent(message, since)]

    async def test_an_accepted_message_that_is_still_queued_is_found(
        self, plugin: TwilioWhatsapp, twilio: FakeTwilio
    ) -> None:
        twilio.callbacks.default = CallbackPlan(statuses=(), times=0)
        twilio.faults.add(Fault(kind="drop_after"))
        with pytest.raises(MaybeSent):
            await plugin.send(outgoing("Chào  bạn\n"))
        assert twilio.sent[0].sent_at is None
        assert await self.found(plugin, outgoing("Cha\u0300o bạn")) == [(twilio.sent[0].sid, True)]

    async def test_what_was_never_accepted_is_not_found(self, plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
        twilio.faults.add(Fault(kind="drop_before"))
        with pytest.raises(MaybeSent):
            await plugin.send(outgoing())
        assert await self.found(plugin, outgoing()) == []

    async def test_two_identical_texts_are_two_oldest_first(self, plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
        sids = [await plugin.send(outgoing()), await plugin.send(outgoing())]
        assert await self.found(plugin, outgoing()) == [(sid, True) for sid in sids]

    async def test_another_text_does_not_match(self, plugin: TwilioWhatsapp) -> None:
        sid = await plugin.send(outgoing("một"))
        assert await self.found(plugin, outgoing("hai")) == [(sid, False)]

    async def test_other_contacts_and_other_senders_of_the_account_are_left_out(
        self, make_plugin: Any, plugin: TwilioWhatsapp
    ) -> None:
        other = "whatsapp:+84287300888"
        await make_plugin(numbers=[other]).send(outgoing(address=other))
        await plugin.send(outgoing(external_id="whatsapp:+84901111111"))
        assert await self.found(plugin, outgoing()) == []

    async def test_what_is_older_than_the_intent_is_left_out(self, plugin: TwilioWhatsapp) -> None:
        await plugin.send(outgoing())
        assert await self.found(plugin, outgoing(), ago=-60) == []

    async def test_choices_are_found_by_their_text_as_buttons_and_as_lines(
        self, plugin: TwilioWhatsapp, twilio: FakeTwilio
    ) -> None:
        long = Choice(id="a", title="Một khoá học có tên dài hơn hai mươi bốn chữ")
        for choice in (Choice(id="yes", title="Đồng ý"), long):
            message = outgoing("Chị chọn giúp em", kind="button", data=as_data((choice,)))
            sid = await plugin.send(message)
            assert await self.found(plugin, message) == [(sid, True)]
            for shown in ("Chị khoẻ không?", ""):
                twilio.state.messages[sid].body = shown
                assert await self.found(plugin, message) == [(sid, None)], "what the list tells of it is not confirmed"
            del twilio.state.messages[sid]

    async def test_a_template_is_comparable_only_by_the_text_it_shows(
        self, plugin: TwilioWhatsapp, twilio: FakeTwilio
    ) -> None:
        template = Template(id=CONTENT_SID, variables={"1": "An"})
        sid = await plugin.send(outgoing("", kind="template", template=template))
        assert await self.found(plugin, outgoing("", kind="template", template=template)) == [(sid, None)]
        assert await self.found(plugin, outgoing("Chào An", kind="template", template=template)) == [(sid, None)]
        twilio.sent[0].body = "Chào An"
        assert await self.found(plugin, outgoing("Chào An", kind="template", template=template)) == [(sid, True)]

    async def test_media_match_by_number_and_caption(self, plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
        twilio.state.fetch_media = False
        picture = outgoing("Bản đồ", kind="image", media_urls=("https://bot.example.com/media/abc",))
        sid = await plugin.send(picture)
        assert await self.found(plugin, picture) == [(sid, True)]
        assert await self.found(plugin, outgoing("Bản đồ")) == [(sid, False)]

    async def test_a_queued_message_whose_media_are_not_counted_yet_cannot_be_compared(
        self, plugin: TwilioWhatsapp, twilio: FakeTwilio
    ) -> None:
        twilio.callbacks.default = CallbackPlan(statuses=(), times=0)
        sid = await plugin.send(outgoing("Bản đồ"))
        picture = outgoing("Bản đồ", kind="image", media_urls=("https://bot.example.com/media/abc",))
        assert await self.found(plugin, picture) == [(sid, None)]
        twilio.sent[0].status = "delivered"
        assert await self.found(plugin, picture) == [(sid, False)]

    async def test_a_list_that_lags_shows_it_later(self, plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
        twilio.state.list_lag = 3600
        sid = await plugin.send(outgoing())
        assert await self.found(plugin, outgoing()) == []
        twilio.sent[0].visible_at -= timedelta(hours=1)
        assert await self.found(plugin, outgoing()) == [(sid, True)]

    async def test_every_page_is_read(self, plugin: TwilioWhatsapp, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "PAGE_SIZE", 2)
        sids = [await plugin.send(outgoing(f"tin {number}")) for number in range(5)]
        assert [sid for sid, _ in await self.found(plugin, outgoing())] == sids

    @pytest.mark.parametrize(
        "fault", [Fault(kind="drop_before", operation="list"), Fault(kind="error", operation="list")]
    )
    async def test_a_list_that_cannot_be_had_is_asked_for_later(
        self, plugin: TwilioWhatsapp, twilio: FakeTwilio, fault: Fault
    ) -> None:
        # aiohttp itself asks once more after a dropped connection, as a GET may be.
        twilio.faults.add(fault, fault)
        with pytest.raises(RetryLater):
            await plugin.find_sent(outgoing(), SystemClock().now())

    async def test_rejected_credentials_are_the_operators(self, make_plugin: Any) -> None:
        with pytest.raises(NeedsAttention):
            await make_plugin(auth_token=Secret.from_text("wrong")).find_sent(outgoing(), SystemClock().now())


def stored(sid: str, *, files: bool) -> Message:
    media = (Media(content_type="image/png", key="k"),) if files else ()
    return replace(INBOUND, provider_id=sid, media=media)


async def test_a_message_is_deleted_with_its_files_and_once_more_is_no_trouble(
    plugin: TwilioWhatsapp, twilio: FakeTwilio
) -> None:
    sids = [
        dict(twilio.compose(InboundSpec(**fields)))["MessageSid"] for fields in ({"kind": "image"}, {"body": "Chào"})
    ]
    for sid, files in zip(sids, (True, False), strict=True):
        await plugin.erase_message(stored(sid, files=files))
        await plugin.erase_message(stored(sid, files=files))
    assert twilio.state.messages == {} and twilio.violations == []
    twilio.faults.add(Fault(kind="error", operation="delete", status=401, code=20003))
    sid = dict(twilio.compose(InboundSpec(body="Chào")))["MessageSid"]
    with pytest.raises(NeedsAttention):
        await plugin.erase_message(stored(sid, files=False))
    assert sid in twilio.state.messages


async def test_a_message_that_is_on_its_way_is_deleted_later(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> None:
    twilio.callbacks.default = CallbackPlan(times=0, statuses=(), delay=0)
    sid = await plugin.send(outgoing())
    with pytest.raises(RetryLater, match="still on its way"):
        await plugin.erase_message(stored(sid, files=False))
    twilio.state.messages[sid].status = "delivered"
    await plugin.erase_message(stored(sid, files=False))
    assert sid not in twilio.state.messages
