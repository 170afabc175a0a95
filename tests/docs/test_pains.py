"""docs/explanation/pains.md names the tests that there are, and all of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from .conftest import ROOT, Page, rows

TESTED = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15}
"""Pains that the system has an answer to."""


def named_after_pains() -> Iterator[str]:
    for path in (ROOT / "tests/e2e").glob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name.startswith("test_pain_"):
                yield node.name


def test_every_pain_has_its_tests_and_every_test_its_pain(page: Callable[[str], Page]) -> None:
    named = {int(no): re.findall(r"`(test_\w+)`", tests) for no, *_, tests in rows(page("explanation/pains.md").text)}
    assert set(named) == TESTED
    assert sorted(name for names in named.values() for name in names) == sorted(named_after_pains())
    assert not [name for no, names in named.items() for name in names if not name.startswith(f"test_pain_{no}_")]
    assert all(named.values())
