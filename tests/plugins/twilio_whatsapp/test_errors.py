from __future__ import annotations

import pytest

from frontdesk import MaybeSent, NeedsAttention, Refused, RetryLater
from frontdesk.plugins.twilio_whatsapp.catalogue import CATALOGUE
from frontdesk.plugins.twilio_whatsapp.errors import mapped, meaning


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_one_sentence_for_whoever_can_mend_it(code: int) -> None:
    sentence = meaning(code).sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert 20 <= len(sentence) <= 120
    assert "again" not in sentence or meaning(code).kind == "permanent"  # whether it is sent again is the core's to say


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        (20003, 401, NeedsAttention),
        (20429, 429, RetryLater),
        (21610, 400, Refused),
        (20503, 503, MaybeSent),
        (63016, 500, MaybeSent),
        (12345, 400, Refused),
        (12345, 403, NeedsAttention),
        (429, 429, RetryLater),
        (504, 504, MaybeSent),
    ],
)
def test_a_send_that_failed_leaves_one_reaction(code: int, status: int, raised: type[Exception]) -> None:
    assert type(mapped(code, status, sending=True)) is raised


def test_a_question_that_failed_is_never_ambiguous() -> None:
    assert type(mapped(500, 500, sending=False)) is RetryLater
    assert type(mapped(20503, 503, sending=False)) is RetryLater


def test_a_retryable_error_says_how_long_to_wait() -> None:
    error = mapped(63018, 400, sending=True)
    assert isinstance(error, RetryLater)
    assert error.after == 3600


def test_an_unknown_code_points_to_its_page() -> None:
    assert "https://www.twilio.com/docs/errors/69999" in meaning(69999).sentence
