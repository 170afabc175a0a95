"""The rules by which days are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from . import calendar as cal
from .calendar import Days
from .cascade import Found, Made, becomes, rule
from .counted import day_of_month, made_of, numbers_of, today_of, week_of
from .words import lexicon

# Dates: `15/12`, `ngày 20 tháng 12`, `the 5th of next month`


def _date(found: Found) -> Made:
    day, month, year = found.one("slash", "date")
    return made_of(cal.dated(today_of(found), day, month, year or found.one("year")))


def _written(found: Found) -> Made:
    """The day's number, and the month by its number or name."""
    day, *month = numbers_of(found)
    return made_of(cal.dated(today_of(found), day, month[0] if month else found.one("month"), found.one("year")))


def _days_of_month(found: Found) -> Made:
    """`ngày 27 hoặc 28`."""
    days = [cal.monthday(today_of(found), number) for number in numbers_of(found)]
    wrong = next((day for day in days if isinstance(day, str)), None)
    return made_of(wrong) if wrong else [pair for day in days for pair in (("or", 1), ("days", day))]


def _from_number(found: Found) -> Made:
    """`từ 20 đến 25`: days, if they are too many for hours."""
    one, other = numbers_of(found)
    first, last = cal.monthday(today_of(found), one), cal.monthday(today_of(found), other)
    if other <= 24 or other < one or isinstance(first, str) or isinstance(last, str):
        return None
    return "days", Days(((first.ranges[0][0], last.ranges[0][1]),), broad=True)


def _until_date(found: Found) -> Made:
    """`20-25/12`: the number is of the same month."""
    (number,) = numbers_of(found)
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
    return made_of(cal.dated(today_of(found), day, month, found.one("year")))


# Weekdays


def _in_either_week(found: Found) -> Made:
    """`thứ bảy tuần này hoặc tuần sau`."""
    weeks = [cal.weekday_of(week_of(found, weeks), found.one("weekday")) for weeks in found.all("week")]
    return [("days", weeks[0]), ("or", 1), ("days", weeks[1])]


def _next_weekday(found: Found) -> Made:
    return "days", cal.weekday_of(week_of(found, 1), found.one("weekday"))


def _coming(found: Found) -> Made:
    return "days", cal.one(cal.coming(today_of(found), found.one("weekday")))


def _last(found: Found) -> Made:
    return "days", cal.one(cal.coming(today_of(found), found.one("weekday")) - timedelta(weeks=1))


def _in_week(found: Found) -> Made:
    return "days", cal.weekday_of(week_of(found, found.one("week")), found.one("weekday"))


def _nth(found: Found) -> Made:
    days = cal.nth_weekday(_months(found), found.one("ordinal"), found.one("weekday"))
    return ("days", days) if days else None


def _bare(found: Found) -> Made:
    return "days", cal.weekdays(today_of(found), (found.one("weekday"),))


def _workdays(found: Found) -> Made:
    """Monday to Friday of that week, or of the next seven days."""
    days = week_of(found, found.one("week")) if found.all("week") else cal.ahead(today_of(found), 7)
    return "days", replace(cal.days_of(day for day in days.days() if day.weekday() < 5), weekdays=(0, 1, 2, 3, 4))


# Weeks, months, years


def _relday(found: Found) -> Made:
    return "days", cal.one(today_of(found) + timedelta(days=found.one("relday", "lastnight")))


def _months(found: Found) -> Days:
    today = today_of(found)
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
    return "days", _whole_year(today_of(found).year + found.one("next_year"))


def _whole_year(year: int) -> Days:
    return Days(((date(year, 1, 1), date(year + 1, 1, 1)),), broad=True)


def _edge_of_month(found: Found) -> Made:
    named = found.all("month") or found.all("next_month") or found.all("num")
    if named:
        number = found.one("month", "num")
        if number is not None and not 1 <= number <= 12:
            return "wrong", ("impossible", str(number))
        return "days", cal.third_of_month(_months(found), found.one("edge"))
    today = today_of(found)
    here = cal.third_of_month(cal.month(today.replace(day=1)), found.one("edge"))
    if here.ranges[0][1] <= today:
        here = cal.third_of_month(cal.month(cal.months_after(today.replace(day=1), 1)), found.one("edge"))
    return "days", here


def _edge_of_week(found: Found) -> Made:
    today, edge = today_of(found), found.one("edge")
    this = week_of(found, found.one("week") or 0)
    if edge == "later":
        return "days", Days(((max(this.ranges[0][0], today + timedelta(days=1)), this.ranges[0][1]),), broad=True)
    here = cal.part_of_week(this, edge)
    if not found.all("week") and here.ranges[0][1] <= today:
        here = cal.part_of_week(week_of(found, 1), edge)
    return "days", here


def _edge_of_year(found: Found) -> Made:
    year = today_of(found).year + (found.one("next_year") or 0)
    number = {"early": 1, "mid": 6}.get(found.one("edge"), 12)
    if not found.all("next_year"):
        return "days", cal.named_month(today_of(found), number, None)
    return "days", cal.named_month(today_of(found), number, year)


def _edge_of_unit(found: Found) -> Made:
    makers: dict[str, Callable[[Found], Made]] = {"week": _edge_of_week, "month": _edge_of_month, "year": _edge_of_year}
    make = makers.get(found.one("unit"))
    return make(found) if make else None


# The part of a day


def _this_part(found: Found) -> Made:
    return [("days", cal.one(today_of(found))), ("part", found.one("part", "tonight"))]


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
        first = max(cal.coming(other.only - timedelta(days=6), one.weekdays[0]), today_of(found))
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
    """From then on; `từ hôm qua` tells how long something has been so."""
    begin = found.one("days").ranges[0][0]
    if begin < today_of(found):
        return "before_now", 1
    return "days", Days(((begin, begin + timedelta(days=cal.OPEN_ENDED)),), broad=True)


def _before(found: Found) -> Made:
    first, until = found.one("days").ranges[0]
    end = first if found.all("before") else until
    today = today_of(found)
    return "days", Days(((today, end),) if end > today else (found.one("days").ranges[0],), broad=True)


def _come(found: Found) -> Made:
    """`em đến thứ hai`: comes on Monday; `cho đến thứ hai`, `until Monday` are bounds."""
    return ("x", 1) if found.atoms[found.first].plain in ("den", "toi", "to") else None


def _moved_to(found: Found) -> Made:
    """`move it from Monday to Thursday` is no span: Thursday is meant."""
    return ("target", 1) if found.before("move") and not found.before("target") else None


_NOT_A_TIME_AFTER = "(?![num clock time at hour part days date slash])"
_YEAR = "(?: comma? yearword? year)?"

RULES = (
    rule(f"dayword? (?:date | slash {_YEAR})", _date),
    rule(f"[dayword mung]* num monthword num {_YEAR}", _written),
    rule(f"[dayword mung the]* [num ordinal] the* month {_YEAR}", _written),
    rule(f"month the? [num ordinal] (?![hour dayword unit]) {_YEAR}", _written),
    rule("[dayword mung]+ num next_month | the* ordinal the* next_month", day_of_month),
    rule(f"feast {_YEAR}", _feast),
    rule("date | slash", _date),
    rule("[from between]? [dayword the]* [num ordinal] [until dash or and comma] [dayword the]* days", _until_date),
    rule("days [until dash] [dayword the]* [num ordinal] (?![hour dayword unit minute])", _until_date),
    rule("ordinal weekday the* [month next_month] | ordinal weekday in the* [month next_month]", _nth),
    rule("dayword num (?: [or comma and] dayword? num (?![hour dayword unit minute until dash]))+", _days_of_month),
    rule("[from between] dayword? num [until dash] dayword? num (?![hour part])", _from_number),
    rule("(?<!monthword) num this", day_of_month),
    rule("(?<!num) dayword num | mung+ num", lambda found: day_of_month(found) if _is_ngay(found) else None),
    rule("the+ ordinal (?![x num]) | (?<=weekday) ordinal", day_of_month),
    rule("the+ ordinal", lambda found: day_of_month(found) if found.atoms[found.last - 1].plain[0].isdigit() else None),
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
    rule("weekday the* week or week", _in_either_week),
    rule("weekday the* week | week [comma the]* weekday", _in_week),
    rule("workdays the* week | week workdays | workdays", _workdays),
    rule("weekday", _bare),
    rule("tonight | part this | this part", _this_part),
    rule("relday | lastnight", _relday),
    rule("weekend", lambda found: ("days", cal.weekend(today_of(found), found.one("weekend")))),
    rule("week", lambda found: ("days", week_of(found, found.one("week")))),
    rule("trong unit", lambda found: ("days", week_of(found, 0)) if found.one("unit") == "week" else None),
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
    rule("since [days clock part]", becomes("before_now")),
    rule("after days", _after),
    rule("from days onward? | days onward", _from),
    rule("until (?= [days clock part])", _come),
    rule("before days | [by until] days", _before),
)


def _is_ngay(found: Found) -> bool:
    """`ngày 20`, `hôm 20`; `day 5` is no date."""
    return found.atoms[found.first].plain not in ("day", "days")
