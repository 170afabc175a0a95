"""The rules by which days are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from . import calendar as cal
from .calendar import Days
from .cascade import Found, Made, becomes, rule
from .words import lexicon

_UNITS = {"day": 1, "week": 7, "fortnight": 14}
_MONTHS = {"month": 1, "year": 12}


def _today(found: Found) -> date:
    return found.setting.now.date()


def _week(found: Found, weeks: int) -> Days:
    return cal.week(_today(found), found.setting.week_starts, weeks)


def _made(days: Days | str) -> Made:
    return ("wrong", ("impossible", days)) if isinstance(days, str) else ("days", days)


# Distances: `in three days`, `2 tuần nữa`


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
    today, unit = _today(found), _unit(found)
    if found.all("few"):
        return "days", Days(((_far(today, 2, unit), _far(today, 6, unit)),), broad=True)
    many = found.one("num", "an") or 1
    return "distance", (many * 2, "week") if unit == "fortnight" else (many, unit)


def _weeks_later(found: Found) -> Made:
    """`hai tuần sau`, `3 tháng tới`; `28 tháng này` is a day."""
    if found.all("next_month") and (found.one("next_month") == 0 or found.one("num") > 12):
        return _day_of_month(found)
    return _days_ahead(found) if found.one("week", "next_month") == 1 else None


def _within(found: Found) -> Made:
    if found.all("week") and found.one("week") != 1:
        return None
    today = _today(found)
    many = 5 if found.all("few") else found.one("num", "an")
    return "days", Days(((today, _far(today, many, _unit(found)) + timedelta(days=1)),), broad=True)


def _after_that(found: Found) -> Made:
    """`two weeks from Monday`, `a week from today`."""
    today = _today(found)
    base = cal.coming(today, found.one("weekday")) if found.all("weekday") else _ago(today, found.one("relday"))
    return "days", cal.one(_far(base, found.one("num", "an"), _unit(found)))


def _weekday_in_weeks(found: Found) -> Made:
    many, unit = found.one("distance")
    if unit != "week":
        return None
    return "days", cal.weekday_of(_week(found, many), found.one("weekday"))


def _distance(found: Found) -> Made:
    many, unit = found.one("distance")
    today = _today(found)
    return "days", Days(
        ((_far(today, many, unit), _far(today, many + (unit != "day"), unit) + timedelta(unit == "day")),)
    )


def _monday_week(found: Found) -> Made:
    """`Monday week`: the week after."""
    if found.atoms[found.last - 1].plain != "week":
        return None
    return "days", cal.one(cal.coming(_today(found), found.one("weekday")) + timedelta(weeks=1))


# Dates: `15/12`, `ngày 20 tháng 12`, `the 5th of next month`


def _numbers(found: Found) -> list[int]:
    return [a.value for a in found.atoms[found.first : found.last] if a.kind in ("num", "ordinal")]


def _date(found: Found) -> Made:
    day, month, year = found.one("slash", "date")
    return _made(cal.dated(_today(found), day, month, year or found.one("year")))


def _dotted(found: Found) -> Made:
    day, month = found.one("dot")
    return _made(cal.dated(_today(found), day, month, None))


def _written(found: Found) -> Made:
    """The day's number, and the month by its number or name."""
    day, *month = _numbers(found)
    return _made(cal.dated(_today(found), day, month[0] if month else found.one("month"), found.one("year")))


def _day_of_month(found: Found) -> Made:
    """`ngày 5`, `the 5th`, `ngày 5 tháng sau`."""
    (number,) = _numbers(found)
    today = _today(found)
    if not found.all("next_month"):
        return _made(cal.monthday(today, number))
    first = cal.months_after(today.replace(day=1), found.one("next_month"))
    return _made(cal.dated(today, number, first.month, first.year))


def _until_date(found: Found) -> Made:
    """`20-25/12`: the number is of the same month."""
    (number,) = _numbers(found)
    day = found.one("days").only
    if day is None or found.one("days").weekdays or found.one("days").monthday:
        return None
    try:
        other = day.replace(day=number)
    except ValueError:
        return "wrong", ("impossible", f"{day:%Y-%m}-{number:02}")
    if found.all("or") or found.all("comma") or (found.all("and") and not found.all("between")):
        return [("days", cal.one(other)), ("or", 1), ("days", cal.one(day))]
    first, last = sorted((other, day))
    return "days", Days(((first, last + timedelta(days=1)),), broad=True)


def _feast(found: Found) -> Made:
    month, day = map(int, found.one("feast").split("-"))
    return _made(cal.dated(_today(found), day, month, found.one("year")))


# Weekdays


def _listed(found: Found) -> Made:
    """`thứ 2, 4, 6`."""
    first, numbers = found.atoms[found.first], found.all("num")
    alone = len(numbers) == 1 and found.last - found.first == 2
    if first.plain not in ("thu", "t") or alone or any(not 2 <= n <= 7 for n in numbers):
        return None
    return "days", cal.weekdays(_today(found), (first.value, *(n - 2 for n in numbers)))


def _next_weekday(found: Found) -> Made:
    return "days", cal.weekday_of(_week(found, 1), found.one("weekday"))


def _coming(found: Found) -> Made:
    return "days", cal.one(cal.coming(_today(found), found.one("weekday")))


def _last(found: Found) -> Made:
    return "days", cal.one(cal.coming(_today(found), found.one("weekday")) - timedelta(weeks=1))


def _in_week(found: Found) -> Made:
    return "days", cal.weekday_of(_week(found, found.one("week")), found.one("weekday"))


def _nth(found: Found) -> Made:
    days = cal.nth_weekday(_months(found), found.one("ordinal"), found.one("weekday"))
    return ("days", days) if days else None


def _bare(found: Found) -> Made:
    return "days", cal.weekdays(_today(found), (found.one("weekday"),))


def _workdays(found: Found) -> Made:
    """Monday to Friday of that week, or of the next seven days."""
    days = _week(found, found.one("week")) if found.all("week") else cal.ahead(_today(found), 7)
    return "days", replace(cal.days_of(day for day in days.days() if day.weekday() < 5), weekdays=(0, 1, 2, 3, 4))


# Weeks, months, years


def _ago(today: date, days: int) -> date:
    return today + timedelta(days=days)


def _relday(found: Found) -> Made:
    return "days", cal.one(_ago(_today(found), found.one("relday", "lastnight")))


def _months(found: Found) -> Days:
    today = _today(found)
    if found.all("next_month"):
        return cal.month(cal.months_after(today.replace(day=1), found.one("next_month")))
    year = found.one("year")
    if year is None and found.all("next_year"):
        year = today.year + found.one("next_year")
    return cal.named_month(today, found.one("month", "num"), year)


def _month(found: Found) -> Made:
    number = found.one("month", "num")
    if number is not None and not 1 <= number <= 12:
        return "wrong", ("impossible", str(number))
    return "days", _months(found)


def _week_of(found: Found) -> Made:
    """`the week of December 7`, `the week after Christmas`."""
    day = found.one("days").only
    if day is None or found.one("unit") != "week":
        return None
    return "days", cal.week(day, found.setting.week_starts, 1 if found.all("after") else 0)


def _year(found: Found) -> Made:
    return "days", _whole_year(_today(found).year + found.one("next_year"))


def _whole_year(year: int) -> Days:
    return Days(((date(year, 1, 1), date(year + 1, 1, 1)),), broad=True)


def _edge_of_month(found: Found) -> Made:
    named = found.all("month") or found.all("next_month") or found.all("num")
    if named:
        number = found.one("month", "num")
        if number is not None and not 1 <= number <= 12:
            return "wrong", ("impossible", str(number))
        return "days", cal.third_of_month(_months(found), found.one("edge"))
    today = _today(found)
    here = cal.third_of_month(cal.month(today.replace(day=1)), found.one("edge"))
    if here.ranges[0][1] <= today:
        here = cal.third_of_month(cal.month(cal.months_after(today.replace(day=1), 1)), found.one("edge"))
    return "days", here


def _edge_of_week(found: Found) -> Made:
    today, edge = _today(found), found.one("edge")
    this = _week(found, found.one("week") or 0)
    if edge == "later":
        return "days", Days(((max(this.ranges[0][0], today + timedelta(days=1)), this.ranges[0][1]),), broad=True)
    here = cal.part_of_week(this, edge)
    if not found.all("week") and here.ranges[0][1] <= today:
        here = cal.part_of_week(_week(found, 1), edge)
    return "days", here


def _edge_of_year(found: Found) -> Made:
    year = _today(found).year + (found.one("next_year") or 0)
    number = {"early": 1, "mid": 6}.get(found.one("edge"), 12)
    if not found.all("next_year"):
        return "days", cal.named_month(_today(found), number, None)
    return "days", cal.named_month(_today(found), number, year)


def _edge_of_unit(found: Found) -> Made:
    makers: dict[str, Callable[[Found], Made]] = {"week": _edge_of_week, "month": _edge_of_month, "year": _edge_of_year}
    make = makers.get(found.one("unit"))
    return make(found) if make else None


# The part of a day


def _this_part(found: Found) -> Made:
    return [("days", cal.one(_today(found))), ("part", found.one("part", "tonight"))]


def _edge_of_part(found: Found) -> Made:
    """`late Friday afternoon`, `early tomorrow morning`."""
    part = found.one("part")
    return [("days", found.one("days")), ("part", lexicon().parts.get(f"{found.one('edge')} {part.name}", part))]


# Several days


def _together(found: Found) -> Made:
    """A weekday beside a date has to be that date's."""
    one, other = found.all("days")
    both = one.narrowed(other)
    if both:
        return "days", both
    for date_, weekday in ((one, other), (other, one)):
        if date_.contradicts(weekday):
            return "wrong", ("unclear", f"{date_.only} is {date_.only:%A}")
    return None


def _from_until(found: Found) -> Made:
    one, other = found.all("days")
    first = one.ranges[-1 if len(one.ranges) > 1 and one.ranges[-1][0] <= other.ranges[0][0] else 0][0]
    if one.weekdays and not other.weekdays and other.only:  # `thứ hai đến thứ sáu tuần sau`: both of that week
        first = max(cal.coming(other.only - timedelta(days=6), one.weekdays[0]), _today(found))
    last = other.ranges[-1][1]
    if other.weekdays:
        last = cal.coming(first, other.weekdays[-1]) + timedelta(days=1)
    if last <= first:
        return "wrong", ("unclear", f"{first} - {last - timedelta(days=1)}")
    return "days", Days(((first, last),), broad=True)


def _after(found: Found) -> Made:
    begin = found.one("days").ranges[0][1]
    return "days", Days(((begin, begin + timedelta(days=cal.OPEN_ENDED)),), broad=True)


def _from(found: Found) -> Made:
    begin = found.one("days").ranges[0][0]
    return "days", Days(((begin, begin + timedelta(days=cal.OPEN_ENDED)),), broad=True)


def _before(found: Found) -> Made:
    first, until = found.one("days").ranges[0]
    end = first if found.all("before") else until
    today = _today(found)
    return "days", Days(((today, end),) if end > today else (found.one("days").ranges[0],), broad=True)


def _come(found: Found) -> Made:
    """`em đến thứ hai`: comes on Monday; `cho đến thứ hai`, `until Monday` are bounds."""
    return ("x", 1) if found.atoms[found.first].plain in ("den", "toi", "to") else None


def _moved_to(found: Found) -> Made:
    """`move it from Monday to Thursday` is no span: Thursday is meant."""
    return ("target", 1) if found.before("move") and not found.before("target") else None


_MANY = "[num an few]"
_NOT_A_TIME_AFTER = "(?![num clock time at hour part days date slash])"
_YEAR = "(?: comma? yearword? year)?"

FIRST = (
    rule("[dayword the] dot", _dotted),
    rule("address slash", becomes("x")),
    rule("within (?=[weekday short])", becomes("next")),
    rule(
        "weekday (?: [comma dash and or slash]? num (?![hour ruoi kem minute ampm hours until dayword unit]))+", _listed
    ),
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

RULES = (
    rule(f"dayword? (?:date | slash {_YEAR})", _date),
    rule(f"[dayword mung]* num monthword num {_YEAR}", _written),
    rule(f"[dayword mung the]* [num ordinal] the* month {_YEAR}", _written),
    rule(f"month the? [num ordinal] (?![hour dayword unit]) {_YEAR}", _written),
    rule("[dayword mung]+ num next_month | the* ordinal the* next_month", _day_of_month),
    rule(f"feast {_YEAR}", _feast),
    rule("date | slash", _date),
    rule("[from between]? [dayword the]* [num ordinal] [until dash or and comma] [dayword the]* days", _until_date),
    rule("days [until dash] [dayword the]* [num ordinal] (?![hour dayword unit minute])", _until_date),
    rule("ordinal weekday the* [month next_month] | ordinal weekday in the* [month next_month]", _nth),
    rule("num this", _day_of_month),
    rule("(?<!num) dayword num | mung+ num", lambda found: _day_of_month(found) if _is_ngay(found) else None),
    rule("the+ ordinal (?!x) | (?<=weekday) ordinal", _day_of_month),
    rule(
        "the+ ordinal", lambda found: _day_of_month(found) if found.atoms[found.last - 1].plain[0].isdigit() else None
    ),
    rule("edge the? monthword? month | edge the? monthword num | edge the? [monthword next_month]", _edge_of_month),
    rule("edge the? week", _edge_of_week),
    rule("edge the? next_year", _edge_of_year),
    rule("edge the? unit", _edge_of_unit),
    rule("[next] weekday", _next_weekday),
    rule("this? coming weekday | this weekday | weekday this | weekday coming", _coming),
    rule(f"weekday until (?!the) {_NOT_A_TIME_AFTER} (?!weekday) (?!relday)", _coming),
    rule("last weekday | weekday last", _last),
    rule(f"weekday before {_NOT_A_TIME_AFTER}", _last),
    rule(f"weekday after {_NOT_A_TIME_AFTER}", _next_weekday),
    rule("weekday the* week | week [comma the]* weekday", _in_week),
    rule("workdays the* week | week workdays | workdays", _workdays),
    rule("weekday", _bare),
    rule("tonight | part this | this part", _this_part),
    rule("relday | lastnight", _relday),
    rule("weekend", lambda found: ("days", cal.weekend(_today(found), found.one("weekend")))),
    rule("week", lambda found: ("days", _week(found, found.one("week")))),
    rule("trong unit", lambda found: ("days", _week(found, 0)) if found.one("unit") == "week" else None),
    rule("next_year [comma the]* (?: month | monthword num)", _month),
    rule(f"month next_year | month {_YEAR} | monthword num next_year | monthword num {_YEAR} | next_month", _month),
    rule("next_year", _year),
    rule("unit (?: the+ | after) days", _week_of),
    rule("edge days in? the? part", _edge_of_part),
    rule("thu num", lambda found: ("wrong", ("impossible", f"thứ {found.one('num')}"))),
)

RANGES = (
    rule("until (?= [the in]* [days part clock])", _moved_to),
    rule("[from between]? days [until dash] days | between days and days", _from_until),
    rule("days comma? days", _together),
)
BOUNDS = (
    rule("after days", _after),
    rule("from days onward? | days onward", _from),
    rule("until (?= [days clock part])", _come),
    rule("before days | [by until] days", _before),
)


def _is_ngay(found: Found) -> bool:
    """`ngày 20`, `hôm 20`; `day 5` is no date."""
    return found.atoms[found.first].plain not in ("day", "days")
