"""What a log says of a plugin's error: kind and place, for every way in which one may fail, and never its text."""

from __future__ import annotations

import traceback

import aiohttp
import pytest
from pydantic import BaseModel, field_validator
from structlog.testing import capture_logs

from frontdesk import (
    Channel,
    ModelReply,
    NeedsAttention,
    Plugin,
    Refused,
    RetryLater,
    ToolCall,
    WebhookRefused,
    blame,
    hookimpl,
    tool,
)
from frontdesk.breaker import Breaker
from frontdesk.dispatch import BoundHook, call
from frontdesk.errors import HookFailed
from frontdesk.step import Running
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.plugins import ScriptedModel

WROTE = "tôi bị tiểu đường"
"""What a contact wrote, and what must be in no log."""


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as err:  # noqa: BLE001  whatever it is
        return err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(WROTE), "ValueError at test_blame.py:"),
        (Refused(WROTE), "Refused at test_blame.py:"),
        (ExceptionGroup(WROTE, [ValueError(WROTE), KeyError(WROTE)]), "ExceptionGroup(ValueError, KeyError) at test_"),
        (NeedsAttention("pay the bill"), "pay the bill"),
        (WebhookRefused(403, "not signed"), "not signed"),
        (HookFailed("t", "p", "send", "no answer"), "tenant t: plugin p: send: no answer"),
    ],
)
def test_an_error_in_words_is_its_kind_and_place_or_what_the_operator_is_told(error, said):
    words = blame.in_words(raised(error))
    assert words.startswith(said) and WROTE not in words
    assert said.endswith((":", "_")) is words.endswith("in raised")


def test_an_error_that_was_never_raised_has_no_place():
    assert blame.in_words(ValueError(WROTE)) == "ValueError"
    assert blame.trace(ValueError(WROTE)) == []


def test_the_trace_goes_to_the_cause_and_holds_no_text():
    def vendor():
        raise KeyError(WROTE)

    def ours():
        try:
            vendor()
        except KeyError as err:
            raise RuntimeError(WROTE) from err

    try:
        ours()
    except RuntimeError as err:
        trace = blame.trace(err)
    places = [line.rpartition(" ")[2].rpartition(".")[2] for line in trace]
    assert places == [
        "test_the_trace_goes_to_the_cause_and_holds_no_text",
        "ours",
        "KeyError",
        "ours",
        "vendor",
    ]
    assert "caused by KeyError" in trace
    assert all(WROTE not in line for line in trace)


class Picky(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def known(cls, word: str) -> str:
        raise ValueError(f"what is {word}?")


class Indiscreet(Channel):
    """Quotes the contact in every error."""

    @hookimpl
    async def on_message(self):
        raise ValueError(WROTE)

    @hookimpl
    async def prompt_section(self):
        Picky(word=WROTE)

    @hookimpl
    async def on_turn_committed(self):
        raise Refused(WROTE)

    @hookimpl
    async def run_task(self, task):
        raise Refused(WROTE) if task.name == "refused" else RuntimeError(WROTE)

    @hookimpl
    async def parse_webhook(self):
        raise LookupError(WROTE)

    @classmethod
    @hookimpl
    def routes(cls, blueprint):
        @blueprint.get("/")
        async def page():
            raise RuntimeError(WROTE)

    @tool
    async def look_up(self) -> str:
        """Look it up."""
        raise OSError(WROTE)


class Stillborn(Plugin):
    """Its constructor fails."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        raise OSError(WROTE)


class NotStarting(Plugin):
    """It does not start."""

    @hookimpl
    async def start(self):
        raise RetryLater(WROTE)


async def test_no_log_holds_what_a_plugin_quoted(desk, serving, caplog):
    plugins = {"model": ScriptedModel, "indiscreet": Indiscreet, "stillborn": Stillborn, "late": NotStarting}
    with capture_logs() as logs:
        async with desk(plugins=plugins) as server:
            model, plugin = await server.plugin("model"), await server.plugin("indiscreet")
            calls = (ToolCall(id="1", name="look_up", arguments={}),)
            model.script = [ModelReply(tool_calls=calls), "Xin lỗi."]
            lan = server.contact("Lan")
            await lan.says(WROTE)
            assert await lan.hears() == "Xin lỗi."
            for name in ("refused", "broken"):
                await plugin.tasks.schedule(name, "k", server.clock.now())
            await server.quiet()
            async with serving(server.server) as url, aiohttp.ClientSession() as http:
                assert (await http.post(f"{url}/webhooks/indiscreet/clinic")).status == 503
                assert (await http.get(f"{url}/plugins/indiscreet/clinic/")).status == 500
    assert WROTE not in repr(logs) + caplog.text
    assert not any("exc_info" in entry for entry in logs)
    failed = {
        (entry["hook"], entry["reason"].partition(" at ")[0]) for entry in logs if entry["event"] == "hook_failed"
    }
    assert failed == {
        ("on_message", "ValueError"),
        ("prompt_section", "ValidationError of Picky: word: value_error"),
        ("on_turn_committed", "Refused"),
        ("run_task", "RuntimeError"),
        ("parse_webhook", "LookupError"),
        ("routes", "RuntimeError"),
        ("tool look_up", "OSError"),
    }
    reasons = {entry["plugin"]: entry["reason"] for entry in logs if entry["event"] == "plugin_not_running"}
    assert reasons["stillborn"].startswith("not started: OSError at test_blame.py:")
    assert reasons["late"].startswith("not started: RetryLater at test_blame.py:")


async def test_a_failure_that_is_logged_with_its_traceback_does_not_bring_the_text_along():
    async def quote():
        raise ValueError(WROTE)

    bound = BoundHook(Running("clinic", "p", "on_message"), quote, (), 5, Breaker(MovableClock()))
    with pytest.raises(HookFailed) as failed:
        await call(bound)
    assert WROTE not in "".join(traceback.format_exception(failed.value))
