"""What passes between the core and a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .mind import JsonObject
from .model import Media, MessageKind, Template


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookRequest:
    """An HTTP request to `/webhooks/CHANNEL…` as it came, nothing verified.

    `url` is the configured public URL of this request (scheme, host, path, query): never made from Host or forwarded
    headers. Header names are lower case.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    message: str = ""
    """On the status route: the id of the outbound message in the callback's URL."""
    peer: str = ""
    """The address the request comes from: the other end of the connection, or whom a proxy of `server.trusted_proxies` names
    there; empty if nobody can tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inbound:
    """One message as a channel understood it. Everything in it was chosen by the contact."""

    provider_id: str
    """The provider's id of the message; the same id is the same message."""
    external_id: str
    """Who wrote, in the channel's words, e.g. `whatsapp:+84901234567`."""
    address: str
    """To which of our addresses, e.g. `whatsapp:+14155238886`."""
    kind: MessageKind = "text"
    text: str = ""
    media: tuple[Media, ...] = ()
    data: JsonObject = field(default_factory=dict)
    name: str = ""
    """The profile name the contact chose."""
    phone: str = ""
    """E.164 where known."""
    also: tuple[str, ...] = ()
    """What else the channel calls whoever wrote, e.g. `whatsapp:US.1349…`: contacts who turn out to be one are merged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenContact:
    """A contact that somebody wrote down, in the channel's words: the same as when they write themselves."""

    external_id: str
    address: str
    """Which of our addresses reaches them."""
    phone: str = ""
    """E.164 where known."""
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovedTemplate:
    """A template that the provider sends at any time, as operators choose it."""

    id: str
    """The provider's, as in `Template.id`."""
    name: str
    text: str
    """What the contact sees, with `{{1}}` or `{{name}}` where a value goes."""
    language: str = ""
    """BCP 47; empty: not told."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """Placeholder → a value such as it was approved with."""


DeliveryState = Literal["accepted", "sent", "delivered", "read", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusUpdate:
    """What the provider says became of an outbound message; may come late, twice, or out of order."""

    provider_id: str
    state: DeliveryState
    message: str = ""
    """Our message id, where the callback's URL carried it: binds the provider's id to it."""
    code: str = ""
    reason: str = ""
    again_after: float | None = None
    """Of `failed`: it was not delivered, and may be if it is sent again after so many seconds; None: it never will."""
    opted_out: bool = False
    """Of `failed`: because the contact wants no more messages."""
    slower: bool = False
    """Of `failed`: because too much was sent at once; the sender's rate is lowered for a while."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """A message to be sent now. One call is one message at the provider."""

    id: str
    """Our message id: stands in `callback_url`, and is the idempotency key where a vendor takes one."""
    external_id: str
    address: str
    kind: MessageKind = "text"
    text: str = ""
    media_urls: tuple[str, ...] = ()
    """Signed, expiring URLs of our own, fetchable by the provider."""
    template: Template | None = None
    data: dict[str, Any] = field(default_factory=dict)
    callback_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A message the provider has, listed since an intent. `matches` None: cannot be compared."""

    provider_id: str
    at: datetime
    matches: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A message in the provider's own list, of whichever direction."""

    provider_id: str
    direction: Literal["inbound", "outbound"]
    external_id: str
    """The contact's."""
    address: str
    """Ours."""
    at: datetime
    key: str = ""
    """What `Channel.addresses` calls ours: where another tenant has it, the message is theirs. Empty: nobody else can."""
    text: str = ""
    files: int = 0
    """How many files it has."""
    state: DeliveryState | None = None
    """Of an outbound one; None: the provider does not say."""
    update: StatusUpdate | None = None
    """Of an outbound one: what a callback would tell of it now; None: nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A downloaded file, its size checked and its type found by looking at it."""

    content_type: str
    content: bytes
