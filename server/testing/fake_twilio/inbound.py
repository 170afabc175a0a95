"""The form Twilio posts for a WhatsApp message, field for field as captured payloads have it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from .messages import API_VERSION

InboundKind = Literal[
    "text", "image", "audio", "video", "document", "sticker", "location", "contacts", "button", "list"
]
DEFAULT_TYPES = {
    "image": "image/jpeg",
    "audio": "audio/ogg",
    "video": "video/mp4",
    "document": "application/pdf",
    "sticker": "image/webp",
    "contacts": "text/vcard",
}


@dataclass(frozen=True, kw_only=True)
class InboundSpec:
    """A message a contact sends. `from_` and `to` are WhatsApp addresses, `whatsapp:+E164` or `whatsapp:BSUID`."""

    kind: InboundKind = "text"
    body: str = ""
    from_: str = "whatsapp:+84901234567"
    to: str = "whatsapp:+14155238886"
    name: str = "Nguyễn Văn An"
    sid: str = ""
    """Empty: a new one."""
    bsuid: str = ""
    """`whatsapp:US.1349…`: sent as ExternalUserId."""
    replied_to: str = ""
    """SID of the message the contact quotes or whose button was tapped."""
    payload: str = ""
    """The id of a button or a list item; its title is `body`."""
    description: str = ""
    latitude: float = 21.0285
    longitude: float = 105.8542
    label: str = ""
    address: str = ""
    content: bytes = b""
    """The file of a media message."""
    content_type: str = ""
    """Empty: the usual one of the kind."""
    extra: dict[str, str] = field(default_factory=dict)
    """More fields, or other values for fields; Twilio adds parameters without notice."""

    @property
    def has_media(self) -> bool:
        return self.kind in DEFAULT_TYPES

    @property
    def media_type(self) -> str:
        return self.content_type or DEFAULT_TYPES.get(self.kind, "")


def form(spec: InboundSpec, sid: str, account_sid: str, media_url: str) -> list[tuple[str, str]]:
    """The pairs of the form, in the order Twilio sends them."""
    message_type = {"list": "interactive"}.get(spec.kind, spec.kind)
    fields: dict[str, str] = {}
    if spec.has_media:
        fields |= {"MediaContentType0": spec.media_type}
    fields |= {"SmsMessageSid": sid, "NumMedia": "1" if spec.has_media else "0", "ProfileName": spec.name}
    if spec.bsuid:
        fields |= {"ExternalUserId": spec.bsuid}
    fields |= {"MessageType": message_type, "SmsSid": sid}
    if spec.from_.startswith("whatsapp:+"):
        fields |= {"WaId": spec.from_.removeprefix("whatsapp:+")}
    fields |= {"SmsStatus": "received", "Body": spec.body}
    fields |= _of_kind(spec)
    if spec.replied_to:
        fields |= {"OriginalRepliedMessageSid": spec.replied_to, "OriginalRepliedMessageSender": spec.to}
    fields |= {"To": spec.to, "NumSegments": "1", "ReferralNumMedia": "0", "MessageSid": sid}
    fields |= {"AccountSid": account_sid, "From": spec.from_}
    if spec.has_media:
        fields |= {"MediaUrl0": media_url}
    metadata = {"type": "whatsapp", "data": {"context": {"ProfileName": spec.name}}}
    fields |= {"ChannelMetadata": json.dumps(metadata, ensure_ascii=False), "ApiVersion": API_VERSION}
    return list((fields | spec.extra).items())


def _of_kind(spec: InboundSpec) -> dict[str, str]:
    match spec.kind:
        case "location":
            place = {"Latitude": str(spec.latitude), "Longitude": str(spec.longitude)}
            return place | {name: value for name, value in _place_names(spec) if value}
        case "button":
            return {"ButtonText": spec.body, "ButtonPayload": spec.payload}
        case "list":
            return {"ListId": spec.payload, "ListTitle": spec.body, "ListDescription": spec.description}
        case _:
            return {}


def _place_names(spec: InboundSpec) -> tuple[tuple[str, str], ...]:
    return ("Address", spec.address), ("Label", spec.label)
