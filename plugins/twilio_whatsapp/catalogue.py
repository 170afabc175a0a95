"""Error codes of Twilio and WhatsApp: class, cause and cure in one sentence, seconds to wait of a retryable one."""

from __future__ import annotations

from typing import Literal

ErrorClass = Literal["retryable", "permanent", "opted_out", "operator", "ambiguous"]
Entry = tuple[ErrorClass, str] | tuple[ErrorClass, str, float]

_NO_SUCH_CONTACT = "There is no such recipient on WhatsApp; check the number with the contact."
_SENDER = "The sender is not a WhatsApp sender of this account; compare `numbers` with Messaging > Senders at Twilio."
_TEMPLATE = "WhatsApp does not take this template as it is; open it in Twilio's Content Template Builder and mend it."
_VARIABLES = "The template's variables are missing or wrong; give every placeholder of the template a non-empty value."
_MEDIA = "Twilio could not take the file; check that its URL is public and that its type and size fit WhatsApp."
_CREDENTIALS = "Twilio rejects the credentials; check account_sid with auth_token, or api_key_sid with api_key_secret."
_WHATSAPP_ACCOUNT = (
    "WhatsApp rejects the business account; open the sender in Twilio's console and follow what it asks."
)
_CONTENT = "WhatsApp cannot show this content; send it as plain text."
_BUSY = "Twilio or WhatsApp failed inside."
_TOO_FAST = "More messages at once than the account or the sender may send."
_EXPIRED = "The message waited too long in Twilio's queue."
_POLICY = "WhatsApp holds this message against its policy; change the wording before it is sent again."
_BLOCKED = "The recipient has blocked this number; do not write first."

CATALOGUE: dict[int, Entry] = {
    # The account
    20003: ("operator", _CREDENTIALS),
    20404: ("operator", "Twilio knows no such account or resource; check account_sid."),
    20429: ("retryable", "Too many requests at once to Twilio.", 1.0),
    20503: ("ambiguous", "Twilio is unavailable; whether it took the message is looked up."),
    21701: ("operator", "Twilio knows no such Messaging Service; check messaging_service_sid."),
    21704: ("operator", "The Messaging Service has no senders; add the WhatsApp sender to its pool."),
    21608: (
        "operator",
        "A trial account may write to verified numbers only; verify the number or upgrade the account.",
    ),
    21609: ("operator", "Twilio refuses the status callback URL; public_url needs a public host without underscores."),
    # The sender
    21603: ("operator", _SENDER),
    21606: ("operator", _SENDER),
    21212: ("operator", _SENDER),
    63001: ("operator", _WHATSAPP_ACCOUNT),
    63002: ("operator", _SENDER),
    63007: ("operator", _SENDER),
    63008: ("operator", _WHATSAPP_ACCOUNT),
    63015: ("operator", "The recipient has not joined the sandbox; let them send `join CODE` to the sandbox number."),
    63020: ("operator", _WHATSAPP_ACCOUNT),
    63022: ("operator", _WHATSAPP_ACCOUNT),
    63051: ("operator", _WHATSAPP_ACCOUNT),
    # The recipient
    21211: ("permanent", _NO_SUCH_CONTACT),
    21604: ("permanent", _NO_SUCH_CONTACT),
    21614: ("permanent", _NO_SUCH_CONTACT),
    63003: ("permanent", _NO_SUCH_CONTACT),
    63024: ("permanent", _NO_SUCH_CONTACT),
    21408: (
        "permanent",
        "The account may not send to this region; allow it under Messaging > Geo permissions at Twilio.",
    ),
    21610: ("opted_out", "The recipient has opted out; nothing may be sent until they write START."),
    63014: ("opted_out", _BLOCKED),
    63033: ("opted_out", _BLOCKED),
    63031: ("permanent", "Sender and recipient are the same number."),
    63032: ("permanent", "WhatsApp keeps this recipient out for an experiment of its own; reach them another way."),
    63049: ("permanent", "WhatsApp chose not to deliver this marketing message; do not send it again soon."),
    # The message
    21602: ("permanent", "The message is empty."),
    21619: ("permanent", "The message is empty."),
    21617: ("permanent", "The text is longer than the 1,600 characters Twilio takes; split it."),
    63005: ("permanent", _CONTENT),
    63006: ("permanent", _CONTENT),
    63021: ("permanent", _CONTENT),
    63013: ("permanent", _POLICY),
    63026: ("permanent", _POLICY),
    63016: ("permanent", "More than 24 hours since the contact wrote: only an approved template may be sent now."),
    # Templates
    21654: ("permanent", _TEMPLATE),
    21655: ("permanent", "There is no template with this ContentSid; copy its HX… from the Content Template Builder."),
    21656: ("permanent", _VARIABLES),
    63027: ("permanent", _TEMPLATE),
    63028: ("permanent", _VARIABLES),
    63030: ("permanent", _TEMPLATE),
    63040: ("permanent", _TEMPLATE),
    63041: ("permanent", _TEMPLATE),
    63042: ("permanent", _TEMPLATE),
    # Media
    21620: ("permanent", _MEDIA),
    21623: ("permanent", _MEDIA),
    63019: ("retryable", _MEDIA, 10.0),  # tells of a download that failed: mostly for a moment
    63034: ("permanent", _MEDIA),
    63037: ("permanent", _MEDIA),
    # Load and limits
    21611: ("retryable", "Twilio's queue of this sender is full.", 60.0),
    30001: ("retryable", _EXPIRED, 60.0),
    30036: ("retryable", _EXPIRED, 60.0),
    63009: ("retryable", _BUSY, 5.0),
    63010: ("retryable", _BUSY, 5.0),
    63012: ("retryable", _BUSY, 5.0),
    63023: ("retryable", _BUSY, 5.0),
    63017: ("retryable", _TOO_FAST, 5.0),
    63018: ("retryable", "The sender's rate or its 24-hour limit is reached.", 3600.0),
    63038: ("retryable", "The account's daily limit is reached.", 6 * 3600.0),
}
