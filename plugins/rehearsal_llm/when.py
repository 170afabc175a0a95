"""Days and times of day in what people write, in both languages, relative to a given day."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from .language import fold

_WEEKDAYS = {
    **{name: i for i, name in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())},
    **{f"thu {name}": i for i, name in enumerate("hai ba tu nam sau bay".split())},
    **{f"thu {i + 2}": i for i in range(6)},
    **{f"t{i + 2}": i for i in range(6)},
    "tues": 1, "thur": 3, "thurs": 3, "chu nhat": 6, "cn": 6,
}  # fmt: skip
# Only as written in lists and capital: `thu`, `sat`, `mon` are Vietnamese words too.
_SHORT_DAY = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b(?! (?:hai|ba|tu|nam|sau|bay|\d)\b)")
_MONTHS = {
    name: i // 2 + 1
    for i, name in enumerate(
        "january jan february feb march mar april apr may may june jun july jul august aug september sep october oct "
        "november nov december dec".split()
    )
}
_DAY_NAME = re.compile(
    r"\b(?P<before>next |this |coming )?"
    rf"(?P<day>{'|'.join(sorted(map(re.escape, _WEEKDAYS), key=len, reverse=True))})\b"
    r"(?P<after> next week| week after| (?:cua )?tuan (?:sau|toi))?"
)
_RELATIVE = (
    (re.compile(r"\bday after tomorrow\b|\bngay kia\b|\bngay mot\b"), 2),
    (re.compile(r"(?<!after )\btomorrow\b|\btmr\b|\b(?<!ten )(?<!ten la )mai\b(?! sau)"), 1),
    (re.compile(r"\b(?:today|tonight|hom nay|(?:sang|trua|chieu|toi) nay|this (?:morning|afternoon|evening))\b"), 0),
)  # fmt: skip
_IN_DAYS = re.compile(r"\bin (\d{1,2}) days\b|\b(\d{1,2}) ngay nua\b")
_SOON = re.compile(
    r"\bin (?:\d{1,2}|an?|half an|one|two|three|four|five|six) (?:hours?|hrs?|minutes|mins)\b"
    r"|\b(?:\d{1,2}|nua|mot|hai|ba|bon|nam|sau) (?:tieng|gio|phut) nua\b"
)
_NEXT_WEEK = re.compile(r"\bnext week\b|\btuan (?:sau|toi)\b")
_WEEKS = re.compile(
    r"\b(?:this|next) (?:week|weekend|month)\b|\b(?:the|at the) weekend\b|\bcuoi tuan\b|\b(?:tuan|thang) (?:nay|sau|toi)\b"
)
_STRETCH = re.compile(
    r"\b(?:weeks?|weekend|weekdays?|months?|any ?day|every ?day|hours?|minutes|tuan|thang|ngay thuong|(?:tieng|phut) nua)\b"
)
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_SLASHES = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?:/(\d{4}|\d{2}))?(?![\d/])")
_MONTH_NAME = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WRITTEN = re.compile(
    r"\b(?:ngay |mung )?(?P<vd>\d{1,2}) thang (?P<vm>\d{1,2})\b"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m1>{_MONTH_NAME})\b"
    rf"|\b(?P<m2>{_MONTH_NAME}) (?:the )?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b"
)
_DAY_OF_MONTH = re.compile(
    r"\bngay (?:mung )?(\d{1,2})\b(?! ngay)|\b(?:the|on) (\d{1,2})(?:st|nd|rd|th)\b(?! one| option| slot)"
)

_CLOCK = re.compile(
    r"(?<![\d:/.,])(?P<h>\d{1,2})\s?(?:"
    r"(?P<sep>[:h]|g(?!b)|\s?gio\s?)(?P<m>[0-5]\d)(?!\d)"
    r"|\.(?P<dm>[0-5]\d)(?=\s?[ap]\.?m\b)"
    r"|(?P<bare>h\b|g\b|\s?gio\b|\s?o'?\s?clock\b)"
    r"|(?=\s?[ap]\.?m\b)|(?=\s?ruoi\b)"
    r")(?P<half>\s?ruoi\b)?"
    r"(?:\s?(?P<ampm>[ap])\.?m\b)?"
)
_HALF_PAST = re.compile(r"\b(?P<what>half|quarter) (?P<way>past|to) (?P<h>\d{1,2}|[a-z]+)\b")
_AT = re.compile(r"\b(?:at|luc|around|tam|khoang) (?P<h>\d{1,2})\b(?![:/.,\dh%]| (?:gio|thang|ngay|nguoi|people))")
_NUMBER_WORDS = {
    name: i for i, name in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}  # fmt: skip

# With and without diacritics, each as it is: `đổi sang thứ sáu` names no morning.
_PARTS: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (re.compile(r"\bmorning\b|\b(?:buoi|gio|h|ca) sang\b|\bsang (?:mai|nay|thu|som|t\d|cn|chu)\b|sáng"), 5, 12),
    (re.compile(r"\bnoon\b|\bmidday\b|\bbuoi trua\b|\bgio trua\b|trưa"), 11, 14),
    (re.compile(r"\bafternoon\b|\bchieu\b|chiều"), 12, 18),
    (
        re.compile(
            r"\bevening\b|\bnight\b|\btonight\b|\b(?:buoi|gio|h|ca) toi\b|\btoi (?:nay|mai|thu|t\d|cn|chu)\b|tối"
        ),
        17,
        24,
    ),
)

_BESIDE = frozenset(
    "on at in after before from until till by around about the please pls then or next this week morning afternoon "
    "evening noon am pm luc vao tam khoang truoc sau tu den toi hoac hay thi buoi sang trua chieu ngay di a nhe nha em "
    "gio tuan".split()
) | {str(number) for number in range(1, 25)}
"""What may stand beside a day and an hour in a text that says nothing else."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day somebody named: the minutes since midnight it can mean (`3 giờ` is 03:00 or 15:00)."""

    minutes: frozenset[int]


def days(text: str, today: date) -> list[date]:
    """Every day named in *text*, never before *today*. A date says more than the weekday beside it, so it stands alone."""
    plain = " ".join(fold(text).split())
    found = [*_dates(plain, today)] or [*_weekdays(plain, today), *_short_days(text, today), *_relative(plain, today)]
    if not found and _NEXT_WEEK.search(plain):
        found.append(_monday_after(today))
    return list(dict.fromkeys(found))


def named(text: str, today: date) -> bool:
    """Whether *text* names a time to come, be there such a one or not: `30 February`, `in two hours`."""
    plain = " ".join(fold(text).split())
    spoken = any(pattern.search(plain) for pattern in (_SOON, _WEEKS, _ISO, _SLASHES, _WRITTEN))
    return spoken or bool(days(text, today) or clocks(text) or part_of_day(text))


def hour_alone(text: str, today: date) -> bool:
    """Whether *text* names an hour or a part of the day, but not of which day."""
    return bool(clocks(text) or part_of_day(text)) and not days(text, today) and not names_stretch(text)


def alone(text: str, today: date) -> bool:
    """Whether *text* is nothing but a time: `next Tuesday after 5`, `15h đi ạ`. `Sunday?` may ask for something else."""
    plain = " ".join(fold(text).split())
    if not (days(text, today) or clocks(text)) or (plain.endswith("?") and not clocks(text)):
        return False
    for pattern in (
        _SOON,
        _ISO,
        _SLASHES,
        _WRITTEN,
        _DAY_NAME,
        *(each for each, _ in _RELATIVE),
        _HALF_PAST,
        _CLOCK,
        _IN_DAYS,
    ):
        plain = pattern.sub(" ", plain)
    return set(re.findall(r"[^\W_]+", plain)) <= _BESIDE


def names_stretch(text: str) -> bool:
    """Whether *text* speaks of more or less than a day: a week, a weekend, `in two hours`."""
    plain = " ".join(fold(text).split())
    return bool(_STRETCH.search(plain) or _SOON.search(plain))


def dates(text: str, today: date) -> list[date]:
    """Every day named in *text* by its date (`25/12`, `25 December`), never before *today*."""
    return list(_dates(" ".join(fold(text).split()), today))


def clocks(text: str) -> list[Clock]:
    """Every time of day named in *text*, in order."""
    plain = " ".join(fold(text).split())
    window = part_of_day(text)
    found: list[tuple[int, Clock]] = []
    for match in _CLOCK.finditer(plain):
        minute = int(match["m"] or match["dm"] or (30 if match["half"] else 0))
        found.append((match.start(), _clock(int(match["h"]), minute, match["ampm"] or "", window)))
    for match in _HALF_PAST.finditer(plain):
        hour = int(match["h"]) if match["h"].isdigit() else _NUMBER_WORDS.get(match["h"], -1)
        minute = 30 if match["what"] == "half" else 15
        if match["way"] == "to":
            hour, minute = hour - 1, 60 - minute
        found.append((match.start(), _clock(hour, minute, "", window)))
    if not found:
        found = [(match.start(), _clock(int(match["h"]), 0, "", window)) for match in _AT.finditer(plain)]
    return [clock for _, clock in sorted(found, key=lambda pair: pair[0]) if clock.minutes]


def part_of_day(text: str) -> tuple[int, int] | None:
    """The hours (from, until) of the part of the day named in *text*: `chiều` is (12, 18)."""
    lower = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    for pattern, start, end in _PARTS:
        if pattern.search(lower):
            return start, end
    return None


def _clock(hour: int, minute: int, ampm: str, window: tuple[int, int] | None) -> Clock:
    if ampm and 1 <= hour <= 12:
        hours = {hour % 12 + (12 if ampm == "p" else 0)}
    elif 1 <= hour <= 12:
        hours = {hour % 12, hour % 12 + 12}
        within = {h for h in hours if window is not None and window[0] <= h < window[1]}
        hours = within or hours
    else:
        hours = {hour} if 0 <= hour <= 23 else set()
    return Clock(frozenset(h * 60 + minute for h in hours))


def _dates(plain: str, today: date) -> Iterator[date]:
    for match in _ISO.finditer(plain):
        yield from _date(int(match[3]), int(match[2]), int(match[1]), today)
    for match in _SLASHES.finditer(plain):
        first, second = int(match[1]), int(match[2])
        year = int(match[3]) + (2000 if len(match[3]) == 2 else 0) if match[3] else None
        # Day first, as in Vietnam and most of the world; the other way round only where it cannot be.
        yield from _date(*((second, first) if second > 12 else (first, second)), year, today)
    named = False
    for match in _WRITTEN.finditer(plain):
        named = True
        day = int(match["vd"] or match["d1"] or match["d2"])
        month = int(match["vm"]) if match["vm"] else _MONTHS[match["m1"] or match["m2"]]
        yield from _date(day, month, None, today)
    if not named:
        for match in _DAY_OF_MONTH.finditer(plain):
            yield from _day_of_month(int(match[1] or match[2]), today)


def _date(day: int, month: int, year: int | None, today: date) -> Iterator[date]:
    for tried in (year,) if year else (today.year, today.year + 1):
        try:
            found = date(tried, month, day)
        except ValueError:
            continue  # 29 February, said in the year before a leap year, is in that one
        if found >= today:
            yield found
            return


def _day_of_month(day: int, today: date) -> Iterator[date]:
    month = today.replace(day=1)
    for _ in range(3):
        try:
            found = month.replace(day=day)
        except ValueError:
            found = None
        if found is not None and found >= today:
            yield found
            return
        month = (month + timedelta(days=32)).replace(day=1)


def _weekdays(plain: str, today: date) -> Iterator[date]:
    for match in _DAY_NAME.finditer(plain):
        weekday = _WEEKDAYS[match["day"]]
        if match["after"] or (match["before"] or "").strip() == "next":
            yield _monday_after(today) + timedelta(days=weekday)
        else:
            yield today + timedelta(days=(weekday - today.weekday()) % 7)


def _short_days(text: str, today: date) -> Iterator[date]:
    for match in _SHORT_DAY.finditer(text):
        yield today + timedelta(days=("Mon Tue Wed Thu Fri Sat Sun".split().index(match[1]) - today.weekday()) % 7)


def _relative(plain: str, today: date) -> Iterator[date]:
    for match in _IN_DAYS.finditer(plain):
        yield today + timedelta(days=int(match[1] or match[2]))
    for pattern, ahead in _RELATIVE:
        if pattern.search(plain):
            yield today + timedelta(days=ahead)


def _monday_after(today: date) -> date:
    return today + timedelta(days=7 - today.weekday())
