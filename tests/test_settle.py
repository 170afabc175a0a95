"""When a turn may begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from frontdesk import settle
from frontdesk.config import TenantConfig
from frontdesk.consent import word_of
from frontdesk.model import Media, Message

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def tenant(**seconds):
    return TenantConfig(id="clinic", name="Clinic", time_zone="Asia/Ho_Chi_Minh", language="vi", settle=seconds)


def message(text="Xin chào ạ.", media=()):
    return Message(id="m", conversation="c", direction="inbound", state="received", at=START, text=text, media=media)


texts = st.one_of(st.text(max_size=60), st.sampled_from(["Chào em,", "cho hỏi", "Mấy giờ mở cửa ạ", "ok...", "?"]))
medias = st.sampled_from([(), (Media(content_type="image/jpeg"),)])
waits = st.floats(0, 15)


@given(texts, medias, st.floats(0, 60), st.tuples(waits, waits, waits))
def test_a_turn_begins_neither_in_the_past_nor_after_the_cap(text, media, since_first, seconds):
    config = tenant(quiet_seconds=seconds[0], fragment_seconds=seconds[1], media_seconds=seconds[2], cap_seconds=15)
    first, now = START - timedelta(seconds=since_first), START
    due = settle.due_at(config, message(text, media), first, now)
    assert now <= due <= max(now, first + timedelta(seconds=15))
    assert due <= now + timedelta(seconds=max(seconds))


@given(texts, medias)
def test_zero_seconds_switch_settling_off_for_everything(text, media):
    assert settle.due_at(tenant(quiet_seconds=0), message(text, media), START, START) == START


@given(texts, medias)
def test_half_a_sentence_and_a_picture_wait_at_least_as_long_as_a_sentence(text, media):
    assume(word_of(text, tenant().opt_out) != "stop")
    assert settle.quiet_seconds(tenant(), message(text, media)) >= settle.quiet_seconds(tenant(), message())


def test_a_tap_is_whole_however_short_its_title_is():
    tapped = replace(message("Sáng"), kind="button")
    config = tenant(quiet_seconds=2.5, fragment_seconds=6)
    assert [settle.quiet_seconds(config, each) for each in (tapped, message("Sáng"))] == [2.5, 6]
    assert settle.waited_for(config, tapped, tapped.at) == "quiet"


def test_a_fragment_and_a_picture_wait_longer():
    config = tenant(quiet_seconds=2.5, fragment_seconds=6, media_seconds=7)
    waits = [
        settle.quiet_seconds(config, message("Cho mình hỏi giá khoá học với ạ")),
        settle.quiet_seconds(config, message("Cho mình hỏi,")),
        settle.quiet_seconds(config, message("", (Media(content_type="image/jpeg"),))),
    ]
    assert waits == [2.5, 6, 7]


def test_what_is_and_what_is_no_fragment():
    fragments = ["chào em,", "còn nữa...", "giá:", "hello", "cho hỏi -"]
    whole = ["Xin chào ạ", "Mấy giờ mở cửa?", "ok!", "Thank you so much dear", "Cảm ơn", ""]
    assert [settle.is_fragment(text) for text in fragments] == [True] * len(fragments)
    assert [settle.is_fragment(text) for text in whole] == [False] * len(whole)


def test_what_was_waited_for_is_the_rule_by_which_the_time_came():
    picture = (Media(content_type="image/jpeg"),)
    config = tenant(quiet_seconds=2.5, fragment_seconds=6, media_seconds=7, cap_seconds=15)
    found = [settle.waited_for(config, each, START) for each in (message(), message("Cho hỏi,"), message("", picture))]
    assert found == ["quiet", "fragment", "media"]
    assert settle.waited_for(config, message(), START - timedelta(seconds=14)) == "cap"
    assert settle.waited_for(tenant(quiet_seconds=0), message("Cho hỏi,"), START) == ""
