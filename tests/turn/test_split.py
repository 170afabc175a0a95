"""Long answers in parts that a channel takes."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.turn.split import parts


@given(st.text(), st.integers(3, 50))
def test_parts_fit_and_nothing_but_white_space_is_lost(text, limit):
    found = parts(text, limit)
    assert all(0 < len(part) <= limit for part in found)
    assert "".join("".join(found).split()) == "".join(unicodedata.normalize("NFC", text).split())


def test_it_is_cut_where_a_reader_pauses():
    text = "Học phí khoá cơ bản là 2.400.000 đồng. Khoá nâng cao là 3.100.000 đồng."
    assert parts(text, 45) == ["Học phí khoá cơ bản là 2.400.000 đồng.", "Khoá nâng cao là 3.100.000 đồng."]


def test_a_price_a_url_and_an_abbreviation_are_no_end_of_a_sentence():
    text = "Xem tại https://hoasen.vn/hoc-phi. Học phí 2.400.000 đồng, v.v. Mời chị ghé ạ."
    assert parts(text, 40) == ["Xem tại https://hoasen.vn/hoc-phi.", "Học phí 2.400.000 đồng, v.v.", "Mời chị ghé ạ."]


def test_letters_are_composed_and_neither_they_nor_an_emoji_are_torn_apart():
    assert parts(unicodedata.normalize("NFD", "Tiếng Việt"), 10) == ["Tiếng Việt"]
    assert parts("กำลังกำลัง", 9)[1][0] == "ก" or unicodedata.category(parts("กำลังกำลัง", 9)[1][0])[0] != "M"
    family = "👨‍👩‍👧"
    assert parts("abc" + family, 5) == ["abc", family]
    assert parts("xin" + "ẹ́" * 5, 7)[1][0].isalpha()


async def test_an_answer_longer_than_the_channel_takes_arrives_in_order(desk):
    sentence = "Phòng khám mở cửa mọi ngày trong tuần, kể cả ngày lễ. "
    async with desk() as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [sentence * 60]
        await lan.says("Mấy giờ mở cửa ạ?")
        heard = [await lan.hears(), await lan.hears(), await lan.hears()]
        assert all(len(part) <= 1600 for part in heard)
        assert " ".join(heard) == (sentence * 60).strip()
