"""The rules in which a number counts days: `in three days`, `2 tuần nữa`, `thứ 2, 4, 6`. They come before the clocks."""

from __future__ import annotations

from datetime import date, timedelta

from . import calendar as cal
from .calendar import Days
from .cascade import Found, Made, becomes, rule

_UNITS = {"day": 1, "week": 7, "fortnight": 14}
_MONTHS = {"month": 1, "year": 12}


def today_of(found: Found) -> date:
    return found.setting.now.date()


def week_of(found: Found, weeks: int) -> Days:
    return cal.week(today_of(found), found.setting.week_starts, weeks)


def made_of(days: Days | str) -> Made:
    return ("wrong", ("impossible", days)) if isinstance(days, str) else ("days", days)


def numbers_of(found: Found) -> list[int]:
    return [a.value for a in found.atoms[found.first : found.last] if a.kind in ("num", "ordinal")]


def day_of_month(found: Found) -> Made:
    """`ngày 5`, `the 5th`, `ngày 5 tháng sau`."""
    (number,) = numbers_of(found)
    today = today_of(found)
    if not found.all("next_month"):
        return made_of(cal.monthday(today, number))
    first = cal.months_after(today.replace(day=1), found.one("next_month"))
    return made_of(cal.dated(today, number, first.month, first.year))


def _minutes_ahead(found: Found) -> Made:
    """The hour from then on; within: from now until then."""
    many = found.one("halfhour")
    if many is None:
        many = found.one("num", "an") * (1 if found.all("minute") else 60) + (found.one("ruoi", "half") or 0)
    return "moment", (0, many) if found.all("within") else (many, many + 60)


def _unit(found: Found) -> str:
    if found.all("unit"):
        return str(found.one("unit"))
    return "week" if found.all("week") else "month" if found.all("next_month") or found.all("monthword") else "day"


def _far(day: date, many: int, unit: str) -> date:
    if unit in _MONTHS:
        return cal.months_after(day, many * _MONTHS[unit])
    return day + timedelta(days=many * _UNITS[unit])


def _days_ahead(found: Found) -> Made:
    """From that day, as long as the unit it was said in; weeks stay a distance, for a weekday may be said with them."""
    today, unit = today_of(found), _unit(found)
    if found.all("few"):
        return "days", Days(((_far(today, 2, unit), _far(today, 6, unit)),), broad=True)
    many = found.one("num", "an") or 1
    return "distance", (many * 2, "week") if unit == "fortnight" else (many, unit)


def _weeks_later(found: Found) -> Made:
    """`hai tuần sau`, `3 tháng tới`; `28 tháng này` is a day."""
    if found.all("next_month") and (found.one("next_month") == 0 or found.one("num") > 12):
        return day_of_month(found)
    return _days_ahead(found) if found.one("week", "next_month") == 1 else None


def _weeks_ago(found: Found) -> Made:
    """`2 tuần rồi`, `3 tháng trước`."""
    return ("before_now", 1) if found.one("week", "next_month") == -1 else None


def _within(found: Found) -> Made:
    if found.all("week") and found.one("week") != 1:
        return None
    today = today_of(found)
    many = 5 if found.all("few") else found.one("num", "an")
    return "days", Days(((today, _far(today, many, _unit(found)) + timedelta(days=1)),), broad=True)


def _after_that(found: Found) -> Made:
    """`two weeks from Monday`, `a week from today`."""
    today = today_of(found)
    base = (
        cal.coming(today, found.one("weekday")) if found.all("weekday") else today + timedelta(days=found.one("relday"))
    )
    return "days", cal.one(_far(base, found.one("num", "an"), _unit(found)))


def _weekday_in_weeks(found: Found) -> Made:
    many, unit = found.one("distance")
    if unit != "week":
        return None
    return "days", cal.weekday_of(week_of(found, many), found.one("weekday"))


def _distance(found: Found) -> Made:
    many, unit = found.one("distance")
    today = today_of(found)
    return "days", Days(
        ((_far(today, many, unit), _far(today, many + (unit != "day"), unit) + timedelta(unit == "day")),)
    )


def _mondayweek_of(found: Found) -> Made:
    """`Monday week`: the week after."""
    if found.atoms[found.last - 1].plain != "week":
        return None
    return "days", cal.one(cal.coming(today_of(found), found.one("weekday")) + timedelta(weeks=1))


def _dotted(found: Found) -> Made:
    day, month = found.one("dot")
    return made_of(cal.dated(today_of(found), day, month, None))


def _listed(found: Found) -> Made:
    """`thứ 2, 4, 6`."""
    first, numbers = found.atoms[found.first], found.all("num")
    alone = len(numbers) == 1 and found.last - found.first == 2
    if first.plain not in ("thu", "t") or alone or any(not 2 <= n <= 7 for n in numbers):
        return None
    return "days", cal.weekdays(today_of(found), (first.value, *(n - 2 for n in numbers)))


def _every_other(found: Found) -> Made:
    """`2-4-6`, `3-5-7`: Monday, Wednesday and Friday, or Tuesday, Thursday and Saturday, as classes are held."""
    numbers = tuple(found.all("num"))
    return (
        ("days", cal.weekdays(today_of(found), tuple(n - 2 for n in numbers)))
        if numbers in ((2, 4, 6), (3, 5, 7))
        else None
    )


def _monday_week(found: Found) -> Made:
    """`Monday week`: the week after."""
    if found.atoms[found.last - 1].plain != "week":
        return None
    return "days", cal.one(cal.coming(today_of(found), found.one("weekday")) + timedelta(weeks=1))


_MANY = "[num an few]"
RULES = (
    rule("[dayword the] dot", _dotted),
    rule("address slash", becomes("x")),
    rule("within (?=[weekday short])", becomes("next")),
    rule(
        "weekday (?: [comma dash and or slash]? num (?![hour ruoi kem minute ampm hours until dayword unit]))+", _listed
    ),
    rule("num [dash comma] num [dash comma] num", _every_other),
    rule("num dayword num part", becomes("x")),
    rule(f"{_MANY} [dayword unit monthword hours minute week next_month] ago", becomes("before_now")),
    rule(
        f"{_MANY} [dayword unit monthword hours] before (?![date slash dayword weekday relday feast num time])",
        becomes("before_now"),
    ),
    rule("num [week next_month]", _weeks_ago),
    rule(
        "[num an] [hours hour] ruoi? ahead | [in after within trong] [num an] hours (?: ruoi | and an half)? ahead?",
        _minutes_ahead,
    ),
    rule("[in after within trong]? [num an] minute ahead | [in after within] [num an] minute ahead?", _minutes_ahead),
    rule("[in after within trong]? halfhour ahead | [in after within] halfhour ahead?", _minutes_ahead),
    rule("[num an] [unit dayword monthword] [from after] [weekday relday] | [num an] unit relday", _after_that),
    rule(f"within {_MANY} [dayword unit monthword] [until ahead]? | [within trong] {_MANY} [week next_month]", _within),
    rule(f"trong {_MANY} [dayword unit monthword] [until ahead]?", _within),
    rule(f"{_MANY} [dayword unit monthword] until (?![weekday num date slash dayword time relday])", _within),
    rule(
        f"[in after trong]? {_MANY} [dayword unit monthword] ahead | [in after] the? {_MANY} [dayword unit monthword]",
        _days_ahead,
    ),
    rule("in? unit ahead", lambda found: _days_ahead(found) if found.one("unit") == "fortnight" else None),
    rule("(?<![dayword mung at monthword]) num [week next_month]", _weeks_later),
    rule("weekday in? distance | distance the? weekday", _weekday_in_weeks),
    rule("distance", _distance),
    rule("weekday unit", _monday_week),
)
"""Before the clocks: numbers that count days."""
