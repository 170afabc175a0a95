"""The operators' two languages: gettext catalogues (`locale/LANGUAGE/MODULE.po`, one a module), dates and numbers by Babel.

The operator's language is not the contact's: it is chosen per request, from who is signed in, else from the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from quart import g, has_request_context, request

LANGUAGES: Mapping[str, str] = {"en": "English", "vi": "Tiếng Việt"}
"""Code → its name in itself."""
LOCALES = Path(__file__).parent / "locale"


@cache
def translations(language: str) -> NullTranslations:
    """All catalogues of a language as one. They are compiled here, so that an installation needs no step for it."""
    whole = Catalog(locale=language)
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)


def current() -> str:
    """The language of this request."""
    if not has_request_context():
        return "en"
    found: str | None = g.get("language")
    return found or request.accept_languages.best_match(list(LANGUAGES)) or "en"


def dates() -> str:
    """How this request's language writes dates and times: in English day first and by 24 hours, for any country."""
    return {"en": "en_GB"}.get(current(), current())


def _(message: str, **values: object) -> str:
    """*message* in this request's language; *values* fill its `%(name)s`."""
    text = translations(current()).ugettext(message)
    return text % values if values else text


def _n(one: str, many: str, n: int, **values: object) -> str:
    """The same of a message that counts."""
    return translations(current()).ungettext(one, many, n) % {"n": n, "num": n, **values}


def mark(message: str) -> str:
    """A msgid that is translated later, where it is shown."""
    return message


def moment(at: datetime, zone: ZoneInfo, form: str = "medium") -> str:
    """Date and time as people of this language write them."""
    return format_datetime(at.astimezone(zone), form, locale=dates())


def day(at: datetime, zone: ZoneInfo, form: str = "full") -> str:
    """The date of a moment in *zone*."""
    return format_date(at.astimezone(zone).date(), form, locale=dates())


def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """Hours and minutes of a moment in *zone*."""
    return format_time(at.astimezone(zone), "short", locale=dates())


def span(duration: timedelta) -> str:
    """A duration in words: `14 minutes`."""
    return format_timedelta(duration, threshold=1.0, locale=current())


def ago(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Short and relative, as lists show it: `now`, `5 min`, `14:05`, `Thu`, `3 Nov`."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    past = now - at
    if timedelta() <= past < timedelta(minutes=1):
        return _("now")
    if timedelta() <= past < timedelta(hours=1):
        return _("%(n)s min", n=int(past.total_seconds() // 60))
    if local.date() == today.date():
        return format_time(local, "short", locale=dates())
    if timedelta() <= past < timedelta(days=6):
        return format_datetime(local, "EEE", locale=dates())
    return format_datetime(local, "d MMM" if local.year == today.year else "d MMM yyyy", locale=dates())
