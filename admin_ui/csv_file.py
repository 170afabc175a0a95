"""CSV files that spreadsheets open as they are meant: with every letter, and with no cell that computes something."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

from quart import Response

BEGINNING = "\ufeff"
"""Without it Excel takes the file for the machine's old code page, and Vietnamese for nonsense."""
_COMPUTES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula (OWASP, CSV Injection; the wide forms are taken for the narrow ones by some)."""


def cell(value: Any) -> str:
    """As text. What a contact wrote must not be computed by whoever opens the file: a `'` stands before it then."""
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_COMPUTES) or text.startswith(("\t", "\r", "\n")) else text


def line(values: Sequence[Any]) -> str:
    """One line, with its end."""
    written = io.StringIO()
    csv.writer(written).writerow([cell(value) for value in values])
    return written.getvalue()


def response(lines: AsyncIterator[str], name: str) -> Response:
    """The file, as it is made."""
    answer = Response(
        (text.encode() async for text in lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    answer.timeout = None  # it takes as long as there are lines
    return answer
