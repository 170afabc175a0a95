"""What the tests of config/ share: a tenants file with given text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from frontdesk.config import Problem, TenantsFile, read

SHOP = """\
tenants:
  shop:
    name: Shop
    time_zone: Europe/London
    language: en
"""
"""The smallest tenants file; what is added below it, at four spaces, begins on line 6."""

Read = Callable[[str], tuple[TenantsFile | None, list[Problem]]]


@pytest.fixture
def read_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads *text* as ./tenants.yaml of an empty folder."""
    monkeypatch.chdir(tmp_path)

    def read_text(text: str) -> tuple[TenantsFile | None, list[Problem]]:
        Path("tenants.yaml").write_text(text, encoding="utf-8")
        return read("tenants.yaml")

    return read_text


@pytest.fixture
def shop() -> str:
    return SHOP
