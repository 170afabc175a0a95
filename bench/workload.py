"""The webhooks of the benchmarks: forms as Twilio sends them for a WhatsApp text, signed as Twilio signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote_plus

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "0123456789abcdef0123456789abcdef"
TEXT = "Lớp IELTS mấy giờ ạ?"
BODY_BYTES = 561
"""The length of a form as captured from Twilio (15 fields, a short text)."""


def contact(number: int) -> str:
    """The address of the *number*-th contact: a possible Vietnamese mobile number."""
    return f"whatsapp:+849{number:08d}"


def business(number: int) -> str:
    """The address of the *number*-th tenant."""
    return f"whatsapp:+1415523{number:04d}"


def form(sender: str, to: str, text: str) -> list[tuple[str, str]]:
    """The 15 fields of one text message with a new MessageSid."""
    sid = "SM" + secrets.token_hex(16)
    return [
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("ProfileName", "Lan Nguyễn"),
        ("MessageType", "text"),
        ("SmsSid", sid),
        ("WaId", sender.removeprefix("whatsapp:+")),
        ("SmsStatus", "received"),
        ("Body", text),
        ("To", to),
        ("NumSegments", "1"),
        ("ReferralNumMedia", "0"),
        ("MessageSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", sender),
        ("ApiVersion", "2010-04-01"),
    ]


def request(port: int, path: str, sender: str, to: str, text: str = TEXT) -> bytes:
    """A whole HTTP/1.1 request to a server whose public URL is http://localhost:*port*."""
    padded = text.ljust(len(text) + BODY_BYTES - len(_encoded(form(sender, to, text))), ".")
    fields = form(sender, to, padded)
    body = _encoded(fields)
    signed = f"http://localhost:{port}{path}" + "".join(name + value for name, value in sorted(fields))
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: TwilioProxy/1.1\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nAccept: */*\r\n"
        f"I-Twilio-Idempotency-Token: {secrets.token_hex(16)}\r\nX-Twilio-Signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _encoded(fields: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields).encode()
