"""`frontdesk consents`: the ledger of who wants no more messages, for people and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import Run


def test_the_ledger_is_shown_and_exported(
    frontdesk: Run, example: dict[str, Any], write: Callable[[dict[str, Any]], Path]
) -> None:
    write(example)
    assert frontdesk("consents").stdout == "Nobody has asked for no more messages.\n"
    heard = frontdesk("chat", "lotus-school", stdin="DỪNG\nstart\n").stdout
    assert "nhắn START" in heard and "lại nhận được tin nhắn" in heard, heard
    shown = frontdesk("consents", "--tenant", "lotus-school").stdout
    assert "stop: DỪNG" in shown and "start: start" in shown
    rows = list(csv.DictReader(io.StringIO(frontdesk("consents", "--csv").stdout)))
    assert [(row["tenant"], row["by"], row["what"], row["text"]) for row in rows] == [
        ("lotus-school", "contact", "stop", "DỪNG"),
        ("lotus-school", "contact", "start", "start"),
    ]
    assert all(row["message"].startswith("in-") and row["at"].endswith("+00:00") for row in rows)
