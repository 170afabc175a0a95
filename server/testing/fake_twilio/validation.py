"""What Twilio accepts in a request to send; the list of parameters is that of twilio 9.13's `messages.create`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

Fields = Sequence[tuple[str, str]]

REPEATABLE = frozenset({"MediaUrl", "PersistentAction"})
_BOOLEANS = ("ProvideFeedback", "ForceDelivery", "SmartEncoded", "ShortenUrls", "SendAsMms")
_CHOICES = {
    "AddressRetention": {"retain", "obfuscate"},
    "ContentRetention": {"retain", "discard"},
    "RiskCheck": {"enable", "disable"},
    "ScheduleType": {"fixed"},
    "TrafficType": {"free"},
}
PARAMETERS = frozenset(
    {"To", "From", "MessagingServiceSid", "Body", "ContentSid", "ContentVariables", "StatusCallback", "ValidityPeriod"}
    | {"ApplicationSid", "Attempt", "FallbackFrom", "MaxPrice", "MessageIntent", "SendAt"}
    | {*_BOOLEANS, *_CHOICES, *REPEATABLE}
)
ADDRESS = re.compile(r"whatsapp:(?:\+[1-9]\d{6,14}|[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128})")
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_CONTENT_SID = re.compile(r"HX[0-9a-fA-F]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")
_PLACE = re.compile(r"geo:(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)(?:\|[^|]*)?")
MAX_BODY = 1600


class ApiError(Exception):
    """Twilio's answer to a request it does not take."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def violations(fields: Fields) -> list[str]:
    """What Twilio would let pass and a correct client never sends: unknown parameters, one repeated."""
    names = [name for name, _ in fields]
    found = [f"unknown parameter {name}" for name in sorted(set(names) - PARAMETERS)]
    found += [
        f"parameter {name} given {names.count(name)} times"
        for name in sorted(set(names) - REPEATABLE)
        if names.count(name) > 1
    ]
    if "ContentVariables" in names and "ContentSid" not in names:
        found.append("ContentVariables without ContentSid")
    return found


def check_send(fields: Fields, senders: frozenset[str]) -> None:
    """Raise the ApiError with which Twilio answers these fields, if any. No *senders* given: any sender is ours."""
    given = dict(fields)
    _check_addresses(given, senders)
    _check_content(fields, given)
    callback = given.get("StatusCallback")
    if callback is not None and not is_url(callback):
        raise ApiError(400, 21609, f"The StatusCallback URL {callback} is not a valid URL")
    for name, is_right in _FORMS.items():
        if name in given and not is_right(given[name]):
            raise ApiError(400, 20001, f"{name} is invalid: {given[name]!r}")


def _check_addresses(given: dict[str, str], senders: frozenset[str]) -> None:
    to, from_, service = given.get("To", ""), given.get("From", ""), given.get("MessagingServiceSid", "")
    if not to:
        raise ApiError(400, 21604, "A 'To' phone number is required")
    if not ADDRESS.fullmatch(to):
        raise ApiError(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if not from_ and not service:
        raise ApiError(400, 21603, "A 'From' phone number is required")
    if service and not _SERVICE_SID.fullmatch(service):
        raise ApiError(404, 21701, "The Messaging Service does not exist")
    if from_ and (not ADDRESS.fullmatch(from_) or (senders and from_ not in senders)):
        raise ApiError(400, 63007, "Twilio could not find a Channel with the specified From address")
    if from_ == to:
        raise ApiError(400, 63031, "Channels message cannot have same From and To")


def _check_content(fields: Fields, given: dict[str, str]) -> None:
    media = [value for name, value in fields if name == "MediaUrl"]
    if not given.get("Body") and not media and not given.get("ContentSid"):
        raise ApiError(400, 21619, "A text message body or media urls must be specified")
    if len(given.get("Body", "")) > MAX_BODY:
        raise ApiError(400, 21617, f"The concatenated message body exceeds the {MAX_BODY} character limit")
    if len(media) > 10:
        raise ApiError(400, 21623, "Number of media files exceeds allowed limit")
    for url in media:
        if not is_url(url):
            raise ApiError(400, 21620, f"Invalid media URL(s): {url}")
    if "ContentSid" in given and not _CONTENT_SID.fullmatch(given["ContentSid"]):
        raise ApiError(400, 21655, "The ContentSid is Invalid")
    if "ContentVariables" in given and not _are_variables(given["ContentVariables"]):
        raise ApiError(400, 21656, "The Content Variables Parameter is invalid")


def is_url(text: str) -> bool:
    """http(s), a host without underscores; spaces or control characters nowhere."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    visible = all(character.isprintable() and character != " " for character in text)
    return parts.scheme in ("http", "https") and visible and _HOST.fullmatch(host) is not None


def _are_variables(text: str) -> bool:
    try:
        variables = json.loads(text)
    except ValueError:
        return False
    return isinstance(variables, dict) and all(isinstance(value, str) and value for value in variables.values())


def _is_integer(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: text.isdecimal() and low <= int(text) <= high


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _one_of(choices: set[str]) -> Callable[[str], bool]:
    return lambda text: text in choices


def _is_place(text: str) -> bool:
    """`geo:LATITUDE,LONGITUDE|LABEL`; the label may be left out."""
    found = _PLACE.fullmatch(text)
    return found is not None and abs(float(found[1])) <= 90 and abs(float(found[2])) <= 180


_FORMS: dict[str, Callable[[str], bool]] = {
    "ValidityPeriod": _is_integer(1, 36000),
    "Attempt": _is_integer(1, 1000),
    "SendAt": _is_time,
    "PersistentAction": _is_place,
    **{name: _one_of({"true", "false"}) for name in _BOOLEANS},
    **{name: _one_of(choices) for name, choices in _CHOICES.items()},
}
