"""Times of the day: what was said of hours and minutes, and what it can mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .cascade import Found, Made, rule
from .words import Part, lexicon

DAY = 24 * 60
OPENS = 7
"""7 to 12 are in the morning and 1 to 6 after noon, where nobody said which."""
_ABOUT = 30
"""Minutes before and after an hour that was named roughly."""


@dataclass(frozen=True, slots=True)
class Clock:
    """An hour as it was said. `first`: it is the first of hour, + 12, + 24 from that hour of the day on; None: not said."""

    hour: int
    minute: int = 0  # -15: a quarter to
    first: int | None = None
    opens: int = OPENS  # an open hour is the first from this hour of the day on

    @property
    def open(self) -> bool:
        """Whether the other half of the day may be meant."""
        return self.first is None and 1 <= self.hour <= 12

    def minutes(self, first: int | None = None) -> int:
        """Minutes since midnight; an open hour is read by *first*, or by the hours of business."""
        known = self.first if self.first is not None else first
        if known is None:
            known = self.opens if 1 <= self.hour <= 12 else 0
        hour = self.hour % 12 if 1 <= self.hour <= 12 else self.hour
        while hour < known:
            hour += 12 if self.hour <= 12 else 24
        return hour * 60 + self.minute

    def within(self, part: Part) -> Clock | None:
        """This hour in *part* of the day; None if it cannot be."""
        if self.hour in (0, 24) and part.first == 0:
            return replace(self, hour=0, first=0)
        fits = self.hour <= 12 or part.first <= self.hour < part.first + 12
        return replace(self, first=part.first) if fits else None

    def said(self) -> str:
        return f"{self.hour:02}:{self.minute % 60:02}"


@dataclass(frozen=True, slots=True)
class Times:
    """From `low` until `high`, in `part` of the day: any of them may be open. `point`: exactly at `low`."""

    low: Clock | None = None
    high: Clock | None = None
    part: Part | None = None
    point: bool = False
    about: bool = False

    def narrowed(self, other: Times) -> Times | None:
        """What is meant if *other* was said of the same time: a part of the day and an hour in it. None: two times."""
        both = self._with(other)
        return both if both and any(both.readings()) else None

    def _with(self, other: Times) -> Times | None:
        if self.part and other.part:
            return self._inner(other) or other._inner(self)
        if part := self.part or other.part:
            return (other if self.part else self).within(part)
        if self._bound and other._bound and bool(self.low) != bool(other.low):
            return Times(low=self.low or other.low, high=self.high or other.high)
        return None

    @property
    def _bound(self) -> bool:
        """Whether this is `after 3` or `before 5` alone."""
        return bool(self.low) != bool(self.high) and not self.point and not self.about

    def _inner(self, other: Times) -> Times | None:
        """*other*, if it is a part of the day within this part alone: `first thing in the morning`."""
        if not (self.part and other.part) or self.low or self.high:
            return None
        return other if self.part.begin <= other.part.begin and other.part.end <= self.part.end else None

    def within(self, part: Part) -> Times | None:
        clocks = [clock and clock.within(part) for clock in (self.low, self.high)]
        if any(said and not fits for said, fits in zip((self.low, self.high), clocks, strict=True)):
            return None
        return replace(self, low=clocks[0], high=clocks[1], part=part)

    def opening_at(self, opens: int) -> Times:
        """The same where business begins at that hour."""
        low, high = (clock and replace(clock, opens=opens) for clock in (self.low, self.high))
        return replace(self, low=low, high=high)

    def readings(self) -> Iterator[tuple[int, int]]:
        """(begin, end) in minutes since midnight, half-open, the likelier first."""
        yield from ((begin, end) for begin, end in self._read() if begin < end)

    def _read(self) -> Iterator[tuple[int, int]]:
        if self.low and self.high:
            yield from _between(self.low, self.high)
        elif self.low:
            yield from self._from(self.low)
        elif self.high:
            yield from ((self.part.begin * 60 if self.part else 0, end) for end in _both(self.high))
        elif self.part:
            yield self.part.begin * 60, self.part.end * 60

    def _from(self, low: Clock) -> Iterator[tuple[int, int]]:
        for begin in _both(low):
            if self.point:
                yield begin, begin + 1
            elif self.about:
                yield max(begin - _ABOUT, 0), begin + _ABOUT
            else:
                yield begin, self.part.end * 60 if self.part else DAY


def _both(clock: Clock) -> tuple[int, ...]:
    likely = clock.minutes()
    return (likely, (likely + DAY // 2) % DAY) if clock.open else (likely,)


def _between(low: Clock, high: Clock) -> Iterator[tuple[int, int]]:
    """`2-4pm`, `10-2pm`, `9 to 5`: an open hour is the nearest one to the other that fits."""
    if low.open and not high.open:
        end = high.minutes()
        yield max((begin for begin in _both(low) if begin < end), default=end), end
        return
    for begin in _both(low):
        ends = [end for end in _both(high) if end > begin]
        if not ends and begin >= 18 * 60 and high.minutes(0) <= 6 * 60:
            ends = [high.minutes(0) + DAY]  # ten in the evening until two
        yield from ((begin, end) for end in sorted(ends)[:1])


def _clock(hour: int, minute: int = 0, first: int | None = None) -> Made:
    if hour > 24 or not 0 <= abs(minute) < 60 or (hour == 24 and minute > 0):
        return "wrong", ("impossible", f"{hour}:{minute:02}")
    return "clock", Clock(hour, minute, first)


def _hour_minute(found: Found) -> Made:
    numbers = found.all("num")
    return _clock(numbers[0], (numbers[1:] or [found.one("ruoi") or 0])[0])


def _less(found: Found) -> Made:
    hour, less = found.all("num")
    return _clock(hour, -less)


def _past(found: Found) -> Made:
    minutes = found.one("half", "quarter")
    return _clock(found.all("num")[-1], minutes if minutes is not None else found.all("num")[0])


def _to(found: Found) -> Made:
    """`quarter to five`, `ten to five`; in digits `10 to 5` is a span."""
    quarter = found.one("quarter")
    if quarter is None and (found.atoms[found.first].plain.isdigit() or found.all("num")[0] not in (5, 10, 20, 25)):
        return None
    return _clock(found.all("num")[-1], -(quarter or found.all("num")[0]))


def _spelled(found: Found) -> Made:
    """`three thirty`."""
    words = found.atoms[found.first : found.last]
    hour, minute = found.all("num")
    if any(atom.plain.isdigit() for atom in words) or hour > 12 or minute % 5 or minute < 10:
        return None
    return _clock(hour, minute)


def _dot(found: Found) -> Made:
    hour, minute = found.one("dot")
    return _clock(hour, minute) if hour <= 24 and minute < 60 else None


def _half_of_day(found: Found) -> Made:
    """An hour with `am`, `pm` or the part of the day it is in."""
    clock, half, part = found.one("clock"), found.one("ampm"), found.one("part", "tonight")
    if clock is None:
        made = _clock(found.one("num"))
        if made is None or isinstance(made, list) or made[0] != "clock":
            return None if found.one("num") > 39 else made
        clock = made[1]
    if half is not None:
        fits = clock.hour <= 12 or half
        return ("clock", replace(clock, first=half)) if fits else ("wrong", ("impossible", clock.said()))
    fixed = clock.within(part)
    return ("clock", fixed) if fixed else ("wrong", ("impossible", clock.said()))


def _half_of_today(found: Found) -> Made:
    made = _half_of_day(found)
    return [made, ("relday", 0)] if isinstance(made, tuple) else made


def _bare_hour(found: Found) -> Made:
    """`at 3`, `after 5`: a number that is an hour because of the word before it, and not of what it counts after it."""
    after = found.next
    counts = after is not None and after.kind == "x" and after.plain not in lexicon().after_hour
    return _clock(found.one("num")) if found.one("num") <= 24 and not counts else None


def _exactly(hour: int) -> Made:
    return ("times", Times(low=Clock(hour), point=True)) if hour <= 24 else None


def _exact_hour(hour: int) -> Clock:
    return Clock(hour, 0, hour)


def _either(found: Found) -> Made:
    """`3 or 4 pm`, `3:30 or 4`: a number beside an hour is one, too, and in the same half of the day."""
    one, other = found.atoms[found.first].value, found.atoms[found.last - 1].value
    clock, number = (one, other) if isinstance(one, Clock) else (other, one)
    if number > 24 or (
        isinstance(other, Clock) and not isinstance(one, Clock) and found.before("weekday") and number < 8
    ):
        return None
    near = min((0, 12), key=lambda first: abs(Clock(number, 0, first).minutes() - clock.minutes()))
    beside = Clock(number, 0, near)
    both = (clock, beside) if one is clock else (beside, clock)
    return [("clock", both[0]), ("or", 1), ("clock", both[1])]


def _noon(found: Found) -> Made:
    return "clock", _exact_hour(found.one("noon"))


def _range(found: Found) -> Made:
    ends = [
        atom.value if atom.kind == "clock" else Clock(atom.value)
        for atom in found.atoms[found.first : found.last]
        if atom.kind in ("clock", "num")
    ]
    if any(clock.hour > 24 for clock in ends):
        return None
    return _times(low=ends[0], high=ends[1])


def _times(low: Clock | None = None, high: Clock | None = None, *, point: bool = False, about: bool = False) -> Made:
    times = Times(low=low, high=high, point=point, about=about)
    if not any(times.readings()):
        return "wrong", ("unclear", "-".join(clock.said() for clock in (low, high) if clock))
    return "times", times


_CLOCK = (
    rule("num hour num (?![hour hours unit dayword monthword month ampm num]) minute?", _hour_minute),
    rule("num hour? ruoi", _hour_minute),
    rule("num hour? kem num minute?", _less),
    rule("[half quarter] past num oclock?", _past),
    rule("num minute? past num oclock?", _past),
    rule("quarter until num oclock?", _to),
    rule("(?<![from between dash]) num minute? until num (?![ampm ordinal]) oclock?", _to),
    rule("half (?=num)num (?![hours dayword unit]) oclock?", lambda found: _clock(found.one("num"), 30)),
    rule("num (?:hour | oclock)", _hour_minute),
    rule("time", lambda found: _clock(*found.one("time"))),
    rule("dot (?=[ampm part relday weekday]) | (?<=[at relday weekday part]) dot", _dot),
    rule("num num (?![hours minute dayword unit])", _spelled),
    rule("(?<=at) num num (?![hour hours minute dayword unit month monthword])", _hour_minute),
    rule("noon", _noon),
)  # fmt: skip
_HALF_OF_DAY = (
    rule("[num clock] in? the? part this", _half_of_today),
    rule("[num clock] ampm", _half_of_day),
    rule("clock in? the? part", _half_of_day),
    rule("(?<![x]) num tonight", _half_of_today),
    rule("(?<![x]) num in? the? part", _half_of_day),
    rule("(?:part [at the]? clock) | (?:part at num)", _half_of_day),
)
AT_HOUR = (
    rule("at num (?![minute hours unit dayword monthword month])", _bare_hour),
    rule("at? clock", lambda found: ("clock", found.one("clock"))),
    rule("(?<=around) num (?![minute hours unit dayword])", _bare_hour),
    rule("num (?=dash? ish)", _bare_hour),
    rule("num or clock | clock or num (?![minute hours unit dayword monthword month x slash date])", _either),
    rule("(?<=[before after by]) num (?![minute hours unit dayword monthword month num until dash])", _bare_hour),
    rule("(?<=from) num (?![minute hours unit dayword monthword month until dash and])", _bare_hour),
)
"""When it is known which numbers count days: the others that are hours."""
RULES = (*_CLOCK, *_HALF_OF_DAY)

RANGES = (
    rule("[from between] [clock num] [until dash and] [clock num]", _range),
    rule("(?<=not) num [until dash] num", _range),
    rule("clock [until dash] num (?![x])", _range),
    rule("num [until dash] clock", _range),
    rule("clock [until dash] clock", _range),
    rule("(?<=days) num [until dash] num (?![x]) | num [until dash] num (?=days)", _range),
)
SPANS = (
    rule("(?:around clock) | (?:clock dash? ish)", lambda found: _times(low=found.one("clock"), about=True)),
    rule("[from after] clock onward? | clock onward", lambda found: _times(low=found.one("clock"))),
    rule("[before by until] clock", lambda found: _times(high=found.one("clock"))),
    rule("clock", lambda found: _times(low=found.one("clock"), point=True)),
    rule("(?<=[days not]) num (?=[comma stop turn then or]|$)", lambda found: _exactly(found.one("num"))),
    rule("after part", lambda found: _times(low=_exact_hour(found.one("part").after))),
    rule("[before by] part", lambda found: _times(high=_exact_hour(found.one("part").before))),
    rule("around? part", lambda found: ("times", Times(part=found.one("part")))),
)
