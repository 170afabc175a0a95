"""Messages as Twilio's REST API describes them (Message resource, 2010-04-01)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

API_VERSION = "2010-04-01"


def new_sid(prefix: str) -> str:
    """A SID: two letters and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class FakeMedia:
    """A file that Twilio keeps for a message."""

    sid: str
    content_type: str
    content: bytes


@dataclass(kw_only=True, slots=True)
class FakeMessage:
    """One message of an account, accepted or received by the fake."""

    sid: str
    account_sid: str
    direction: str
    """`inbound` or `outbound-api`."""
    from_: str
    to: str
    body: str
    status: str
    created_at: datetime
    """UTC, to the millisecond; Twilio's own answers show whole seconds only."""
    visible_at: datetime
    """From when on the list shows it (`list_lag`)."""
    sent_at: datetime | None = None
    media: list[FakeMedia] = field(default_factory=list)
    media_urls: tuple[str, ...] = ()
    content_sid: str = ""
    content_variables: str = ""
    status_callback: str = ""
    messaging_service_sid: str = ""
    error_code: int | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    """Every form field of the request, as it came."""

    @property
    def num_media(self) -> int:
        return len(self.media_urls) + len(self.media)

    def to_json(self) -> dict[str, Any]:
        """The resource as Twilio answers it: times in RFC 2822, numbers as strings, ContentSid not told."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        created = format_datetime(self.created_at.replace(microsecond=0))
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": created,
            "date_sent": format_datetime(self.sent_at.replace(microsecond=0)) if self.sent_at else None,
            "date_updated": created,
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": self.from_ or None,
            "messaging_service_sid": self.messaging_service_sid or None,
            "num_media": str(self.num_media),
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }

    def summary(self) -> dict[str, Any]:
        """What the log and the control API tell of it."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "direction": self.direction,
            "from": self.from_,
            "to": self.to,
            "body": self.body,
            "status": self.status,
            "media_urls": list(self.media_urls),
            "content_sid": self.content_sid,
            "content_variables": self.content_variables,
            "status_callback": self.status_callback,
            "created_at": self.created_at.isoformat(),
            "error_code": self.error_code,
        }
