"""What is entered at Twilio for an account: senders, a Messaging Service, templates (Messaging v1 and v2, Content v1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .client import TwilioRest
from .errors import translated

MOST = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Urls:
    """Where Twilio sends what contacts write to a sender, or to the senders of a service."""

    inbound: str
    method: str
    fallback: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """A WhatsApp sender (Channels Senders resource)."""

    sid: str
    number: str
    """`whatsapp:+…`"""
    status: str
    reasons: str
    urls: Urls
    webhook: Mapping[str, Any]
    """As it is entered, to be given back whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A Messaging Service."""

    sid: str
    by_number: bool
    """Each sender's own URL counts (use_inbound_webhook_on_number)."""
    urls: Urls


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateState:
    """A content template and WhatsApp's word on it."""

    sid: str
    name: str
    text: str
    """What the contact reads; empty: it has no text."""
    language: str
    examples: Mapping[str, str]
    status: str
    """`approved`, `pending`, `rejected`, `unsubmitted`, …"""
    reason: str


async def account_state(rest: TwilioRest) -> tuple[str, str]:
    """Status (`active`, …) and type (`Full`, `Trial`)."""
    with translated(sending=False):
        found = await rest.sdk.api.v2010.accounts(rest.account_sid).fetch_async()
    return str(found.status or ""), str(found.type or "")


async def senders(rest: TwilioRest) -> list[Sender]:
    """The account's WhatsApp senders; Twilio's sandbox is none of them."""
    with translated(sending=False):
        listed = await rest.sdk.messaging.v2.channels_senders.list_async(channel="whatsapp", limit=MOST)
    return [_sender(one) for one in listed]


def _sender(one: Any) -> Sender:
    webhook = one.webhook if isinstance(one.webhook, dict) else {}
    reasons = one.offline_reasons if isinstance(one.offline_reasons, list) else []
    return Sender(
        sid=str(one.sid),
        number=str(one.sender_id or ""),
        status=str(one.status or ""),
        reasons="; ".join(str(each.get("message", "")) for each in reasons if isinstance(each, dict)),
        urls=Urls(
            inbound=str(webhook.get("callback_url") or ""),
            method=str(webhook.get("callback_method") or "POST"),
            fallback=str(webhook.get("fallback_url") or ""),
            status=str(webhook.get("status_callback_url") or ""),
        ),
        webhook=webhook,
    )


class _Webhook:
    """An update that names the webhook alone: the SDK's own class would set everything else to null."""

    def __init__(self, webhook: Mapping[str, Any]) -> None:
        self._webhook = dict(webhook)

    def to_dict(self) -> dict[str, Any]:
        return {"webhook": self._webhook}


async def set_sender(rest: TwilioRest, sender: Sender, inbound: str, fallback: str) -> None:
    """Enter the URLs of one sender; what else is entered there stays."""
    webhook = {
        **{key: value for key, value in sender.webhook.items() if value is not None},
        "callback_url": inbound,
        "callback_method": "POST",
        "fallback_url": fallback,
        "fallback_method": "POST",
    }
    with translated(sending=False):
        await rest.sdk.messaging.v2.channels_senders(sender.sid).update_async(_Webhook(webhook))


async def service(rest: TwilioRest, sid: str) -> Service:
    """A Messaging Service. Raises NeedsAttention if the account has none of this SID."""
    with translated(sending=False):
        found = await rest.sdk.messaging.v1.services(sid).fetch_async()
    return Service(
        sid=sid,
        by_number=bool(found.use_inbound_webhook_on_number),
        urls=Urls(
            inbound=str(found.inbound_request_url or ""),
            method=str(found.inbound_method or "POST"),
            fallback=str(found.fallback_url or ""),
            status=str(found.status_callback or ""),
        ),
    )


async def set_service(rest: TwilioRest, sid: str, inbound: str, fallback: str) -> None:
    """Enter the URLs of a Messaging Service."""
    with translated(sending=False):
        await rest.sdk.messaging.v1.services(sid).update_async(
            inbound_request_url=inbound, inbound_method="POST", fallback_url=fallback, fallback_method="POST"
        )


async def templates(rest: TwilioRest) -> list[TemplateState]:
    """The account's content templates and whether WhatsApp has approved them."""
    with translated(sending=False):
        listed = await rest.sdk.content.v1.content_and_approvals.list_async(limit=MOST)
    found = []
    for one in listed:
        approval = one.approval_requests if isinstance(one.approval_requests, dict) else {}
        found.append(
            TemplateState(
                sid=str(one.sid),
                name=str(one.friendly_name or one.sid),
                text=_text(one.types if isinstance(one.types, dict) else {}),
                language=str(one.language or ""),
                examples={str(name): str(value) for name, value in (one.variables or {}).items()},
                status=str(approval.get("status") or "unsubmitted"),
                reason=str(approval.get("rejection_reason") or ""),
            )
        )
    return found


def _text(types: Mapping[str, Any]) -> str:
    """The words of a content of whichever type (Twilio: Content Types): its body, or the title and the line of a card."""
    for shown in types.values():
        if isinstance(shown, dict):
            parts = (shown.get("title"), shown.get("body"), shown.get("subtitle"))
            if found := "\n".join(str(part) for part in parts if part):
                return found
    return ""
