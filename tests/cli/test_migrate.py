"""`frontdesk migrate` beside a running server; what it does to documents is in tests/store/test_contract_migrating.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.cli import main
from frontdesk.services.migrating import Migrated, Migration


def test_a_store_of_this_release_has_nothing_to_be_done(
    example: dict[str, Any], write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(example)
    for _ in range(2):
        assert main(["migrate", "--file", str(path)]) == 0
        assert capsys.readouterr().out == "Every document is of this release's schema, and every index is there.\n"


def test_what_could_not_be_rewritten_is_told_and_is_no_success(
    example: dict[str, Any],
    write: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run(migration: Migration) -> Migrated:
        return Migrated({"contacts": 3}, ["contacts of tenant acme: 001 (schema 1) is left as it was: IndexError"])

    monkeypatch.setattr(Migration, "run", run)
    assert main(["migrate", "--file", str(write(example))]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "contacts: 3 rewritten",
        "contacts of tenant acme: 001 (schema 1) is left as it was: IndexError",
    ]
    assert "1 could not be rewritten" in said.err
