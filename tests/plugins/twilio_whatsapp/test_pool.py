"""Whose a message is that came to a sender of a Messaging Service's pool, or with a wrong signature in `log` mode."""

from __future__ import annotations

from typing import Any

from frontdesk.store.collections import MESSAGES
from frontdesk.testing.fake_twilio import ACCOUNT_SID, InboundSpec

SERVICE = "MG" + "1" * 32
POOLED = "whatsapp:+14155230001"
ELSEWHERE = "whatsapp:+14155230002"
LAN = "whatsapp:+84901234567"


async def test_a_message_to_any_sender_of_the_pool_is_taken_and_answered_from_there(front: Any) -> None:
    async with front(clinic={"messaging_service_sid": SERVICE}) as it:
        answer = await it.writes(body="Xin chào.", to=POOLED, extra={"MessagingServiceSid": SERVICE})
        assert answer.status == 204
        await it.server.quiet()
    ((sent,), violations) = it.twilio.sent, it.twilio.violations
    assert (sent.from_, sent.to, violations) == (POOLED, LAN, [])


async def test_a_sender_of_another_pool_is_refused_with_what_to_do(front: Any) -> None:
    async with front(clinic={"messaging_service_sid": SERVICE}) as it:
        assert (await it.writes(to=POOLED, extra={"MessagingServiceSid": "MG" + "2" * 32})).status == 403
        assert (await it.writes(to=POOLED)).status == 403
        assert await it.all(MESSAGES) == []


async def test_one_url_for_a_pool_of_two_tenants_gives_each_its_own(front: Any) -> None:
    pool = {"messaging_service_sid": SERVICE}
    async with front(clinic=pool, school={"numbers": [ELSEWHERE], **pool}) as it:
        written = {"body": "Chào trường.", "to": ELSEWHERE, "extra": {"MessagingServiceSid": SERVICE}}
        assert (await it.writes("clinic", **written)).status == 403, "whose it is, nobody must guess"
        assert (await it.writes("", **written)).status == 204
        assert [message.text for message in await it.all(MESSAGES, "school")][:1] == ["Chào trường."]
        assert await it.all(MESSAGES, "clinic") == []


async def test_what_log_mode_lets_pass_is_counted(front: Any, read: Any) -> None:
    async with front(clinic={"signature": "log"}) as it:
        form = it.twilio.compose(InboundSpec(body="Xin chào."))
        it.twilio.world.accounts[ACCOUNT_SID] = "not the token"
        answer = await it.twilio.post("https://bot.example.com/webhooks/twilio_whatsapp/clinic", form)
        found = await read(it.server)
    assert answer.status == 204
    counted = 'frontdesk_plugin_events_total{event="signature_would_refuse",plugin="twilio_whatsapp"}'
    assert found[counted] == 1
