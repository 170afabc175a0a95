"""Signatures of HubSpot's webhooks, version 3 (HubSpot: "Validating requests"): base64 of HMAC-SHA256 with the app's client
secret over method, full URI, raw body and timestamp. Versions 1 and 2, which can be replayed, are not taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

SIGNATURE = "X-HubSpot-Signature-v3"
TIMESTAMP = "X-HubSpot-Request-Timestamp"
WINDOW = 300.0
"""Seconds that a request may be old, or ahead of us."""
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""What HubSpot writes out in the URI before it signs it."""


def sign(secret: bytes, method: str, uri: str, body: bytes, timestamp: str) -> str:
    for code, character in _DECODED.items():
        uri = uri.replace(code, character).replace(code.lower(), character)
    source = method.encode() + uri.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret, source, hashlib.sha256)).decode()


def problem(secret: bytes, method: str, uri: str, body: bytes, headers: Mapping[str, str], now: datetime) -> str:
    """Why a request is not HubSpot's; empty if it is."""
    named = {name.lower(): value for name, value in headers.items()}
    given, timestamp = named.get(SIGNATURE.lower(), ""), named.get(TIMESTAMP.lower(), "")
    if not given or not timestamp:
        return f"the headers {SIGNATURE} and {TIMESTAMP} are missing"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return f"{TIMESTAMP} is no time in milliseconds"
    if abs(now.timestamp() - int(timestamp) / 1000) > WINDOW:
        return "the request is older than five minutes, or ahead of this machine's clock"
    expected = sign(secret, method, uri, body, timestamp)
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        return "the signature does not fit URI, body and client secret"
    return ""
