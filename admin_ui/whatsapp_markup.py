"""WhatsApp's markup as HTML: bold, italic, strike, code, quotations, links. Everything else is text that somebody wrote."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

LONGEST = 20_000
"""Characters that are looked at for markup; what is behind them is shown as it is."""
_CODE = re.compile(r"```(.+?)```|`([^`\n]+)`", re.DOTALL)
_LINK = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
_TRAILING = ".,;:!?*_~)]}»”’"
_MARK = re.compile(r"(?<![^\W_*~])([*_~])(?=\S)((?:(?!\1)[^\n])+?)(?<=\S)\1(?![^\W_*~])")
_ELEMENTS = {"*": "strong", "_": "em", "~": "s"}
_DEEP = 3
"""All three marks around one word."""


def shown(text: str) -> Markup:
    """*text* as a contact sees it, safe to stand in a page."""
    looked, rest = text[:LONGEST], text[LONGEST:]
    lines: list[Markup] = []
    for block in re.split(r"(```.+?```)", looked, flags=re.DOTALL):
        if block.startswith("```") and len(block) > 6:
            lines.append(Markup("<code>{}</code>").format(block[3:-3].strip("\n")))
        elif block:
            lines.append(Markup("\n").join(_line(line) for line in block.split("\n")))
    return Markup("").join(lines) + escape(rest)


def _line(line: str) -> Markup:
    if line.startswith("> ") and line[2:].strip():
        return Markup('<span class="quoted-line">{}</span>').format(_codes(line[2:]))
    return _codes(line)


def _codes(text: str) -> Markup:
    made, end = Markup(""), 0
    for found in _CODE.finditer(text):
        inside = found[1] or found[2]
        made += _links(text[end : found.start()]) + Markup("<code>{}</code>").format(inside)
        end = found.end()
    return made + _links(text[end:])


def _links(text: str) -> Markup:
    made, end = Markup(""), 0
    for found in _LINK.finditer(text):
        url = found[0]
        while url[-1:] in _TRAILING and not (url[-1] == ")" and url.count("(") >= url.count(")")):
            url = url[:-1]
        link = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>').format(url)
        made += _marks(text[end : found.start()], _DEEP) + link
        end = found.start() + len(url)
    return made + _marks(text[end:], _DEEP)


def _marks(text: str, deep: int) -> Markup:
    made, end = Markup(""), 0
    for found in _MARK.finditer(text) if deep else ():
        element = _ELEMENTS[found[1]]
        made += escape(text[end : found.start()])
        made += Markup("<{0}>{1}</{0}>").format(Markup(element), _marks(found[2], deep - 1))  # noqa: S704  of the table above
        end = found.end()
    return made + escape(text[end:])
