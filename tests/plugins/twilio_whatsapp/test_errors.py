from __future__ import annotations

import unicodedata

import pytest

from frontdesk import MaybeSent, NeedsAttention, Refused, RetryLater
from frontdesk.plugins.twilio_whatsapp.catalogue import CATALOGUE, explanation
from frontdesk.plugins.twilio_whatsapp.errors import mapped, meaning


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_one_sentence_for_whoever_can_mend_it(code: int) -> None:
    sentence = meaning(code).sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    assert 20 <= len(sentence) <= 120
    vietnamese = explanation(str(code), "vi-VN")
    assert vietnamese.endswith(".") and 20 <= len(vietnamese) <= 130 and vietnamese != sentence
    assert unicodedata.is_normalized("NFC", vietnamese) and not vietnamese.isascii()
    assert explanation(str(code), "fr") == sentence
    assert "again" not in sentence or meaning(code).kind == "permanent"  # whether it is sent again is the core's to say


CLASSES = {
    "operator": [
        *(20003, 20404, 21606, 21608, 21609, 21701, 21704),
        *(63001, 63002, 63007, 63008, 63015, 63020, 63022, 63051),
    ],
    "retryable": [20429, 21611, 30001, 30036, 63009, 63010, 63012, 63017, 63018, 63019, 63023, 63038],
    "ambiguous": [20503],
    "opted_out": [21610, 63014, 63033],
    "permanent": [
        *(21211, 21408, 21604, 21614, 21617, 21620, 21623, 21654, 21655, 21656),
        *(63003, 63005, 63006, 63013, 63016, 63021, 63024, 63026, 63027, 63028, 63030, 63031, 63032),
        *(63034, 63037, 63040, 63041, 63042, 63049),
    ],
}
"""Twilio's error catalogue as it was read for WhatsApp."""


@pytest.mark.parametrize("kind", CLASSES)
def test_every_code_of_whatsapp_has_its_class(kind: str) -> None:
    assert {code: meaning(code).kind for code in CLASSES[kind]} == dict.fromkeys(CLASSES[kind], kind)


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


def test_what_says_too_much_slows_the_sender_and_nothing_else_does() -> None:
    slower = {code for code, entry in CATALOGUE.items() if entry.slower}
    assert slower == {20429, 21611, 30001, 30036, 63017, 63018}
    told = mapped(429, 429, sending=True)
    assert isinstance(told, RetryLater) and told.slower
    busy = mapped(63010, 400, sending=True)
    assert isinstance(busy, RetryLater) and not busy.slower


def test_a_code_nobody_knows_has_no_explanation() -> None:
    assert [explanation(code, "vi") for code in ("", "x", "99999", "²")] == [""] * 4


def test_a_question_that_failed_is_never_ambiguous() -> None:
    assert type(mapped(500, 500, sending=False)) is RetryLater
    assert type(mapped(20503, 503, sending=False)) is RetryLater


def test_a_retryable_error_says_how_long_to_wait() -> None:
    error = mapped(63018, 400, sending=True)
    assert isinstance(error, RetryLater)
    assert error.after == 3600


def test_an_unknown_code_points_to_its_page() -> None:
    assert "https://www.twilio.com/docs/errors/69999" in meaning(69999).sentence
