"""What a tenant tells the plugin about its Twilio account."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, Field, model_validator

from frontdesk import Secret, Settings, phone_variants

TWILIO_API = "https://api.twilio.com"


def _whatsapp_number(value: str) -> str:
    bare = value.removeprefix("whatsapp:")
    try:
        number = phonenumbers.parse(bare)
        # A Mexican sender may have the 1 of mobile numbers, which phonenumbers does not know any more.
        written = [number, *map(phonenumbers.parse, phone_variants(bare))]
    except phonenumbers.NumberParseException:
        written = []
    if any(map(phonenumbers.is_possible_number, written)):
        right = "whatsapp:" + phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if value == right:
            return value
    raise ValueError("no WhatsApp sender; write it as Twilio does, e.g. whatsapp:+14155238886")


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError(f"no https URL (http only on this machine); write e.g. {TWILIO_API}")
    return value.rstrip("/")


class TwilioSettings(Settings):
    """A WhatsApp sender at Twilio."""

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", examples=["AC0123456789abcdef0123456789abcdef"])
    """Account SID, `AC` and 32 digits 0-9 a-f; of the sub-account if the sender belongs to one."""
    auth_token: Secret
    """The account's auth token: checks signatures of webhooks, and signs in to the REST API unless a key is given."""
    previous_auth_token: Secret | None = None
    """The token before, while it is being rotated: its signatures are accepted too."""
    webhook_shared_key: Secret | None = None
    """The shared key of Twilio's webhook configuration (beta), if webhooks are signed with one."""
    api_key_sid: str = Field(
        default="", pattern=r"^(SK[0-9a-fA-F]{32})?$", examples=["SK0123456789abcdef0123456789abcdef"]
    )
    """The SID of an API key, `SK` and 32 digits 0-9 a-f, for the REST API; together with `api_key_secret`."""
    api_key_secret: Secret | None = None
    """The API key's secret."""
    numbers: tuple[Annotated[str, AfterValidator(_whatsapp_number)], ...] = Field(min_length=1)
    """The tenant's WhatsApp senders, e.g. `whatsapp:+14155238886`. A sender belongs to one tenant."""
    messaging_service_sid: str = Field(
        default="", pattern=r"^(MG[0-9a-fA-F]{32})?$", examples=["MG0123456789abcdef0123456789abcdef"]
    )
    """The SID of a Messaging Service, `MG` and 32 digits 0-9 a-f, if the senders are in its pool: every sender there is the
    tenant's, also one that `numbers` does not list."""
    messages_per_second: float = Field(default=80.0, gt=0, le=1000)
    """What Twilio takes from each sender: 80 a second unless it raised it for yours; the sandbox takes one in 3 s (0.3)."""
    seconds_per_contact: float = Field(default=6.0, ge=0, le=60)
    """How far apart messages to one contact are in the long run, once more than `burst_per_contact` have gone: WhatsApp
    takes about one in 6 s (Meta: 131056). 0: they are not kept apart."""
    burst_per_contact: int = Field(default=20, ge=1, le=100)
    """How many messages to one contact may go at once (Meta is said to take 45; not confirmed)."""
    signature: Literal["enforce", "log", "off"] = "enforce"
    """What a wrong signature does: `enforce` refuses the webhook, `log` counts and logs it, `off` does not look."""
    typing_indicator: bool = True
    """Shows the contact that an answer is being written (public beta at Twilio; marks their message as read)."""
    check_templates: bool = True
    """Whether a template's approval and its variables are looked up before it is sent, every ten minutes at most."""
    choices_kept_days: int = Field(default=30, ge=1, le=365)
    """For how many days a content that was made for buttons or a list is kept at Twilio after its last use."""
    api_base_url: Annotated[str, AfterValidator(_base_url)] = TWILIO_API
    """Where the REST API is: another region, a proxy, a test."""
    media_hosts: tuple[str, ...] = (".twiliocdn.com", "s3-external-1.amazonaws.com")
    """Hosts to which Twilio may redirect for a contact's files; with a leading dot: every sub-domain."""
    max_media_bytes: int = Field(default=16 * 1024 * 1024, ge=1)
    """The largest file taken from a contact, in bytes."""

    @model_validator(mode="after")
    def _key_is_whole(self) -> TwilioSettings:
        if bool(self.api_key_sid) != (self.api_key_secret is not None):
            raise ValueError("api_key_sid and api_key_secret belong together; give both, or neither")
        return self

    @property
    def messaging_base_url(self) -> str:
        """messaging.twilio.com beside the configured api.twilio.com; the same host if that is not called `api.…`."""
        return self.api_base_url.replace("://api.", "://messaging.", 1)

    @property
    def content_base_url(self) -> str:
        """content.twilio.com, likewise."""
        return self.api_base_url.replace("://api.", "://content.", 1)
