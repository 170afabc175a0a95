"""HubSpot's webhooks, signed as HubSpot signs them (version 3), in the words of who sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

_ids = itertools.count(100)


def event(type: str, object: str, at: datetime, **more: Any) -> dict[str, Any]:
    """One event of a subscription such as `deal.propertyChange`; *object* is HubSpot's id."""
    return {
        "eventId": next(_ids),
        "subscriptionId": 3000,
        "portalId": 1234567,
        "appId": 4000,
        "occurredAt": int(at.timestamp() * 1000),
        "subscriptionType": type,
        "attemptNumber": 0,
        "objectId": int(object),
        "changeSource": "CRM_UI",
        **more,
    }


def signed(url: str, events: Sequence[dict[str, Any]], secret: str, at: datetime) -> tuple[dict[str, str], bytes]:
    """Headers and body of a POST to *url*."""
    body = json.dumps(events, separators=(",", ":")).encode()
    timestamp = str(int(at.timestamp() * 1000))
    text = b"POST" + url.encode() + body + timestamp.encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
        "X-HubSpot-Request-Timestamp": timestamp,
    }
    return headers, body
