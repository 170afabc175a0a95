"""Times of day in a text, and how long something takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HOURS = {
    word: number
    for number, words in enumerate(
        ("one một", "two hai", "three ba", "four bốn", "five năm", "six sáu", "seven bảy", "eight tám", "nine chín",
         "ten mười", "eleven", "twelve"), 1
    )
    for word in words.split()
}  # fmt: skip
_HOUR_WORD = "|".join(_HOURS)
_SPOKEN = (
    (re.compile(rf"\b(half|quarter) (past|to) (\d{{1,2}}|{_HOUR_WORD})\b"), lambda m: _past(m[1], m[2], m[3])),
    (
        re.compile(rf"\b({_HOUR_WORD}) (?=o'? ?clock\b|giờ (?:\d\d|rưỡi|sáng|trưa|chiều|tối)\b)"),
        lambda m: f"{_HOURS[m[1]]} ",
    ),
    (re.compile(rf"\b({_HOUR_WORD})(?= ?(?:am|pm)\b)"), lambda m: str(_HOURS[m[1]])),
    (re.compile(r"\b(?:noon|midday)\b"), lambda _: "12:00"),
    (re.compile(r"(\d{1,2})\s?(?:h|giờ)?\s?(?:rưỡi|ruoi)\b"), lambda m: f"{m[1]}:30"),
)
"""What is not written in figures, as it would be."""
_PARTS = {
    "sáng": "am", "trưa": "noon", "chiều": "pm", "tối": "pm", "đêm": "pm",
    "morning": "am", "afternoon": "pm", "evening": "pm", "tonight": "pm",
    "sang": "am", "trua": "noon", "chieu": "pm", "toi": "pm",
}  # fmt: skip
_VI_PART = r"sáng|trưa|chiều|tối|đêm|sang|trua|chieu|toi"
_TIME = re.compile(
    r"(?:(?P<lasting>(?:trong(?: vòng| khoảng)?|within|for|mất|kéo dài|suốt|every|mỗi|sau|after|in|trước|khoảng)\s"
    r"(?:\d{1,2}\s?-\s?)?|(?<!\d)\d{1,2}\s?-\s?)|(?P<at>(?:lúc|vào|từ|đến|tới|luc|vao|tu|den|toi|hẹn|là|at|from|until|till)\s))?"
    rf"(?:(?P<ahead>{_VI_PART})(?: nay| mai)?(?: lúc| luc)? )?"
    r"(?:(?<![\d:.,/])(?:"
    r"(?P<h1>\d{1,2})(?:[:.](?P<m1>\d\d))?\s?(?P<half>am|pm|a\.m\.?|p\.m\.?)(?!\w)"
    r"|(?P<h2>\d{1,2})\s?(?:h|g|:|giờ\s|gio\s)\s?(?P<m2>[0-5]\d)(?!\d)(?:\sphút)?"
    r"|(?P<h3>\d{1,2})\s?(?:h|g|giờ|gio|o'? ?clock)(?!\w)"
    rf")(?:\s(?P<part>{_VI_PART}|(?:in the |this |tomorrow )(?:morning|afternoon|evening)|tonight)\b)?"
    r"|\bat\s(?P<h4>\d{1,2})(?=\s(?:in the|on|then|tomorrow|tonight)|[.,;!?)]|$))"
)
_CLOCK = r"(?P<h>\d{1,2})(?:[.:h](?P<m>[0-5]\d))?(?![\d/.,%]|\s?(?:k|tr|người|people|persons|đ)\b)"
_AT = re.compile(rf"\b(?:at|by|around|about|before|after|from|until|till|lúc|tầm|khoảng|trước|sau)\s{_CLOCK}")
_ALONE = re.compile(rf"(?<![\d/.,:£$]){_CLOCK}")
_FEW = 3
"""Hours: "3h" is rather how long something takes, "15h" and "3h chiều" is when."""
_LASTS = re.compile(
    r"(?<![\d:.,])(?P<n>\d{1,3}|an|một|half an)\s?"
    r"(?:(?P<minutes>minutes?|mins?|phút|phut|p|')|(?P<hours>hours?|tiếng|tieng|giờ))(?!\w)"
)


@dataclass(frozen=True, slots=True)
class Time:
    """`minutes`: since midnight, all that may be meant."""

    minutes: frozenset[int]
    written: str
    lasts: bool = False
    """It may be how long something takes: "trong 2 giờ"."""


def read(text: str) -> tuple[tuple[Time, ...], str]:
    """Every time of day in *text* (as words.normal makes it), and the text without them.

    In a text that has a time such as 14:00 or 09:00 every one is by the 24-hour clock.
    """
    for pattern, figures in _SPOKEN:
        text = pattern.sub(figures, text)
    found = [match for match in _TIME.finditer(text) if not (_written(match) == "24" and not _minute(match))]
    of_24_hours = any(_hour(match) > 12 or _written(match).startswith("0") for match in found)
    times = tuple(
        Time(frozenset(h * 60 + _minute(match) for h in _hours(match, of_24_hours)), match[0].strip(), _lasts(match))
        for match in found
        if _hour(match) < 25 and _minute(match) < 60
    )
    return times, _TIME.sub(" ; ", text)


def loosely(text: str, *, alone: bool) -> set[int]:
    """Minutes of what may be a time in a contact's words: "at 8 for two", "7.30"; *alone*: a mere "8" may be one."""
    found = set()
    for match in (_ALONE if alone else _AT).finditer(text):
        hour, minute = int(match["h"]), int(match["m"] or 0)
        if hour < 24 and minute < 60:
            found |= {hour * 60 + minute, (hour + 12) % 24 * 60 + minute}
    return found


def durations(text: str) -> set[int]:
    """In minutes: what may lie between a time that is known and one that is said ("15 minutes before")."""
    found = set()
    for match in _LASTS.finditer(text):
        number = {"an": 1.0, "một": 1.0, "half an": 0.5}.get(match["n"]) or float(match["n"])
        found.add(int(number * (60 if match["hours"] else 1)))
    return {minutes for minutes in found if minutes <= 6 * 60}


def _lasts(match: re.Match[str]) -> bool:
    if any(match[each] for each in ("half", "part", "ahead", "m1", "m2", "at", "h4")):
        return False
    return bool(match["lasting"]) or "gi" in match[0] or _hour(match) <= _FEW


def _written(match: re.Match[str]) -> str:
    return match["h1"] or match["h2"] or match["h3"] or match["h4"]


def _hour(match: re.Match[str]) -> int:
    return int(_written(match))


def _minute(match: re.Match[str]) -> int:
    return int(match["m1"] or match["m2"] or 0)


def _hours(match: re.Match[str], of_24_hours: bool) -> Iterator[int]:
    hour = _hour(match)
    half = (match["half"] or "").replace(".", "") or _half(match)
    if half == "am" and hour <= 12:
        yield hour % 12
    elif half == "pm" and hour <= 12:
        yield hour % 12 + 12
    elif half == "noon" and hour <= 12:
        yield hour if hour > 9 else hour + 12
    else:
        yield hour % 24
        if hour <= 12 and not of_24_hours:
            yield (hour + 12) % 24


def _half(match: re.Match[str]) -> str:
    said = (match["part"] or match["ahead"] or "").split()
    return _PARTS[said[-1]] if said else ""


def _past(what: str, way: str, hour: str) -> str:
    number = _HOURS.get(hour) or int(hour)
    minute = 30 if what == "half" else 15
    return f"{number}:{minute}" if way == "past" else f"{(number + 10) % 12 + 1}:{60 - minute}"
