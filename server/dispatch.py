"""The one place where hooks are awaited: in order, with a deadline, behind a breaker, each failure under its owner's name.

pluggy finds and checks implementations (registry.py) but knows nothing of async: it would hand back coroutines, and take
the first coroutine for the first result. step.py says how one is run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

import structlog
from pydantic import AwareDatetime, JsonValue, StringConstraints, TypeAdapter, ValidationError

from frontdesk.config import Times

from . import blame, cards, channel, findings, mind, pushes, speech
from .breaker import Breaker
from .clock import Clock
from .errors import HookFailed as HookFailed
from .errors import PluginError
from .step import Running, Stepped
from .tools import Done

log = structlog.get_logger(__name__)

_ANSWERS: dict[str, TypeAdapter[Any]] = {
    "parse_webhook": TypeAdapter(tuple[channel.Inbound, ...]),
    "parse_status": TypeAdapter(tuple[channel.StatusUpdate, ...]),
    "find_sent": TypeAdapter(tuple[channel.Found, ...]),
    "fetch_media": TypeAdapter(channel.Fetched),
    "list_messages": TypeAdapter(tuple[channel.Listed, ...]),
    "recover_message": TypeAdapter(channel.Inbound),
    "diagnose": TypeAdapter(tuple[findings.Finding, ...]),
    "list_templates": TypeAdapter(tuple[channel.ApprovedTemplate, ...]),
    "send": TypeAdapter(Annotated[str, StringConstraints(min_length=1)]),
    "transcribe": TypeAdapter(str | speech.Transcript | None),
    "synthesize": TypeAdapter(speech.Speech | None),
    "prompt_section": TypeAdapter(mind.Section | None),
    "think": TypeAdapter(mind.ModelReply | None),
    "answer_choice": TypeAdapter(str | None),
    "preview": TypeAdapter(dict[str, JsonValue] | None),
    "push_contact": TypeAdapter(tuple[pushes.Pushed, ...]),
    "push_deal": TypeAdapter(tuple[pushes.Pushed, ...]),
    "push_activity": TypeAdapter(tuple[pushes.Pushed, ...]),
    "export_contact": TypeAdapter(dict[str, JsonValue] | None),
    "admin_panel": TypeAdapter(cards.Card | None),
    "contact_card": TypeAdapter(cards.Card | None),
    "check_health": TypeAdapter(dict[str, Any]),
    "run_task": TypeAdapter(AwareDatetime | None),
}
"""What a hook must answer; the other hooks' answers are not looked at."""
_BINARY = frozenset({"fetch_media", "synthesize"})

FACE_SECONDS = 3.0
"""How long a plugin may take for what an operator waits for."""
TOOL = "tool "
"""Before the method's name, where a hook's name stands when a tool is called."""


class Timekeeper(Protocol):
    """Wants to know how long the hooks take that are called on somebody's behalf."""

    clock: Clock

    def hook_ended(self, label: Running, seconds: float, outcome: str) -> None:
        """*outcome*: `ok`, or the name of what was raised."""
        ...


timekeeper: ContextVar[Timekeeper | None] = ContextVar("timekeeper", default=None)
"""On whose behalf hooks are called at the moment: a turn."""


def uncounted(_label: Running) -> None:
    """Counts no failure."""


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
    failed: Callable[[Running], None] = uncounted
    """Told of each failure."""


async def call(bound: BoundHook, /, *, within: float | None = None, **arguments: Any) -> Any:
    """Await one implementation and return its answer, checked; *within*: seconds, if less is left than its deadline.

    Raises what the plugin raised on purpose (PluginError), else HookFailed. A PluginError counts as an answer, not as a
    failure: a vendor that is busy says nothing about the plugin.
    """
    keeper = timekeeper.get()
    if keeper is None:
        return await _call(bound, within, arguments)
    began, outcome = keeper.clock.monotonic(), "ok"
    try:
        return await _call(bound, within, arguments)
    except BaseException as err:
        outcome = type(err).__name__
        raise
    finally:
        keeper.hook_ended(bound.label, keeper.clock.monotonic() - began, outcome)


async def _call(bound: BoundHook, within: float | None, arguments: dict[str, Any]) -> Any:
    seconds = bound.seconds if within is None else min(within, bound.seconds)
    if seconds <= 0:
        raise HookFailed(*bound.label, "no time is left for it", ran=False)
    if not bound.breaker.admits():
        reason = f"switched off after repeated failures; the last: {bound.last_failure}"
        raise HookFailed(*bound.label, reason, ran=False)
    answer = await _run(bound, seconds, arguments)
    try:
        answer = _checked(bound.label.hook, answer)
    except ValidationError as err:
        raise _failure(bound, f"answered nonsense: {_first_problem(err)}", err) from None
    except Exception as err:  # noqa: BLE001  whatever an object of the plugin does when it is looked at
        raise _failure(bound, f"answered nonsense: {blame.in_words(err)}", err) from None
    bound.breaker.succeeded()
    return answer


async def _run(bound: BoundHook, seconds: float, arguments: dict[str, Any]) -> Any:
    """Its answer as it is; raises PluginError, HookFailed, or CancelledError when the caller was cancelled."""
    task = asyncio.current_task()
    assert task is not None, "hooks run in tasks"
    cancelled_before = task.cancelling()
    until = asyncio.get_running_loop().time() + seconds
    values = {name: arguments[name] for name in bound.arguments}
    try:
        async with asyncio.timeout(None) as limit:
            # Set when it first waits: a hook that answers at once needs no timer, which was half of calling it.
            answer = await Stepped(bound.label, bound.call, values, waits=lambda: limit.reschedule(until))
        if task.cancelling() > cancelled_before:
            raise asyncio.CancelledError  # the plugin swallowed it; it was meant for us
    except PluginError:
        bound.breaker.succeeded()
        raise
    except asyncio.CancelledError as err:
        if task.cancelling() > cancelled_before:
            bound.breaker.abandoned()
            raise
        # Nobody cancelled us: something inside the plugin was, and must not take the core's task along.
        raise _failure(bound, "it was cancelled from within", err) from None
    except TimeoutError as err:
        late = f"no answer within its deadline of {seconds:g} s"
        raise _failure(bound, late if limit.expired() else blame.in_words(err), err) from None
    except ValidationError as err:
        raise _failure(bound, f"ValidationError of {err.title}: {_first_problem(err, foreign=True)}", err) from None
    except (Exception, SystemExit) as err:  # noqa: BLE001  isolating whatever a plugin does is what this is for
        raise _failure(bound, blame.in_words(err), err) from None
    return answer


async def first(hooks: tuple[BoundHook, ...], /, **arguments: Any) -> Any:
    """The first answer that is not None; a failing implementation is logged and the next one is asked."""
    for bound in hooks:
        if (answer := await _or_none(bound, arguments)) is not None:
            return answer
    return None


async def every(hooks: tuple[BoundHook, ...], /, **arguments: Any) -> list[tuple[str, Any]]:
    """(plugin, answer) of everyone who answered; whoever fails is logged and passed over."""
    return [(bound.label.plugin, answer) for bound in hooks if (answer := await _or_none(bound, arguments)) is not None]


async def _or_none(bound: BoundHook, arguments: dict[str, Any]) -> Any:
    """Its answer; None, too, if it failed."""
    try:
        return await call(bound, **arguments)
    except HookFailed:
        return None
    except PluginError as err:
        passed_over(bound, err)
        return None


def passed_over(bound: BoundHook, error: PluginError) -> None:
    """Say in the log that a plugin did not do it, on purpose."""
    log.warning("hook_failed", **bound.label._asdict(), reason=blame.in_words(error))


def _failure(bound: BoundHook, reason: str, error: BaseException) -> HookFailed:
    """*reason* goes to logs; raised `from None`, since *error*'s own text may not."""
    bound.breaker.failed()
    bound.failures += 1
    bound.failed(bound.label)
    bound.last_failure = reason
    log.warning("hook_failed", **bound.label._asdict(), reason=reason, trace=blame.trace(error))
    return HookFailed(*bound.label, reason)


def _first_problem(error: ValidationError, *, foreign: bool = False) -> str:
    """Where and what; of a model that is not ours the problem's type alone, since its text may quote the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['type'] if foreign else first['msg']}"


def _checked(hook: str, answer: Any) -> Any:
    """The answer if it is what the hook promises. Raises ValidationError.

    Dataclasses check nothing themselves, so an answer is taken apart and put together again with its types enforced.
    """
    if hook.startswith(TOOL):
        # Anything with a str() may be told to a model, unless it is no Unicode: a store and a vendor would refuse it.
        for text in (answer.told, answer.sentence) if isinstance(answer, Done) else (str(answer),):
            text.encode()
        return answer
    adapter = _ANSWERS.get(hook)
    if adapter is None:
        return answer
    if hook in _BINARY:
        adapter.validate_python(answer)
        return adapter.validate_python(adapter.dump_python(answer, warnings=False))
    # As JSON: half a surrogate pair passes for a str, and for nothing else after that.
    return adapter.validate_json(adapter.dump_json(answer, warnings=False))


def deadline(hook: str, times: Times) -> float:
    """Seconds this hook may take, from the table of times."""
    own = {"think": times.think_deadline, "transcribe": times.hear_deadline, "send": times.send_timeout}
    # Nobody waits for these but a person at a command line, if anybody; and each is many questions to a vendor.
    own |= dict.fromkeys(("diagnose", "repair", "list_messages"), times.turn_deadline)
    own |= dict.fromkeys(("export_contact", "erase_contact", "erase_message"), times.turn_deadline)
    own |= dict.fromkeys(("push_contact", "push_deal", "push_activity"), times.turn_deadline)
    own |= dict.fromkeys(("admin_panel", "contact_card"), min(FACE_SECONDS, times.hook_deadline))
    return own.get(hook, times.hook_deadline)
