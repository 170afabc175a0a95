"""The one table of times. Sets that contradict each other are refused at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ModelWrapValidatorHandler, model_validator

from .fields import Seconds
from .problems import Finding
from .rules import judged
from .settings import Settings

# (key, must be, sum of these, × factor, because)
_RULES = (
    ("turn_deadline", "more than", ("think_deadline", "transcribe_deadline"), 1, "a turn hears, then thinks"),
    ("hear_deadline", "more than", ("transcribe_deadline",), 1, "what a turn does not wait for goes on"),
    ("turn_deadline", "more than", ("hook_deadline",), 1, "a hook runs within its turn"),
    ("turn_deadline", "more than", ("supersede_until",), 1, "a turn that started over still has to end"),
    ("hook_deadline", "more than", ("sdk_timeout",), 1, "a vendor's SDK gives up before the hook that waits for it"),
    ("send_timeout", "more than", ("sdk_timeout",), 1, "a vendor's SDK gives up before the lane that waits for it"),
    ("conversation_lease", "more than", ("send_timeout",), 1.5, "a send ends before its lease does"),
    ("readiness_off", "at least", ("balancer_detection",), 1, "the load balancer has to see it before we close"),
    ("graceful_stop", "more than", ("turn_deadline",), 1, "a turn that has begun is finished"),
    ("supervisor_kill", "more than", ("readiness_off", "graceful_stop"), 1, "we stop before we are stopped"),
    ("keep_alive", "more than", ("balancer_idle",), 1, "the load balancer closes an idle connection, not we"),
    ("loop_exit", "more than", ("loop_warning",), 1, "the warning comes first"),
)


class Times(Settings):
    """How long things may take, in seconds. The defaults fit one machine and the deployment that deploy/ builds."""

    turn_deadline: Seconds = 60
    """The longest a turn may take from its first look at the messages to its commit."""
    think_deadline: Seconds = 30
    """The longest one call of the hook `think` (the model) may take."""
    transcribe_deadline: Seconds = 25
    """How long a turn itself waits for the words of its voice notes (the hook `transcribe`)."""
    hear_deadline: Seconds = 120
    """A transcription that takes longer goes on as a task; past this the contact is told that they were not heard."""
    hook_deadline: Seconds = 10
    """The longest any other hook may take."""
    sdk_timeout: Seconds = 8
    """The network time-out a plugin gives to its vendor's SDK, unless it needs a shorter one."""
    supersede_until: Seconds = 30
    """After a contact's first unanswered message: how long newer ones still make the turn start over."""
    conversation_lease: Seconds = 20
    """How long a conversation belongs to a process that has stopped renewing its lease."""
    send_timeout: Seconds = 10
    """The longest one send to a provider may take; past it nobody knows whether it was taken."""
    sweep_every: Seconds = 1
    """How often due work that nobody was woken for is looked for."""
    store_wait: Seconds = 10
    """How long a webhook waits for a store that is away before it answers 503 (Twilio gives up after 15 s)."""
    loop_warning: Seconds = 2
    """A plugin that blocks the event loop this long is named in the log."""
    loop_exit: Seconds = 30
    """A plugin that blocks the event loop this long ends the process; its supervisor starts it again."""
    readiness_off: Seconds = 10
    """At a stop: how long /readyz answers 503 before the listener closes."""
    balancer_detection: Seconds = 10
    """How long the load balancer needs to see that (its interval × its unhealthy threshold)."""
    graceful_stop: Seconds = 75
    """At a stop: how long turns that have begun may take to end."""
    supervisor_kill: Seconds = 90
    """When the supervisor kills a process that does not stop (systemd: TimeoutStopSec)."""
    keep_alive: Seconds = 75
    """How long an idle connection is kept open."""
    balancer_idle: Seconds = 60
    """The load balancer's idle time-out."""

    @model_validator(mode="wrap")
    @classmethod
    def _consistent(cls, data: Any, handler: ModelWrapValidatorHandler[Times]) -> Times:
        return judged(data, handler, _contradicting)


def _contradicting(values: Mapping[str, float]) -> list[Finding]:
    """The rules that *values* break; a rule about a value that is not there is passed over."""
    found: list[Finding] = []
    for key, comparison, others, factor, because in _RULES:
        if not values.keys() >= {key, *others}:
            continue
        value, limit = values[key], sum(values[other] for other in others) * factor
        if value < limit or (value == limit and comparison == "more than"):
            rule = " + ".join(others) + (f" × {factor}" if factor != 1 else "")
            figures = " + ".join(f"{values[other]:g} s" for other in others)
            figures += f" × {factor}" if factor != 1 else ""
            figures += f" = {limit:g} s" if factor != 1 or len(others) > 1 else ""
            found.append(((key,), f"{value:g} s", f"must be {comparison} {rule} ({figures}): {because}"))
    return found
