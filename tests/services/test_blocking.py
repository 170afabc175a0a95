"""Calls of SDKs that are not async."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading

import pytest
from structlog.testing import capture_logs

from frontdesk import Plugin, RetryLater, hookimpl
from frontdesk.services import blocking
from frontdesk.services.blocking import IN_FLIGHT, OF_PLUGIN, TENANTS, THREADS, BlockingCalls
from frontdesk.tasks import Owner
from frontdesk.testing.plugins import ScriptedModel


class Vendor:
    """An SDK whose calls return when its test says so."""

    def __init__(self):
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = 0

    def call(self, word):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            assert self.go.wait(10)
        finally:
            with self.lock:
                self.now -= 1
        return word.upper()


@pytest.fixture
def vendor():
    vendor = Vendor()
    yield vendor
    vendor.go.set()


def started(call):
    return Owner("test").start(call, "call")


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_the_loop_goes_on_while_a_call_blocks(vendor):
    call = BlockingCalls().of("clinic", "p", 5)
    waiting = started(call(vendor.call, "chào"))
    await until(lambda: vendor.now == 1)
    vendor.go.set()
    assert await waiting == "CHÀO"


async def test_a_call_knows_what_its_caller_knows():
    variable = contextvars.ContextVar("variable", default="")
    variable.set("của Lan")
    assert await BlockingCalls().of("clinic", "p", 5)(variable.get) == "của Lan"


async def test_four_are_in_flight_and_the_fifth_waits_without_stopping_anybody_else(vendor):
    calls = BlockingCalls()
    mine = calls.of("clinic", "p", 5)
    waiting = [started(mine(vendor.call, str(n))) for n in range(IN_FLIGHT + 3)]
    await until(lambda: vendor.now == IN_FLIGHT)
    assert await calls.of("school", "p", 5)(str.upper, "a") == "A"
    assert await calls.of("clinic", "q", 5)(str.upper, "a") == "A"
    vendor.go.set()
    assert await asyncio.gather(*waiting) == [str(n) for n in range(IN_FLIGHT + 3)]
    assert vendor.most == IN_FLIGHT


async def test_an_instance_made_anew_has_no_places_of_its_own(vendor):
    calls = BlockingCalls()
    before = calls.of("clinic", "p", 5)
    waiting = [started(before(vendor.call, str(n))) for n in range(IN_FLIGHT)]
    await until(lambda: vendor.now == IN_FLIGHT)
    with pytest.raises(RetryLater, match="in flight"):
        await calls.of("clinic", "p", 5)(vendor.call, "more", timeout=0.02)
    vendor.go.set()
    await asyncio.gather(*waiting)
    assert not calls._places, "nothing is kept of who calls nothing"


async def test_what_takes_too_long_is_given_up_and_keeps_its_place_until_it_returns(vendor):
    call = BlockingCalls().of("clinic", "p", 5, in_flight=1)
    with pytest.raises(TimeoutError, match=r"time-out of 0\.02 s"):
        await call(vendor.call, "slow", timeout=0.02)
    with pytest.raises(RetryLater):
        await call(str.upper, "a", timeout=0.02)
    with capture_logs() as logs:
        vendor.go.set()
        assert await call(str.upper, "a") == "A"
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("blocking_call_ended_late", "it returned")]


async def test_the_whole_process_has_a_limit_of_its_own(vendor, monkeypatch):
    monkeypatch.setattr(blocking, "THREADS", 2)
    calls = BlockingCalls()
    waiting = [started(calls.of(f"tenant {n}", "p", 5)(vendor.call, str(n))) for n in range(3)]
    await until(lambda: vendor.now == 2)
    with pytest.raises(RetryLater):
        await calls.of("clinic", "p", 5)(str.upper, "a", timeout=0.02)
    vendor.go.set()
    assert await asyncio.gather(*waiting) == ["0", "1", "2"]
    assert vendor.most == 2


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        (int, ("x",), ValueError),
        (next, (iter(()),), RuntimeError),
        (sys.exit, ("bye",), RuntimeError),
        (asyncio.sleep, (0,), TypeError),
    ],
)
async def test_what_it_raises_is_the_callers(function, arguments, error):
    calls = BlockingCalls()
    with pytest.raises(error):
        await calls.of("clinic", "p", 5)(function, *arguments)
    assert not calls._places


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
async def test_a_time_out_is_a_time(seconds):
    with pytest.raises(ValueError, match="write seconds"):
        await BlockingCalls().of("clinic", "p", 5)(str.upper, "a", timeout=seconds)


async def test_a_caller_who_is_cancelled_leaves_the_call_its_place(vendor):
    calls = BlockingCalls()
    waiting = started(calls.of("clinic", "p", 5)(vendor.call, "a"))
    await until(lambda: vendor.now == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert calls._places[("clinic", "p")].users == 1
    vendor.go.set()
    await until(lambda: not calls._places)


async def test_the_end_waits_for_what_runs_and_begins_no_more(vendor):
    calls = BlockingCalls()
    waiting = started(calls.of("clinic", "p", 5)(vendor.call, "a"))
    await until(lambda: vendor.now == 1)
    with capture_logs() as logs:
        await calls.close(0.02)
    assert [(entry["event"], entry["plugin"]) for entry in logs] == [("blocking_call_left", "p")]
    with pytest.raises(RuntimeError, match="has stopped"):
        await calls.of("clinic", "p", 5)(str.upper, "a")
    closing = started(calls.close(10))
    vendor.go.set()
    await closing
    assert await waiting == "A" and not calls._running


async def test_a_vendor_that_hangs_leaves_room_for_the_other_plugins(vendor):
    calls = BlockingCalls()
    hung = [
        started(calls.of(f"t{number}", "slow", 0.2)(vendor.call, "a"))
        for number in range(THREADS // IN_FLIGHT)
        for _ in range(IN_FLIGHT)
    ]
    await asyncio.gather(*hung, return_exceptions=True)
    assert vendor.most == TENANTS * IN_FLIGHT, "their places are taken until they return"
    assert await calls.of("t0", "quick", 5)(str.upper, "chào") == "CHÀO"


async def test_a_plugin_whose_calls_are_long_may_have_more_of_them_and_never_all(vendor):
    calls = BlockingCalls()
    long = [started(calls.of(f"t{n % 4}", "model", 5, in_flight=16)(vendor.call, "a")) for n in range(THREADS)]
    await until(lambda: vendor.now == OF_PLUGIN)
    assert await calls.of("t0", "quick", 5)(str.upper, "chào") == "CHÀO"
    vendor.go.set()
    await asyncio.gather(*long)
    assert vendor.most == OF_PLUGIN


class Calls(Plugin):
    """Its vendor's SDK blocks."""

    @hookimpl
    async def on_message(self, message):
        self.said = await self.call_blocking(str.upper, message.text)


async def test_a_hook_calls_its_sdk(desk):
    async with desk(plugins={"model": ScriptedModel, "calls": Calls}) as server:
        lan = server.contact("Lan")
        await lan.says("Chào")
        await lan.hears()
        assert (await server.plugin("calls")).said == "CHÀO"
