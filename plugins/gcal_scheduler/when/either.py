"""Words that are several without their diacritics (`toi`: evening, I, until) or are names, told by their neighbours."""

from __future__ import annotations

from .cascade import Found, Made, becomes, rule
from .words import lexicon

_HOUR = "hour oclock ruoi minute time ampm"
_DAY = "relday weekday weekend week short slash date"
_OF_ME = ("em", "minh", "toi", "chi", "anh", "con", "tui", "se", "dang", "bi", "hom", "do")
_NAMED = ("ten", "named", "name", "la", "is")


def _part(name: str) -> tuple[str, object]:
    return "part", lexicon().parts[name]


def _evening_or_i(found: Found) -> Made:
    """`8h toi`: in the evening; `8h toi qua duoc khong`: I come."""
    after = found.next
    return None if after and after.plain in lexicon().i_verbs else _part("evening")


def _over_to(found: Found) -> Made:
    """`doi lich sang thu hai`: over to; the next `sang` is the morning."""
    return ("target", 1) if found.before("move") and not found.before("target") else None


def _busy_or_you(found: Found) -> Made:
    """`mai em ban`: busy; `ban oi, mai`: you."""
    before = found.atoms[found.first - 1].plain if found.first else ""
    ends = found.next is None or found.next.kind in ("comma", "stop", "turn", "then", "last")
    day = found.next is not None and found.next.kind in (*_DAY.split(), "part", "toi", "sang")
    return ("cant" if (day and before in _OF_ME) or (ends and found.first) else "x"), "unfit"


def _name(found: Found) -> Made:
    """`em tên Mai`, `chị Mai`."""
    title, name = found.atoms[found.first], found.atoms[found.last - 1]
    is_name = name.plain == "mai" and (name.capital or title.plain.split()[0] in _NAMED)
    return ("x", 1) if is_name else None


def _called(found: Found) -> Made:
    """`Mai ơi`."""
    called = found.atoms[found.first].plain == "mai" and found.next is not None and found.next.plain == "oi"
    return ("x", 1) if called else None


def _numbered_name(found: Found) -> Made:
    """`chị Bảy`, `bác sĩ Sáu`: a name, if it is no digit."""
    digit, be = found.atoms[found.last - 1].plain.isdigit(), found.atoms[found.first].plain == "be"
    return None if digit or be else ("x", 1)


def _after_noon(found: Found) -> Made:
    """`sau giờ trưa`; `sau gio chieu` is six in the afternoon."""
    return ("after", 1) if found.atoms[found.last + 1].value.name == "noon" else None


def _short_day(found: Found) -> Made:
    """`Sat`, `Mon`, `Thu` with a capital, where English is written."""
    atom = found.atoms[found.first]
    alone = len(found.atoms) == 1
    after_title = found.first > 0 and found.atoms[found.first - 1].kind == "title"
    believed = atom.capital and not after_title and (found.first > 0 or found.setting.language == "en")
    return ("weekday" if alone or believed else "x"), atom.value


def _short_day_and_hour(found: Found) -> Made:
    """`sat 3pm`; in Vietnamese `thu chieu` is a word without its diacritics (`học thử chiều ...`)."""
    atom = found.atoms[found.first]
    english = (
        atom.capital or found.setting.language == "en" or any(a.kind == "ampm" for a in found.atoms[found.last :][:2])
    )
    is_word = atom.plain == "thu" and not english
    return None if is_word else ("weekday", atom.value)


def _on_short_day(found: Found) -> Made:
    """`on sat`, `next mon`; not `the sun`."""
    value = found.atoms[found.first].value
    return None if found.atoms[found.first - 1].plain == "the" else ("weekday", value)


def _today(found: Found) -> Made:
    """`nay em qua`: today, in the south."""
    return ("relday", 0) if found.atoms[found.first].plain == "nay" else None


def _negates(found: Found) -> Made:
    """`thứ hai em không qua` says no; `thứ hai còn chỗ không ạ` asks."""
    clause = list(found.atoms[: found.first])
    for i in range(len(clause) - 1, -1, -1):
        if clause[i].kind in ("comma", "stop", "turn"):
            clause = clause[i + 1 :]
            break
    after = found.next
    ends = (
        after is None or after.kind in ("comma", "stop", "turn", "then", "last") or after.plain in lexicon().particles
    )
    asks = any(atom.plain in lexicon().before_question for atom in clause)
    only_ok = not clause and found.atoms[found.first].end - found.atoms[found.first].begin == 1  # `k, tomorrow`
    return ("x", 1) if ends or asks or only_ok else ("cant", "refused")


def _seven(found: Found) -> Made:
    """`bay gio ruoi toi thu sau`: half past seven, not now."""
    return [("num", 7), ("hour", 1)] if found.atoms[found.first].plain == "bay" else None


def _all_but(found: Found) -> Made:
    """`any day but Friday`."""
    return ("not", 1) if found.before("any") else None


def _between(found: Found) -> Made:
    """`giữa 2h và 4h`."""
    return ("between", 1) if found.one("edge") == "mid" else None


RULES = (
    rule("edge (?= [num time] hour? num? and)", _between),
    rule("turn (?=the? [weekday relday short part num])", _all_but),
    rule("now (?=[ruoi num kem part minute toi sang]) | (?<=[at relday weekday part]) now", _seven),
    rule("khong [target x] (?=[num time])", lambda found: ("by", 1) if found.atoms[found.last - 1].plain == "qua" else None),
    rule("khong", _negates),
    rule("mot (?=[hour hours oclock minute monthword unit dayword halfhour ruoi])", becomes("num", 1)),
    rule("(?<![x num]) mot", becomes("relday", 2)),
    rule("mot", becomes("x")),
    rule("nam (?=year)", becomes("yearword")),
    rule("(?<=[num an]) nam (?=[ahead after]) | (?<=edge) nam", becomes("unit", "year")),
    rule("(?<=[kem mung hour dayword until at after from before around]) nam", becomes("num", 5)),
    rule("nam (?=[hour hours minute dayword unit ruoi monthword])", becomes("num", 5)),
    rule("nam", becomes("x")),
    rule("sau (?=hour part)", _after_noon),
    rule("sau (?=[hour ruoi]) | (?<=[mung kem]) sau", becomes("num", 6)),
    rule("title sau (?=part)", becomes("x")),
    rule("sau", becomes("after")),
    rule("tam (?=[num time])", becomes("around")),
    rule("tam (?=[hour ruoi part minute dayword]) | (?<=[mung kem]) tam", becomes("num", 8)),
    rule("tam", becomes("x")),
    rule(f"(?<=[num {_HOUR}]) toi (?=[num time])", becomes("until")),
    rule(f"(?<=[{_DAY} month]) toi (?=[{_DAY}])", becomes("until")),
    rule(f"(?<=[{_HOUR}]) toi", _evening_or_i),
    rule(f"toi (?=[{_DAY} this])", lambda found: _part("evening")),
    rule("(?<=[dayword]) toi", becomes("ahead")),
    rule("toi", becomes("x")),
    rule("sang", _over_to),
    rule("^ sang (?=[or and comma])|^ sang $", lambda found: _part("morning")),
    rule(f"sang (?=[{_DAY} this dayword] | num dash num dash num)", lambda found: _part("morning")),
    rule(f"(?<=[{_DAY} {_HOUR} target]) sang", lambda found: _part("morning")),
    rule("sang", becomes("target")),
    rule(f"dem (?=[{_DAY} this]) | (?<=[{_HOUR}]) dem", lambda found: _part("night")),
    rule("dem", becomes("x")),
    rule("may (?=[num ordinal the]) | (?<=[num ordinal in the next]) may", becomes("month", 5)),
    rule("may (?=[unit dayword])", becomes("few", 3)),
    rule("may", becomes("x")),
    rule("co | do | con", becomes("x")),
    rule("no (?=[weekday part])", becomes("not")),
    rule("no", becomes("x")),
    rule("(?<=[before after]) work", lambda found: _part("working hours")),
    rule("work", becomes("x")),
    rule("ban", _busy_or_you),
    rule("ten", lambda found: ("title", 1) if found.next and found.next.plain == "mai" else ("num", 10)),
    rule("dung (?=[num time at])", becomes("the")),
    rule("dung", becomes("not")),
    rule("so (?=slash)", lambda found: ("then" if found.setting.language == "en" else "address", 1)),
    rule("so", becomes("then")),
    rule("title relday", _name),
    rule("relday (?=x)", _called),
    rule("title [num nam] (?![hour ruoi kem minute])", _numbered_name),
    rule("^ this (?![weekday unit])", _today),
    rule("(?<=[next coming the by until before after between or and]) short", _on_short_day),
    rule("short (?=[time ampm part week dash until]) | short (?=num [ampm until dash hour time])", _short_day_and_hour),
    rule("short", _short_day),
)  # fmt: skip
