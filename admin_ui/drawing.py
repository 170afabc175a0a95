"""What templates may call besides their macros: times, numbers, names, icons."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Any

import phonenumbers
from babel.numbers import format_decimal
from markupsafe import Markup
from quart import Quart, g

from . import language
from .assets import asset, icon
from .language import LANGUAGES, _, _n, ago, clock_time, current, day, moment, span, translations


def initials(name: str) -> str:
    """Two letters for a round picture: the first of the first and of the last word."""
    words = [word for word in unicodedata.normalize("NFC", name).split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def phone(e164: str) -> str:
    """As the number's country writes it, with the country's code; unchanged if it is none."""
    try:
        parsed = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def when(at: datetime | None) -> Markup:
    """A moment, short and relative; the exact one on hover, for scripts and for who listens."""
    if at is None:
        return Markup()
    here = g.here
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), moment(at, here.zone, "full"), ago(at, here.now, here.zone)
    )


def number(value: float) -> str:
    """As this language writes numbers."""
    return str(format_decimal(value, locale=current()))


def install(app: Quart) -> None:
    """Give the application's templates all of this, and gettext in the language of the request."""
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
        lambda text: translations(current()).ugettext(text),
        lambda one, many, n: translations(current()).ungettext(one, many, n),
        newstyle=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.globals.update(asset=asset, icon=icon, when=when, phone=phone, initials=initials, LANGUAGES=LANGUAGES)
    environment.filters.update(
        number=number, initials=initials, phone=phone, moment=_local(moment), day=_local(day), clock=_local(clock_time)
    )
    environment.filters["span"] = _span
    # A plugin's words in a template's `_()` would be taken for HTML, and a `%` in them for the place of a value.
    environment.filters["translated"] = _


def _local(form: Any) -> Any:
    """The same in the zone of the page."""
    return lambda at, *more: form(at, g.here.zone, *more)


def _span(value: timedelta | float) -> str:
    return span(value if isinstance(value, timedelta) else timedelta(seconds=value))


__all__ = ["_", "_n", "install", "language"]
