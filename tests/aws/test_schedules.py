"""Wakes for more than 15 minutes ahead, by EventBridge Scheduler: it fires into the queue, and `due` stays the truth."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from frontdesk.aws.schedules import name_of
from frontdesk.queue import Wake, open_queue
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_scheduler import FakeScheduler
from frontdesk.testing.fake_sqs import FakeSqs

WAKE = Wake("task", "clinic", "nhắc hẹn/1")
DAY = 86_400

pytestmark = pytest.mark.usefixtures("aws_keys")


@pytest.fixture
async def world():
    """The queue's client, the two stand-ins and the clock that they share."""
    clock = MovableClock()
    async with FakeSqs() as sqs, FakeScheduler(sqs, clock) as scheduler:
        queue = open_queue(scheduler.setting, clock)
        await queue.start()
        yield queue, sqs, scheduler, clock
        await queue.stop()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_wake_for_tomorrow_comes_tomorrow_and_leaves_nothing_behind(world):
    queue, sqs, scheduler, clock = world
    await queue.wake(WAKE, DAY + 0.2)
    await until(lambda: scheduler.schedules)
    (schedule,) = scheduler.schedules.values()
    assert schedule["ScheduleExpression"] == f"at({clock.now() + timedelta(seconds=DAY + 1):%Y-%m-%dT%H:%M:%S})"
    assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 900
    clock.advance(DAY)
    assert sqs.queue.sent == 0
    clock.advance(1)
    async with asyncio.timeout(10):
        assert await queue.receive() == WAKE
    assert not scheduler.schedules


async def test_fifteen_minutes_go_over_the_queue_and_a_moment_more_over_the_scheduler(world):
    queue, sqs, scheduler, _ = world
    await queue.wake(WAKE, 900)
    await queue.wake(WAKE, 900.01)
    await until(lambda: scheduler.schedules and sqs.queue.sent)
    assert (len(scheduler.schedules), sqs.queue.sent) == (1, 1)


async def test_the_same_wake_asked_for_twice_is_one_schedule_and_another_time_another(world):
    queue, _, scheduler, _ = world
    with capture_logs() as logs:
        for delay in (DAY, DAY, 2 * DAY):
            await queue.wake(WAKE, delay)
        await until(lambda: len(scheduler.schedules) == 2)
        await queue.stop()
    assert "wake_not_scheduled" not in [entry["event"] for entry in logs]
    assert len(scheduler.schedules) == 2


async def test_a_time_that_is_past_for_the_scheduler_wakes_at_once(world):
    queue, _, scheduler, _ = world
    scheduler.refusal = 400, "ValidationException", "Invalid Schedule Expression: the time is in the past."
    await queue.wake(WAKE, 1000)
    async with asyncio.timeout(10):
        assert await queue.receive() == WAKE


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((402, "ServiceQuotaExceededException", "too many"), "ServiceQuotaExceededException: too many"),
        ((403, "AccessDeniedException", "iam:PassRole"), "AWS does not permit it .*iam:PassRole"),
        ((400, "ValidationException", "role"), "ValidationException: role"),
    ],
)
async def test_what_the_scheduler_refuses_is_told_and_left_to_the_sweep(world, refusal, said):
    queue, sqs, scheduler, _ = world
    scheduler.refusal = refusal
    with capture_logs() as logs:
        await queue.wake(WAKE, DAY)
        await until(lambda: "wake_not_scheduled" in [entry["event"] for entry in logs])
    (told,) = [entry["reason"] for entry in logs if entry["event"] == "wake_not_scheduled"]
    assert re.search(said, told)
    assert sqs.queue.sent == 0


@settings(max_examples=30)
@given(st.text(max_size=300), st.text(max_size=300))
def test_every_wake_has_a_name_that_the_scheduler_takes(tenant, ref):
    at = MovableClock().now()
    name = name_of(Wake("task", tenant, ref), at)
    assert re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", name)
    assert name != name_of(Wake("turn", tenant, ref), at) != name_of(Wake("turn", tenant, ref), at + timedelta(1))
