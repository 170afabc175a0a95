"""Wakes over an SQS standard queue: what wakes the workers of several machines.

Source of the facts: the service model `sqs` 2012-11-05 of botocore. At least once, in no order, up to 900 whole seconds
late; what a queue loses or repeats is harmless, because `due` holds the truth.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError

from ..clock import Clock
from ..errors import StartupError
from ..queue import Wake
from ..services.blocking import BlockingCalls
from ..tasks import Owner
from .batches import BATCH, Batches
from .client import CALL_SECONDS, CONNECT_SECONDS, FAILURES, READ_SECONDS, explain, make_client, needs_a_person
from .schedules import Schedules
from .sqs_address import parse

log = structlog.get_logger(__name__)

LONGEST_DELAY = 900
"""Seconds SQS can hold a message back."""
LONG_POLL = 20
"""Seconds SQS holds a question open until there is a message; its maximum."""
VISIBLE_AGAIN = 30
"""Seconds after which a wake that was received, and handed over to nobody, comes again."""
PAUSE = 2.0
"""Seconds between two questions after one that failed."""
STOP_SECONDS = 2.0
"""How long a stop waits for wakes that are on their way."""

_WAKE = TypeAdapter(Wake)
# Who holds a thread, for its log lines and its share of them.
_START, _CHECK, _WRITE, _SCHEDULE, _POLL = (
    ("aws", f"sqs {what}") for what in ("start", "check", "write", "schedule", "poll")
)


class SqsQueue:
    """`server.queue: sqs://…`. Needs sqs:SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility,
    GetQueueAttributes and, for a queue that is told by its name, GetQueueUrl."""

    costly = True

    def __init__(self, address: str, clock: Clock) -> None:
        self._address = parse(address)
        self._clock = clock
        self._url = self._address.url
        self._sqs: Any = None
        self._poll_sqs: Any = None
        self._calls = BlockingCalls()
        # Its own: a stop leaves a long poll behind, and waits for everything else.
        self._polls = BlockingCalls()
        self._poller = Owner("sqs")
        self._outgoing = Batches("sqs wakes", self._send)
        self._handed_over = Batches("sqs receipts", self._delete)
        self._schedules: Schedules | None = None
        self._later = Batches("sqs schedules", self._schedule)
        self._arn = ""
        self._received: asyncio.Queue[tuple[Wake, str]] = asyncio.Queue(maxsize=1)
        self._not_handed_over: set[str] = set()
        self._stopping = threading.Event()
        self._trouble = ""

    async def start(self) -> None:
        """Raises StartupError for what a person must mend. A queue that is away now may come: the sweep does its work."""
        self._sqs, self._poll_sqs = await self._calls.call(_START, self._open, CALL_SECONDS)
        try:
            await self._look_at_queue()
        except FAILURES as err:
            if needs_a_person(err):
                await self.stop()
                raise StartupError(f"server.queue: {self._address.name}: {explain(err)}") from err
            self._note(err)
        self._outgoing.start()
        self._handed_over.start()
        self._later.start()
        self._poller.start(self._poll(), "poll")

    async def wake(self, wake: Wake, delay: float = 0.0) -> None:
        """Does not wait for AWS. Later than 900 s: a schedule sends it, if there is a role for that; else nothing is sent,
        and the sweep finds the due row when it is ripe."""
        seconds = max(0, math.ceil(delay))
        if seconds <= LONGEST_DELAY:
            taken = self._outgoing.add((wake, seconds))
        elif self._address.scheduler_role:
            taken = self._later.add((wake, self._clock.now() + timedelta(seconds=delay)))
        else:
            return
        if not taken:
            log.warning("wake_not_taken", reason="too many wakes wait to be sent")

    async def receive(self) -> Wake:
        """A wake is deleted from the queue once it has been received here."""
        wake, receipt = await self._received.get()
        self._not_handed_over.discard(receipt)
        self._handed_over.add(receipt)
        return wake

    async def check(self) -> None:
        try:
            await self._calls.call(_CHECK, self._attributes, CALL_SECONDS)
        except FAILURES as err:
            raise OSError(f"the queue {self._address.name} at SQS: {explain(err)}") from err

    async def dead_letters(self) -> int | None:
        try:
            return await self._calls.call(_CHECK, self._count_dead, CALL_SECONDS)
        except FAILURES as err:
            raise OSError(f"the dead-letter queue of {self._address.name} at SQS: {explain(err)}") from err

    def _count_dead(self) -> int | None:
        policy = self._attributes().get("RedrivePolicy")
        if policy is None:
            return None
        name = str(json.loads(policy)["deadLetterTargetArn"]).rpartition(":")[2]
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        asked = ["ApproximateNumberOfMessages"]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked).get("Attributes", {})
        return int(found.get("ApproximateNumberOfMessages", 0))

    async def leave(self) -> None:
        """What was received and handed over to nobody is given back, for others to take at once."""
        self._stopping.set()
        await self._poller.drain(0)
        if self._not_handed_over:
            back, self._not_handed_over = self._not_handed_over, set()
            with suppress(*FAILURES):
                await self._calls.call(_WRITE, lambda: self._give_back(back), STOP_SECONDS)

    async def stop(self) -> None:
        await self.leave()
        for batches in (self._later, self._outgoing, self._handed_over):
            if left := await batches.stop(STOP_SECONDS):
                log.warning("wakes_left", count=left)
        await self._calls.close(STOP_SECONDS)
        for client in filter(None, (self._sqs, self._poll_sqs, self._schedules)):
            client.close()

    def _open(self) -> tuple[Any, Any]:
        where = {"region": self._address.region, "endpoint": self._address.endpoint}
        poll_seconds = LONG_POLL + READ_SECONDS
        once = {"mode": "standard", "total_max_attempts": 1}
        if self._address.scheduler_role:
            self._schedules = Schedules(self._address)
        return make_client("sqs", **where), make_client("sqs", **where, read_timeout=poll_seconds, retries=once)

    async def _look_at_queue(self) -> None:
        attributes = await self._calls.call(_START, self._attributes, CALL_SECONDS)
        if "RedrivePolicy" not in attributes:
            right = "give it a dead-letter queue (docs/how-to/use-aws.md)"
            log.warning("queue_keeps_what_nobody_can_read", queue=self._address.name, right=right)

    def _attributes(self) -> dict[str, str]:
        asked = ["QueueArn", "RedrivePolicy"]
        found: dict[str, str] = self._sqs.get_queue_attributes(QueueUrl=self._queue_url(), AttributeNames=asked).get(
            "Attributes", {}
        )
        self._arn = found.get("QueueArn", self._arn)
        return found

    def _queue_url(self) -> str:
        if not self._url:
            self._url = str(self._sqs.get_queue_url(QueueName=self._address.name)["QueueUrl"])
        return self._url

    async def _poll(self) -> None:
        patience = LONG_POLL + READ_SECONDS + CONNECT_SECONDS + CALL_SECONDS
        while True:
            try:
                messages = await self._polls.call(_POLL, self._receive_batch, patience)
            except FAILURES as err:
                self._note(err)
                await self._clock.sleep(PAUSE)
                continue
            self._note(None)
            wakes = [(wake, message["ReceiptHandle"]) for message in messages if (wake := _read(message)) is not None]
            self._not_handed_over.update(receipt for _, receipt in wakes)
            for each in wakes:
                await self._received.put(each)

    def _receive_batch(self) -> list[dict[str, Any]]:
        try:
            answer = self._poll_sqs.receive_message(
                QueueUrl=self._queue_url(),
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=LONG_POLL,
                VisibilityTimeout=VISIBLE_AGAIN,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            messages: list[dict[str, Any]] = answer.get("Messages", [])
            if self._stopping.is_set():
                # A stop cannot end a question that is open; what it brings nevertheless is for the others.
                self._give_back(message["ReceiptHandle"] for message in messages)
        finally:
            if self._stopping.is_set():
                self._poll_sqs.close()
        return messages

    def _give_back(self, receipts: Iterable[str]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": each, "VisibilityTimeout": 0} for n, each in enumerate(receipts)]
        for begin in range(0, len(entries), BATCH):
            self._poll_sqs.change_message_visibility_batch(
                QueueUrl=self._queue_url(), Entries=entries[begin : begin + BATCH]
            )

    async def _send(self, batch: list[tuple[Wake, int]]) -> None:
        entries = [
            {"Id": str(place), "MessageBody": json.dumps(asdict(wake)), "DelaySeconds": seconds}
            for place, (wake, seconds) in enumerate(batch)
        ]
        if failed := await self._in_batch("send_message_batch", entries):
            log.warning("wake_not_taken", reason=failed)

    async def _schedule(self, batch: list[tuple[Wake, datetime]]) -> None:
        for wake, at in batch:
            try:
                made = await self._calls.call(_SCHEDULE, functools.partial(self._make_schedule, wake, at), CALL_SECONDS)
            except FAILURES as err:
                log.warning("wake_not_scheduled", reason=explain(err))
                continue
            if not made:
                self._outgoing.add((wake, 0))

    def _make_schedule(self, wake: Wake, at: datetime) -> bool:
        assert self._schedules is not None, "there is a role"
        if not self._arn:
            self._attributes()
        return self._schedules.create(wake, at, self._arn)

    async def _delete(self, receipts: list[str]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(receipts)]
        if failed := await self._in_batch("delete_message_batch", entries):
            log.warning("wake_not_deleted", reason=failed)

    async def _in_batch(self, operation: str, entries: list[dict[str, Any]]) -> str:
        """Why not all of them went through; empty: they did."""

        def call() -> Any:
            return getattr(self._sqs, operation)(QueueUrl=self._queue_url(), Entries=entries)

        try:
            failed = (await self._calls.call(_WRITE, call, CALL_SECONDS)).get("Failed", [])
        except FAILURES as err:
            return f"{len(entries)}: {explain(err)}"
        return f"{len(failed)}: {failed[0]['Code']}: {failed[0].get('Message', '')}" if failed else ""

    def _note(self, err: BaseException | None) -> None:
        """Once for each reason: a queue that is away is asked again and again."""
        trouble = explain(err) if err is not None else ""
        if trouble and trouble != self._trouble:
            log.warning("no_wakes", queue=self._address.name, reason=trouble)
        elif self._trouble and not trouble:
            log.info("wakes_again", queue=self._address.name)
        self._trouble = trouble


def _read(message: dict[str, Any]) -> Wake | None:
    """None: it stays in the queue, comes again, and goes to the dead-letter queue in the end."""
    try:
        return _WAKE.validate_json(message["Body"])
    except ValidationError as err:
        times = message.get("Attributes", {}).get("ApproximateReceiveCount", "?")
        reason = f"{err.error_count()} problem(s), first: {err.errors(include_input=False)[0]['msg']}"
        log.error("wake_unreadable", message=message["MessageId"], received=times, reason=reason)
        return None
