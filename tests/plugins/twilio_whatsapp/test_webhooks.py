"""The plugin's own door, over HTTP: the fake signs with the vendor's code, the plugin checks with its own."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from structlog.testing import capture_logs

from frontdesk import NeedsAttention, Outgoing, Secret, WebhookRefused, WebhookRequest
from frontdesk.config import Times
from frontdesk.hookspecs import CHANNEL_HOOKS
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.registry import Registry
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, CallbackPlan, FakeTwilio, InboundSpec

NUMBER = "whatsapp:+14155238886"
KINDS: list[tuple[str, str]] = [
    ("text", "text"),
    ("image", "image"),
    ("audio", "voice"),
    ("video", "video"),
    ("document", "document"),
    ("sticker", "sticker"),
    ("location", "location"),
    ("button", "button"),
    ("list", "button"),
    ("contacts", "other"),
]


@pytest.mark.parametrize(("sent", "kind"), KINDS)
async def test_a_signed_webhook_of_every_kind_is_understood(
    door: Any, twilio: FakeTwilio, sent: Any, kind: str
) -> None:
    answer = await twilio.deliver(door.webhook_url, InboundSpec(kind=sent, body="Chào", payload="id-1", content=b"x"))
    assert answer.status == 204
    assert [message.kind for message in door.inbound] == [kind]


async def test_a_webhook_signed_with_sha256_is_understood(door: Any, twilio: FakeTwilio) -> None:
    form = twilio.compose(InboundSpec(body="Chào"))
    assert (await twilio.post(door.webhook_url, form, algorithm="HMAC_SHA256")).status == 204


async def test_statuses_come_back_under_our_message_id(door: Any, twilio: FakeTwilio) -> None:
    twilio.callbacks.default = CallbackPlan(statuses=("sent", "delivered", "read"), times=0)
    sid = await door.plugin.send(
        Outgoing(
            id="out-7",
            external_id="whatsapp:+84901234567",
            address=NUMBER,
            text="Chào",
            callback_url=door.status_url("out-7"),
        )
    )
    await twilio.idle()
    assert [(update.message, update.provider_id, update.state) for update in door.statuses] == [
        ("out-7", sid, "sent"),
        ("out-7", sid, "delivered"),
        ("out-7", sid, "read"),
    ]


async def test_an_unsigned_or_forged_webhook_is_refused_with_403(door: Any, twilio: FakeTwilio) -> None:
    twilio.add_account("AC" + "9" * 32, "another token")
    form = twilio.compose(InboundSpec(body="Chào"))
    assert (await twilio.post(door.webhook_url, form, account_sid="AC" + "9" * 32)).status == 403
    unsigned = await twilio.world.raw_post(
        door.webhook_url, b"Body=x", {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert unsigned.status == 403
    assert door.inbound == []


def form_request(body: bytes = b"Body=x", content_type: str = "application/x-www-form-urlencoded") -> WebhookRequest:
    return WebhookRequest(
        method="POST", url="https://bot.example.com/w", headers={"content-type": content_type}, body=body
    )


async def test_in_log_mode_a_wrong_signature_is_counted_and_let_pass(make_plugin: Any, twilio: FakeTwilio) -> None:
    plugin = make_plugin(signature="log")
    await plugin.start()
    with capture_logs() as logs, pytest.raises(WebhookRefused) as caught:
        await plugin.parse_webhook(form_request())
    assert caught.value.status == 403
    assert "AccountSid" in caught.value.reason
    assert [entry["event"] for entry in logs] == ["signature_would_refuse"]
    assert await plugin.check_health() == {"ok": True, "detail": "1 webhooks with a wrong signature let pass"}


async def test_in_log_mode_a_webhook_passes_though_the_secrets_cannot_be_read_again(
    make_plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_TEST_TOKEN", AUTH_TOKEN)
    plugin = make_plugin(signature="log", auth_token={"env": "TWILIO_TEST_TOKEN"})
    await plugin.start()
    monkeypatch.delenv("TWILIO_TEST_TOKEN")
    with pytest.raises(WebhookRefused, match="AccountSid"):
        await plugin.parse_webhook(form_request())
    assert "1 webhooks" in (await plugin.check_health())["detail"]
    enforcing = make_plugin(auth_token={"env": "TWILIO_TEST_TOKEN"})
    with pytest.raises(NeedsAttention):
        await enforcing.parse_webhook(form_request(b"Body=x"))


async def test_with_signatures_off_only_the_content_is_judged(make_plugin: Any, twilio: FakeTwilio) -> None:
    plugin = make_plugin(signature="off")
    body = "&".join(
        f"{name}={value}"
        for name, value in twilio.compose(
            InboundSpec(name="An", from_="whatsapp:%2B84901234567", to="whatsapp:%2B14155238886")
        )
    )
    (message,) = await plugin.parse_webhook(form_request(body.encode()))
    assert message.external_id == "whatsapp:+84901234567"


async def test_a_body_that_is_no_form_is_refused_even_if_unsigned_ones_pass(make_plugin: Any) -> None:
    with pytest.raises(WebhookRefused) as caught:
        await make_plugin(signature="off").parse_webhook(form_request(b"{}", "application/json"))
    assert caught.value.status == 400


async def test_the_previous_token_still_signs_and_a_rotated_one_is_read_again(
    make_plugin: Any, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signed() -> WebhookRequest:
        fields = [("AccountSid", ACCOUNT_SID)]
        signature = twilio.world.signature("https://bot.example.com/w", fields, ACCOUNT_SID)
        request = form_request(f"AccountSid={ACCOUNT_SID}".encode())
        return WebhookRequest(
            method="POST",
            url=request.url,
            headers={**request.headers, "x-twilio-signature": signature},
            body=request.body,
        )

    async def status_of(plugin: TwilioWhatsapp) -> int:
        with pytest.raises(WebhookRefused) as caught:
            await plugin.parse_webhook(signed())
        return caught.value.status

    previous = make_plugin(auth_token=Secret.from_text("new"), previous_auth_token=Secret.from_text(AUTH_TOKEN))
    await previous.start()
    assert await status_of(previous) == 400  # past the signature: the MessageSid is missing

    monkeypatch.setenv("TWILIO_TEST_TOKEN", "stale")
    rotated = make_plugin(auth_token={"env": "TWILIO_TEST_TOKEN"})
    await rotated.start()
    monkeypatch.setenv("TWILIO_TEST_TOKEN", AUTH_TOKEN)
    assert await status_of(rotated) == 400


async def test_forged_webhooks_have_the_file_of_a_secret_read_once_and_not_on_the_loop(
    make_plugin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(AUTH_TOKEN)
    plugin = make_plugin(auth_token={"file": str(tmp_path / "token")})
    await plugin.start()
    threads = []
    read_text = Path.read_text

    def noted(path: Path, *arguments: Any, **more: Any) -> str:
        threads.append(threading.get_ident())
        return read_text(path, *arguments, **more)

    monkeypatch.setattr(Path, "read_text", noted)
    forged = replace(form_request(), headers={**form_request().headers, "x-twilio-signature": "x"})
    for _ in range(3):
        answers = await asyncio.gather(*(plugin.parse_webhook(forged) for _ in range(20)), return_exceptions=True)
        assert [getattr(answer, "status", answer) for answer in answers] == [403] * 20
    assert len(threads) == 1 and threads != [threading.get_ident()]


async def test_a_secret_that_is_not_there_stops_the_start_with_its_name(make_plugin: Any) -> None:
    plugin = make_plugin(auth_token={"env": "TWILIO_TEST_NOT_SET"})
    with pytest.raises(NeedsAttention, match="TWILIO_TEST_NOT_SET"):
        await plugin.start()


async def others_turns(work: Any) -> int:
    """How often the loop came to others while *work* went on; whatever it raised counts as its end."""
    turns = 0
    done = asyncio.Event()

    async def worked() -> None:
        try:
            await work
        except WebhookRefused:
            pass
        finally:
            done.set()

    async def others() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(worked(), others())
    return turns


async def test_the_longest_text_is_read_beside_the_loop_and_a_short_one_at_once(make_plugin: Any) -> None:
    plugin = make_plugin(signature="off")
    head = (
        f"AccountSid={ACCOUNT_SID}&MessageSid=SM{'0' * 32}&From=whatsapp%3A%2B84901234567&To=whatsapp%3A%2B14155238886"
    )
    longest = form_request(f"{head}&Body={quote_plus('👋') * 65_536}".encode())
    (message,) = await plugin.parse_webhook(longest)
    assert message.text == "👋" * 65_536
    assert await others_turns(plugin.parse_webhook(longest)) > 20
    assert await others_turns(plugin.parse_status(longest)) > 20
    assert await others_turns(plugin.parse_webhook(form_request(f"{head}&Body=hi".encode()))) <= 2


async def test_a_signature_of_the_longest_text_is_checked_beside_the_loop(make_plugin: Any) -> None:
    plugin = make_plugin()
    await plugin.start()
    unsigned = form_request(f"Body={quote_plus('👋') * 65_536}".encode())
    longest = replace(unsigned, headers={**unsigned.headers, "x-twilio-signature": "wrong"})
    with pytest.raises(WebhookRefused) as caught:
        await plugin.parse_webhook(longest)
    assert caught.value.status == 403
    assert await others_turns(plugin.parse_webhook(longest)) > 20


def test_an_address_too_long_to_be_one_is_not_even_decoded() -> None:
    body = f"AccountSid={ACCOUNT_SID}&To={'%41' * 200_000}".encode()
    assert TwilioWhatsapp.address_of(form_request(body)) is None


def test_a_sender_is_claimed_by_account_and_number(make_plugin: Any, twilio: FakeTwilio) -> None:
    plugin = make_plugin(numbers=[NUMBER, "whatsapp:+84287300888"])
    assert TwilioWhatsapp.addresses(plugin.settings) == (
        f"{ACCOUNT_SID}|{NUMBER}",
        f"{ACCOUNT_SID}|whatsapp:+84287300888",
    )
    body = f"AccountSid={ACCOUNT_SID}&To=whatsapp%3A%2B14155238886".encode()
    assert TwilioWhatsapp.address_of(form_request(body)) == f"{ACCOUNT_SID}|{NUMBER}"


def test_the_registry_takes_it_by_its_entry_point_as_a_channel_with_every_channel_hook() -> None:
    kind = Registry(Times()).load("twilio_whatsapp")
    assert kind.is_channel
    assert set(kind.hooks) >= CHANNEL_HOOKS
