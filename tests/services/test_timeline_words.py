"""Every step has a sentence in both languages, whatever its data lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args, get_type_hints

import pytest

from frontdesk.model import Deed, Message, Turn
from frontdesk.services.timeline import KINDS, Step
from frontdesk.services.timeline_words import _SENTENCES, _WORDS, words

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_every_kind_has_a_sentence_in_both_languages():
    assert set(_SENTENCES) == set(KINDS)
    assert all(english != vietnamese or "“" in english for english, vietnamese in _SENTENCES.values())


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_an_earlier_release_that_has_nothing_is_still_told(kind, language):
    said = words(Step(NOON, kind, {}), language)
    assert said and "{" not in said


def states(cls: type, name: str) -> set[str]:
    hint = get_type_hints(cls)[name]
    return {value for inner in (get_args(hint)) for value in (get_args(inner) or (inner,))}


def test_every_state_has_its_word():
    every = states(Turn, "state") | states(Deed, "state") | states(Message, "state") | states(Message, "kind")
    # Never of a step: what is read is told as a message, and templates are ours to send.
    assert every - set(_WORDS) == {"received", "answered", "template"}


def test_figures_are_written_as_the_language_writes_them():
    data = {"plugin": "bedrock_llm", "model": "nova", "seconds": 1.25, "input_tokens": 70, "output_tokens": 5}
    step = Step(NOON, "thought", {**data, "cost": 0.002, "currency": "USD", "tools": ["book"]})
    assert words(step, "en") == (
        "bedrock_llm (nova) answered in 1.25 s, 70 tokens in and 5 out, 0.002 USD: asked for book"
    )
    assert words(step, "vi") == (
        "bedrock_llm (nova) trả lời sau 1,25 s, 70 token vào và 5 token ra, 0,002 USD: gọi book"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"outcome": "refused", "state": "failed", "result": "closed"}, "refused, and the model was told why: closed"),
        ({"outcome": "refused", "state": "intended"}, "it is not known whether it was done"),
        ({"outcome": "done"}, "done"),
    ],
)
def test_a_deed_is_told_by_what_is_known_of_it(data, said):
    step = Step(NOON, "tool", {"tool": "book", "plugin": "diary", "seconds": 0.1, **data})
    assert words(step, "en") == f"The tool book (diary) took 0.1 s: {said}"


def test_what_a_contact_wrote_is_no_template():
    step = Step(NOON, "message", {"kind": "text", "text": "{plugin} {0}"})
    assert words(step, "vi") == "Khách gửi tin nhắn: “{plugin} {0}”"


def test_a_kind_of_a_later_release_is_told_as_it_stands():
    assert words(Step(NOON, "listened_to_music", {"song": "x"}), "en") == "listened to music {'song': 'x'}"
