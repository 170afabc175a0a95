"""The table of times: its defaults agree with each other, and a set that does not is refused with both values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from frontdesk.config import Times

CONTRADICTIONS = [
    (
        "turn_deadline: 40",
        "turn_deadline: 40 s; must be more than think_deadline + transcribe_deadline (30 s + 25 s = 55 s): a turn "
        "hears, then thinks",
    ),
    (
        "think_deadline: 35",
        "turn_deadline: 60 s; must be more than think_deadline + transcribe_deadline (35 s + 25 s = 60 s): a turn "
        "hears, then thinks",
    ),
    (
        "supersede_until: 70",
        "turn_deadline: 60 s; must be more than supersede_until (70 s): a turn that started over still has to end",
    ),
    (
        "hook_deadline: 8",
        "hook_deadline: 8 s; must be more than sdk_timeout (8 s): a vendor's SDK gives up before the hook that waits "
        "for it",
    ),
    (
        "send_timeout: 8",
        "send_timeout: 8 s; must be more than sdk_timeout (8 s): a vendor's SDK gives up before the lane that waits "
        "for it",
    ),
    (
        "conversation_lease: 15",
        "conversation_lease: 15 s; must be more than send_timeout × 1.5 (10 s × 1.5 = 15 s): a send ends before its "
        "lease does",
    ),
    (
        "readiness_off: 9.5",
        "readiness_off: 9.5 s; must be at least balancer_detection (10 s): the load balancer has to see it before we "
        "close",
    ),
    (
        "graceful_stop: 60",
        "graceful_stop: 60 s; must be more than turn_deadline (60 s): a turn that has begun is finished",
    ),
    (
        "supervisor_kill: 85",
        "supervisor_kill: 85 s; must be more than readiness_off + graceful_stop (10 s + 75 s = 85 s): we stop before "
        "we are stopped",
    ),
    (
        "keep_alive: 60",
        "keep_alive: 60 s; must be more than balancer_idle (60 s): the load balancer closes an idle connection, not we",
    ),
    ("loop_exit: 2", "loop_exit: 2 s; must be more than loop_warning (2 s): the warning comes first"),
]


@pytest.mark.parametrize(("written", "problem"), CONTRADICTIONS)
def test_a_contradiction_names_both_values_and_the_rule(read_text, shop, written, problem) -> None:
    _, problems = read_text(f"server:\n  times:\n    {written}\n{shop}")
    key = written.partition(":")[0]
    line = 3 if problem.startswith(key) else 2
    assert [str(found) for found in problems] == [f"tenants.yaml:{line}: server.times.{problem}"]


def test_all_contradictions_are_told_at_once(read_text, shop) -> None:
    _, problems = read_text(f"server:\n  times:\n    loop_exit: 1\n    keep_alive: 1\n{shop}")
    assert [(problem.line, problem.key) for problem in problems] == [
        (3, "server.times.loop_exit"),
        (4, "server.times.keep_alive"),
    ]


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.floats(min_value=0.001, max_value=86_400) for name in Times.model_fields}
    )
)
def test_whatever_is_accepted_keeps_every_row_of_the_table(written: dict[str, float]) -> None:
    try:
        times = Times(**written)
    except ValidationError:
        return
    assert times.turn_deadline > times.think_deadline + times.transcribe_deadline
    assert times.hook_deadline > times.sdk_timeout
    assert times.conversation_lease > times.send_timeout * 1.5
    assert times.readiness_off >= times.balancer_detection
    assert times.supervisor_kill > times.graceful_stop + times.readiness_off > times.turn_deadline
    assert times.keep_alive > times.balancer_idle


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), 86_401])
def test_a_time_is_more_than_nothing_and_at_most_a_day(value: float) -> None:
    with pytest.raises(ValidationError):
        Times(sweep_every=value)


def test_a_time_that_cannot_be_read_hides_no_contradiction_of_the_others(read_text, shop) -> None:
    _, problems = read_text(
        f"server:\n  times:\n    loop_exit: 1\n    sweep_evry: 1\n    turn_deadline: long\n    keep_alive: 1\n{shop}"
    )
    assert [(problem.line, problem.key) for problem in problems] == [
        (3, "server.times.loop_exit"),
        (4, "server.times.sweep_evry"),
        (5, "server.times.turn_deadline"),
        (6, "server.times.keep_alive"),
    ]


def test_no_rule_is_said_to_be_broken_whose_values_cannot_be_read(read_text, shop) -> None:
    (problem,) = read_text(f"server:\n  times:\n    graceful_stop: 20\n    turn_deadline: [15]\n{shop}")[1]
    assert problem.key == "server.times.turn_deadline", "20 s may well be more than was meant"
