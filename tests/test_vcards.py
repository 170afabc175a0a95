"""Contact cards as phones write them, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.vcards import MOST_BYTES, MOST_CARDS, read_cards

WHATSAPP = """BEGIN:VCARD
VERSION:3.0
N:;Nguyễn Văn Bình;;;
FN:Nguyễn Văn Bình
ORG:Hoa Sen;
item1.TEL;waid=84901234567:+84 901 234 567
item1.X-ABLabel:Mobile
EMAIL;type=INTERNET:binh@example.com
PHOTO;BASE64:/9j/4AAQ
END:VCARD
"""
OLD = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C4=90=E1=BB=97;Lan
TEL;CELL:0901 234 567
END:VCARD
"""


def test_a_card_of_whatsapp_names_its_person_by_the_account() -> None:
    assert read_cards(WHATSAPP.encode()) == [
        {
            "name": "Nguyễn Văn Bình",
            "organisation": "Hoa Sen",
            "phones": ["+84901234567"],
            "emails": ["binh@example.com"],
        }
    ]


def test_several_cards_of_one_file_are_read_also_old_ones() -> None:
    cards = read_cards((WHATSAPP + OLD).encode())
    assert [card["name"] for card in cards] == ["Nguyễn Văn Bình", "Lan Đỗ"]
    assert cards[1]["phones"] == ["0901 234 567"]
    assert len(read_cards((OLD * 50).encode())) == MOST_CARDS


def test_what_follows_the_name_in_another_file_is_not_read() -> None:
    assert read_cards(b"BEGIN:VCALENDAR\nFN:Lan\nEND:VCALENDAR") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BEGIN:VCARD\nfoo",
        b"END:VCARD",
        b"\xff\xfe\x00",
        b"BEGIN:VCARD\nPHOTO;ENCODING=b:z\nEND:VCARD",
        b"BEGIN:VCARD\nEND:VCARD",
        b"BEGIN:VCARD\nFN;CHARSET=none;ENCODING=QUOTED-PRINTABLE:=C4\nEND:VCARD",
        b"BEGIN:VCARD\n" * 5000,
        b"\n" * MOST_BYTES,
    ],
)
def test_what_is_no_card_gives_none(content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert read_cards(content) == []
    assert caplog.text == "", "the package quotes a person's data"


@given(
    st.lists(st.sampled_from([*WHATSAPP.encode().splitlines(), *OLD.encode().splitlines()]) | st.binary(max_size=20))
)
def test_whatever_a_file_holds_it_is_read_or_not(lines: list[bytes]) -> None:
    for card in read_cards(b"\n".join(lines)):
        assert all(isinstance(card.get(key, ""), str) for key in ("name", "organisation"))
