"""Telephone numbers that are one and the same though they are written differently, all in E.164."""

from __future__ import annotations

import re
from collections.abc import Collection

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Brazil: mobile numbers got a ninth digit from 2012 on; WhatsApp keeps accounts from before it without.
    (re.compile(r"\+55([1-9][0-9])9([6-9][0-9]{7})"), r"+55\1\2"),
    (re.compile(r"\+55([1-9][0-9])([6-9][0-9]{7})"), r"+55\g<1>9\2"),
    # Mexico: the 1 before mobile numbers went in 2019; WhatsApp keeps it.
    (re.compile(r"\+521([0-9]{10})"), r"+52\1"),
    (re.compile(r"\+52([0-9]{10})"), r"+521\1"),
    # Argentina: 9 stands before a mobile number that is dialled from abroad.
    (re.compile(r"\+549([0-9]{10})"), r"+54\1"),
    (re.compile(r"\+54([0-9]{10})"), r"+549\1"),
)


def phone_variants(phone: str) -> tuple[str, ...]:
    """The other ways in which *phone* (E.164) may be written; most numbers have none."""
    if not phone.startswith(("+52", "+54", "+55")):
        return ()
    return tuple(rule.expand(other) for pattern, other in _RULES if (rule := pattern.fullmatch(phone)))


def among(phone: str, phones: Collection[str]) -> bool:
    """Whether *phones* has *phone*, however it is written."""
    return phone in phones or any(other in phones for other in phone_variants(phone))
