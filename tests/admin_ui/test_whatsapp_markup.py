"""WhatsApp's markup in a page: what is markup there is markup here, and nothing that a contact writes becomes HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.admin_ui.whatsapp_markup import LONGEST, shown

LINK = 'target="_blank" rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Giá *500.000đ* thôi", "Giá <strong>500.000đ</strong> thôi"),
        ("_nghiêng_ và ~gạch~", "<em>nghiêng</em> và <s>gạch</s>"),
        ("*đậm _và nghiêng_*", "<strong>đậm <em>và nghiêng</em></strong>"),
        ("`ORDER_2026_A` ```hai\ndòng```", "<code>ORDER_2026_A</code> <code>hai\ndòng</code>"),
        ("ORDER_2026_A và 3*4*5 và snake_case_name", "ORDER_2026_A và 3*4*5 và snake_case_name"),
        ("* một\n* hai", "* một\n* hai"),
        ("*\nkhông*", "*\nkhông*"),
        ("> trích\ntiếp", '<span class="quoted-line">trích</span>\ntiếp'),
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"),
        ("Xem https://a.vn/x_y_z?q=1&r=2.", f'Xem <a href="https://a.vn/x_y_z?q=1&amp;r=2" {LINK}>https://a.vn/x_y_z?q=1&amp;r=2</a>.'),
        ("(https://vi.wikipedia.org/wiki/A_(B))", f'(<a href="https://vi.wikipedia.org/wiki/A_(B)" {LINK}>https://vi.wikipedia.org/wiki/A_(B)</a>)'),
        ("javascript:alert(1) data:text/html,x", "javascript:alert(1) data:text/html,x"),
        ('https://a.vn/"onmouseover="alert(1)', f'<a href="https://a.vn/" {LINK}>https://a.vn/</a>&#34;onmouseover=&#34;alert(1)'),
        ("*<script>alert(1)</script>*", "<strong>&lt;script&gt;alert(1)&lt;/script&gt;</strong>"),
        ("{0} {} %s", "{0} {} %s"),
    ],
)  # fmt: skip
def test_what_people_write(text, html):
    assert str(shown(text)) == html


class Elements(HTMLParser):
    """What elements and attributes a text has."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[tuple[str, str]] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.found |= {(tag, name) for name, _ in attrs} or {(tag, "")}
        for name, value in attrs:
            assert name != "href" or value.lower().startswith(("http://", "https://"))

    def handle_data(self, data):
        self.text += data


KNOWN = {
    ("strong", ""),
    ("em", ""),
    ("s", ""),
    ("code", ""),
    ("span", "class"),
    ("a", "href"),
    ("a", "target"),
    ("a", "rel"),
}
PIECES = [
    "*",
    "_",
    "~",
    "`",
    "```",
    "<script>",
    "</a>",
    '"',
    "'",
    "&lt;",
    "https://a.vn/",
    "> ",
    "\n",
    " ",
    "ừ",
    "x",
    "{0}",
    "\\",
    "<!--",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_whatever_is_written_no_other_element_comes_of_it(text):
    parser = Elements()
    parser.feed(str(shown(text)))
    parser.close()
    assert parser.found <= KNOWN


def test_an_endless_text_is_shown_soon():
    assert len(shown("*a" * LONGEST)) >= LONGEST
    assert len(shown("`" * 5000 + "*_~" * 3000)) > 100
