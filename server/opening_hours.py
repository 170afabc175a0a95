"""When somebody will be there, by a tenant's opening hours and clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from frontdesk.config import OpeningHours

_VIETNAMESE_DAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS_AHEAD = 15
"""A week and today, and once more: a time zone may leave a day out."""


def next_opening(hours: OpeningHours, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When somebody is there: *now* if it is open, else the next opening (aware, UTC); None without any hours.

    A span lasts from when the clock first shows its beginning until it last shows its end. Where the clock skips a time,
    it is taken to be as much later as the clock is put forward; a span that is skipped as a whole is none.
    """
    today = now.astimezone(zone).date()
    for days in range(_DAYS_AHEAD):
        day = today + timedelta(days=days)
        for span in hours.on(day.weekday()):
            opens, closes = _moment(day, span.opens, zone, fold=0), _moment(day, span.closes, zone, fold=1)
            if _is_skipped(day, span.closes, zone) and not _is_skipped(day, span.opens, zone):
                closes = _moment(day, span.closes, zone, fold=0)
            if now < closes and opens < closes:
                return max(opens, now)
    return None


def _moment(day: date, minutes: int, zone: ZoneInfo, fold: int) -> datetime:
    days, minutes = divmod(minutes, 24 * 60)
    wall = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60, fold=fold))
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _is_skipped(day: date, minutes: int, zone: ZoneInfo) -> bool:
    """Whether the clock never shows it (PEP 495: then what it would have been before the change is the later moment)."""
    return _moment(day, minutes, zone, fold=1) < _moment(day, minutes, zone, fold=0)


def opening_in_words(opens: datetime, zone: ZoneInfo, now: datetime, language: str) -> str:
    """`tomorrow at 08:30`, `vào 08:30 thứ Hai`; in a language (BCP 47) that is neither: `2026-11-24 08:30`."""
    local, today = opens.astimezone(zone), now.astimezone(zone).date()
    days = (local.date() - today).days
    match language.partition("-")[0]:
        case "vi":
            day = {0: "hôm nay", 1: "ngày mai"}.get(days, _VIETNAMESE_DAYS[local.weekday()])
            return f"vào {local:%H:%M} {day}" + (f" ngày {local.day}/{local.month}" if days > 6 else "")
        case "en":
            day = {0: "today", 1: "tomorrow"}.get(days, f"on {_ENGLISH_DAYS[local.weekday()]}")
            day += f" {local.day} {_ENGLISH_MONTHS[local.month - 1]}" if days > 6 else ""
            return f"{day} at {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"
