from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.plugins.rehearsal_llm import options
from frontdesk.plugins.rehearsal_llm.options import Offer, Option, pick, show

MONDAY = date(2026, 11, 23)
TWO = [Option("s7k", "Friday 10:30"), Option("q2m", "Friday 15:00")]


@pytest.mark.parametrize(
    "content",
    [
        "s7k — Friday 10:30\nq2m — Friday 15:00",
        "Free times:\n- s7k: Friday 10:30\n- q2m: Friday 15:00",
        "[s7k] Friday 10:30\n[q2m] Friday 15:00",
        "1. Friday 10:30 (id: s7k)\n2. Friday 15:00 (id: q2m)",
        '[{"id": "s7k", "time": "Friday 10:30"}, {"id": "q2m", "time": "Friday 15:00"}]',
        '{"slots": [{"slot_id": "s7k", "label": "Friday 10:30"}, {"slot_id": "q2m", "label": "Friday 15:00"}]}',
    ],
)
def test_choices_are_read_from_lines_and_json(content: str) -> None:
    assert options.parse(content) == TWO


@pytest.mark.parametrize(
    "content",
    ["", "There are none.", "Friday: closed", "10:30 — taken", "27/11/2026 - full", "[]", '{"free": []}', "null", "7"],
)
def test_what_is_no_list_of_choices_gives_none(content: str) -> None:
    assert options.parse(content) == []


def test_what_is_shown_can_be_read_back() -> None:
    assert options.show(TWO) == "1. Friday 10:30\n2. Friday 15:00"
    assert options.shown(f"These are free:\n{options.show(TWO)}\nWhich one?") == ["Friday 10:30", "Friday 15:00"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1", 0), ("2 nhé", 1), ("number 2", 1), ("cái thứ hai", 1), ("the last one", 1), ("15h", 1), ("3pm", 1),
        ("morning", 0), ("chiều", 1), ("10 giờ rưỡi", 0), ("Friday", None), ("3", 1), ("7", None), ("", None),
        ("where are you?", None), ("ở đâu vậy", None), ("do you have any parking at the clinic", None), ("both", None),
    ],
)  # fmt: skip
def test_a_choice_is_understood_or_left_open(text: str, place: int | None) -> None:
    assert options.pick([option.label for option in TWO], text, MONDAY) == place


def test_thu_hai_is_monday_where_a_monday_is_offered_and_the_second_elsewhere() -> None:
    with_monday = ["30/11/2026 09:00", "01/12/2026 09:00"]
    assert options.pick(["Monday 09:00", "Tuesday 09:00"], "thứ hai", MONDAY) == 0
    assert options.pick(with_monday, "cái thứ hai", MONDAY) == 1
    others = ["15:00 thứ Tư, 02/12/2026", "16:00 thứ Tư, 02/12/2026", "17:00 thứ Tư, 02/12/2026"]
    for wish in ("thứ ba", "Em muốn đặt lịch thứ ba", "thứ hai được không em?", "chọn thứ ba nhé", "thứ 3"):
        assert options.pick(others, wish, MONDAY) is None, "another day is not the third of these"
    assert options.pick(others, "cái thứ ba", MONDAY) == 2
    assert options.pick(["Giao tiếp", "IELTS"], "thứ hai", MONDAY) == 1


@given(st.text(), st.text(max_size=60))
def test_nothing_written_breaks_the_reading(content: str, reply: str) -> None:
    labels = [option.label for option in options.parse(content)]
    place = options.pick(labels, reply, MONDAY)
    assert place is None or 0 <= place < len(labels)


LONG = "Thứ Ba 24/11 lúc 9:30, cơ sở Láng Hạ"


def test_a_long_label_is_cut_where_a_word_ends_and_known_again_by_its_title():
    offer = Offer([Option("a1", LONG), Option("b2", "Thứ Ba 24/11")])
    first, second = offer.choices()
    assert (first["title"], first["description"]) == ("Thứ Ba 24/11 lúc 9:30", "cơ sở Láng Hạ")
    assert second == {"title": "Thứ Ba 24/11", "id": "b2"}
    labels = [option.tapped for option in offer.options]
    today = date(2026, 11, 23)
    assert [pick(labels, each["title"], today) for each in (first, second)] == [0, 1]


@pytest.mark.parametrize(
    "labels",
    [("x" * 25,), ("Thứ Ba 24/11 lúc 9:30, cơ sở " + "Láng Hạ " * 10,), (LONG, "Thứ Ba 24/11 lúc 9:30, Chùa Láng")],
    ids=["one word", "too long", "the same title twice"],
)
def test_what_cannot_be_tapped_is_numbered_lines(labels):
    offer = Offer([Option(str(no), label) for no, label in enumerate(labels)], asked="Giờ nào?")
    assert offer.choices() == []
    assert offer.lines() == (show(offer.options), "Giờ nào?")
