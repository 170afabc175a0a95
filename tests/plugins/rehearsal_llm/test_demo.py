"""What people write who try the tenants of tenants.example.yaml: danger, a person, money back."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk import TenantConfig
from frontdesk.config import load
from frontdesk.plugins.rehearsal_llm.data import expanded
from frontdesk.plugins.rehearsal_llm.intents import read
from frontdesk.plugins.rehearsal_llm.language import detect

from .conftest import Desk

EXAMPLE = Path(__file__).parents[3] / "tenants.example.yaml"
EMERGENCY = "call 999"


@pytest.fixture(scope="module")
def examples() -> dict[str, TenantConfig]:
    return load(EXAMPLE).tenants


@pytest.fixture
def dental(examples: dict[str, TenantConfig]) -> Desk:
    return Desk(examples["riverside-dental"])


@pytest.fixture
def lotus(examples: dict[str, TenantConfig]) -> Desk:
    return Desk(examples["lotus-school"])


@pytest.mark.parametrize(
    "cry",
    [
        "My dad can't breathe", "I cannot breathe", "bleeding after extraction", "my mum is struggling to breathe",
        "he is not breahting", "my son is choking", "the gum won't stop bleeding", "She can hardly swallow",
        "I had a tooth out yesterday and it has been bleeding all night", "my wife passed out", "I have chest pain",
        "hi, how much is a filling? my dad can't breathe", "are you a bot? my daughter had a seizure",
        "bố em khó thở quá", "bo em kho tho qua", "nhổ răng xong chảy máu mãi không cầm", "con em thở không được",
        "nho rang xong chay mau hoai ko cam", "mẹ em bị ngất xỉu", "bé nhà em ngã gãy răng chảy máu nhiều",
    ],
)  # fmt: skip
async def test_who_is_in_danger_hears_what_to_do_at_once_and_gets_a_person(dental: Desk, cry: str) -> None:
    answer = await dental.says(cry)
    assert EMERGENCY in answer and dental.called_a_person
    assert not {"£58", "automatic"} & set(answer.split())


async def test_danger_interrupts_a_booking(clinic: Desk) -> None:
    await clinic.says("I'd like to book an appointment tomorrow")
    assert "same day" in await clinic.says("my dad can't breathe!!") and clinic.called_a_person and clinic.deeds == []


async def test_where_no_fact_says_what_to_do_the_emergency_services_are_named(lotus: Desk) -> None:
    assert "gọi cấp cứu ngay" in await lotus.says("bố em khó thở quá") and lotus.called_a_person
    assert "emergency services" in await lotus.says("he can't breathe") and lotus.called_a_person


@pytest.mark.parametrize(
    "text",
    ["I can't get there tho", "What time do you close tho?", "the bleeding has stopped", "do you do blood tests?",
     "em không học được buổi tối", "con bị nghỉ học một buổi", "I am dying to see the results"],
)  # fmt: skip
def test_what_only_sounds_like_danger_is_none(text: str) -> None:
    expected = {"danger"} if "dying" in text else set()  # better once too often than once too little
    assert read(text, detect(text) or "en").intents & {"danger"} == expected


async def test_a_question_that_speaks_of_pain_is_answered_with_what_to_do(dental: Desk) -> None:
    answer = await dental.says("my gums bleed when I brush")
    assert EMERGENCY in answer and dental.called_a_person


@pytest.mark.parametrize(
    "wish",
    [
        "I want a person", "agent", "operator", "Operator please", "Put me through to reception", "a real person",
        "can you connect me with somebody", "transfer me please", "I'd rather have a human", "get me your manager",
        "could I speak to the receptionist?", "is anybody there?", "representative",
        "cho gặp người thật", "nối máy cho lễ tân", "cho em nói chuyện với lễ tân", "lễ tân", "chuyển cho nhân viên đi",
        "noi may cho le tan", "em muốn gặp quản lý", "có ai không?", "kết nối em với nhân viên",
    ],
)  # fmt: skip
async def test_a_person_is_asked_for_in_many_words(dental: Desk, wish: str) -> None:
    answer = await dental.says(wish)
    assert "colleague" in answer or "nhân viên" in answer
    assert str(dental.calls[-1].arguments["reason"]).startswith(("the contact asks for a person", "khách muốn gặp"))


@pytest.mark.parametrize(
    "text",
    ["can I book for one person?", "what time is reception open?", "lễ tân làm đến mấy giờ?", "nơi mấy giờ đóng"],
)
def test_who_speaks_of_a_person_does_not_always_want_one(text: str) -> None:
    assert "person" not in read(text, detect(text) or "en").intents


@pytest.mark.parametrize(
    "wish", ["I want a refund", "give me my money back", "I'd like my money back please", "trả lại tiền cho tôi"]
)
async def test_who_wants_money_back_where_no_fact_speaks_of_it_gets_a_person(dental: Desk, wish: str) -> None:
    await dental.says(wish)
    assert dental.called_a_person


async def test_who_feels_robbed_hears_an_apology(dental: Desk) -> None:
    assert "very sorry" in await dental.says("You ripped me off, I want my money back") and dental.called_a_person


@pytest.mark.parametrize(
    "wish", ["trả tiền lại cho tôi", "tra lai tien cho toi", "đòi lại học phí", "I want my money back"]
)
async def test_who_wants_money_back_hears_the_fact_about_it(lotus: Desk, wish: str) -> None:
    answer = await lotus.says(wish)
    assert "hoàn lại 100%" in answer and "chuyển khoản" not in answer


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Is Bupa accepted and where do I park?", ("Bupa and Denplan", "Tooley Street")),
        ("where can I park, and is Denplan accepted", ("Bupa and Denplan", "Tooley Street")),
        ("Where can I park and do you sell toothbrushes?", ("Tooley Street", "The rest of your question")),
        ("do you do implants and how much is a check-up?", ("£58", "The rest of your question")),
        ("do you do implants, and how much is it?", ("I do not know that for certain",)),
    ],
)
async def test_of_two_questions_in_one_none_is_dropped_silently(
    dental: Desk, question: str, told: tuple[str, ...]
) -> None:
    answer = await dental.says(question)
    assert [part for part in told if part not in answer] == []


async def test_two_questions_in_one_are_told_apart_in_vietnamese(lotus: Desk) -> None:
    answer = await lotus.says("có gửi xe không và có dạy tiếng Nhật không")
    assert "giữ xe máy miễn phí" in answer and "Phần còn lại" in answer and lotus.called_a_person


@pytest.mark.parametrize(
    "question", ["Trung tâm có đưa đón bé không?", "có xe đưa rước không", "co don be tan hoc khong"]
)
async def test_what_only_mentions_a_child_is_not_answered_with_a_discount(lotus: Desk, question: str) -> None:
    assert "10%" not in await lotus.says(question) and lotus.called_a_person


@pytest.mark.parametrize(
    "question",
    ["Is there a lift?", "I'm a wheelchair user, can I get in?", "is it wheelchair accessible", "có thang máy không"],
)
async def test_who_asks_for_a_lift_hears_that_there_is_one(dental: Desk, question: str) -> None:
    answer = await dental.says(question)
    assert "there is a lift" in answer and "disabled bay" not in answer


async def test_disabled_parking_is_parking(dental: Desk) -> None:
    assert "disabled bay" in await dental.says("Do you have disabled parking?")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("do you speak Vietnamese?", "Dạ, có ạ, anh/chị nhắn em bằng tiếng Việt hay tiếng Anh đều được ạ."),
        ("bạn có nói tiếng Việt không", "Dạ, có ạ, anh/chị nhắn em bằng tiếng Việt hay tiếng Anh đều được ạ."),
        ("Can I write in English?", "Yes, you can write to me in English or Vietnamese."),
    ],
)
async def test_which_languages_it_has_is_told_in_the_one_asked_for(dental: Desk, question: str, answer: str) -> None:
    assert await dental.says(question) == answer and not dental.calls


async def test_what_is_asked_beside_the_language_is_answered_too(dental: Desk) -> None:
    answer = await dental.says("Bạn có nói tiếng Việt không? Khám răng giá bao nhiêu?")
    assert answer.startswith("Dạ, có ạ") and "£58" in answer and not dental.calls


@pytest.mark.parametrize(
    "question", ["Giáo viên có nói tiếng Việt không?", "do you have English classes in the evening?"]
)
async def test_who_asks_for_a_language_of_others_is_not_told_the_own_ones(lotus: Desk, question: str) -> None:
    assert "tiếng Việt hay tiếng Anh" not in await lotus.says(question)
    assert "English or Vietnamese" not in lotus.history[-1].text


async def test_the_usual_hours_are_not_promised_for_a_date(dental: Desk, lotus: Desk) -> None:
    answer = await dental.says("Are you open on 25 December?")
    assert "8:30 to 18:00" in answer and "Whether 25 December is a holiday" in answer
    assert "ngày 30/4 có nghỉ lễ" in await lotus.says("ngày 30/4 có làm việc không ạ")
    assert "usual hours" not in await dental.says("are you open on Friday?")


async def test_a_fact_that_names_the_date_is_believed(examples: dict[str, TenantConfig]) -> None:
    tenant = examples["riverside-dental"]
    facts = [
        fact.model_copy(update={"answer": f"{fact.answer} On 25 December we are closed."})
        if fact.id == "opening-hours"
        else fact
        for fact in tenant.facts
    ]
    answer = await Desk(tenant.model_copy(update={"facts": tuple(facts)})).says("Are you open on 25 December?")
    assert answer.endswith("On 25 December we are closed.")


@pytest.mark.parametrize("day", ["Christmas Day", "Good Friday", "Boxing Day"])
async def test_a_holiday_nobody_told_of_goes_to_a_person(dental: Desk, day: str) -> None:
    assert "8:30" not in await dental.says(f"Are you open on {day}?") and dental.called_a_person


def test_a_phrase_stands_for_each_choice_of_its_words() -> None:
    assert list(expanded(["speak|talk to -|a lễ_tân, ok"])) == [
        "speak to lễ tân", "speak to a lễ tân", "talk to lễ tân", "talk to a lễ tân", "ok",
    ]  # fmt: skip
