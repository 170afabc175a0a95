"""Logs tell what happened to which conversation, and nothing about the person in it."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from frontdesk import NeedsAttention, Settings
from frontdesk.config import Log
from frontdesk.observe.logging import keep_private, set_up_logging
from frontdesk.store import StoreUnavailable

NAME = "Nguyễn Thị Ánh"
PHONE = "+84912345678"
QUESTION = "Học phí 7.900.000đ một khóa phải không ạ?"
ANSWER = "Dạ, 7.900.000đ ạ."


@pytest.fixture
def logs() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Logging as the server sets it up, at `info`, as JSON; what was logged so far."""
    root = logging.getLogger()
    before = (root.handlers, root.level, logging.getLogger("frontdesk").level)
    stream = io.StringIO()
    set_up_logging(Log(format="json", level="info"), stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers = before[0]
    root.setLevel(before[1])
    logging.getLogger("frontdesk").setLevel(before[2])
    structlog.reset_defaults()


async def test_a_conversation_leaves_ids_in_the_log_and_nothing_personal(desk: Any, logs: Any) -> None:
    async with desk() as server:
        contact = server.contact(NAME, phone=PHONE)
        (await server.plugin("model")).script = [ANSWER]
        await contact.says(QUESTION)
        assert await contact.hears() == ANSWER
        await server.quiet()
        conversation = contact.id
    (ended,) = [event for event in logs() if event["event"] == "turn_ended"]
    assert (ended["tenant"], ended["conversation"], ended["turn"]) == ("clinic", conversation, f"{conversation}.1")
    assert (ended["level"], ended["logger"]) == ("info", "frontdesk.turn.engine")
    _nothing_personal(logs())


async def test_what_a_vendor_says_about_a_number_is_logged_without_it(desk: Any, logs: Any) -> None:
    def refuse(message: Any) -> None:
        raise NeedsAttention(f"21211: '{PHONE}' (whatsapp:{PHONE}) is not a valid number, nor is 0912 345 678")

    async with desk() as server:
        contact = server.contact(NAME, phone=PHONE)
        (await server.plugin("phone")).on_send = refuse
        await contact.says(QUESTION)
        await server.quiet()
    assert "'[phone]' (whatsapp:[phone]) is not a valid" in json.dumps(logs())
    _nothing_personal(logs())


async def test_a_plugin_that_fails_over_a_message_does_not_leak_it(desk: Any, logs: Any) -> None:
    class Parsed(Settings):
        amount: int

    def stumble(request: Any) -> str:
        return str(Parsed.model_validate({"amount": request.messages[-1].text}))

    async with desk() as server:
        contact = server.contact(NAME, phone=PHONE)
        (await server.plugin("model")).script = [stumble]
        await contact.says(QUESTION)
        await server.quiet()
    assert "model_failed" in [event["event"] for event in logs()]
    _nothing_personal(logs())


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("to +84 912 345 678 failed", "to [phone] failed"),
        ("to whatsapp:+14155238886.", "to whatsapp:[phone]"),
        ("whatsapp:US.13491208655302741918, gone", "whatsapp:[phone], gone"),
        ("To=whatsapp%3A%2B84912345678&x", "To=whatsapp%3A[phone]&x"),
        ("call 0912345678 now", "call [phone] now"),
        ("mongodb://desk:hunter2@db:27017/x", "mongodb://[secret]@db:27017/x"),
        ("took 0.12345678 s at 2026-11-22T10:00:00", "took 0.12345678 s at 2026-11-22T10:00:00"),
        ("id 0123456789abcdef01234567", "id 0123456789abcdef01234567"),
    ],
)
def test_phone_numbers_and_passwords_are_masked_and_nothing_else(said: str, logged: str) -> None:
    assert keep_private(None, "", {"event": "x", "reason": said})["reason"] == logged


def test_personal_fields_are_dropped_and_named() -> None:
    kept = keep_private(None, "", {"event": "x", "text": QUESTION, "phone": PHONE, "auth_token": "t0k", "turn": "a.1"})
    assert kept == {"event": "x", "auth_token": "[secret]", "turn": "a.1", "dropped": ["text", "phone"]}


def test_personal_fields_are_found_inside_of_others() -> None:
    assert keep_private(None, "", {"data": {"name": NAME, "to": [PHONE]}}) == {
        "data": {"to": ["[phone]"], "dropped": ["name"]}
    }


@given(st.integers(10_000_000, 999_999_999_999), st.sampled_from(["", " ", "-", "."]))
def test_no_number_in_international_form_survives(digits: int, between: str) -> None:
    number = "+" + between.join(str(digits))
    assert number not in str(keep_private(None, "", {"reason": f"sent to {number}, twice"}))


def test_libraries_are_heard_from_warning_on_in_the_same_form(logs: Any) -> None:
    set_up_again = logging.getLogger("some.library")
    set_up_again.info("body=%s", QUESTION)
    set_up_again.warning("slow answer from %s", PHONE)
    (event,) = logs()
    assert (event["event"], event["logger"], event["level"]) == ("slow answer from [phone]", "some.library", "warning")


def test_an_error_is_logged_with_its_traceback_and_without_what_it_quotes(logs: Any) -> None:
    quoted = "84912345678 Nguyễn Thị Lan lan@example.org"
    try:
        try:
            raise ValueError(f"bad number {quoted}")
        except ValueError as err:
            raise KeyError(quoted) from err
    except KeyError:
        structlog.get_logger("frontdesk.test").exception("failed")
    (event,) = logs()
    assert "test_an_error_is_logged_with_its_traceback" in event["exception"]
    assert event["exception"].endswith("KeyError")
    assert "ValueError\n\nwhich led to\n" in event["exception"]
    told = re.sub(r"(?m)^ +raise .*$", "", event["exception"])
    assert not any(word in told for word in quoted.split())


def test_our_own_words_and_what_the_system_calls_an_error_are_told(logs: Any) -> None:
    logger = structlog.get_logger("frontdesk.test")
    logger.error("failed", exc_info=StoreUnavailable("the store's file cannot be used now"))
    logger.error("failed", exc_info=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/srv/Lan"))
    assert [event["exception"].splitlines()[-1] for event in logs()] == [
        "StoreUnavailable: the store's file cannot be used now",
        "OSError: No space left on device",
    ]


def test_the_value_a_check_refused_is_not_in_the_traceback(logs: Any) -> None:
    class Parsed(BaseModel):
        amount: int

    try:
        Parsed.model_validate({"amount": QUESTION})
    except ValueError:
        structlog.get_logger("frontdesk.test").exception("failed")
    logging.getLogger("some.library").warning("%s", _refused(Parsed))
    in_a_traceback, in_a_sentence = logs()
    assert in_a_traceback["exception"].endswith("ValidationError")
    assert "input_value=[hidden]" in in_a_sentence["event"]
    _nothing_personal(logs())


def _refused(model: type[BaseModel]) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({"amount": QUESTION})
    return caught.value


def test_below_the_level_nothing_is_logged(logs: Any) -> None:
    structlog.get_logger("frontdesk.test").debug("hidden")
    assert logs() == []


def test_text_has_no_colours_where_nobody_looks() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        set_up_logging(Log(format="text", level="info"), stream=stream)
        structlog.get_logger("frontdesk.test").warning("store_away", reason="gone")
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
    assert "store_away" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def _nothing_personal(events: list[dict[str, Any]]) -> None:
    assert events
    everything = json.dumps(events, ensure_ascii=False)
    for secret in (NAME, PHONE, PHONE[1:], "912345678", "0912 345 678", QUESTION, ANSWER):
        assert secret not in everything
