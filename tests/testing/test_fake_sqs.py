"""The stand-in of SQS does what AWS says of a standard queue; without that, green tests against it would mean nothing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys

import pytest
from botocore.exceptions import ClientError

from frontdesk.aws.client import make_client
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_sqs import NAME, REGION, FakeSqs
from frontdesk.testing.standard_queue import StandardQueue

pytestmark = pytest.mark.usefixtures("aws_keys")


@pytest.fixture
def clock():
    return MovableClock()


@pytest.fixture
def queue(clock):
    dead = StandardQueue("dead", clock, random.Random(1))
    return StandardQueue("wakes", clock, random.Random(1), max_receives=2, dead_letters=dead)


def test_a_delayed_message_is_seen_when_its_time_has_come(queue, clock):
    queue.send("late", 5)
    assert queue.counts() == (0, 0, 1)
    clock.advance(4.9)
    assert not queue.receive(10)
    clock.advance(0.1)
    assert [held.body for held in queue.receive(10)] == ["late"]


def test_a_received_message_is_seen_again_unless_it_is_deleted_with_its_newest_receipt(queue, clock):
    queue.send("a")
    old = queue.receive(10, 30)[0].receipt
    clock.advance(29)
    assert not queue.receive(10)
    clock.advance(1)
    (again,) = queue.receive(10, 30)
    queue.delete(old)
    assert len(queue.held) == 1
    queue.delete(again.receipt)
    assert not queue.held


def test_what_is_received_too_often_becomes_a_dead_letter(queue, clock):
    sent = queue.send("a")
    for _ in range(2):
        assert queue.receive(10, 1)
        clock.advance(1)
    assert not queue.receive(10)
    assert not queue.held
    assert [held.id for held in queue.dead_letters.receive(10)] == [sent.id]


def test_messages_overtake_each_other_and_come_twice(clock):
    queue = StandardQueue("wakes", clock, random.Random(1), repeat=0.5)
    for number in range(20):
        queue.send(str(number))
    bodies = [held.body for held in queue.receive(20)]
    assert bodies != sorted(bodies, key=int)
    assert queue.receive(20)


async def test_a_request_that_the_service_model_does_not_know_is_refused():
    async with FakeSqs() as sqs:

        def ask() -> None:
            # boto3 checks before it sends; the stand-in must not rely on that.
            client = make_client("sqs", region=REGION, endpoint=sqs.url, parameter_validation=False)
            url = client.get_queue_url(QueueName=NAME)["QueueUrl"]
            with pytest.raises(ClientError, match=r"InvalidParameterValue.*DelaySeconds"):
                client.send_message_batch(
                    QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x", "DelaySeconds": "soon"}]
                )
            answer = client.send_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": "1", "MessageBody": "x", "DelaySeconds": 901},
                    {"Id": "2", "MessageBody": "\x00"},
                    {"Id": "3", "MessageBody": "x"},
                ],
            )
            assert [failed["Id"] for failed in answer["Failed"]] == ["1", "2"]
            for entries, code in (
                ([{"Id": "1", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
                ([{"Id": str(number), "MessageBody": "x"} for number in range(11)], "TooManyEntriesInBatchRequest"),
                ([{"Id": "1", "MessageBody": "x" * 1_048_577}], "BatchRequestTooLong"),
            ):
                with pytest.raises(ClientError, match=code):
                    client.send_message_batch(QueueUrl=url, Entries=entries)
            with pytest.raises(client.exceptions.QueueDoesNotExist):
                client.get_queue_url(QueueName="another")

        await asyncio.to_thread(ask)


async def test_it_runs_as_a_program():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frontdesk.testing.fake_sqs", "--seed", "1", stdout=asyncio.subprocess.PIPE
    )
    setting = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    assert setting.startswith(f"sqs://{NAME}?region={REGION}&endpoint=http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
