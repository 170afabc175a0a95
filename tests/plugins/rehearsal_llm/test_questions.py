"""How well facts are found: 278 questions, a quarter of which no fact answers; 70 of them were held out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from frontdesk import TenantConfig
from frontdesk.config import load

from .conftest import FIXTURES, Desk

QUESTIONS: dict[str, list[list[str]]] = yaml.safe_load((FIXTURES / "questions.yaml").read_text(encoding="utf-8"))
EXAMPLE = Path(__file__).parents[3] / "tenants.example.yaml"


async def outcome(tenant: TenantConfig, question: str, right: str) -> str:
    """What a contact gets who asks just this."""
    answer = await (desk := Desk(tenant)).says(question)
    told = {fact.id for fact in tenant.facts if fact.answer[1:] in answer}
    if right == "none":
        return "made up" if told else "admitted" if desk.called_a_person else "asked back"
    return "right" if told == {right} else "wrong" if told else "missed"


async def outcomes(tenants: dict[str, TenantConfig], half: str) -> Counter[str]:
    return Counter(
        [
            await outcome(tenants[name], question, right)
            for name, asked in QUESTIONS.items()
            for of, question, right in asked
            if of == half
        ]
    )


async def test_held_out_questions_are_answered_rightly_or_not_at_all(tenants: dict[str, TenantConfig]) -> None:
    """The figures of docs/reference/rehearsal_llm.md. Measured: 46 of 52 right, 3 wrong, none made up."""
    counted = await outcomes(tenants, "test")
    answerable = counted["right"] + counted["wrong"] + counted["missed"]
    print(f"test half: {dict(counted)}")
    assert answerable == 52 and counted.total() == 70
    assert counted["right"] / answerable >= 0.85
    assert (counted["wrong"] + counted["made up"]) / counted.total() <= 0.05
    assert counted["made up"] == 0


async def test_questions_of_the_tuning_half_stay_answered(tenants: dict[str, TenantConfig]) -> None:
    counted = await outcomes(tenants, "dev")
    assert counted["right"] >= 90 and counted["wrong"] <= 1 and counted["made up"] == 0, dict(counted)


async def test_who_tries_the_demo_is_answered_rightly_nearly_always() -> None:
    """Measured: 59 of 61 right, and of 22 that nobody can answer 2 are answered with a fact beside the point."""
    examples = load(EXAMPLE).tenants
    written: dict[str, list[list[str]]] = yaml.safe_load(
        (FIXTURES / "example_questions.yaml").read_text(encoding="utf-8")
    )
    counted = Counter(
        [await outcome(examples[name], question, right) for name, asked in written.items() for question, right in asked]
    )
    assert counted["right"] >= 57 and counted["wrong"] <= 2 and counted["made up"] <= 2, dict(counted)


def test_no_question_is_a_wording_of_a_tenant(tenants: dict[str, TenantConfig]) -> None:
    examples = load(EXAMPLE).tenants
    known = {
        question.casefold()
        for tenant in [*tenants.values(), *examples.values()]
        for fact in tenant.facts
        for question in (fact.topic, *fact.questions)
    }
    written = {question.casefold() for asked in QUESTIONS.values() for _, question, _ in asked}
    assert len(written) >= 120
    assert not written & known


async def test_the_example_tenants_find_nearly_all_their_own_wordings() -> None:
    found = Counter[bool]()
    for tenant in load(EXAMPLE).tenants.values():
        for fact in tenant.facts:
            for question in fact.questions:
                found[fact.answer[1:] in await Desk(tenant).says(question)] += 1
    assert found[True] / found.total() >= 0.95, found


@pytest.mark.parametrize(
    ("tenant", "question", "told"),
    [
        ("school", "HỌC PHÍ LỚP IELTS BAO NHIÊU???", "7.500.000đ"),
        ("school", "hoc phi lop ielts bao nhieu", "7.500.000đ"),
        ("school", "học phí lớp ielts bn v ad", "7.500.000đ"),
        ("school", "hoc\u0323c phi\u0301 lop IELTS", "7.500.000đ"),
        ("clinic", "How much is whitning?", "£290"),
        ("clinic", "parkng?", "six free parking spaces"),
        ("clinic", "chi phí tẩy trắng răng là bao nhiêu", "£290"),
    ],
)
async def test_spelling_and_script_do_not_matter(
    tenants: dict[str, TenantConfig], tenant: str, question: str, told: str
) -> None:
    assert told in await Desk(tenants[tenant]).says(question)
