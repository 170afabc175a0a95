"""Long answers in parts that a channel takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.turn.split import parts


@given(st.text(), st.integers(3, 50))
def test_parts_fit_and_nothing_but_white_space_is_lost(text, limit):
    found = parts(text, limit)
    assert all(0 < len(part) <= limit for part in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_it_is_cut_where_a_reader_pauses():
    text = "Học phí khoá cơ bản là 2.400.000 đồng. Khoá nâng cao là 3.100.000 đồng."
    assert parts(text, 45) == ["Học phí khoá cơ bản là 2.400.000 đồng.", "Khoá nâng cao là 3.100.000 đồng."]


async def test_an_answer_longer_than_the_channel_takes_arrives_in_order(desk):
    sentence = "Giờ mở cửa là từ 8 giờ đến 20 giờ mỗi ngày trong tuần. "
    async with desk() as server:
        lan, model = server.contact("Lan"), await server.plugin("model")
        model.script = [sentence * 60]
        await lan.says("Mấy giờ mở cửa ạ?")
        heard = [await lan.hears(), await lan.hears(), await lan.hears()]
        assert all(len(part) <= 1600 for part in heard)
        assert " ".join(heard) == (sentence * 60).strip()
