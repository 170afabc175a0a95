"""What stands in `error` of a message that did not arrive, in the words of whoever is to mend it."""

from __future__ import annotations

import re

from ..blame import in_words
from ..plugin import Channel, Plugin

_CODE = re.compile(r"([A-Za-z0-9_]{1,20}): ")


def explained(error: str, channel: type[Plugin] | None, language: str) -> str:
    """*error* (a code and a sentence), with the channel's sentence for that code in *language* if it has one."""
    match = _CODE.match(error)
    if match is None or channel is None or not issubclass(channel, Channel):
        return error
    try:
        sentence = channel.explain(match[1], language)
    except Exception as err:  # noqa: BLE001  the plugin's code
        return f"{error} (explain: {in_words(err)})"
    return f"{match[1]}: {sentence}" if sentence else error
