from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.plugins.rehearsal_llm.language import Word, detect, fold, sentences, tokens, visible, words


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Học phí bao nhiêu vậy ạ?", "vi"), ("hoc phi bao nhieu vay", "vi"), ("hp bn v ad", "vi"), ("ok em", "vi"),
        ("How much is it?", "en"), ("thanks", "en"), ("the price please", "en"), ("do you take cash", "en"),
        ("cho chi hoi ti", "vi"), ("ielts course price bao nhieu vay em", "vi"), ("2", None), ("😀", None), ("Anna", None),
    ],
)  # fmt: skip
def test_the_language_is_told_with_and_without_diacritics(text: str, language: str | None) -> None:
    assert detect(text) == language


def test_shorthand_is_written_out_in_vietnamese_only() -> None:
    assert words("hp bn z ad", "vi") == ["hoc", "phi", "bao", "nhieu", "vay", "ad"]
    assert words("ok v k", "en") == ["ok", "v", "k"]


def test_a_word_without_diacritics_may_be_any_but_one_with_them_only_itself() -> None:
    [ban], [friend], [sell] = tokens("ban", "vi"), tokens("bạn", "vi"), tokens("bán", "vi")
    assert ban.may_be(friend) and ban.may_be(sell)
    assert not sell.may_be(friend)
    assert tokens("khoá", "vi") == tokens("khóa", "vi") == tokens(unicodedata.normalize("NFD", "khóa"), "vi")


def test_sentences_keep_times_and_prices_whole() -> None:
    assert sentences("Giá 3.200.000đ ạ? Mở lúc 8.30. Cảm ơn!") == ["Giá 3.200.000đ ạ?", "Mở lúc 8.30.", "Cảm ơn!"]


@given(st.text())
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert all(isinstance(word, Word) and word.plain for word in tokens(visible(text), "vi"))
    assert fold(fold(text)) == fold(text)
