"""Prices, shares, telephone numbers, times of day and dates in a text, in Vietnamese and English.

Each is read as everything it can mean ("3h" is in the night or in the afternoon): what is said is known if one of its
meanings is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TypeVar

from . import clocks, dates
from .words import normal

T = TypeVar("T")
_NUMBER = r"\d+(?:[.,]\d+)*"
_UNITS = {
    "k": 1e3,
    "nghìn": 1e3,
    "ngàn": 1e3,
    "nghin": 1e3,
    "ngan": 1e3,
    "triệu": 1e6,
    "trieu": 1e6,
    "tr": 1e6,
    "củ": 1e6,
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_MONEY = re.compile(
    rf"[£$€₫]\s?(?P<sign>{_NUMBER})(?P<sign_unit>\s?(?:k|m)\b)?"
    rf"|(?<![\d.,])(?P<counted>{_NUMBER})\s?(?P<unit>{_UNIT})(?:\s?(?P<rest>\d{{1,3}}|rưỡi)(?!\d))?(?![^\W\d_])"
    rf"|(?<![\d.,])(?P<named>{_NUMBER})\s?(?:đồng|dong|vnđ|vnd|đ|₫|£|€|pounds?|quid|dollars?|usd|gbp|euros?|eur)(?!\w)"
    r"|(?<![\d.,])(?P<thousands>\d{1,3}(?:[.,]\d{3})+)(?![\d.,]*\d)"
)
_SHARE = re.compile(rf"(?<![\d.,])({_NUMBER})\s?(?:%|percent|per cent|phần trăm)")
_PHONE = re.compile(
    # One digit a step, and not without an end: contacts write this, and a pattern that can be read in two ways takes hours.
    r"(?<![\d.,/])(?:\+|\b0|\b1[89]00)(?:[ .-]?\(?\d\)?){1,30}(?![/%:\d]|\s?(?:đ|k|tr|triệu|vnd)\b)"
)
_FEWEST_DIGITS = 8
_SAME_DIGITS = 8
"""Of two telephone numbers, from behind: before them are country and area, written or not."""
_COUNT = re.compile(r"(?<![\d.,:/])(\d{1,2})(?![\d.,:/]|\s?(?:h|giờ|k|tr|%|am|pm))")
_NUMBER_WORDS = {
    word: number
    for number, words in {
        2: "two double both twice hai đôi cả",
        3: "three ba",
        4: "four bốn",
        5: "five năm",
        6: "six sáu",
    }.items()
    for word in words.split()
}
_DIGITS = {
    word: number
    for number, words in enumerate(
        ("", "một mốt one", "hai two", "ba three", "bốn tư four", "năm lăm five", "sáu six", "bảy bẩy seven", "tám eight",
         "chín nine", "mười ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
         "nineteen")
    )
    for word in words.split()
}  # fmt: skip
_DIGITS |= {ten: 10 * n for n, ten in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_TIMES = {"mươi": 10, "trăm": 100, "hundred": 100, "thousand": 1000}
_SAID = "|".join([*_DIGITS, *_TIMES, "linh", "lẻ"])
_SPELT = re.compile(
    rf"\b(?:(?:{_SAID}|a(?= hundred| thousand))\b(?:[ -](?:and )?)){{1,12}}"
    rf"(?={'|'.join(unit for unit in _UNITS if len(unit) > 2)}|đồng\b|pounds?\b|quid\b|dollars?\b|euros?\b)"
)
"""An amount in words: "hai trăm nghìn", "two hundred pounds"."""
_WORD = re.compile(r"[^\W\d_]+")
_SUM = re.compile(r"\b(?:total|together|altogether|both|plus|combined|sum|comes? to|tổng|cộng|cả|hết|tong|cong|het)\b")
_REST = re.compile(r"\b(?:remaining|rest|left|balance|off|minus|less|còn|giảm|trừ|con lai|giam)\b")


@dataclass(frozen=True, slots=True)
class Figures:
    """What stands in a text: everything it can mean, each with how it is written."""

    amounts: tuple[tuple[float, str], ...] = ()
    shares: tuple[tuple[float, str], ...] = ()
    phones: tuple[tuple[str, str], ...] = ()
    times: tuple[clocks.Time, ...] = ()
    dates: tuple[dates.Day, ...] = ()

    @property
    def minutes(self) -> set[int]:
        return {minute for time in self.times for minute in time.minutes}

    @property
    def days(self) -> set[date]:
        """A date says more than the weekday beside it."""
        named = [day for day in self.dates if day.dated] or self.dates
        return {day for each in named for day in each.days}


@dataclass(frozen=True, slots=True)
class Unknown:
    """A figure that stands nowhere. `kind`: price, share, phone, time or date."""

    kind: str
    written: str


@dataclass(frozen=True, slots=True)
class Source:
    """What a reply's figures may come from: *facts* are the same in every turn of a tenant and are remembered."""

    texts: Sequence[str] = ()
    facts: Sequence[str] = ()
    asked: str = ""
    """What the contact wants to know: "what do 2 of them cost" makes twice a price known."""


def read(text: str, today: date) -> Figures:
    """The figures of *text*; "tomorrow" and "thứ Bảy" are read as written on *today*."""
    left = _SPELT.sub(_in_figures, normal(text))
    phones, left = _taken(_PHONE, left, _phone)
    days, left = dates.read(left, today)
    shares, left = _taken(_SHARE, left, lambda found: _value(found[1], decimal=True))
    times, left = clocks.read(left)
    amounts, _ = _taken(_MONEY, left, _amount)
    return Figures(amounts, shares, phones, times, days)


def unknown(reply: str, source: Source, today: date) -> list[Unknown]:
    """The figures of *reply* that nothing in *source* bears out."""
    told = read(reply, today)
    if not (told.amounts or told.shares or told.phones or told.times or told.dates):
        return []
    known = [read(text, today) for text in source.texts] + [_remembered(text, today) for text in source.facts]
    return [
        *_prices(told, known, f"{source.asked} {reply}"),
        *_phones(told, known),
        *_when(told, known, source, reply, today),
    ]


def _prices(told: Figures, known: Sequence[Figures], words: str) -> Iterator[Unknown]:
    amounts = {amount for each in known for amount, _ in each.amounts}
    shares = {share for each in known for share, _ in each.shares}
    worked_out = _worked_out(amounts, shares, normal(words)) if told.amounts else set()
    yield from (Unknown("price", written) for amount, written in told.amounts if amount not in amounts | worked_out)
    yield from (Unknown("share", written) for share, written in told.shares if share not in {*shares, 100})


def _worked_out(amounts: set[float], shares: set[float], words: str) -> set[float]:
    """What follows from prices that are known, if the words speak of it: a multiple, a sum, a difference, a discount."""
    counts = {int(count) for count in _COUNT.findall(words)} | {
        _NUMBER_WORDS[word] for word in _WORD.findall(words) if word in _NUMBER_WORDS
    }
    multiples = {round(amount * count, 2) for amount in amounts for count in counts if 1 < count <= 60}
    found = set(multiples)
    if _SUM.search(words):
        found |= {round(one + other, 2) for one in amounts | multiples for other in amounts}
    if _REST.search(words):
        found |= {round(one - other, 2) for one in amounts | multiples for other in amounts}
        found |= {round(amount * (1 - share / 100), 2) for amount in amounts | multiples for share in shares}
    return found


def _phones(told: Figures, known: Sequence[Figures]) -> Iterator[Unknown]:
    ends = {digits[-_SAME_DIGITS:] for each in known for digits, _ in each.phones}
    yield from (Unknown("phone", written) for digits, written in told.phones if digits[-_SAME_DIGITS:] not in ends)


def _when(told: Figures, known: Sequence[Figures], source: Source, reply: str, today: date) -> Iterator[Unknown]:
    minutes = {minute for each in known for minute in each.minutes}
    minutes |= clocks.loosely(normal(source.asked), alone=True)
    minutes.update(*(clocks.loosely(normal(text), alone=False) for text in source.texts))
    for lasts in clocks.durations(normal(f"{source.asked} {reply}")):
        minutes |= {minute + shift for minute in minutes for shift in (lasts, -lasts)}
    yield from (Unknown("time", time.written) for time in told.times if not time.lasts and not time.minutes & minutes)
    days = {day for each in known for named in each.dates for day in named.days}
    yield from (
        Unknown("date", day.written)
        for day in told.dates
        if day.dated and not day.days & days and not dates.soon(day, today)
    )


def _taken(
    pattern: re.Pattern[str], text: str, meaning: Callable[[re.Match[str]], T | None]
) -> tuple[tuple[tuple[T, str], ...], str]:
    """What *pattern* finds, with what each means (None: nothing), and the text without it."""
    meant = [(meaning(match), match[0].strip()) for match in pattern.finditer(text)]
    found = tuple((value, written) for value, written in meant if value is not None)
    taken = {written for _, written in found}
    return found, pattern.sub(lambda match: " ; " if match[0].strip() in taken else match[0], text)


def _in_figures(found: re.Match[str]) -> str:
    """As it is, if it is no one number: "hai ba triệu" is two or three."""
    number, last, alone = 0, 0, True
    for word in _WORD.findall(found[0]):
        if word in _TIMES:
            number, last, alone = number + (last or 1) * _TIMES[word], 0, True
        elif word in _DIGITS:
            if not alone and not (last >= 20 and _DIGITS[word] < 10) and last != 10:
                return found[0]
            last, alone = last + _DIGITS[word], False
    return f"{number + last} "


def _phone(found: re.Match[str]) -> str | None:
    digits = re.sub(r"\D", "", found[0])
    return digits if len(digits) >= _FEWEST_DIGITS else None


def _amount(found: re.Match[str]) -> float:
    if found["sign"]:
        return round(_value(found["sign"]) * {"k": 1e3, "m": 1e6}.get((found["sign_unit"] or "").strip(), 1), 2)
    if found["counted"]:
        unit = _UNITS[found["unit"]]
        rest = found["rest"] or "0"
        more = 0.5 if rest == "rưỡi" else float(rest) / 10 ** len(rest)
        return round((_value(found["counted"], decimal=True) + more) * unit, 2)
    return round(_value(found["named"] or found["thousands"]), 2)


def _value(digits: str, *, decimal: bool = False) -> float:
    """`3.600.000`, `1,250`, `58.50`: three digits behind a mark are thousands, unless it is a decimal number's unit."""
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", digits) and not decimal:
        return float(re.sub(r"[.,]", "", digits))
    whole, _, rest = digits.replace(",", ".").rpartition(".")
    return float(f"{whole.replace('.', '')}.{rest}") if whole else float(rest)


_remembered = lru_cache(maxsize=4096)(read)


def merged(texts: Iterable[str], today: date) -> Figures:
    """The figures of all *texts*."""
    each = [read(text, today) for text in texts]
    return Figures(
        times=tuple(time for one in each for time in one.times), dates=tuple(day for one in each for day in one.dates)
    )
