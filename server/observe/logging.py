"""Structured logs on standard error: tenant, conversation and turn with every event, and no personal data.

What a contact wrote, who they are and how to reach them never gets into a log: fields of such names are dropped, and what
looks like a phone number or a password is masked wherever it stands (a vendor's error message quotes what it was sent).
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from frontdesk.config import Log

from .. import blame

PERSONAL = frozenset(
    {"text", "body", "caption", "phone", "name", "contact", "external_id", "address", "email", "summary"}
)
"""Fields that an event may not have: what a contact says or is."""
_SECRET = re.compile(r"token|secret|password|authori[sz]ation|api_?key|credential|signature$", re.IGNORECASE)
_MASKS = (
    (re.compile(r"\bwhatsapp:[^\s'\",;)\]}]+"), "whatsapp:[phone]"),
    (re.compile(r"(?:(?<!\w)(?:\+|00)|%2B)\d(?:[ ().-]{0,2}\d){6,14}(?!\w)", re.IGNORECASE), "[phone]"),
    (re.compile(r"(?<![\w.:+-])0\d(?:[ .-]?\d){7,9}(?![\w:])"), "[phone]"),
    (re.compile(r"(?<=://)[^\s/@]+@"), "[secret]@"),
    # pydantic quotes the value that did not fit.
    (re.compile(r"input_value=.*?(?=, input_type=)", re.DOTALL), "input_value=[hidden]"),
)
_OWN = "frontdesk"


def set_up_logging(log: Log, *, stream: TextIO | None = None) -> None:
    """Send every log of this process (structlog's and the standard library's) to *stream*, by default standard error.

    Libraries speak from `warning` on, whatever the level is: what a driver logs below it holds the data it carries.
    """
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                traceback_as_text,
                keep_private,
                _renderer(log, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    level = logging.getLevelNamesMapping()[log.level.upper()]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(_OWN).setLevel(level)


def traceback_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """`exc_info` as a traceback in `exception`, without what variables held and what errors quote."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = blame.traceback_of(error)
    return event


def keep_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop the fields that are personal, and name them; mask what is secret or looks like a phone number."""
    kept: EventDict = {}
    dropped = []
    for key, value in event.items():
        if key in PERSONAL:
            dropped.append(key)
        elif _SECRET.search(key):
            kept[key] = "[secret]"
        elif key == "timestamp":
            kept[key] = value
        else:
            kept[key] = _masked(value)
    if dropped:
        kept["dropped"] = dropped
    return kept


def _masked(value: Any) -> Any:
    """*value* with everything masked that looks personal or secret; whatever is no plain data becomes its text."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            for pattern, mask in _MASKS:
                value = pattern.sub(mask, value)
            return value
        case dict():
            return keep_private(None, "", {str(key): inner for key, inner in value.items()})
        case list() | tuple() | set() | frozenset():
            return [_masked(inner) for inner in value]
        case _:
            return _masked(str(value))


def _renderer(log: Log, stream: TextIO) -> Processor:
    if log.format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
    )
