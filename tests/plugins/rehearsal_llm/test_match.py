from __future__ import annotations

import pytest

from frontdesk import TenantConfig
from frontdesk.plugins.rehearsal_llm.language import tokens
from frontdesk.plugins.rehearsal_llm.match import Index
from frontdesk.plugins.rehearsal_llm.vocabulary import Spelling, spotted, stem


def test_both_languages_meet_in_the_same_terms() -> None:
    assert spotted(tokens("Học phí lớp giao tiếp bao nhiêu vậy ạ", "vi"), "vi") == [
        "#price",
        "#course",
        "#conversation",
    ]
    assert spotted(tokens("how much is the conversation course", "en"), "en") == ["#price", "#conversation", "#course"]


def test_a_phrase_with_other_diacritics_is_another_phrase() -> None:
    assert "#beginner" in spotted(tokens("co ban", "vi"), "vi")
    assert "#beginner" not in spotted(tokens("có bán", "vi"), "vi")


@pytest.mark.parametrize(
    ("word", "plain"), [("classes", "class"), ("booked", "book"), ("fillings", "fill"), ("bus", "bus")]
)
def test_english_endings_are_taken_off(word: str, plain: str) -> None:
    assert stem(stem(word)) == plain or stem(word) == plain


def test_one_slip_is_mended_and_a_different_word_left() -> None:
    spelling = Spelling(["price", "parking", "hours"])
    written = tokens("prcie parkng house cat", "en")
    assert [word.plain for word in spelling.mend(written)] == ["price", "parking", "house", "cat"]


def test_what_covers_the_question_wins_and_what_covers_little_is_not_told(tenants: dict[str, TenantConfig]) -> None:
    index = Index(tenants["clinic"])
    [best] = index.search(index.terms("price of whitening", "en"), 0.5)
    assert best.fact.id == "whitening-price" and best.score > 0.9
    assert index.search(index.terms("price of a hot air balloon ride", "en"), 0.5) == []
    assert index.search((), 0.5) == []


def test_a_bare_subject_finds_the_facts_about_it_and_not_those_that_mention_it(
    tenants: dict[str, TenantConfig],
) -> None:
    school, clinic = Index(tenants["school"]), Index(tenants["clinic"])
    fees = {found.fact.id for found in school.search(school.terms("học phí?", "vi"), 0.5)}
    assert fees == {"hoc-phi-giao-tiep", "hoc-phi-ielts", "hoc-phi-tre-em"}
    assert [found.fact.id for found in clinic.search(clinic.terms("where are you", "en"), 0.5)] == ["address"]


def test_a_tenant_without_facts_finds_nothing() -> None:
    index = Index(TenantConfig(id="t", name="T", time_zone="Europe/London", language="en"))
    assert index.search(index.terms("how much is it?", "en"), 0.5) == []
