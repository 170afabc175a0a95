"""Markdown as WhatsApp shows it; whatever is no markup comes out as it went in."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frontdesk.plugins.twilio_whatsapp.markup import whatsapp


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**Giá khóa học:** 2.400.000đ", "*Giá khóa học:* 2.400.000đ"),
        ("# Lịch học\n\n- **Thứ 2**: 8h\n- Thứ 3: *chiều*", "*Lịch học*\n\n- *Thứ 2*: 8h\n- Thứ 3: _chiều_"),
        ("1. Một\n2. Hai\n   - con\n\nhết", "1. Một\n2. Hai\n   - con\n\nhết"),
        ("~~cũ~~ `mã` ***cả hai***", "~cũ~ ```mã``` _*cả hai*_"),
        ("## **Đậm** rồi", "*Đậm rồi*"),
        ("| Khóa | Giá |\n|---|---|\n| A | **1** |", "*Khóa* | *Giá*\nA | *1*"),
        ("[bảng giá](https://hoasen.vn/gia) và [https://a.vn](https://a.vn)", "bảng giá: https://hoasen.vn/gia và https://a.vn"),
        ("**Gọi [ngay](tel:+84901234567) nhé**", "*Gọi ngay*: tel:+84901234567 *nhé*"),
        ("**một\nhai** ba", "*một*\n*hai* ba"),
        ("em **rất**vui", "em rấtvui"),
        ("A\n---\nB", "A\n---\nB"),
        ("> trích **đậm**\n> dẫn", "> trích *đậm*\n> dẫn"),
        ("```\nx = 1\n```", "```x = 1```"),
    ],
)  # fmt: skip
def test_markdown_becomes_whatsapps_markup(markdown, shown):
    assert whatsapp(markdown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://hoasen.vn/a_b_c*d*e?x=_y_&z=*1*2", "www.hoasen.vn/_gia_/a", "an_nguyen_@hoa_sen.vn", "ORDER_2026_A",
        "A*12*B", "3*4*5", "https://vi.wikipedia.org/wiki/Hoa_(cây)",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "around", ["{}", "Xem {} nhé", "**{}**", "*{}*", "(xem {})", "- {}\n- ~~{}~~", "**Xem {} ngay**"]
)
def test_urls_addresses_and_ids_come_out_as_they_went_in(text, around):
    shown = whatsapp(around.format(text, text))
    assert shown.count(text) == around.count("{}")
    for place in range(around.count("{}")):
        before, after = shown.split(text)[place : place + 2]
        assert before[-1:] not in ("*", "_", "~") and after[:1] not in ("*", "_", "~"), (
            "a mark would become a part of it"
        )


@pytest.mark.parametrize(
    "text",
    [
        "Dạ, học phí là 2.400.000đ/khóa ạ.", "+84 901 234 567", "5 * 3 * 2 = 30", "1) một\n2) hai", "[x]: https://y.vn",
        "Dòng 1\nDòng 2\n\nDòng 3", "<b>đậm</b> &amp; &lt;", "15. Mai em gọi", "giá < 5 > 3", "C# và C++", "#1 Hà Nội",
        "a_b",
    ],
)  # fmt: skip
def test_plain_words_are_left_alone(text):
    assert whatsapp(text) == text


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)
PIECES = st.one_of(
    WORDS, st.sampled_from(["**", "*", "_", "~~", "`", "# ", "- ", "\n", "\n\n", " ", "[", "](", ")", "|", ">", "\\"])
)


@given(st.lists(PIECES, max_size=30).map("".join))
@example("~~~~0")
@example("~~~~chào\nchị")
def test_no_word_is_ever_lost(text):
    def letters(text: str) -> list[str]:
        return sorted(char for char in text if char.isalnum())

    shown = letters(whatsapp(text))
    for char in set(letters(text)):
        assert shown.count(char) >= letters(text).count(char) or "](" in text or "`" in text


@pytest.mark.parametrize("text", ["*" * 20_000, "**a " * 5_000, "[" * 20_000, "_a_" * 6_000, "> " * 8_000, "`" * 9_999])
def test_what_is_made_to_be_slow_is_not(text):
    began = time.process_time()
    whatsapp(text)
    assert time.process_time() - began < 5
