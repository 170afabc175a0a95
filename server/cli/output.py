"""What the command line shows people: one line, a table, a time, a phone number."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click
import phonenumbers

_BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def tame(text: str) -> str:
    """What somebody else wrote, as a terminal may show it: no escape sequences, nothing that turns the line around."""
    return "".join("�" if _wild(char) else char for char in text)


def _wild(char: str) -> bool:
    return (unicodedata.category(char) == "Cc" and char not in "\n\t") or char in _BIDI_CONTROLS


def one_line(text: str, longest: int = 60) -> str:
    """*text*, tamed, on one line of at most *longest* characters."""
    line = " ".join(tame(text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def shortened(id: str) -> str:
    """What a channel calls a contact, as much of it as tells them apart: `whatsapp:US.13…1918`."""
    line = one_line(id, 300)
    return line if len(line) <= 20 else f"{line[:14]}…{line[-4:]}"


def refuse_several(beginning: str, ids: Sequence[str], what: str) -> None:
    """Raise UsageError that names the *ids* (of *what*) which begin with *beginning*, if there are several."""
    if len(ids) > 1:
        raise click.UsageError(f"{beginning!r} begins several {what}: {', '.join(ids)}; write more of the one you mean")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as what is in them."""
    lines = [tuple(heads), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def duration(seconds: float) -> str:
    """A length of time as people say it: `40 s`, `5 min`, `3 h`, `2 days`."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {'day' if unit == 'days' and count == 1 else unit}"
    return f"{max(0, int(seconds))} s"


def moment(at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """A time in the tenant's zone, and how long ago: `14:32 (5 min ago)`, `21 Nov 14:32 (1 day ago)`; empty: never."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    today = local.date() == now.astimezone(zone).date()
    clock = f"{local:%H:%M}" if today else f"{local.day} {local:%b %H:%M}"
    return f"{clock} ({duration((now - at).total_seconds())} ago)"


def phone(number: str) -> str:
    """An E.164 number with the spaces of its country; as it is when it is none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return tame(number)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
