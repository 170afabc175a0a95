from __future__ import annotations

import pytest

from frontdesk import detect_language
from frontdesk.languages import spoken


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("khám răng giá bao nhiêu", "vi"),
        ("kham rang gia bao nhieu", "vi"),
        ("how much is it", "en"),
        ("Lan 123 👋", None),
    ],
)
def test_the_language_of_a_text_is_found_also_without_diacritics(text: str, language: str | None) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("texts", "own", "language"),
    [
        (["?", "how much is it", "giá bao nhiêu"], "vi", "en"),
        (["how much is it"], "en-GB", "en-GB"),
        (["Lan"], "vi", "vi"),
        (["on a time for you"], "fr", "fr"),
    ],
)
def test_the_newest_text_that_shows_one_decides(texts: list[str], own: str, language: str) -> None:
    assert spoken(texts, own) == language
