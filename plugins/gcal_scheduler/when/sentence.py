"""What a sentence says with the days and hours in it: which belong together, which are alternatives, which are not meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import clocks, counted, dates, either
from .calendar import Days
from .cascade import Atom, Setting, reduced
from .clocks import Times
from .words import atoms

_TIME = ("days", "times", "moment")
_GLUE = frozenset(
    "the in at dayword trong this until from by before after ahead coming around between onward edge any soon target "
    "part".split()
)
"""What stands between a day and its hour without parting them."""
_NEGATIONS = ("not", "cant", "instead")


@dataclass(frozen=True, slots=True)
class Meant:
    """A day with its hours, or either alone; `moment` is minutes from now (begin, end)."""

    begin: int
    end: int
    days: Days | None = None
    times: Times | None = None
    moment: tuple[int, int] | None = None
    excluded: bool = False
    hours_first: bool = False  # `sáng thứ hai`, not `thứ hai sáng`
    joined: str = ""  # to what stands before it: "" side by side, `or`, `comma`, `loose`

    def with_(self, other: Meant) -> Meant | None:
        """Both as one; None if they say two things."""
        if self.moment or other.moment or self.excluded != other.excluded:
            return None
        days, times = self.days or other.days, self.times or other.times
        if self.days and other.days:
            days = self.days.narrowed(other.days)
        if self.times and other.times:
            times = self.times.narrowed(other.times)
        if (self.days and not days) or (self.times and not times):
            return None
        first = self.hours_first if self.days and self.times else bool(self.times) and not self.days
        return replace(self, days=days, times=times, end=other.end, hours_first=first or other.hours_first)


@dataclass(frozen=True, slots=True)
class Said:
    """All a text says of time. `problems` are (problem, detail) of what cannot be understood."""

    meant: tuple[Meant, ...]
    excluded: tuple[Meant, ...]
    any_time: bool
    now: bool
    problems: tuple[tuple[str, str], ...]
    begin: int
    end: int


def said(text: str, setting: Setting) -> Said:
    """What a `spelling.normal` text says of time."""
    found = _reduced(atoms(text), setting)
    marks = [
        atom for atom in found if atom.kind in (*_TIME, "any", "soon", "now", "vague", "lunar", "wrong", "before_now")
    ]
    meanings = _meanings(_from_target(found), setting.opens)
    groups = list(_merged(_side_by_side(meanings)))
    return Said(
        tuple(_shared([group for group in groups if not group.excluded])),
        tuple(group for group in groups if group.excluded),
        any(atom.kind in ("any", "soon") for atom in found),
        any(atom.kind == "now" for atom in found),
        tuple(_problems(found)),
        min((atom.begin for atom in marks), default=0),
        max((atom.end for atom in marks), default=0),
    )


def _reduced(found: list[Atom], setting: Setting) -> list[Atom]:
    for rules in (either.RULES, counted.RULES, clocks.RULES, clocks.AT_HOUR, dates.RULES):
        found = reduced(found, rules, setting)
    found = [atom for atom in found if atom.kind not in ("the", "in", "at", "dayword", "trong", "hour")]
    return reduced(found, (*dates.RANGES, *clocks.RANGES, *dates.BOUNDS, *clocks.SPANS), setting)


def _problems(found: Sequence[Atom]) -> Iterator[tuple[str, str]]:
    yield from (atom.value for atom in found if atom.kind == "wrong")
    if any(atom.kind == "lunar" for atom in found):
        yield "unclear", "lunar"
    if any(atom.kind == "before_now" for atom in found):
        yield "past", ""
    if any(atom.kind == "vague" for atom in found):
        yield "unclear", "vague"


def _from_target(found: list[Atom]) -> list[Atom]:
    """`đổi lịch thứ hai sang thứ tư`: only what the appointment is moved to; to another hour, on the same day."""
    move = next((i for i, atom in enumerate(found) if atom.kind == "move"), len(found))
    for i in range(move, len(found)):
        rest = found[i + 1 :]
        if found[i].kind == "target" and any(atom.kind in _TIME for atom in rest):
            days = [atom for atom in found[:i] if atom.kind == "days"]
            return rest if any(atom.kind in ("days", "moment") for atom in rest) else [*days[-1:], *rest]
    return found


# Which are not meant


def _meanings(found: list[Atom], opens: int) -> list[Meant]:
    """The days and hours one by one, with how each is joined to the one before."""
    not_meant = _not_meant(found)
    result: list[Meant] = []
    since: list[Atom] = []
    for i, atom in enumerate(found):
        if atom.kind not in _TIME:
            since.append(atom)
            continue
        value: dict[str, Any] = {atom.kind: atom.value.opening_at(opens) if atom.kind == "times" else atom.value}
        result.append(Meant(atom.begin, atom.end, excluded=i in not_meant, joined=_join(since), **value))
        since = []
    return result


def _join(between: Sequence[Atom]) -> str:
    kinds = {atom.kind for atom in between} - _GLUE
    if not kinds:
        return ""
    if kinds & {"or", "and", "dash"} and kinds <= {"or", "and", "dash", "comma"}:
        return "or"
    return "comma" if kinds == {"comma"} else "loose"


def _not_meant(found: Sequence[Atom]) -> set[int]:
    """The places of what is said not to suit. In doubt it is not meant: never the opposite of what was said."""
    result: set[int] = set()
    said_before: list[int] = []
    goes_on = False
    for clause in _clauses(found):
        times = [i for i in clause if found[i].kind in _TIME]
        negation = next((i for i in clause if found[i].kind in _NEGATIONS), None)
        if negation is None:
            goes_on = goes_on and all(found[i].kind in (*_TIME, "or", "and") for i in clause)
            result.update(times if goes_on else ())
        else:
            turned, goes_on = _turned(found, times, negation, said_before)
            result.update(turned)
        end = found[clause.stop].kind if clause.stop < len(found) else "stop"
        goes_on = goes_on and end == "comma"
        said_before = [] if end == "stop" else times or said_before
    return result


def _turned(found: Sequence[Atom], times: list[int], negation: int, said_before: list[int]) -> tuple[list[int], bool]:
    """What a negation is about, and whether it goes on past a comma: `not Monday, Tuesday or Friday`."""
    before, after = [i for i in times if i < negation], [i for i in times if i > negation]
    kind, value = found[negation].kind, found[negation].value
    if not times:  # `thứ hai, em bận rồi`
        return (said_before if value == "unfit" else []), True
    if not before or (kind != "cant" and after):
        return after, kind != "instead"
    if after and all(found[i].kind == "days" and found[i].value.broad for i in before):
        return after, False  # `tuần sau em bận thứ hai`
    return [*before, *after], False


def _clauses(found: Sequence[Atom]) -> Iterator[range]:
    """Up to commas and stops; `thì` and `so` end one in which something was refused: `mai thì em bận` is one clause."""
    start = 0
    for i, atom in enumerate(found):
        refused = atom.kind == "then" and any(before.kind in _NEGATIONS for before in found[start:i])
        if atom.kind in ("comma", "stop", "turn") or refused:
            yield range(start, i)
            start = i + 1
    yield range(start, len(found))


# Which belong together


def _side_by_side(meanings: Sequence[Meant]) -> Iterator[Meant]:
    group: Meant | None = None
    for each in meanings:
        both = group.with_(each) if group and not each.joined else None
        if group and not both:
            yield group
        group = both or each
    if group:
        yield group


def _merged(groups: Iterator[Meant]) -> Iterator[Meant]:
    """What completes or narrows what was said before it: `tuần sau em rảnh thứ ba`, `chiều mai em qua lúc 3h`."""
    last: Meant | None = None
    for each in groups:
        both = last.with_(each) if last and each.joined in ("comma", "loose") else None
        if last and not both:
            yield last
        last = both or each
    if last:
        yield last


def _shared(groups: list[Meant]) -> list[Meant]:
    """Each with its hours and its day where alternatives share one: `Monday or Wednesday morning`, `mai 3h hoặc 4h`."""
    for i in reversed(range(len(groups) - 1)):
        one, after = groups[i], groups[i + 1]
        if one.days and not one.times and after.times and not after.hours_first and after.joined != "loose":
            groups[i] = replace(one, times=after.times)
    for i in range(1, len(groups)):
        one, before = groups[i], groups[i - 1]
        if one.days and not one.times and before.times and before.hours_first and one.joined != "loose":
            groups[i] = replace(one, times=before.times, hours_first=True)
    return _with_days(_with_days(groups)[::-1])[::-1]


def _with_days(groups: list[Meant]) -> list[Meant]:
    days: Days | None = None
    result = []
    for each in groups:
        days = each.days or days
        result.append(replace(each, days=days) if each.times and not each.days else each)
    return result
