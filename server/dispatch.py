"""The one place where hooks are awaited: in order, with a deadline, behind a breaker, each failure under its owner's name.

pluggy finds and checks implementations (registry.py) but knows nothing of async: it would hand back coroutines, and take
the first coroutine for the first result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from pydantic import TypeAdapter, ValidationError

from frontdesk.config import Times

from . import channel, mind
from .breaker import Breaker
from .errors import PluginError

log = structlog.get_logger(__name__)

_ANSWERS: dict[str, TypeAdapter[Any]] = {
    "parse_webhook": TypeAdapter(tuple[channel.Inbound, ...]),
    "parse_status": TypeAdapter(tuple[channel.StatusUpdate, ...]),
    "find_sent": TypeAdapter(tuple[channel.Found, ...]),
    "fetch_media": TypeAdapter(channel.Fetched),
    "send": TypeAdapter(str),
    "transcribe": TypeAdapter(str | None),
    "prompt_section": TypeAdapter(mind.Section | None),
    "think": TypeAdapter(mind.ModelReply | None),
    "check_health": TypeAdapter(dict[str, Any]),
}
"""What a hook must answer; the other hooks' answers are not looked at."""


class HookFailed(Exception):
    """A plugin's hook failed: a defect, a missed deadline, nonsense, or its breaker is open. Says whose."""

    def __init__(self, tenant: str, plugin: str, hook: str, reason: str, *, ran: bool = True) -> None:
        super().__init__(f"tenant {tenant}: plugin {plugin}: {hook}: {reason}")
        self.ran = ran
        """False: the plugin's code was not called at all."""
        self.tenant = tenant
        self.plugin = plugin
        self.hook = hook
        self.reason = reason


class Running(NamedTuple):
    """Which hook's code the loop is executing at this moment."""

    tenant: str
    plugin: str
    hook: str


class Step:
    """Read by the watchdog's thread: what the loop is in, and nothing between steps."""

    running: Running | None = None


@dataclass(slots=True)
class BoundHook:
    """One implementation of one instance, with what dispatch needs to call it."""

    label: Running
    call: Callable[..., Awaitable[Any]]
    arguments: tuple[str, ...]
    seconds: float
    breaker: Breaker
    failures: int = field(default=0)
    last_failure: str = ""


async def call(bound: BoundHook, /, *, within: float | None = None, **arguments: Any) -> Any:
    """Await one implementation and return its answer, checked; *within*: seconds, if less is left than its deadline.

    Raises what the plugin raised on purpose (PluginError), else HookFailed. A PluginError counts as an answer, not as a
    failure: a vendor that is busy says nothing about the plugin.
    """
    if not bound.breaker.admits():
        reason = f"switched off after repeated failures; the last: {bound.last_failure}"
        raise HookFailed(*bound.label, reason, ran=False)
    seconds = bound.seconds if within is None else min(within, bound.seconds)
    try:
        async with asyncio.timeout(seconds):
            answer = await _Stepped(bound, {name: arguments[name] for name in bound.arguments})
        answer = _checked(bound.label.hook, answer)
    except PluginError:
        bound.breaker.succeeded()
        raise
    except asyncio.CancelledError:
        bound.breaker.abandoned()
        raise
    except TimeoutError as err:
        raise _failure(bound, f"no answer within its deadline of {seconds:g} s") from err
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _failure(bound, f"answered nonsense: {where or 'the answer'}: {first['msg']}") from err
    except Exception as err:  # isolating whatever a plugin does wrong is what this function is for
        raise _failure(bound, f"{type(err).__name__}: {err}") from err
    bound.breaker.succeeded()
    return answer


async def first(hooks: tuple[BoundHook, ...], /, **arguments: Any) -> Any:
    """The first answer that is not None; a failing implementation is logged and the next one is asked."""
    for bound in hooks:
        try:
            answer = await call(bound, **arguments)
        except (HookFailed, PluginError) as err:
            _log(bound, err)
            continue
        if answer is not None:
            return answer
    return None


async def every(hooks: tuple[BoundHook, ...], /, **arguments: Any) -> list[tuple[str, Any]]:
    """(plugin, answer) of everyone who answered; whoever fails is logged and passed over."""
    answers = []
    for bound in hooks:
        try:
            answer = await call(bound, **arguments)
        except (HookFailed, PluginError) as err:
            _log(bound, err)
            continue
        if answer is not None:
            answers.append((bound.label.plugin, answer))
    return answers


def _log(bound: BoundHook, err: Exception) -> None:
    log.warning(
        "hook_failed", tenant=bound.label.tenant, plugin=bound.label.plugin, hook=bound.label.hook, reason=str(err)
    )


def _failure(bound: BoundHook, reason: str) -> HookFailed:
    bound.breaker.failed()
    bound.failures += 1
    bound.last_failure = reason
    return HookFailed(*bound.label, reason)


def _checked(hook: str, answer: Any) -> Any:
    """The answer if it is what the hook promises. Raises ValidationError.

    Dataclasses check nothing themselves, so an answer is taken apart and put together again with its types enforced.
    """
    adapter = _ANSWERS.get(hook)
    if adapter is None:
        return answer
    adapter.validate_python(answer)
    if isinstance(answer, channel.Fetched):
        return answer
    parts = adapter.dump_python(answer, warnings=False)
    return adapter.validate_python(parts)


class _Stepped:
    """Awaits a hook while telling the watchdog, step by step, whose code runs."""

    __slots__ = ("_bound", "_values")

    def __init__(self, bound: BoundHook, values: Mapping[str, Any]) -> None:
        self._bound = bound
        self._values = values

    def __await__(self) -> Generator[Any, Any, Any]:
        label = self._bound.label
        steps: Any = None
        error: BaseException | None = None
        while True:
            Step.running = label
            try:
                if steps is None:
                    steps = self._bound.call(**self._values).__await__()
                yielded = steps.throw(error) if error is not None else steps.send(None)
            except StopIteration as end:
                return end.value
            finally:
                Step.running = None
            try:
                yield yielded
                error = None
            except BaseException as err:  # noqa: BLE001  handed on to the hook, whatever it is
                error = err


def deadline(hook: str, times: Times) -> float:
    """Seconds this hook may take, from the table of times."""
    return {"think": times.think_deadline, "transcribe": times.transcribe_deadline}.get(hook, times.hook_deadline)
