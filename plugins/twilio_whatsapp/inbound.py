"""Twilio's form fields → what the core understands (Twilio: Request to your Webhook URL; Outbound Message Status).

Everything in a form was chosen by the contact or may change without notice, so fields are taken one by one, and unknown
ones are left alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes

import phonenumbers

from frontdesk import DeliveryState, Inbound, Media, StatusUpdate, WebhookRefused, WebhookRequest, phone_variants

from .errors import meaning
from .flows import answers
from .kinds import kind_of

Pairs = list[tuple[str, str]]

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 500
"""Twilio sends about 20 and adds some now and then."""
MAX_MEDIA = 10
MAX_ADDRESS = 1000
"""Bytes of a sender or an account as a form escapes it; the longest there is (a BSUID) has less than 450."""
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
WHATSAPP_ADDRESS = re.compile(r"whatsapp:(?:\+[0-9]{5,20}|[A-Z]{2}\.[A-Za-z0-9.]{1,140})")

_STATES = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}


def read_form(request: WebhookRequest) -> Pairs | None:
    """The pairs of a form, blank and repeated ones included; None if the body is not a form.

    Raises WebhookRefused(400) if it is not UTF-8 or has too many fields.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return None
    try:
        return _pairs(request.body.decode("utf-8"))
    except ValueError as err:
        raise WebhookRefused(400, f"no form of at most {MAX_FIELDS} fields in UTF-8 ({type(err).__name__})") from err


def _pairs(text: str) -> Pairs:
    """The same answers as urllib's parse_qsl (a property test holds them equal) at a third of its cost: most fields need
    no decoding, and every webhook waits for this. Raises ValueError."""
    if text.count("&") >= MAX_FIELDS:
        raise ValueError("too many fields")
    split = [field.partition("=") for field in text.split("&") if field]
    return [(_decoded(name), _decoded(value)) for name, _, value in split]


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode() if "%" in text or "+" in text else text


def address_key(account_sid: str, number: str) -> str:
    """How an account's sender is named among all channels' addresses."""
    return f"{account_sid}|{number}"


def claimed_address(body: bytes) -> str | None:
    """The key of the sender to which a form claims to be addressed, found without parsing the rest."""
    found: dict[bytes, str] = {}
    for field in body.split(b"&", MAX_FIELDS):
        name, _, value = field.partition(b"=")
        if name in (b"AccountSid", b"To") and len(value) <= MAX_ADDRESS:
            found[name] = unquote_plus(value.decode("latin-1"))
    if len(found) < 2:
        return None
    return address_key(found[b"AccountSid"], found[b"To"])


def understand(pairs: Pairs, account_sid: str, numbers: Collection[str], service: str = "") -> Inbound:
    """The message in a verified form. Raises WebhookRefused: 400 for nonsense, 403 for what is not ours.

    :param service: the tenant's Messaging Service, if any: every sender of its pool is the tenant's.
    """
    form = dict(pairs)
    sid, sender = _sid(form, account_sid), form.get("From", "")
    if form.get("To") not in numbers and not _of_pool(form, service):
        raise WebhookRefused(403, "To is none of this tenant's numbers; add it to `numbers`")
    if not WHATSAPP_ADDRESS.fullmatch(sender):
        raise WebhookRefused(400, "From is no WhatsApp address")
    media = _media(form)
    kind = kind_of(form, media)
    phone = _phone(sender, form.get("WaId", ""))
    return Inbound(
        provider_id=sid,
        external_id=sender,
        address=form["To"],
        kind=kind,
        text=_nfc(form.get("Body") or (_title(form) if kind == "button" else "")),
        media=media,
        data=_data(form) | ({"type": form.get("MessageType", "")[:40]} if kind == "other" else {}),
        name=_nfc(form.get("ProfileName", "")),
        phone=phone,
        also=_other_names(sender, form.get("ExternalUserId", ""), phone),
    )


def _of_pool(form: Mapping[str, str], service: str) -> bool:
    return (
        bool(service)
        and form.get("MessagingServiceSid") == service
        and bool(WHATSAPP_ADDRESS.fullmatch(form.get("To", "")))
    )


def understand_status(pairs: Pairs, account_sid: str, message: str) -> tuple[StatusUpdate, ...]:
    """What a verified status callback tells; nothing if its status says nothing new to us.

    :param message: our id of the message, from the callback's URL.
    """
    form = dict(pairs)
    sid = _sid(form, account_sid)
    update = told_of(sid, form.get("MessageStatus", ""), form.get("ErrorCode", ""), message)
    return () if update is None else (update,)


def told_of(sid: str, status: str, code: str, message: str = "") -> StatusUpdate | None:
    """What Twilio's *status* and error *code* tell of a message; None: nothing that says something to us."""
    state = state_of(status)
    if state is None:
        return None
    if state != "failed":
        return StatusUpdate(provider_id=sid, state=state, message=message)
    if not code.isdecimal():
        reason = "Twilio did not say why."
        return StatusUpdate(provider_id=sid, state="failed", message=message, code=code, reason=reason)
    found = meaning(int(code))
    return StatusUpdate(
        provider_id=sid,
        state="failed",
        message=message,
        code=code,
        reason=found.sentence,
        again_after=found.after if found.kind == "retryable" else None,
        opted_out=found.kind == "opted_out",
        slower=found.slower,
    )


def state_of(twilios: str) -> DeliveryState | None:
    """A status of Twilio's in our words; None for one that says nothing to us."""
    state: Any = _STATES.get(twilios)
    return state  # type: ignore[no-any-return]


def named(sender: str) -> tuple[str, tuple[str, ...]]:
    """Telephone number (E.164, or empty) and other names of a sender of whom nothing else is told."""
    phone = _phone(sender, "")
    return phone, _other_names(sender, "", phone)


def _sid(form: Mapping[str, str], account_sid: str) -> str:
    if form.get("AccountSid") != account_sid:
        raise WebhookRefused(403, "AccountSid is not this tenant's")
    sid = form.get("MessageSid", "")
    if not _MESSAGE_SID.fullmatch(sid):
        raise WebhookRefused(400, "MessageSid is missing or is not SM or MM and 32 hexadecimal digits")
    return sid


def _media(form: Mapping[str, str]) -> tuple[Media, ...]:
    count = form.get("NumMedia") or "0"
    if not (count.isascii() and count.isdecimal() and len(count) <= 2 and int(count) <= MAX_MEDIA):
        raise WebhookRefused(400, f"NumMedia is not a number up to {MAX_MEDIA}")
    return tuple(
        Media(content_type=form.get(f"MediaContentType{index}", ""), url=form[f"MediaUrl{index}"])
        for index in range(int(count))
        if form.get(f"MediaUrl{index}")
    )


def _title(form: Mapping[str, str]) -> str:
    return form.get("ButtonText") or form.get("ListTitle") or ""


def _data(form: Mapping[str, str]) -> dict[str, Any]:
    """What the message carries besides its text, only where it is not blank."""
    data: dict[str, Any] = {key: form[field] for field, key in _PLAIN.items() if form.get(field)}
    if payload := form.get("ButtonPayload") or form.get("ListId"):
        data["payload"] = payload
    if filled_in := answers(form):
        data["answers"] = filled_in
    if form.get("Forwarded") == "true":
        data["forwarded"] = True
    data |= _position(form)
    referral = {name[len("Referral") :]: value for name, value in form.items() if name.startswith("Referral") and value}
    if set(referral) - {"NumMedia"}:
        data["referral"] = referral
    return data


_PLAIN = {
    "Label": "label",
    "Address": "address",
    "ListDescription": "description",
    "OriginalRepliedMessageSid": "replied_to",
    "ExternalUserId": "external_user_id",
}


def _position(form: Mapping[str, str]) -> dict[str, float]:
    try:
        latitude, longitude = float(form["Latitude"]), float(form["Longitude"])
    except (KeyError, ValueError):
        return {}
    if not (isfinite(latitude) and abs(latitude) <= 90 and isfinite(longitude) and abs(longitude) <= 180):
        return {}
    return {"latitude": latitude, "longitude": longitude}


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def written_number(written: str, region: str) -> tuple[str, str] | None:
    """Address (`whatsapp:+84901234567`) and E.164 number of a contact as people and programs write one down.

    International, national in *region* (ISO 3166), or with the country's code and no plus; a BSUID has no number. None for
    anything else.
    """
    bare = written.strip().removeprefix("whatsapp:").strip()
    if WHATSAPP_ADDRESS.fullmatch(f"whatsapp:{bare}") and not bare.startswith("+"):
        return f"whatsapp:{bare}", ""
    if re.search(r"[^\d+() ./\u00a0\u2010-\u2015-]", bare):
        return None  # a name with digits in it, of which phonenumbers would read a number
    for number, country in ((bare, region or None), (f"+{bare}", None)):
        try:
            found = phonenumbers.parse(number, country)
        except phonenumbers.NumberParseException:
            continue
        # An international number is judged by its length, as a sender is; of others nobody said which country is meant.
        whole = bare.startswith("+") and phonenumbers.is_possible_number(found)
        if whole or phonenumbers.is_valid_number(found):
            phone = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
            return f"whatsapp:{phone}", phone
    return None


@lru_cache(maxsize=4096)
def _other_names(sender: str, user_id: str, phone: str) -> tuple[str, ...]:
    """What else WhatsApp calls the sender: the business-scoped user id, the number, and how that may also be written."""
    found = [user_id] if WHATSAPP_ADDRESS.fullmatch(user_id) else []
    if phone:
        found += [f"whatsapp:{number}" for number in (phone, *phone_variants(phone))]
    return tuple(name for name in dict.fromkeys(found) if name != sender)


@lru_cache(maxsize=4096)
def _phone(sender: str, whatsapp_id: str) -> str:
    """E.164, or empty: a contact with a username need not show a number.

    Only the length is judged: WhatsApp has checked that the number exists, and ranges are newer than any table of them.
    """
    digits = sender.removeprefix("whatsapp:") if sender.startswith("whatsapp:+") else f"+{whatsapp_id}"
    # phonenumbers knows only one way to write a Mexican mobile number, and WhatsApp writes the other.
    for written in (digits, *phone_variants(digits)):
        try:
            number = phonenumbers.parse(written)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ""
