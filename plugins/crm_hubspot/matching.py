"""Finds contacts that HubSpot has already, by their number, however it is written there.

HubSpot keeps `phone` as it was typed, and beside it calculated properties with the digits alone, with or without the
country's code. What a search finds is parsed and compared again: digits alone may be another country's number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import phonenumbers

from frontdesk import RetryLater, phone_variants

from .client import HubSpot, chunks
from .errors import SECONDLY
from .paths import CONTACTS
from .schema import CONTACT_ID

TYPED = ("phone", "mobilephone")
CALCULATED = (
    "hs_searchable_calculated_phone_number",
    "hs_searchable_calculated_mobile_number",
    "hs_searchable_calculated_international_phone_number",
)
AT_ONCE = 6
"""Numbers of one search: its body has at most 3,000 characters (HubSpot: CRM search)."""
PAUSE = 0.25
"""Seconds between two searches: an account has about five a second."""
TRIES = 5
"""Of one search, a second apart: other apps of the account search, too."""
PROPERTIES = (CONTACT_ID, "firstname", "lastname", *TYPED, "createdate", "hubspot_owner_id")


def digits(phone: str) -> tuple[str, ...]:
    """*phone* (E.164) as people and HubSpot's calculated properties write it: digits with the country's code, without, and
    in the country's own form."""
    found: dict[str, None] = {}
    for each in (phone, *phone_variants(phone)):
        found[re.sub(r"\D", "", each)] = None
        try:
            number = phonenumbers.parse(each)
        except phonenumbers.NumberParseException:
            continue
        found[phonenumbers.national_significant_number(number)] = None
        national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        found[re.sub(r"\D", "", national)] = None
    return tuple(found)


def same(written: str, phone: str) -> bool:
    """Whether *written*, as somebody typed it, is the number *phone* (E.164)."""
    wanted = {phone, *phone_variants(phone)}
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) in wanted


def filters(phones: Sequence[str]) -> list[dict[str, Any]]:
    """The groups of a search: one of them has to fit."""
    typed = [each for phone in phones for each in (phone, *phone_variants(phone))]
    bare = [each for phone in phones for each in digits(phone)]
    groups = [{"propertyName": name, "operator": "IN", "values": typed} for name in TYPED]
    groups += [{"propertyName": name, "operator": "IN", "values": bare} for name in CALCULATED]
    return [{"filters": [group]} for group in groups]


async def search(client: HubSpot, clock: Any, phones: Sequence[str]) -> list[dict[str, Any]]:
    """Every contact that may have one of *phones*, the oldest first."""
    found: dict[str, dict[str, Any]] = {}
    for number, part in enumerate(chunks(list(dict.fromkeys(phones)), AT_ONCE)):
        if number:
            await clock.sleep(PAUSE)
        for each in await _patiently(client, clock, part):
            found.setdefault(str(each["id"]), each)
    return list(found.values())


async def _patiently(client: HubSpot, clock: Any, phones: Sequence[str]) -> list[dict[str, Any]]:
    for _ in range(TRIES - 1):
        try:
            return await client.search(CONTACTS, filters(phones), PROPERTIES)
        except RetryLater as err:
            if err.after > SECONDLY:
                raise
            await clock.sleep(err.after)
    return await client.search(CONTACTS, filters(phones), PROPERTIES)


def matched(wanted: Mapping[str, str], found: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ours (id → E.164) → theirs: the oldest that has the number and is nobody else's of ours; each at most once."""
    free = [each for each in found if not (each.get("properties") or {}).get(CONTACT_ID)]
    pairs: dict[str, dict[str, Any]] = {}
    for id, phone in wanted.items():
        for each in free:
            typed = [str((each.get("properties") or {}).get(name) or "") for name in TYPED]
            if any(same(text, phone) for text in typed if text):
                pairs[id] = each
                free.remove(each)
                break
    return pairs
