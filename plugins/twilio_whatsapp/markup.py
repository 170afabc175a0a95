"""Markdown, as models write it, to the little markup that WhatsApp shows: bold, italic, strike, code.

A real parser tells what is markup; what is not (URLs, addresses, ids, prices) comes out as it went in. Headings, links and
tables are not shown by WhatsApp: a heading becomes a bold line, a link its text and its URL, a row of a table a line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

_MARKS = {"strong": "*", "em": "_", "s": "~"}
_FENCE = "```"
_STOPS = frozenset("\n*_~`[]!<>\\&")
"""Where inline markup may begin or end."""
_VERBATIM = re.compile(
    r"(?<![^\W_])(?:"
    r"(?:https?://|www\.)[^\s<>\[\]|\"]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|[^\W_]+(?:(?:_+|[*~])[^\W_]+)+"
    r")"
)
"""URLs, e-mail addresses, and words with marks inside them, such as ORDER_2026_A or 3*4*5."""
_TRAILING = ".,;:!?*_~'"


def whatsapp(text: str) -> str:
    """*text* with its Markdown as WhatsApp shows it; plain text comes out as it went in."""
    if not any(char in text for char in "*_~`#[|>!<\\-"):
        return text
    tokens = _PARSER.parse(text)
    return _Writer(tokens).written() if tokens else text.strip()


@lru_cache(maxsize=8)
def _verbatim(src: str) -> tuple[list[int], list[int]]:
    """Beginnings and ends of what is to stay as it is, found once for a text: rules are asked at every mark in it."""
    found = [(match.start(), _end_of(match)) for match in _VERBATIM.finditer(src)]
    return [start for start, _ in found], [end for _, end in found]


def _end_of(match: re.Match[str]) -> int:
    """Without what follows a URL in a sentence; a bracket belongs to it if it was opened in it."""
    found = match[0]
    if "@" not in found and "/" not in found and "." not in found:
        return match.end()
    while found and (found[-1] in _TRAILING or (found[-1] == ")" and found.count("(") < found.count(")"))):
        found = found[:-1]
    return match.start() + len(found)


def _words(state: StateInline, silent: bool) -> bool:
    """In place of the parser's rule for text: also stops at, and takes whole, what is to stay as it is."""
    src, start = state.src, state.pos
    starts, ends = _verbatim(src)
    place = bisect_left(starts, start)
    following = starts[place] if place < len(starts) else state.posMax
    if following == start and (end := min(ends[place], state.posMax)) > start:
        if not silent:
            state.push("verbatim", "", 0).content = src[start:end]
        state.pos = end
        return True
    limit = min(following if following > start else state.posMax, state.posMax)
    pos = start
    while pos < limit and src[pos] not in _STOPS:
        pos += 1
    if pos == start:
        return False
    if not silent:
        state.pending += src[start:pos]
    state.pos = pos
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    # Indented text, HTML, entities and definitions of links are words that somebody wrote; a line under a line is a line.
    parser.disable(["code", "html_block", "html_inline", "entity", "reference", "lheading"])
    parser.inline.ruler.at("text", _words)
    return parser


_PARSER = _parser()


class _Writer:
    """Writes blocks with the blank lines that were between them."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._lines: list[str] = []
        self._end = 0
        """The line of the source where the last block ended."""
        self._prefix: list[str] = []
        """What each open list item and quotation puts in front of a line."""
        self._cells: list[str] | None = None

    def written(self) -> str:
        heading = head = False
        for token in self._tokens:
            match token.type:
                case "inline":
                    text = _inline(token.children or [], bold=heading or head)
                    if self._cells is not None:
                        self._cells.append(text)
                    else:
                        self._block(token, text)
                case "heading_open" | "heading_close":
                    heading = token.nesting == 1
                case "list_item_open":
                    self._prefix.append(f"{token.info}{token.markup} " if token.info else f"{token.markup} ")
                case "blockquote_open":
                    self._prefix.append("> ")
                case "list_item_close" | "blockquote_close":
                    self._prefix.pop()
                case "thead_open" | "thead_close":
                    head = token.nesting == 1
                case "tr_open":
                    self._cells = []
                case "tr_close":
                    self._block(token, " | ".join(self._cells or ()))
                    self._cells = None
                case "fence":
                    # Behind backticks stands a language; behind tildes, which people write for a wave, words.
                    language = token.info if token.markup.startswith("`") else ""
                    content = f"{token.info.removeprefix(language)}\n{token.content}".strip()
                    self._block(token, f"{_FENCE}{content}{_FENCE}" if content else token.markup + language)
                case "hr":
                    self._block(token, "---")
        return "\n".join(self._lines)

    def _block(self, token: Token, text: str) -> None:
        start, end = token.map or (self._end, self._end)
        if self._lines:
            self._lines += [""] * min(max(start - self._end, 0), 2)
        self._end = max(end, self._end)
        first = "".join(self._prefix)
        # A list item's number stands once; what follows it is moved in below it. A quotation's mark stands on every line.
        self._prefix = [part if part == "> " else " " * len(part) for part in self._prefix]
        rest = "".join(self._prefix)
        for number, line in enumerate(text.split("\n")):
            self._lines.append((rest if number else first) + line)


def _inline(tokens: Sequence[Token], *, bold: bool) -> str:
    return _Line(bold).written(tokens)


def _shown(token: Token) -> str:
    return "\n" if token.type in ("softbreak", "hardbreak") else token.content


class _Line:
    """Inline text. A mark is written only where WhatsApp takes it for one: at the edge of a word, and never twice."""

    def __init__(self, bold: bool) -> None:
        self._out = ""
        self._open: list[str] = ["*"] if bold else []
        """The marks that hold for what comes."""
        self._set = ""
        """Those of them that stand in the text already."""

    def written(self, tokens: Sequence[Token]) -> str:
        links: list[tuple[str, int]] = []
        for place, token in enumerate(tokens):
            kind = token.type
            if kind in ("softbreak", "hardbreak"):
                self._unset()
                self._out += "\n"
            elif kind == "verbatim":
                self._plain(token.content)
            elif kind == "code_inline":
                self._plain(f"{_FENCE}{token.content}{_FENCE}")
            elif kind == "link_open":
                links.append((str(token.attrs.get("href", "")), len(self._out)))
            elif kind == "link_close":
                self._target(*links.pop())
            elif kind == "image":
                start = len(self._out)
                self._text(token.content)
                self._target(str(token.attrs.get("src", "")), start)
            elif (mark := _MARKS.get(kind.rpartition("_")[0])) is not None:
                self._mark(mark, token.nesting == 1, tokens, place)
            else:
                self._text(token.content)
        self._unset()
        return self._out

    def _mark(self, mark: str, opens: bool, tokens: Sequence[Token], place: int) -> None:
        if not opens:
            if mark in self._open:
                following = next((text for each in tokens[place + 1 :] if (text := _shown(each))), "")
                self._open.reverse()
                self._open.remove(mark)
                self._open.reverse()
                if mark not in self._open and not (following[:1].isalnum() and self._out[-1:].isalnum()):
                    self._unset()
                elif mark not in self._open:
                    self._drop(mark)
        elif not self._out[-1:].isalnum() or self._set:
            self._open.append(mark)
        else:
            # In the middle of a word WhatsApp would show the mark itself.
            self._open.append("")

    def _drop(self, mark: str) -> None:
        """Take back the marks that were set: the word goes on where they end."""
        for each in reversed(self._set):
            at = self._out.rfind(each)
            self._out = self._out[:at] + self._out[at + 1 :]
        self._set = ""

    def _text(self, text: str) -> None:
        bare = text.strip()
        if bare and (wanted := "".join(dict.fromkeys(mark for mark in self._open if mark))) != self._set:
            self._unset()
            lead = len(text) - len(text.lstrip())
            self._out += text[:lead] + wanted
            self._set, text = wanted, text[lead:]
        self._out += text

    def _plain(self, text: str) -> None:
        """Outside of all marks: one that touches a URL would be taken for a part of it."""
        self._unset()
        self._out += text

    def _unset(self) -> None:
        if self._set:
            text = self._out.rstrip()
            self._out = text + self._set[::-1] + self._out[len(text) :]
            self._set = ""

    def _target(self, url: str, start: int) -> None:
        label = self._out[start:].strip("*_~ ")
        if url and label not in (url, url.partition("://")[2], url.removeprefix("mailto:"), url.removeprefix("tel:")):
            self._plain("")
            self._out += f"{': ' if label else ''}{url}"
