"""Wakes over SQS: what is special to it. What every queue does is in tests/queue/test_contract.py."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import asdict

import pytest
from structlog.testing import capture_logs

from frontdesk.aws import sqs as engine
from frontdesk.aws.sqs import SqsQueue
from frontdesk.clock import SystemClock
from frontdesk.errors import StartupError
from frontdesk.queue import Wake, open_queue
from frontdesk.testing.fake_sqs import FakeSqs
from frontdesk.testing.sqs_protocol import SqsError

WAKE = Wake("turn", "clinic", "c1")
SETTLE = {"settle": {"quiet_seconds": 0}}

pytestmark = pytest.mark.usefixtures("aws_keys")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def opened(sqs: FakeSqs) -> SqsQueue:
    queue = open_queue(sqs.setting, SystemClock())
    assert isinstance(queue, SqsQueue)
    await queue.start()
    return queue


def asked(sqs: FakeSqs, operation: str) -> list[dict]:
    return [what for name, what in sqs.calls if name == operation]


async def test_a_wake_is_deleted_once_it_was_handed_over_and_not_before():
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        await queue.wake(WAKE)
        await until(lambda: sqs.queue.counts() == (0, 1, 0))
        assert not asked(sqs, "DeleteMessageBatch")
        assert await queue.receive() == WAKE
        await until(lambda: sqs.queue.counts() == (0, 0, 0))
        assert sqs.queue.deleted == 1
        await queue.stop()


async def test_wakes_that_nobody_took_are_given_back_at_the_stop():
    async with FakeSqs() as sqs:
        first = await opened(sqs)
        wakes = {Wake("turn", "clinic", f"c{number}") for number in range(30)}
        for wake in wakes:
            await first.wake(wake)
        await until(lambda: sqs.queue.counts()[1] > 1)
        await first.stop()
        second = await opened(sqs)
        async with asyncio.timeout(10):
            assert {await second.receive() for _ in wakes} == wakes
        await second.stop()
        assert sqs.queue.deleted == sqs.queue.sent == 30


async def test_what_a_question_brings_after_the_stop_is_given_back():
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        await until(lambda: asked(sqs, "ReceiveMessage"))
        await queue.stop()
        sqs.send(json.dumps(asdict(WAKE)))
        await until(lambda: asked(sqs, "ChangeMessageVisibilityBatch"))
        assert sqs.queue.counts() == (1, 0, 0)


async def test_a_wake_whose_process_died_comes_again(monkeypatch):
    monkeypatch.setattr(engine, "VISIBLE_AGAIN", 1)
    async with FakeSqs() as sqs:
        sqs.send(json.dumps(asdict(WAKE)))
        assert [held.id for held in sqs.queue.receive(1, 0.5)]  # by whoever died
        queue = await opened(sqs)
        async with asyncio.timeout(10):
            assert await queue.receive() == WAKE
        await queue.stop()


async def test_a_stop_hands_on_what_waits_to_be_sent_and_deleted():
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        await queue.wake(WAKE)
        assert await queue.receive() == WAKE
        for number in range(25):
            await queue.wake(Wake("lane", "clinic", f"c{number}"), 60)
        await queue.stop()
        assert sqs.queue.counts() == (0, 0, 25)


@pytest.mark.parametrize(("delay", "told"), [(0, 0), (0.001, 1), (2.5, 3), (899.2, 900), (900, 900)])
async def test_delays_are_rounded_up_to_whole_seconds(delay, told):
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        await queue.wake(WAKE, delay)
        await queue.stop()
        (entry,) = asked(sqs, "SendMessageBatch")[0]["Entries"]
        assert entry["DelaySeconds"] == told
        assert json.loads(entry["MessageBody"]) == asdict(WAKE)


async def test_a_wake_later_than_sqs_can_delay_is_left_to_the_sweep():
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        await queue.wake(WAKE, math.nextafter(900, 901))
        await queue.stop()
        assert sqs.queue.sent == 0


async def test_many_wakes_go_in_batches_of_ten():
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        for number in range(100):
            await queue.wake(Wake("lane", "clinic", f"c{number}"), 60)
        await queue.stop()
        sizes = [len(what["Entries"]) for what in asked(sqs, "SendMessageBatch")]
        assert sum(sizes) == 100
        assert max(sizes) == 10
        assert len(sizes) <= 13


@pytest.mark.parametrize(
    "body", ["", "no JSON", '{"kind": "parade", "tenant": "clinic", "ref": "c1"}', '{"kind":"turn"}']
)
async def test_what_cannot_be_read_is_told_and_becomes_a_dead_letter(body, monkeypatch):
    monkeypatch.setattr(engine, "VISIBLE_AGAIN", 0)
    async with FakeSqs(max_receives=2) as sqs:
        with capture_logs() as logs:
            queue = await opened(sqs)
            sent = sqs.send(body)
            await until(lambda: sqs.dead_letters.held)
            assert await queue.dead_letters() == 1
            await queue.wake(WAKE)
            assert await queue.receive() == WAKE
            await queue.stop()
        told = [(entry["message"], entry["received"]) for entry in logs if entry["event"] == "wake_unreadable"]
        assert told == [(sent.id, "1"), (sent.id, "2")]
        (dead,) = sqs.dead_letters.held.values()
        assert (dead.id, dead.body) == (sent.id, body)


async def test_a_newer_version_may_say_more_in_a_wake():
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        sqs.send(json.dumps({**asdict(WAKE), "trace": "1-abc"}))
        assert await queue.receive() == WAKE
        await queue.stop()


async def test_a_queue_without_a_dead_letter_queue_is_told_at_the_start():
    async with FakeSqs(max_receives=0) as sqs:
        with capture_logs() as logs:
            queue = await opened(sqs)
            assert await queue.dead_letters() is None
            await queue.stop()
    (told,) = [entry for entry in logs if entry["event"] == "queue_keeps_what_nobody_can_read"]
    assert told["right"] == "give it a dead-letter queue (docs/how-to/use-aws.md)"


REFUSALS = [
    (
        "AccessDenied",
        "not authorized to perform: sqs:getqueueurl",
        "AWS does not permit it .*sqs:getqueueurl.*use-aws.md",
    ),
    ("InvalidClientTokenId", "The security token is invalid.", "AWS refused the credentials .*set AWS_ACCESS_KEY_ID"),
    ("AWS.SimpleQueueService.NonExistentQueue", "no such queue", "it is not there .*its name, account and region"),
]


@pytest.mark.parametrize(("code", "message", "said"), REFUSALS)
async def test_what_a_person_must_mend_stops_the_start(code, message, said):
    async with FakeSqs() as sqs:
        sqs.refusal = SqsError(code, message, status=403)
        with pytest.raises(StartupError, match=f"^server.queue: frontdesk-wakes: {said}"):
            await opened(sqs)


async def test_no_credentials_stop_the_start(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with FakeSqs() as sqs:
        with pytest.raises(StartupError, match="no AWS credentials were found; give this machine a role"):
            await opened(sqs)


async def test_a_region_that_nobody_knows_stops_the_start():
    with pytest.raises(StartupError, match=r"no AWS region is known; write \?region="):
        await open_queue("sqs://frontdesk-wakes", SystemClock()).start()


async def test_a_queue_that_is_away_fails_its_check_loses_wakes_and_is_told_once(monkeypatch):
    monkeypatch.setattr(engine, "PAUSE", 0.02)
    async with FakeSqs() as sqs:
        queue = await opened(sqs)
        sqs.refusal = SqsError("InternalError", "We encountered an internal error.", status=500)
        with capture_logs() as logs:
            with pytest.raises(OSError, match="the queue frontdesk-wakes at SQS: InternalError"):
                await queue.check()
            await queue.wake(WAKE)
            await until(lambda: "wake_not_taken" in [entry["event"] for entry in logs])
            sqs.send("{}")  # ends the long poll that began before
            await until(lambda: "no_wakes" in [entry["event"] for entry in logs])
            polled = sqs.refused
            await until(lambda: sqs.refused >= polled + 3)
            sqs.refusal = None
            await queue.check()
            await queue.wake(WAKE)
            assert await queue.receive() == WAKE
        await queue.stop()
        events = [entry["event"] for entry in logs]
        assert events.count("no_wakes") == events.count("wakes_again") == 1


async def test_the_start_does_not_wait_for_a_queue_that_is_away(monkeypatch):
    monkeypatch.setattr(engine, "PAUSE", 0.02)
    async with FakeSqs() as first:
        port = int(first.url.rpartition(":")[2])
        setting = first.setting
    queue = open_queue(setting, SystemClock())
    with capture_logs() as logs:
        await queue.start()
    assert [entry["event"] for entry in logs] == ["no_wakes"]
    async with FakeSqs(port=port):
        await queue.wake(WAKE)
        async with asyncio.timeout(10):
            assert await queue.receive() == WAKE
        await queue.stop()


@pytest.mark.parametrize("mischief", [{}, {"repeat": 0.5}], ids=["none", "half of them come twice or more"])
async def test_a_desk_answers_everything_once_and_in_order(desk, mischief, monkeypatch):
    # Every wake travels, as those of another process do.
    monkeypatch.setattr(SqsQueue, "costly", False)
    async with FakeSqs(seed=7, **mischief) as sqs:
        server = {"queue": sqs.setting, "times": {"sweep_every": 20}}
        async with desk(server=server, tenants={"clinic": SETTLE}, clock=SystemClock()) as running:
            contacts = [running.contact() for _ in range(5)]
            for text in ("một", "hai"):
                await asyncio.gather(*(contact.says(text) for contact in contacts))
                for contact in contacts:
                    assert await contact.hears() == f"You said: {text}"
            await running.quiet()
            for contact in contacts:
                assert [message.text for message in await contact.received()] == ["You said: một", "You said: hai"]
        assert sqs.queue.deleted >= 10
