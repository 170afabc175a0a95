"""What a voice says of an answer: its words without what only the eye can use, and whether the eye needs it, too."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

_LINK = r"(?:https?://|www\.)[^\s<>\[\]|\"]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_LINKS = re.compile(_LINK)
_TO_READ = re.compile(rf"{_LINK}|(?<!\d)\+?\d(?:[ .()-]{{0,2}}\d){{7,}}")
"""Links, addresses, and numbers of eight digits or more: telephone numbers, accounts, sums of millions."""
_ROWS = 3
"""A list so long is read, and so is one line after the other with a figure in each."""
_FIGURE = re.compile(r"\d")
_LINE = re.compile(r"^\s*(?:[-*•+]|\d{1,2}[.)])\s+", re.MULTILINE)
_MARKS = re.compile(r"[*_~`#|]+")


def to_be_read(text: str) -> bool:
    """Whether a contact needs to see *text*, besides hearing it: links, numbers to copy, lists, tables of prices."""
    if _TO_READ.search(text) or len(_LINE.findall(text)) >= _ROWS:
        return True
    return sum(bool(_FIGURE.search(line)) for line in text.splitlines()) >= _ROWS


def to_be_said(text: str) -> str:
    """The words of *text*, an answer in Markdown or plain, one sentence or item a line: no marks, links or emoji."""
    lines = [_plain(line) for line in _written(_parser().parse(text)).splitlines()]
    return "\n".join(line for line in lines if any(map(str.isalnum, line)))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("zero").enable(["heading", "list", "emphasis", "link", "backticks", "newline", "fence"])


def _written(tokens: list[Token]) -> str:
    lines = []
    for token in tokens:
        if token.type == "inline":
            lines.append("".join(_words(child) for child in token.children or ()))
        elif token.type == "fence":
            lines.append(token.content)
    return "\n".join(lines)


def _words(token: Token) -> str:
    return "\n" if token.type in ("softbreak", "hardbreak") else token.content


def _plain(line: str) -> str:
    without = _MARKS.sub(" ", _LINE.sub("", _LINKS.sub(" ", line)))
    kept = "".join(char for char in without if not _drawn(char))
    return " ".join(kept.split())


def _drawn(char: str) -> bool:
    """An emoji or what joins two, and no sign that is spoken, such as % or °."""
    if char in "°©®":
        return False
    return unicodedata.category(char) in ("So", "Sk", "Cf", "Co", "Cs", "Cn") or char == "\ufe0f"
