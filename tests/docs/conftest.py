"""The pages of the documentation, read the way a reader's eye takes them apart: paragraphs, tables, fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"(?:<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A fenced block. `mark` is the comment that stands right above it: what the tests are to know of it."""

    kind: str
    body: str
    mark: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, kind: str = "") -> Iterator[Block]:
        """The fenced blocks, of one kind or of all, in order."""
        for found in _FENCE.finditer(self.text):
            if kind in ("", found["kind"]):
                yield Block(found["kind"], found["body"], found["mark"] or "")

    def section(self, heading: str) -> str:
        """The text below a heading (without its marks #), up to the next heading."""
        found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", self.text, re.DOTALL | re.MULTILINE)
        assert found, f"{self.path}: no heading {heading!r}"
        return found[1]


def rows(text: str) -> list[tuple[str, ...]]:
    """The rows of every table in *text*, without heads: the cells as they are written."""
    lines = text.splitlines()
    found = []
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|") and before.startswith("|") and not re.fullmatch(r"[|\- :]+", line):
            found.append(tuple(cell.strip() for cell in _CELL.split(line)[1:-1]))
    return found


@pytest.fixture
def page() -> Callable[[str], Page]:
    """`page("reference/http.md")`: a page of docs/."""
    return lambda name: Page(DOCS / name)
