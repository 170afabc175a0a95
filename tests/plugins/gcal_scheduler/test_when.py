"""when_heard.yaml, line by line: as it stands, and as people type the same with less care."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from frontdesk import detect_language
from frontdesk.plugins.gcal_scheduler.when import Heard, hear
from frontdesk.plugins.gcal_scheduler.when.cascade import _CODES
from frontdesk.plugins.gcal_scheduler.when.words import lexicon

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
TABLE = Path(__file__).with_name("when_heard.yaml")
PROBLEMS = ("nothing", "past", "impossible", "unclear")

Meaning = tuple[list[tuple[datetime, datetime]], bool, str, str]
"""Spans on the wall clock, exact, problem, detail."""


@dataclass(frozen=True)
class Line:
    text: str
    expected: str
    now: datetime
    needs_marks: bool

    def meaning(self) -> Meaning:
        problem, _, detail = self.expected.partition(" ")
        if problem in PROBLEMS:
            return [], False, problem, detail
        written = self.expected.removeprefix("= ").split(" | ")
        return [span for one in written for span in self._spans(one)], self.expected.startswith("= "), "", ""

    def _spans(self, written: str) -> Iterator[tuple[datetime, datetime]]:
        days, _, hours = written.partition(" ")
        if days == "daily":
            today = self.now.date()
            week = [self._hours(today + timedelta(days=ahead), hours) for ahead in range(7)]
            yield from ((max(begin, self.now), end) for begin, end in week if end > self.now)
        elif hours:
            yield self._hours(self._day(days), hours)
        else:
            first, _, last = days.partition("..")
            begin = self.now if first == "now" else at(self._day(first), "00:00")
            yield begin, at(self._day(last or first), "24:00")

    def _hours(self, day: date, hours: str) -> tuple[datetime, datetime]:
        begin, _, end = hours.partition("-")
        start = self.now if begin == "now" else at(day, begin)
        return start, at(day, end) if end else start + timedelta(minutes=1)

    def _day(self, written: str) -> date:
        return date.fromisoformat(written if len(written) > 5 else f"{self.now.year}-{written}")


def at(day: date, hour: str) -> datetime:
    hours, minutes = map(int, hour.split(":"))
    return datetime(day.year, day.month, day.day) + timedelta(hours=hours, minutes=minutes)  # noqa: DTZ001


def table() -> list[Line]:
    groups = yaml.load(TABLE.read_text("utf-8"), Loader=yaml.CBaseLoader)
    return [
        Line(text, expected, datetime.fromisoformat(group["now"]), "marks" in group)
        for group in groups
        for text, expected in group["heard"].items()
    ]


LINES = table()


def heard(line: Line, text: str) -> Heard:
    language = detect_language(line.text) or "vi"
    return hear(text, line.now.replace(tzinfo=SAIGON), zone=SAIGON, language=language)


def meaning(found: Heard) -> Meaning:
    spans = [(span.begin.replace(tzinfo=None), span.end.replace(tzinfo=None)) for span in found.spans]
    return spans, found.exact, found.problem, found.detail


def test_the_table_is_as_long_as_it_has_to_be():
    vietnamese = [line for line in LINES if detect_language(line.text) == "vi"]
    assert len(vietnamese) >= 200 and len(LINES) - len(vietnamese) >= 200


@pytest.mark.parametrize("now", sorted({line.now for line in LINES}), ids=str)
def test_it_is_understood_as_it_is_meant(now: datetime):
    lines = [line for line in LINES if line.now == now]
    wrong = [(line.text, line.expected, meaning(heard(line, line.text))) for line in lines]
    assert [each for each, line in zip(wrong, lines, strict=True) if each[2] != line.meaning()] == []


def bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@pytest.mark.parametrize(
    "typed",
    [
        bare,
        lambda text: bare(text).lower(),
        lambda text: unicodedata.normalize("NFD", text),
        str.upper,
        lambda text: f"  {text.replace(' ', '   ')} !",
        lambda text: text.replace(" ", " \u200b"),
    ],
    ids=["no diacritics", "no diacritics, lower case", "decomposed", "capitals", "spaces", "zero-width spaces"],
)
def test_it_means_the_same_typed_with_less_care(typed: Callable[[str], str]):
    lines = [line for line in LINES if not line.needs_marks]
    found = [(line.text, meaning(heard(line, typed(line.text))), meaning(heard(line, line.text))) for line in lines]
    assert [(text, other) for text, other, own in found if other != own] == []


@pytest.mark.parametrize(
    ("right", "slipped"),
    [
        ("Wednesday", "Wedneday"), ("tomorrow afternoon", "tomrrow aftrenoon"), ("Saturday", "Saturdsy"),
        ("next Thursday", "next Thursdy"), ("December 14", "Decmber 14"), ("chiều thứ sáu", "chìêu thứ sáu"),
        ("thứ bảy tuần sau", "thú bảy tuàn sau"), ("chủ nhật", "chu nhât"), ("tối mai", "tốiii mai"),
        ("sáng mai", "sánggg mai"),
        ("ngày kia", "ngay kiaaa"), ("trưa mai", "trưả mai"),
    ],
)  # fmt: skip
def test_one_slip_of_typing_is_forgiven(right: str, slipped: str):
    now = datetime(2026, 11, 25, 10, tzinfo=SAIGON)
    assert (
        hear(slipped, now, zone=SAIGON, language="vi").spans == hear(right, now, zone=SAIGON, language="vi").spans != ()
    )


@pytest.mark.parametrize(("language", "day"), [("en", "Mon 30"), ("vi", "")])
def test_the_language_breaks_ties(language: str, day: str):
    """`Mon` is Monday, or `môn` of who types without diacritics."""
    now = datetime(2026, 11, 25, 10, tzinfo=SAIGON)
    spans = hear("Mon is fine", now, zone=SAIGON, language=language).spans
    assert [f"{span.begin:%a %d}" for span in spans] == ([day] if day else [])


def test_the_week_begins_where_it_does():
    sunday = datetime(2026, 11, 29, 10, tzinfo=SAIGON)
    by_monday = hear("next week", sunday, zone=SAIGON, language="en", week_starts=0)
    by_sunday = hear("next week", sunday, zone=SAIGON, language="en", week_starts=6)
    assert f"{by_monday.spans[0].begin:%a %d}" == "Mon 30"
    assert f"{by_sunday.spans[0].begin:%a %d}" == "Sun 06"


@pytest.mark.parametrize(("opens", "begins"), [(7, "07:00"), (8, "19:00"), (11, "19:00")])
def test_an_hour_is_in_the_hours_of_business(opens: int, begins: str):
    now = datetime(2026, 11, 25, 10, tzinfo=SAIGON)
    found = hear("bàn 2 người 7h mai", now, zone=SAIGON, language="vi", opens=opens)
    assert f"{found.spans[0].begin:%H:%M}" == begins
    morning = hear("7h sáng mai", now, zone=SAIGON, language="vi", opens=opens)
    assert f"{morning.spans[0].begin:%H:%M}" == "07:00"


def test_it_tells_which_words_it_understood():
    now = datetime(2026, 11, 25, 10, tzinfo=SAIGON)
    found = hear("Em chào shop, chiều thứ sáu này còn chỗ không ạ?", now, zone=SAIGON, language="vi")
    assert found.words == "chiều thứ sáu này"
    assert hear("chào em", now, zone=SAIGON, language="vi").words == ""


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="aware"):
        hear("mai", datetime(2026, 11, 25), zone=SAIGON, language="vi")  # noqa: DTZ001


def test_every_kind_of_the_lexicon_is_one_the_grammar_knows():
    kinds = {phrase.kind for phrases in lexicon().phrases.values() for phrase in phrases}
    assert kinds <= {*_CODES}


def test_a_text_takes_no_time_to_speak_of():
    """Processor time, the best of three: 5 ms on average are allowed, and 0.3 ms were measured."""
    best = min(_seconds_for_all() for _ in range(3))
    assert best / len(LINES) < 0.005


def _seconds_for_all() -> float:
    start = time.process_time()
    for line in LINES:
        heard(line, line.text)
    return time.process_time() - start
