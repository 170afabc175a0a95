"""Hooks are awaited in order, with a deadline; whatever one does wrong is its own failure and nobody else's."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from frontdesk import Done, Fetched, ModelReply, PluginError, Refused, RetryLater, Section, dispatch, step
from frontdesk.breaker import Breaker
from frontdesk.config import Times
from frontdesk.dispatch import BoundHook, HookFailed, call, deadline, every, first
from frontdesk.hookspecs import Hooks
from frontdesk.step import Running, Step
from frontdesk.testing.clock import MovableClock


def hook(function: Callable[..., Any], name: str = "on_message", plugin: str = "p", seconds: float = 5.0) -> BoundHook:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return BoundHook(Running("clinic", plugin, name), function, names, seconds, Breaker(MovableClock()))


async def test_an_implementation_gets_the_arguments_it_takes_and_no_others():
    async def takes_one(second):
        return second

    assert await call(hook(takes_one), first=1, second=2, third=3) == 2


async def failing_with(error: BaseException) -> HookFailed:
    async def fail():
        raise error

    with pytest.raises(HookFailed) as failed:
        await call(hook(fail))
    return failed.value


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("a defect"), "ValueError at LINE"),
        (SystemExit("bye"), "SystemExit at LINE"),
        (asyncio.CancelledError(), "it was cancelled from within"),
        (TimeoutError("the vendor's"), "TimeoutError at LINE"),
        (StopIteration(), "RuntimeError"),
        (
            ExceptionGroup("two", [ValueError("a"), KeyError("b")]),
            "ExceptionGroup(ValueError, KeyError) at LINE",
        ),
        (RecursionError("too deep"), "RecursionError at LINE"),
    ],
)
async def test_whatever_it_raises_is_a_failure_under_its_name(error, reason):
    failed = await failing_with(error)
    said = re.sub(r"test_dispatch.py:\d+ in .*\bfail$", "LINE", str(failed))
    assert said == f"tenant clinic: plugin p: on_message: {reason}"
    assert failed.ran
    assert asyncio.current_task().cancelling() == 0


async def test_what_it_raises_on_purpose_is_passed_on_and_no_failure():
    async def busy():
        raise RetryLater("the vendor is busy", after=3)

    bound = hook(busy)
    for _ in range(bound.breaker.threshold + 1):
        with pytest.raises(RetryLater):
            await call(bound)
    assert bound.breaker.state == "closed"


async def test_a_failure_is_told_to_who_counts_them_and_an_answer_on_purpose_is_not():
    counted: list[Running] = []

    async def fails(error):
        raise error

    bound = hook(fails)
    bound.failed = counted.append
    with pytest.raises(RetryLater):
        await call(bound, error=RetryLater("busy", after=1))
    assert counted == []
    with pytest.raises(HookFailed):
        await call(bound, error=ValueError())
    assert counted == [bound.label]


async def test_who_keeps_the_time_is_told_how_long_each_hook_took_and_how_it_ended():
    class Keeper:
        clock = MovableClock()
        told: ClassVar[list[tuple[str, float, str]]] = []

        def hook_ended(self, label, seconds, outcome):
            self.told.append((label.hook, seconds, outcome))

    async def takes(seconds):
        Keeper.clock.advance(seconds)
        if seconds > 1:
            raise Refused("too long")

    bound = hook(takes)
    token = dispatch.timekeeper.set(Keeper())
    try:
        await call(bound, seconds=0.5)
        with pytest.raises(Refused):
            await call(bound, seconds=2)
    finally:
        dispatch.timekeeper.reset(token)
    await call(bound, seconds=0.1)
    assert Keeper.told == [("on_message", 0.5, "ok"), ("on_message", 2, "Refused")]


async def test_a_validation_error_of_its_own_does_not_show_the_values():
    async def misreads():
        Times.model_validate({"turn_deadline": "+84 901 234 567"})

    with pytest.raises(HookFailed, match="ValidationError of Times: turn_deadline") as failed:
        await call(hook(misreads))
    assert "901" not in str(failed.value)


async def test_a_hook_that_hangs_is_ended_at_its_deadline():
    ended = asyncio.Event()

    async def hang():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(HookFailed, match=r"no answer within its deadline of 0\.05 s"):
        await call(hook(hang, seconds=0.05))
    assert ended.is_set()


async def test_what_is_left_of_the_turn_shortens_the_deadline():
    async def hang():
        await asyncio.Event().wait()

    with pytest.raises(HookFailed, match=r"deadline of 0\.02 s"):
        await call(hook(hang), within=0.02)


async def test_when_no_time_is_left_it_is_not_called_and_not_blamed():
    async def never():
        raise AssertionError

    bound = hook(never)
    with pytest.raises(HookFailed, match="no time is left") as failed:
        await call(bound, within=0)
    assert not failed.value.ran
    assert bound.failures == 0


async def test_who_swallows_the_cancellation_is_dropped_after_a_grace(monkeypatch):
    monkeypatch.setattr(step, "GRACE", 0.05)

    async def stubborn():
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    with capture_logs() as logs, pytest.raises(HookFailed, match=r"deadline of 0\.02 s"):
        await call(hook(stubborn, seconds=0.02))
    assert [entry["event"] for entry in logs] == ["hook_ignored_its_end", "hook_failed"]
    assert (logs[0]["tenant"], logs[0]["plugin"], logs[0]["hook"]) == ("clinic", "p", "on_message")
    assert asyncio.current_task().cancelling() == 0


async def test_a_hook_may_tidy_up_after_its_deadline():
    tidied = []

    async def tidy():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.02)
            tidied.append(True)

    with pytest.raises(HookFailed, match="deadline"):
        await call(hook(tidy, seconds=0.02))
    assert tidied


async def test_a_time_out_inside_the_hook_is_its_own_affair(monkeypatch):
    monkeypatch.setattr(step, "GRACE", 0.02)

    async def careful():
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            await asyncio.sleep(0.1)
        return "late but well"

    assert await call(hook(careful)) == "late but well"


@pytest.mark.parametrize("swallows", [False, True])
async def test_when_the_caller_is_cancelled_the_hook_ends_and_the_breaker_does_not_count(monkeypatch, swallows):
    monkeypatch.setattr(step, "GRACE", 0.02)
    running = asyncio.Event()

    async def wait():
        running.set()
        with suppress(asyncio.CancelledError) if swallows else nullcontext():
            await asyncio.Event().wait()
        return "an answer nobody waits for"

    bound = hook(wait)
    async with asyncio.TaskGroup() as group:
        caller = group.create_task(call(bound))
        await running.wait()
        caller.cancel()
    assert caller.cancelled()
    assert bound.failures == 0


async def test_a_hook_that_keeps_failing_is_switched_off_and_tried_again_later():
    clock = MovableClock()
    calls = []

    async def flaky():
        calls.append(1)
        if len(calls) <= 5:
            raise ValueError("down")
        return None

    bound = BoundHook(Running("clinic", "p", "on_message"), flaky, (), 1, Breaker(clock))
    for _ in range(5):
        with pytest.raises(HookFailed):
            await call(bound)
    with pytest.raises(HookFailed, match="switched off after repeated failures; the last: ValueError at ") as failed:
        await call(bound)
    assert not failed.value.ran
    assert len(calls) == 5
    clock.advance(30)
    await call(bound)
    assert bound.breaker.state == "closed"


def nonsense_cases() -> list[tuple[str, int]]:
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    spec = spec_from_file_location("nonsense", Path(__file__).parent / "plugins" / "samples" / "answers_nonsense.py")
    module = module_from_spec(spec)
    sys.modules["nonsense"] = module
    spec.loader.exec_module(module)
    return [(name, variant, answer) for name, all_ in module.NONSENSE.items() for variant, answer in enumerate(all_)]


@pytest.mark.parametrize(("name", "variant", "answer"), nonsense_cases())
async def test_nonsense_is_a_failure_for_every_hook_that_answers(name, variant, answer):
    async def nonsense():
        return answer

    with pytest.raises(HookFailed, match=f"plugin p: {name}: answered nonsense: "):
        await call(hook(nonsense, name))


def test_every_hook_that_returns_something_has_its_nonsense():
    returning = {name for name, spec in vars(Hooks).items() if not name.startswith("_") and _returns(spec)}
    assert {name for name, _, _ in nonsense_cases()} == returning


def _returns(spec: Any) -> bool:
    return spec.__annotations__["return"] not in (None, "None")


@pytest.mark.parametrize("answer", ["\ud83d", Done(told="\ud83d", sentence=""), Done(told=None, sentence="x")])  # type: ignore[arg-type]
async def test_a_tools_answer_must_be_text(answer):
    async def nonsense():
        return answer

    with pytest.raises(HookFailed, match="tool book: answered nonsense: "):
        await call(hook(nonsense, "tool book"))


async def test_an_answer_of_the_right_kind_passes_and_lists_become_tuples():
    async def answer():
        return ModelReply(text="chào", tool_calls=[])  # type: ignore[arg-type]

    reply = await call(hook(answer, "think"))
    assert reply == ModelReply(text="chào")


async def test_a_large_file_is_not_copied_to_be_checked():
    content = bytes(1000)

    async def answer():
        return Fetched(content_type="image/png", content=content)

    assert (await call(hook(answer, "fetch_media"))).content is content


async def test_first_asks_until_somebody_answers_and_passes_over_who_fails():
    asked = []

    def says(answer):
        async def implementation():
            asked.append(answer)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return implementation

    answers = [None, ValueError("x"), Refused("no"), "words", "never asked"]
    hooks = tuple(hook(says(answer), "transcribe", f"p{place}") for place, answer in enumerate(answers))
    with capture_logs() as logs:
        assert await first(hooks) == "words"
    assert asked == answers[:4]
    assert [(entry["plugin"], entry["hook"]) for entry in logs] == [("p1", "transcribe"), ("p2", "transcribe")]
    assert await first(()) is None


async def test_every_asks_all_in_order_and_gives_what_came():
    async def section():
        return Section(name="a", text="a")

    async def silent():
        return None

    async def fails():
        raise ValueError

    async def raises_on_purpose():
        raise PluginError("x")

    hooks = tuple(
        hook(function, "prompt_section", plugin)
        for function, plugin in ((fails, "a"), (section, "b"), (silent, "c"), (raises_on_purpose, "d"), (section, "e"))
    )
    answers = await every(hooks)
    assert [plugin for plugin, _ in answers] == ["b", "e"]


async def test_the_watchdog_sees_whose_code_runs_and_nobody_between_steps():
    seen = []

    async def inner():
        seen.append(Step.running.plugin)

    async def outer():
        seen.append(Step.running.plugin)
        await asyncio.sleep(0)
        seen.append(Step.running.plugin)
        await call(hook(inner, plugin="inner"))
        seen.append(Step.running.plugin)

    await call(hook(outer, plugin="outer"))
    assert seen == ["outer", "outer", "inner", "outer"]
    assert Step.running is None
    async with asyncio.TaskGroup() as group:
        group.create_task(call(hook(outer)))
        await asyncio.sleep(0)
        assert Step.running is None


def test_deadlines_are_those_of_the_table_of_times():
    times = Times(think_deadline=20, hear_deadline=90, hook_deadline=9, send_timeout=8.5)
    found = {name: deadline(name, times) for name in ("think", "transcribe", "send", "list_messages", "tool book")}
    assert found == {"think": 20, "transcribe": 90, "send": 8.5, "list_messages": 60, "tool book": 9}
