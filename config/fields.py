"""The types of single values in the configuration. Each refuses what it cannot read and says what would be right."""

from __future__ import annotations

import difflib
import re
import unicodedata
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from .problems import shown, wrong

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(s|min|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
UNIX_SOCKET = "unix"
"""Among trusted proxies: whoever comes by a Unix socket."""
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def _text(value: str) -> str:
    return unicodedata.normalize("NFC", value.strip())


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value) or len(value) > 60:
        raise wrong(f"found {shown(value)}", "write small letters a-z, digits and single hyphens, e.g. lotus-school")
    return value


def _time_zone(value: str) -> str:
    if not _is_time_zone(value):
        raise wrong(f"{shown(value)} is no IANA time zone", _zone_hint(value))
    return value


@lru_cache(maxsize=512)
def _is_time_zone(value: str) -> bool:
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):  # unknown; a path that leaves the folder; a folder such as "Asia"
        return False
    return True


def _zone_hint(value: str) -> str:
    # Etc/GMT+7 is seven hours *behind* Greenwich: never propose it.
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    city = value.rpartition("/")[2].replace(" ", "_").casefold()
    if city in ("hanoi", "ha_noi", "saigon"):
        return "did you mean Asia/Ho_Chi_Minh?"
    of_city = [zone for zone in zones if zone.rpartition("/")[2].casefold() == city]
    nearest = of_city or difflib.get_close_matches(value, zones, n=1)
    return f"did you mean {nearest[0]}?" if nearest else "write one such as Asia/Ho_Chi_Minh or Europe/London"


def _language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise wrong(f"{shown(value)} is no BCP 47 language tag", "write one such as vi, en or en-GB")
    return value


def _phone_number(value: str) -> str:
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        number = None
    # Possible and not "valid": the list of ranges in use is always older than the newest range.
    if number is None or not phonenumbers.is_possible_number(number):
        raise wrong(
            f"{shown(value)} is no international phone number", 'write "+", country code, number: "+84912345678"'
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or len(match[1]) > 9:
        raise wrong(f"found {shown(value)}", "write a number and its unit (s, min, h, d), e.g. 30 min")
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def duration_text(value: timedelta) -> str:
    """*value* as it is written in a tenants file: `30 min`, `1 d`, `1.5 s`."""
    for unit in ("d", "h", "min"):
        one = timedelta(**{_UNITS[unit]: 1})
        if value and not value % one:
            return f"{value // one} {unit}"
    return f"{value.total_seconds():g} s"


def _public_url(value: str) -> str:
    right = "write https:// and the host the internet reaches this server by, e.g. https://desk.example.com"
    try:
        url = urlsplit(value.strip())
        host, port = (url.hostname or "").rstrip("."), url.port
        host = host.encode("idna").decode()
    except ValueError:
        raise wrong(f"{shown(value)} is no URL", right) from None
    if not host or url.scheme not in ("http", "https") or any(char.isspace() or ord(char) < 32 for char in value):
        raise wrong(f"{shown(value)} is no web address", right)
    if url.username or url.password:
        raise wrong("a name or a password in the URL", "write it without")
    if url.query or url.fragment:
        raise wrong(f"{shown(value)} has a query or a fragment", "write it without what follows `?` or `#`")
    if url.scheme == "http" and host not in _LOCAL_HOSTS:
        raise wrong(f"{shown(value)} is not encrypted", "write https://; http:// is for localhost only")
    default = 443 if url.scheme == "https" else 80
    shown_host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown_host}{f':{port}' if port not in (None, default) else ''}{url.path.rstrip('/')}"


def _bind(value: str) -> str:
    match = re.fullmatch(r"(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", value)
    is_port = match is not None and int(match[1]) <= 65535
    if not (is_port or re.fullmatch(r"fd://[0-9]+|unix:.+", value)):
        raise wrong(
            f"found {shown(value)}", "write host:port, e.g. 127.0.0.1:8000 (or fd://3, or unix:/run/frontdesk.sock)"
        )
    return value


def _proxy(value: str) -> str:
    right = "write an address or a network, e.g. 127.0.0.1 or 10.0.0.0/16 (or unix, for what comes by a Unix socket)"
    if value == UNIX_SOCKET:
        return value
    try:
        network = ip_network(value)
    except ValueError:
        raise wrong(f"found {shown(value)}", f"{right}{_network_hint(value)}") from None
    if network.prefixlen == 0:
        raise wrong(
            f"{shown(value)} is everybody", "write the proxies' own addresses: who is trusted may say who it is"
        )
    return str(network)


def _network_hint(value: str) -> str:
    try:
        return f"; did you mean {ip_network(value, strict=False)}?"
    except ValueError:
        return ""


Text = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_text), Field(min_length=1)]
"""What people read: not empty, without space at its ends, Unicode NFC."""

OptionalText = Annotated[str, Field(max_length=4000), AfterValidator(_text)]
"""As `Text`, and may be empty."""

Paragraph = Annotated[Text, Field(json_schema_extra={"form": "long"})]
"""A `Text` of several lines in a form."""

OptionalParagraph = Annotated[OptionalText, Field(json_schema_extra={"form": "long"})]
"""As `Paragraph`, and may be empty."""

Slug = Annotated[str, AfterValidator(_slug)]
"""A name in URLs, keys and logs: `lotus-school`."""

TimeZone = Annotated[str, AfterValidator(_time_zone)]
"""The name of an IANA time zone: `Asia/Ho_Chi_Minh`."""

Language = Annotated[str, AfterValidator(_language)]
"""A BCP 47 language tag: `vi`, `en`, `en-GB`, `zh-Hant-TW`."""

PhoneNumber = Annotated[str, AfterValidator(_phone_number)]
"""An international phone number, kept as E.164: `+84912345678`."""

Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["30 min", "24 h"]}),
]
"""A time span, written with its unit: `30 min`, `24 h`."""

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
"""More than nothing, at most a day."""

PublicUrl = Annotated[str, AfterValidator(_public_url)]
"""Where the internet reaches this server, canonical: small letters, no default port, no slash at the end."""

Bind = Annotated[str, AfterValidator(_bind)]
"""Where the server listens: `127.0.0.1:8000`, `fd://3`, `unix:/run/frontdesk.sock`."""

Proxy = Annotated[str, AfterValidator(_proxy)]
"""A reverse proxy, or a network of them: `127.0.0.1/32`, `10.0.0.0/16`, `2001:db8::/64`, or `unix`."""
