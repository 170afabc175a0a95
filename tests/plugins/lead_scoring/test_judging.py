"""What rules make of a contact's words, in English and Vietnamese, with and without accents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import Message
from frontdesk.plugins.lead_scoring.judging import falls_below, judge, known_signals, score, stands_in, temperature
from frontdesk.plugins.lead_scoring.settings import LeadScoringSettings, Wanted

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SETTINGS = LeadScoringSettings(
    fields=(
        Wanted(name="need", kind="need", words=("IELTS", "tiếng Anh giao tiếp", "whitening"), points=15),
        Wanted(name="budget", kind="budget", points=15),
        Wanted(name="timing", kind="timing", points=20),
        Wanted(name="authority", kind="authority", points=5),
    )
)


def said(*texts: str, direction: Any = "inbound") -> list[Message]:
    return [
        Message(
            id=f"m{n}", conversation="c", direction=direction, state="answered", text=text, at=AT + timedelta(minutes=n)
        )
        for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Em muốn học IELTS.", {"need": "Em muốn học IELTS."}),
        ("em muon hoc tieng anh giao tiep", {"need": "em muon hoc tieng anh giao tiep"}),
        ("Ngân sách của em tầm 5 triệu thôi ạ", {"budget": "5 triệu"}),
        ("khoảng 3 tr đổ lại", {"budget": "3 tr"}),
        ("em co 2.500.000 đồng", {"budget": "2.500.000 đồng"}),
        ("tầm 500k được không", {"budget": "500k"}),
        ("We have about $1,200 for it", {"budget": "$1,200"}),
        ("My budget is 300 euros", {"budget": "300 euros"}),
        ("Tuần sau em rảnh", {"timing": "Tuần sau"}),
        ("chu nhat duoc khong", {"timing": "chu nhat"}),
        ("Thứ ba tuần này em đến", {"timing": "Thứ ba"}),
        ("Can we start next month?", {"timing": "next month"}),
        ("Để em hỏi lại chồng đã", {"authority": "hỏi lại chồng"}),
        ("I have to ask my wife", {"authority": "ask my wife"}),
        ("2 triệu rưỡi được không", {"budget": "2 triệu rưỡi"}),
        ("USD 300 at most", {"budget": "USD 300"}),
        ("em có 5000000", {"budget": "5000000"}),
        ("chị tự quyết định mà", {"authority": "chị tự quyết định"}),
        ("I can't do next week", {}),
        ("không phải tuần sau đâu", {}),
        ("Xin chào", {}),
        ("Số của em là 0912345678", {}),
        ("Facebook của trung tâm ở đâu?", {}),
    ],
)
def test_what_is_known_is_the_contacts_own_words(text: str, fields: dict[str, str]) -> None:
    judged = judge(said(text), SETTINGS)
    assert dict(judged.fields) == fields
    for each in judged.evidence:
        assert each.quote in text and each.message == "m0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Cho em đặt lịch chiều nay", "wants to book"),
        ("cho em dat lich nhe", "wants to book"),
        ("Can I come tomorrow?", "wants to book"),
        ("Em chuyển khoản luôn được không", "wants to pay"),
        ("How much is it?", "asks for the price"),
        ("Em chỉ hỏi thôi", "only looks"),
        ("Sorry, not interested", "does not want it"),
        ("Anh gọi lại cho em nhé", "asks to be called"),
    ],
)
def test_words_that_count(text: str, reason: str) -> None:
    assert reason in {each.what for each in judge(said(text), SETTINGS).reasons}


@pytest.mark.parametrize(
    "text", ["Em không đặt lịch đâu", "I don't want to book anything", "Tôi chưa muốn đăng ký", "please never call me"]
)
def test_what_is_denied_does_not_count(text: str) -> None:
    assert not {"wants to book", "asks to be called"} & {each.what for each in judge(said(text), SETTINGS).reasons}


def test_what_the_desk_said_is_no_evidence() -> None:
    judged = judge(said("Anh chị muốn đặt lịch học IELTS tuần sau, giá 5 triệu?", direction="outbound"), SETTINGS)
    assert judged.reasons == () and judged.last is None and judged.full == 0


def test_the_newest_words_count_and_each_reason_once() -> None:
    judged = judge(said("Tầm 3 triệu", "How much? How much?", "thật ra 5 triệu cũng được"), SETTINGS)
    assert judged.fields["budget"] == "5 triệu"
    assert [each.what for each in judged.reasons].count("asks for the price") == 1


def test_a_serious_contact_is_hot_and_one_who_only_looks_is_cold() -> None:
    hot = judge(
        said("Em muốn học IELTS, học phí bao nhiêu?", "Tuần sau em đăng ký học luôn, chuyển khoản nhé"), SETTINGS
    )
    cold = judge(said("Học phí bao nhiêu?", "Em tham khảo thôi ạ"), SETTINGS)
    assert (temperature(hot.full, SETTINGS), temperature(cold.full, SETTINGS)) == ("hot", "cold")


def test_a_booked_visit_counts() -> None:
    assert judge(said("Xin chào"), SETTINGS, visit=True).full == SETTINGS.visit


def test_a_quotation_must_stand_in_a_message_of_the_contacts() -> None:
    messages = [*said("Em có 5 triệu, HỌC buổi tối"), *said("Khóa này 9 triệu", direction="outbound")]
    assert stands_in("hoc  buoi toi", messages) is messages[0]
    assert stands_in("9 triệu", messages) is None
    assert stands_in("oc", messages) is None and stands_in("uoi toi", messages) is None
    assert stands_in("", messages) is None and stands_in("10 triệu", messages) is None


@given(
    full=st.integers(0, 100),
    hours=st.floats(0, 24 * 365),
    half=st.timedeltas(timedelta(hours=1), timedelta(days=90)),
)
def test_points_only_fall_with_time_and_fall_below_when_it_is_said(full: int, hours: float, half: timedelta) -> None:
    now = AT + timedelta(hours=hours)
    points = score(full, AT, now, half)
    assert 0 <= points <= full and score(full, AT, now + half, half) <= points
    assert score(full, now, AT, half) == full, "another machine's clock is ahead"
    for threshold in (35, 70):
        at = falls_below(full, threshold, AT, half)
        if at is not None and at < AT + timedelta(days=3000):
            assert score(full, AT, at, half) < threshold
            assert score(full, AT, AT + (at - AT) * 0.9, half) >= threshold


@given(st.lists(st.text(max_size=200), max_size=8))
def test_any_words_can_be_judged(texts: list[str]) -> None:
    judged = judge(said(*texts), SETTINGS)
    assert 0 <= judged.full <= 100
    for each in judged.evidence:
        assert any(each.quote in text for text in texts)


def test_the_plugins_own_words_have_a_reason_and_points() -> None:
    assert all(each.reason and each.points for each in known_signals())
