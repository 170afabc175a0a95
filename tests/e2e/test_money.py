"""Models with a ceiling for the day: the smaller model, then the offline model, then a person, told once each.

The models cost nothing but what they write, 1 USD for a thousand tokens, so each answer says what it takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from frontdesk.model import NOBODY
from frontdesk.testing.fake_bedrock import Answer

from .conftest import Phone, until
from .models import BIG, HANOI, SMALL, book, free_times
from .town import HOLDING, Town, school

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRICE = {"input": 0, "output": 1000, "cache_read": 0, "cache_write": 0, "cache_write_1h": 0}
MODELS = {"models": [{"id": id, "price": PRICE} for id in (BIG, SMALL)], "max_tokens": 100}
"""The most that a call can cost is 0.10 USD."""
CEILING = {"per_day": 1.0, "first_models": 0.5}
THRIFTY = school(models=MODELS, spending=CEILING)
FEES = "khóa ielts giá bao nhiêu tiền vậy em"
REACHED = "The models' spending ceiling is reached"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    businesses = {"backed": {**THRIFTY, "more": ["rehearsal_llm"]}, "alone": THRIFTY, "booked": THRIFTY}
    async with Town.open(tmp_path_factory.mktemp("town"), businesses) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="module")
async def town(whole: Town) -> AsyncIterator[Town]:
    whole.new_day()
    yield whole
    whole.is_right()


def worth(cost: float, text: str = "Dạ lớp IELTS 7.900.000đ ạ.") -> Answer:
    """An answer that costs so much (USD)."""
    return Answer(text=text, output_tokens=round(cost * 1000))


async def spend(town: Town, phone: Phone) -> list[str]:
    """Ask until 0.45 of the first model's 0.5 and 0.95 of the 1.0 are spent; which models were asked."""
    town.bedrock.script = [worth(0.45), worth(0.50)]
    for _ in range(2):
        assert await phone.asks(FEES) == "Dạ lớp IELTS 7.900.000đ ạ."
    return [asked["modelId"] for asked in town.bedrock.requests]


async def told(town: Town, tenant: str) -> list[str]:
    """What operators were told of the ceiling, once the second step has been."""

    async def of_both() -> list[str] | None:
        found = [each["text"] for each in town.heard("alert", tenant=tenant, title=REACHED)]
        return found if len(found) > 1 else None

    texts: list[str] = await until("operators hear of both steps", of_both)
    return sorted(texts)


async def test_first_the_smaller_model_answers_then_the_offline_model_then_a_person_is_called(town: Town) -> None:
    lan, mai = town.phone("backed"), town.phone("backed")
    assert await spend(town, lan) == [BIG, SMALL]
    asked = len(town.bedrock.requests)
    for phone in (lan, mai):
        assert "7.900.000đ" in await phone.asks(FEES), "the offline model knows that, too"
    assert "nhân viên" in await mai.asks("cho chị gặp người thật")
    assert (await mai.conversation()).owner == NOBODY
    assert len(town.bedrock.requests) == asked, "no paid model was asked any more"
    await town.answered(lan, *(message.body for message in lan.received()))
    of_the_first, of_all = await told(town, "backed")
    assert of_the_first.startswith("the first model's share (50%) of today's ceiling for models (1 USD) has no room")
    assert of_all.startswith("today's ceiling for models (1 USD) has no room")


async def test_without_an_offline_model_a_person_answers_and_the_contact_hears_so_once(town: Town) -> None:
    lan = town.phone("alone")
    await spend(town, lan)
    assert HOLDING in await lan.asks(FEES)
    await lan.says("em ơi?")
    await town.quiet()
    assert len(lan.received()) == 3 and (await lan.conversation()).owner == NOBODY
    assert lan.conversation_id in await town.run("parked", "list", "--tenant", "alone")


async def test_a_ceiling_that_is_reached_after_a_deed_leaves_the_deeds_own_words(town: Town) -> None:
    lan = town.phone("booked")
    town.bedrock.script = [free_times(HANOI), lambda asked: replace(book(1, "Lan")(asked), output_tokens=950)]
    heard = await lan.asks("đặt cho chị 10:30 ngày mai, chị tên Lan")
    assert heard.startswith("Em đã đặt lịch 10:30")
    assert town.deeds(lan) == ["booked"] and len(town.bedrock.requests) == 2
    await town.answered(lan, heard)
