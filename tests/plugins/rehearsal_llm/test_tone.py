"""Emoji, thanks and the like get a short fitting answer; and the persona's tone is heard in what the model says itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from frontdesk import TenantConfig
from frontdesk.plugins.rehearsal_llm import phrases
from frontdesk.plugins.rehearsal_llm.emoji import as_words, mood_of
from frontdesk.plugins.rehearsal_llm.phrases import VOICES, Voice, say

from .conftest import Booking, Desk

STICKER = "[sticker, could not be understood]"
LIKED = {
    "school": "Dạ vâng ạ. Anh/chị cần gì thêm cứ nhắn em nhé.",
    "clinic": "All right. Just write if you need anything else.",
}
WELCOME = {
    "school": "Dạ không có gì ạ. Anh/chị cần gì thêm cứ nhắn em nhé.",
    "clinic": "You are welcome. Just write if you need anything else.",
}
AGAIN = {
    "👍": {"school": "Dạ vâng ạ.", "clinic": "All right."},
    "🙏": {"school": "Dạ không có gì ạ.", "clinic": "You are welcome."},
}


@pytest.mark.parametrize("tenant", ["school", "clinic"])
@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("👍🏽", LIKED),
        ("😂😂", LIKED),
        ("🦷", LIKED),
        (STICKER, LIKED),
        ("ok", LIKED),
        ("haha", LIKED),
        ("🙏", WELCOME),
        ("❤️", WELCOME),
    ],
)
async def test_what_asks_nothing_is_answered_shortly_and_then_with_a_word(
    desk: Callable[..., Desk], tenant: str, text: str, answers: dict[str, str]
) -> None:
    here, again = desk(tenant), AGAIN["👍" if answers is LIKED else "🙏"][tenant]
    assert [await here.says(text) for _ in range(3)] == [answers[tenant], again, again]
    assert not here.called_a_person


@pytest.mark.parametrize("text", ["cảm ơn", "cảm ơn em nhé", "tks", "ok cảm ơn em ❤️"])
async def test_thanks_are_answered_politely_in_vietnamese(desk: Callable[..., Desk], text: str) -> None:
    here = desk("school")
    assert [await here.says(text) for _ in range(2)] == [WELCOME["school"], AGAIN["🙏"]["school"]]


async def test_thanks_after_a_thumb_up_are_answered_as_thanks(clinic: Desk) -> None:
    assert [await clinic.says(text) for text in ("👍", "thanks")] == [LIKED["clinic"], "You are welcome."]


async def test_a_thumb_up_says_yes_where_something_was_asked(clinic: Desk, booking: Booking) -> None:
    assert "book a time" in await clinic.says("how much is a cleaning?")
    assert "Which day" in await clinic.says("👍")


async def test_an_unhappy_emoji_is_asked_about_and_then_goes_to_a_person(clinic: Desk) -> None:
    assert await clinic.says("😡") == "I am sorry to see that. What can I do for you?"
    await clinic.says("😡😡")
    assert clinic.called_a_person


@pytest.mark.parametrize(
    ("text", "words", "mood"),
    [
        ("👍", "ok", "other"), ("👍🏿 👌", "ok", "other"), ("🙏", "🙏", "thanks"), ("😭❤️", "😭❤️", "sad"),
        ("👨‍👩‍👧", "👨‍👩‍👧", "other"),
        ("", "", ""), ("?", "?", ""), ("👍 nhé", "👍 nhé", ""), ("5 ⭐", "5 ⭐", ""), ("$", "$", ""),
    ],
)  # fmt: skip
def test_emoji_alone_are_told_from_text(text: str, words: str, mood: str) -> None:
    assert (as_words(text), mood_of(text)) == (words, mood)


def with_tone(tenant: TenantConfig, **tone: Any) -> TenantConfig:
    return tenant.model_copy(
        update={"persona": tenant.persona.model_copy(update={"tone": tenant.persona.tone.model_copy(update=tone)})}
    )


@pytest.mark.parametrize(
    ("tenant", "formality", "fact", "thanks"),
    [
        ("school", "formal", "Dạ thưa quý khách, ", "Dạ không có gì ạ. Quý khách cần gì thêm cứ nhắn em nhé."),
        ("school", "friendly", "Dạ, ", "Dạ không có gì ạ. Anh/chị cần gì thêm cứ nhắn em nhé."),
        ("school", "casual", "", "Không có gì. Bạn cần gì thêm cứ nhắn mình nhé."),
        ("clinic", "formal", "", "You are most welcome. Please write if there is anything else."),
        ("clinic", "casual", "", "No problem. Just write if you need anything else."),
    ],
)
async def test_the_tone_is_heard_in_what_is_no_fact(
    tenants: dict[str, TenantConfig], tenant: str, formality: str, fact: str, thanks: str
) -> None:
    here = Desk(with_tone(tenants[tenant], formality=formality))
    told = await here.says("học phí ielts bao nhiêu?" if tenant == "school" else "how much is a cleaning?")
    assert told.startswith(fact) and told.removeprefix(fact)[:1].isalpha()
    assert await here.says("cảm ơn" if tenant == "school" else "thanks") == thanks


@pytest.mark.parametrize("formality", ["formal", "casual"])
async def test_a_booking_goes_its_way_in_any_tone(
    tenants: dict[str, TenantConfig], booking: Booking, formality: str
) -> None:
    here = Desk(with_tone(tenants["school"], formality=formality, emoji=True), booking)
    await here.says("học phí ielts bao nhiêu?")
    await here.says("ok")
    await here.says("thứ sáu")
    await here.says("cái thứ hai")
    assert list(booking.visits.values()) == ["27/11/2026 10:30"]


async def test_emoji_are_used_only_where_the_tone_has_them(tenants: dict[str, TenantConfig]) -> None:
    assert await Desk(with_tone(tenants["clinic"], emoji=True)).says("thanks") == WELCOME["clinic"] + " 😊"
    assert await Desk(tenants["clinic"]).says("thanks") == WELCOME["clinic"]


def test_every_sentence_is_whole_in_every_voice() -> None:
    for key in set(phrases._data()) - {"address", "emoji"}:
        for voice in VOICES:
            told = phrases._sentence(key, voice)
            assert told.strip() and not any(f"{{{name}}}" in told for name in phrases._data()["address"]["formal"]), key
    assert say("help", Voice("vi", "casual")) == "Mình giúp gì được cho bạn?"
