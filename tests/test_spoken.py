"""The words of an answer as a voice says them, and what the eye needs besides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.spoken import to_be_read, to_be_said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dạ, học phí là 2.400.000đ ạ.", "Dạ, học phí là 2.400.000đ ạ."),
        ("We open at **nine** 🙂", "We open at nine"),
        ("# Prices\n\n- a *clean*: 40\n- a crown: 300", "Prices\na clean: 40\na crown: 300"),
        ("See [our page](https://clinic.example/a_b) or https://clinic.example.", "See our page or"),
        ("1. Sáng\n2. Chiều", "Sáng\nChiều"),
        ("20 °C, 50 % & 3 < 4", "20 °C, 50 % & 3 < 4"),
        ("👍🏽 👨‍👩‍👧", ""),
        ("`code` stays", "code stays"),
    ],
)
def test_what_is_said(text, said):
    assert to_be_said(text) == said


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("We open at nine.", False),
        ("Em hẹn chị thứ Sáu 15/5 lúc 10:30 nhé ạ.", False),
        ("Học phí 2.400.000đ ạ.", False),
        ("https://clinic.example", True),
        ("Viết cho lan@clinic.example ạ.", True),
        ("Gọi 0901 234 567 ạ.", True),
        ("+44 20 7946 0123", True),
        ("- một\n- hai\n- ba", True),
        ("Sáng: 200\nChiều: 300\nTối: 400", True),
    ],
)
def test_what_is_to_be_read_too(text, read):
    assert to_be_read(text) is read


@given(st.text(max_size=200))
def test_whatever_a_model_writes_has_words_or_none(text):
    assert "\ufe0f" not in to_be_said(text)
    to_be_read(text)
