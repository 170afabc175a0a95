"""What stands in `error` of a message that did not arrive, in the words of whoever is to mend it."""

from __future__ import annotations

import re

import structlog

from ..blame import in_words
from ..plugin import Channel, Plugin

log = structlog.get_logger(__name__)

_CODE = re.compile(r"([A-Za-z0-9_]{1,20}): ")


def code_of(error: str) -> str:
    """The code at the beginning of *error*; empty: it has none."""
    match = _CODE.match(error)
    return match[1] if match is not None else ""


def explained(error: str, channel: type[Plugin] | None, language: str) -> str:
    """*error* (a code and a sentence), with the channel's sentence for that code in *language* if it has one."""
    code = code_of(error)
    if not code or channel is None or not issubclass(channel, Channel):
        return error
    try:
        sentence = channel.explain(code, language)
    except Exception as err:  # noqa: BLE001  the plugin's code
        # Whoever reads the error needs it all the same.
        log.error("explain_failed", plugin=channel.__name__, reason=in_words(err))
        return error
    return f"{code}: {sentence}" if sentence else error
