"""Days in a text: dates, weekdays, and those counted from today."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

SOON = timedelta(days=7)
_WEEKDAYS = {
    name: day
    for day, names in enumerate(
        ("monday|thứ hai|thứ 2|thu 2|t2", "tuesday|thứ ba|thứ 3|thu 3|t3", "wednesday|thứ tư|thứ 4|thu 4|t4",
         "thursday|thứ năm|thứ 5|thu 5|t5", "friday|thứ sáu|thứ 6|thu 6|t6", "saturday|thứ bảy|thứ 7|thu 7|t7",
         "sunday|chủ nhật|chu nhat|cn")
    )
    for name in names.split("|")
}  # fmt: skip
_MONTHS = {
    name: number // 2 + 1
    for number, name in enumerate(
        "january jan february feb march mar april apr may may june jun july jul august aug september sep october oct "
        "november nov december dec".split()
    )
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = re.compile(rf"\b(?P<name>{'|'.join(_WEEKDAYS)})s?\b")
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\d/.,])(\d{1,2})(?:/(\d{1,2})(?:/(\d{4}|\d{2}))?|-(\d{1,2})-(\d{4}))(?![\d/%]|\s?(?:giờ|h\b|am\b|pm\b|phút|trụ))"
)
_NAMED = re.compile(
    rf"\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m1>{_MONTH})\b(?:,? (?P<y1>\d{{4}}))?"
    rf"|\b(?P<m2>{_MONTH}) (?:the )?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y2>\d{{4}}))?"
    r"|\b(?:ngày |mùng |mồng )?(?P<d3>\d{1,2}) tháng (?P<m3>\d{1,2})\b"
)
_OF_MONTH = re.compile(
    r"\b(?:ngày|mùng|mồng) (?P<vi>\d{1,2})(?![\d/]| ?(?:ngày|tháng))|\bthe (?P<en>\d{1,2})(?:st|nd|rd|th)\b"
)
_RELATIVE = (
    (re.compile(r"\bday after tomorrow\b|\bngày kia\b|\bngày mốt\b"), 2),
    (re.compile(r"(?<!after )\btomorrow\b|(?<!bạn )(?<!chị )(?<!anh )(?<!cô )\bmai\b"), 1),
    (
        re.compile(
            r"\btoday\b|\btonight\b|\bthis (?:morning|afternoon|evening)\b|\bhôm nay\b|\b(?:sáng|trưa|chiều|tối) nay\b"
        ),
        0,
    ),
    (re.compile(r"\byesterday\b|\bhôm qua\b"), -1),
)
_NO_DATE = {"24/7", "1/2", "1/3", "1/4", "2/3", "3/4"}


@dataclass(frozen=True, slots=True)
class Day:
    """`days`: all that may be meant. `dated`: day and month are written."""

    days: frozenset[date]
    written: str
    dated: bool = True


def read(text: str, today: date) -> tuple[tuple[Day, ...], str]:
    """Every day in *text* (as words.normal makes it), and the text without the dates."""
    found: list[Day] = []
    for pattern, meaning in _DATED:

        def take(match: re.Match[str], meaning: _Meaning = meaning) -> str:
            days = frozenset() if match[0] in _NO_DATE else frozenset(meaning(match, today))
            found.extend([Day(days, match[0].strip())] if days else [])
            return " ; " if days else match[0]

        text = pattern.sub(take, text)
    weekdays = ((_WEEKDAYS[match["name"]], match[0]) for match in _WEEKDAY.finditer(text))
    found += [Day(frozenset(_weekday(weekday, today)), written, dated=False) for weekday, written in weekdays]
    for pattern, shift in _RELATIVE:
        found += [Day(frozenset({today + timedelta(days=shift)}), m[0], dated=False) for m in pattern.finditer(text)]
    return tuple(found), text


def soon(day: Day, today: date) -> bool:
    """Of the next days anyone knows the date: it is what is said of them that must be known."""
    return any(today - SOON <= each <= today + SOON for each in day.days)


def _weekday(weekday: int, today: date) -> Iterator[date]:
    ahead = (weekday - today.weekday()) % 7
    yield from (today + timedelta(days=ahead + 7 * weeks) for weeks in (-1, 0, 1, 2))


def _numeric(match: re.Match[str], today: date) -> Iterator[date]:
    first, second, year = int(match[1]), int(match[2] or match[4]), match[3] or match[5]
    for day, month in {(first, second), (second, first)}:
        yield from _near(day, month, today, year or "")


def _named(match: re.Match[str], today: date) -> Iterator[date]:
    month = _MONTHS.get(match["m1"] or match["m2"]) or int(match["m3"])
    yield from _near(int(match["d1"] or match["d2"] or match["d3"]), month, today, match["y1"] or match["y2"] or "")


def _of_month(match: re.Match[str], today: date) -> Iterator[date]:
    day = int(match["vi"] or match["en"])
    for ahead in (-1, 0, 1, 2):
        month = (today.month - 1 + ahead) % 12 + 1
        yield from _near(day, month, today)


def _near(day: int, month: int, today: date, year: str = "") -> Iterator[date]:
    """Without a year in those that are next to today."""
    years = [int(year) % 100 + 2000] if year else [today.year - 1, today.year, today.year + 1]
    for each in years:
        try:
            yield date(each, month, day)
        except ValueError:
            continue


def _iso(match: re.Match[str], today: date) -> Iterator[date]:
    yield from _near(int(match[3]), int(match[2]), today, match[1])


_Meaning = Callable[[re.Match[str], date], Iterator[date]]
_DATED: tuple[tuple[re.Pattern[str], _Meaning], ...] = (
    (_ISO, _iso),
    (_NUMERIC, _numeric),
    (_NAMED, _named),
    (_OF_MONTH, _of_month),
)
