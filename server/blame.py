"""What a log may say of an error: its kind and where, and its text only if we wrote it.

An exception's text quotes what it was about, and that may be what a contact wrote or who they are.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from frontdesk.config import ConfigError, SecretUnavailable

from .errors import HookFailed, NeedsAttention, StartupError, WebhookRefused
from .store import StoreError

FRAMES = 6
"""The innermost frames of each error that are told."""
LINKS = 3
"""How far a chain of causes is followed."""
_OURS = (NeedsAttention, WebhookRefused, HookFailed, SecretUnavailable, StoreError, StartupError, ConfigError)
"""Their texts are written for whoever reads the log."""
_CALLERS = frozenset(str(Path(__file__).parent / name) for name in ("dispatch.py", "runtime.py", "step.py"))
"""The core's own frames above every plugin's."""


def in_words(error: BaseException) -> str:
    """`ValueError at weather.py:31 in Weather.forecast`.

    Of NeedsAttention and WebhookRefused the text: it is written for the operator, and the log is where they read it. Of
    HookFailed and SecretUnavailable, too: our own words.
    """
    match error:
        case NeedsAttention():
            return error.what
        case WebhookRefused():
            return error.reason
        case HookFailed() | SecretUnavailable():
            return str(error)
    if not (frames := _frames(error)):
        return _kind(error)
    file, line, function = frames[-1]
    return f"{_kind(error)} at {Path(file).name}:{line} in {function}"


def trace(error: BaseException) -> list[str]:
    """`file:line function`, the innermost last; then the same for what caused it."""
    lines: list[str] = []
    for link in _chain(error):
        if link is not error:
            lines.append(f"caused by {_kind(link)}")
        lines += [f"{file}:{line} {function}" for file, line, function in _frames(link)[-FRAMES:]]
    return lines


def traceback_of(error: BaseException) -> str:
    """As Python prints it, causes first, but of each error its text only where it is our own words; of an OSError what the
    system calls it."""
    links = []
    for link in reversed(list(_chain(error))):
        frames = "".join(traceback.format_tb(link.__traceback__))
        links.append(f"Traceback (most recent call last):\n{frames}{_kind(link)}{_told(link)}")
    return "\n\nwhich led to\n\n".join(links)


def _told(error: BaseException) -> str:
    match error:
        case _ if isinstance(error, _OURS):
            return f": {error}"
        case OSError() if error.strerror:
            return f": {error.strerror}"
    return ""


def _kind(error: BaseException) -> str:
    name = type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        return f"{name}({', '.join(_kind(each) for each in error.exceptions[:LINKS])})"
    return name


def _frames(error: BaseException) -> list[tuple[str, int, str]]:
    found = [
        (frame.f_code.co_filename, line, frame.f_code.co_qualname)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return [frame for frame in found if frame[0] not in _CALLERS]


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(LINKS):
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
