"""What is seen of a sound without listening to it."""

from __future__ import annotations

import io
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.audio import Audio, look
from frontdesk.testing.audio import voice_note, words_in

NOTE = voice_note(3)


def pcm(seconds: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, 8000, 0, "NONE", ""))
        written.writeframes(bytes(16_000 * seconds))
    return file.getvalue()


@pytest.mark.parametrize("seconds", [0.02, 2, 2.5, 61, 400])
def test_a_voice_note_is_as_long_as_its_last_page_says(seconds):
    assert look(voice_note(seconds)) == Audio("", seconds)


def test_other_sounds_are_known_too():
    assert look(pcm(2)) == Audio("", 2)
    assert look(b"#!AMR\n" + bytes(32)) == Audio()
    assert look(b"#!AMR-WB\n" + bytes(32)) == Audio()
    assert look(b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00mp42isom" + bytes(20)).wrong == ""


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(32)])
def test_what_is_no_sound_is_seen(content):
    assert look(content).wrong == "type"


@given(st.integers(min_value=4, max_value=len(NOTE) - 1))
def test_a_voice_note_that_was_cut_off_is_seen_wherever_it_was(length):
    whole_pages = {at for at in range(len(NOTE)) if NOTE[at : at + 4] == b"OggS"}
    wrong = look(NOTE[:length]).wrong
    assert wrong == "damaged" or length in whole_pages


@given(st.binary(max_size=300))
def test_nothing_that_is_sent_makes_it_fail(noise):
    for beginning in (b"", b"OggS", b"ID3", b"RIFF\0\0\0\0WAVE", b"fLaC", b"\xff\xfb", NOTE[:60]):
        look(beginning + noise)


def test_the_words_of_a_test_are_found_again():
    assert words_in(voice_note(2, words="em muốn đặt lịch")) == "em muốn đặt lịch"
    assert words_in(NOTE) == ""
