"""What the doctor finds at Twilio and between Twilio and the server, and what it sets when asked to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from frontdesk import Finding
from frontdesk.plugins.twilio_whatsapp.diagnosis import right_urls
from frontdesk.services.doctor import at_public_url, examine
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN
from frontdesk.testing.fake_twilio.account import FakeSender

NUMBER = "whatsapp:+14155230001"
SERVICE = "MG" + "1" * 32
HX = "HX" + "1" * 32


@pytest.fixture
def clinic(front: Any, unused_tcp_port: int) -> Callable[..., Any]:
    """A server whose public address is where it really listens."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Any]:
        public = f"http://127.0.0.1:{unused_tcp_port}"
        made = front(clinic={"numbers": [NUMBER], **settings}, server={"public_url": public}, port=unused_tcp_port)
        async with made as it:
            inbound, fallback = right_urls(public, "twilio_whatsapp", "clinic")
            it.right = {
                "callback_url": inbound,
                "callback_method": "POST",
                "fallback_url": fallback,
                "fallback_method": "POST",
            }
            it.twilio.account.senders = [FakeSender(number=NUMBER, webhook=dict(it.right))]
            yield it

    return start


async def findings(it: Any) -> list[Finding]:
    async with it.server.server.runtimes.use("clinic") as runtime:
        return [finding for _, finding in await examine(runtime)]


def wrong(found: list[Finding]) -> list[tuple[str, str]]:
    for finding in found:
        assert bool(finding.cure) == (finding.level != "ok"), finding
    return [(finding.level, finding.what) for finding in found if finding.level != "ok"]


async def repair(it: Any, found: list[Finding]) -> None:
    async with it.server.server.runtimes.use("clinic") as runtime:
        for fix in {finding.fix for finding in found if finding.fix}:
            await runtime.ask("repair", "twilio_whatsapp", fix=fix)


async def test_where_all_is_well_it_says_what_was_looked_at(clinic: Any) -> None:
    async with clinic() as it:
        it.twilio.account.templates = [{"sid": HX, "approval_requests": {"status": "approved"}}]
        found = await findings(it)
        assert wrong(found) == []
        said = " ".join(finding.what for finding in found)
        for looked_at in ("signed request", "forged request is refused", "active", "tries again", "1 of 1 templates"):
            assert looked_at in said
        assert it.twilio.violations == []


async def test_a_sender_without_its_urls_is_told_what_to_enter_and_set_when_asked(clinic: Any) -> None:
    async with clinic() as it:
        (sender,) = it.twilio.account.senders
        sender.webhook = {"callback_url": "https://old.example.com/bot", "status_callback_url": ""}
        found = await findings(it)
        ((level, what),) = wrong(found)
        assert level == "problem" and "https://old.example.com/bot" in what
        assert it.right["callback_url"] in next(finding.cure for finding in found if finding.fix)
        await repair(it, found)
        assert sender.webhook == it.right | {"status_callback_url": ""} and sender.profile == {"about": "kept"}
        assert wrong(await findings(it)) == []
        assert it.twilio.violations == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"callback_url": "{plain}"}, "does not try a webhook again"),
        ({"callback_url": "{plain}#rc=2"}, "does not try a webhook again"),
        ({"callback_method": "GET"}, "does not send messages here"),
        ({"fallback_url": ""}, "its fallback URL is empty"),
        ({"status_callback_url": "https://x.example.com"}, "a status callback URL of its own"),
    ],
)
async def test_every_part_of_what_is_entered_is_judged(clinic: Any, changes: dict[str, str], expected: str) -> None:
    async with clinic() as it:
        plain = it.right["fallback_url"]
        webhook = {key: value.replace("{plain}", plain) for key, value in changes.items()}
        it.twilio.account.senders[0].webhook |= webhook
        ((_, what),) = wrong(await findings(it))
        assert expected in what


async def test_the_shared_url_is_as_good(clinic: Any) -> None:
    async with clinic() as it:
        webhook = it.twilio.account.senders[0].webhook
        for key in ("callback_url", "fallback_url"):
            webhook[key] = webhook[key].replace("/clinic", "")
        assert wrong(await findings(it)) == []


async def test_of_a_service_its_url_counts_unless_it_leaves_that_to_the_numbers(clinic: Any) -> None:
    async with clinic(messaging_service_sid=SERVICE) as it:
        ((_, what),) = wrong(await findings(it))
        assert what.startswith(f"messaging_service_sid: {SERVICE} cannot be read")
        service = it.twilio.account.services[SERVICE] = {"use_inbound_webhook_on_number": False}
        it.twilio.account.senders[0].webhook = {}
        found = await findings(it)
        assert [what for _, what in wrong(found)] == [f"service {SERVICE} does not send messages here: it has nothing"]
        await repair(it, found)
        assert service["inbound_request_url"] == it.right["callback_url"]
        assert wrong(await findings(it)) == []
        service["use_inbound_webhook_on_number"] = True
        assert [what for _, what in wrong(await findings(it))] == [
            f"{NUMBER} does not send messages here: it has nothing"
        ]


async def test_senders_account_and_templates_that_do_not_work_are_told(clinic: Any) -> None:
    async with clinic(numbers=[NUMBER, "whatsapp:+14155230009", "whatsapp:+14155238886"]) as it:
        account = it.twilio.account
        account.type = "Trial"
        account.senders[0].status, account.senders[0].reason = "OFFLINE", "the display name was declined"
        account.templates = [
            {
                "sid": HX,
                "friendly_name": "reminder",
                "approval_requests": {"status": "rejected", "rejection_reason": "tone"},
            }
        ]
        told = [what for _, what in wrong(await findings(it))]
        assert told == [
            "the account is a trial",
            f"{NUMBER} is OFFLINE: the display name was declined",
            "whatsapp:+14155230009 is no WhatsApp sender of this account",
            "whatsapp:+14155238886 is Twilio's sandbox, whose URL cannot be read from here",
            f"template reminder ({HX}) is rejected (tone)",
        ]
        account.status = "suspended"
        assert ("problem", "the account is suspended") in wrong(await findings(it))


async def test_operators_are_offered_the_approved_templates_with_their_texts(clinic: Any) -> None:
    def listed(sid: str, status: str, **types: Any) -> dict[str, Any]:
        known = {"sid": sid, "friendly_name": f"name of {sid}", "language": "vi", "variables": {"1": "Lan"}}
        return {**known, "types": types, "approval_requests": {"status": status}}

    async with clinic() as it:
        it.twilio.account.templates = [
            listed("HX1", "approved", **{"twilio/text": {"body": "Chào {{1}}"}}),
            listed("HX2", "pending", **{"twilio/text": {"body": "Chào {{1}}"}}),
            listed("HX3", "approved", **{"twilio/card": {"title": "Giá", "body": "Từ {{1}}", "actions": []}}),
            listed("HX4", "approved", **{"twilio/media": {"media": ["https://x.example/1.png"]}}),
            {**listed("HX5", "approved", **{"twilio/text": {"body": "?"}}), "friendly_name": "frontdesk_1"},
        ]
        async with it.server.server.runtimes.use("clinic") as runtime:
            found = await runtime.ask("list_templates", "twilio_whatsapp")
        assert [(each.id, each.text) for each in found] == [("HX1", "Chào {{1}}"), ("HX3", "Giá\nTừ {{1}}")]
        assert (found[0].language, found[0].examples) == ("vi", {"1": "Lan"})


async def test_log_mode_and_a_token_that_is_not_the_accounts_are_told(clinic: Any) -> None:
    key = "SK" + "1" * 32
    async with clinic(signature="log", api_key_sid=key, api_key_secret={"env": "TWILIO_TOKEN"}) as it:
        it.twilio.add_api_key(key, AUTH_TOKEN)
        assert [what for _, what in wrong(await findings(it))] == ["`signature: log` lets everybody's webhooks pass"]
        it.twilio.world.accounts[ACCOUNT_SID] = "rotated"
        told = [what for _, what in wrong(await findings(it))]
        assert "auth_token does not open the account: signatures of its webhooks will not fit" in told
        it.twilio.world.api_keys.clear()
        assert any(
            "does not let this account in" in what or "credentials" in what for _, what in wrong(await findings(it))
        )


async def test_an_address_that_leads_elsewhere_is_told(clinic: Any, serving: Any, unused_tcp_port_factory: Any) -> None:
    async with clinic() as it:
        plugin = await it.server.plugin("twilio_whatsapp")
        session = it.server.server.http
        assert (await at_public_url(session, plugin.services.public_url)).level == "ok"
        nowhere = f"http://127.0.0.1:{unused_tcp_port_factory()}"
        assert "does not answer" in (await at_public_url(session, nowhere)).what
        object.__setattr__(plugin.services, "public_url", nowhere)
        told = [what for _, what in wrong(await findings(it))]
        assert told[0].startswith(f"a signed request to {nowhere}") and "no answer" in told[0]
        object.__setattr__(plugin.services, "public_url", it.twilio.url)
        assert "HTTP 404" in wrong(await findings(it))[0][1] or "HTTP 405" in wrong(await findings(it))[0][1]
