"""SQS on loopback for tests: a standard queue and its dead-letter queue, spoken to by boto3 itself.

Every request and every answer is held against botocore's own service model, so that what passes here has AWS's shapes
(AWS JSON 1.0). It also runs as a program, for several processes:

    python -m frontdesk.testing.fake_sqs --port 8200 --repeat 0.2
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Self

from aiohttp import web
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from ..clock import Clock, SystemClock
from .sqs_protocol import SqsError, as_json, between, checked_body, each, md5, refused, told
from .standard_queue import Held, StandardQueue

ACCOUNT = "123456789012"
REGION = "ap-southeast-1"
NAME = "frontdesk-wakes"
DEAD = f"{NAME}-dead"
"""The dead-letter queue of it."""
MAX_BYTES = 1024 * 1024
"""Of one message, and of one batch."""


@lru_cache
def _model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("sqs", "service-2"), "sqs")


def _askers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("aws sqs")]


class FakeSqs:
    """The server, in process: `async with FakeSqs() as sqs:`; `sqs.setting` is what `server.queue` is set to.

    :param repeat: how likely a message that is received stays visible. :param max_receives: how often an undeleted
    message comes before it goes to `dead_letters`; 0: there is no dead-letter queue.
    """

    def __init__(
        self,
        *,
        repeat: float = 0.0,
        max_receives: int = 5,
        port: int = 0,
        seed: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        mischief = random.Random(seed)  # noqa: S311  mischief, not secrets
        self.dead_letters = StandardQueue(DEAD, clock, mischief)
        self.queue = StandardQueue(NAME, clock, mischief, repeat=repeat, max_receives=max_receives)
        if max_receives:
            self.queue.dead_letters = self.dead_letters
        self.refusal: SqsError | None = None
        """What every request is answered with, while it is set."""
        self.refused = 0
        """How many requests were answered so."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """(operation, what was asked), in order."""
        self._clock = clock
        self._port = port
        self._model = _model()
        self._waiting: set[asyncio.Event] = set()
        self._closing = False
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self._runner is not None, "it is not started"
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def setting(self) -> str:
        return f"sqs://{NAME}?region={REGION}&endpoint={self.url}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=4 * MAX_BYTES)
        app.add_routes([web.post("/", self._serve)])
        # A question that its asker has left takes no message along.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._look_again()
        if self._runner is not None:
            await self._left_alone(self._runner)
            await self._runner.cleanup()

    async def _left_alone(self, runner: web.AppRunner) -> None:
        """Wait for the threads that a stopped queue of this process has left behind: they may still connect."""
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                # Threads have no event to wait for.
                while _askers() or (runner.server is not None and runner.server.connections):  # noqa: ASYNC110  see above
                    await asyncio.sleep(0.01)

    def send(self, body: str, delay: float = 0.0) -> Held:
        """Put a message into the queue, as anybody may who is allowed to send."""
        message = self.queue.send(body, delay)
        self._look_again()
        return message

    def _look_again(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    async def _serve(self, request: web.Request) -> web.Response:
        response = await self._answer(request)
        # boto3 keeps connections open beyond its own close(): the stand-in's end would find them.
        response.force_close()
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        operation = request.headers.get("X-Amz-Target", "").removeprefix("AmazonSQS.")
        try:
            asked = self._checked(request, operation, await request.json())
            self.calls.append((operation, asked))
            answer = await _OPERATIONS[operation](self, asked)
        except SqsError as err:
            return refused(err)
        output = self._model.operation_model(operation).output_shape
        if output is not None:
            self._hold_against(output, answer)
        return as_json(answer)

    def _checked(self, request: web.Request, operation: str, asked: Any) -> dict[str, Any]:
        if self.refusal is not None:
            self.refused += 1
            raise self.refusal
        if f"/{REGION}/sqs/aws4_request" not in request.headers.get("Authorization", ""):
            raise SqsError("MissingAuthenticationToken", "The request is not signed for this service.", status=403)
        if operation not in _OPERATIONS or request.content_type != "application/x-amz-json-1.0":
            raise SqsError("InvalidAction", f"The action {operation} is not valid for this endpoint.")
        self._hold_against(self._model.operation_model(operation).input_shape, asked)
        urls, names = (self._queue_url(), self._queue_url(DEAD)), (NAME, DEAD)
        if asked.get("QueueUrl", urls[0]) not in urls or asked.get("QueueName", NAME) not in names:
            code = "AWS.SimpleQueueService.NonExistentQueue"
            raise SqsError("QueueDoesNotExist", "The specified queue does not exist.", code=code)
        given: dict[str, Any] = asked
        return given

    def _hold_against(self, shape: Any, value: Any) -> None:
        errors = ParamValidator().validate(value, shape)
        if errors.has_errors():
            raise SqsError("InvalidParameterValue", errors.generate_report())

    def _queue_url(self, name: str = NAME) -> str:
        return f"{self.url}/{ACCOUNT}/{name}"

    async def _get_queue_url(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"QueueUrl": self._queue_url(asked["QueueName"])}

    async def _get_queue_attributes(self, asked: dict[str, Any]) -> dict[str, Any]:
        dead = asked["QueueUrl"] == self._queue_url(DEAD)
        queue, name = (self.dead_letters, DEAD) if dead else (self.queue, NAME)
        known = queue.attributes(f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
        wanted = asked.get("AttributeNames", [])
        return {"Attributes": {name: value for name, value in known.items() if name in wanted or "All" in wanted}}

    async def _receive_message(self, asked: dict[str, Any]) -> dict[str, Any]:
        most = between(asked, "MaxNumberOfMessages", 1, 10, 1)
        ends = self._clock.monotonic() + between(asked, "WaitTimeSeconds", 0, 20, 0)
        visibility = between(asked, "VisibilityTimeout", 0, 43_200, self.queue.visibility)
        while not (received := self.queue.receive(int(most), visibility)) and self._clock.monotonic() < ends:
            if self._closing:
                break
            await self._something_visible(ends)
        wanted = asked.get("MessageSystemAttributeNames", [])
        return {"Messages": [told(each, wanted) for each in received]} if received else {}

    async def _something_visible(self, ends: float) -> None:
        left, next_in = ends - self._clock.monotonic(), self.queue.next_visible_in()
        arrived = asyncio.Event()
        self._waiting.add(arrived)
        timer = self._clock.call_later(left if next_in is None else min(left, next_in), arrived.set)
        try:
            await arrived.wait()
        finally:
            timer.cancel()
            self._waiting.discard(arrived)

    async def _send_message_batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        if sum(len(entry["MessageBody"].encode()) for entry in asked["Entries"]) > MAX_BYTES:
            raise SqsError("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")

        def send(entry: dict[str, Any]) -> dict[str, Any]:
            delay = between(entry, "DelaySeconds", 0, 900, 0)
            body = checked_body(entry["MessageBody"])
            return {"MessageId": self.send(body, delay).id, "MD5OfMessageBody": md5(body)}

        return each(asked["Entries"], send)

    async def _delete_message_batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        def delete(entry: dict[str, Any]) -> dict[str, Any]:
            self.queue.delete(entry["ReceiptHandle"])
            return {}

        return each(asked["Entries"], delete)

    async def _change_visibility_batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        def change(entry: dict[str, Any]) -> dict[str, Any]:
            self.queue.hide(entry["ReceiptHandle"], between(entry, "VisibilityTimeout", 0, 43_200, 0))
            self._look_again()
            return {}

        return each(asked["Entries"], change)


_OPERATIONS: dict[str, Callable[[FakeSqs, dict[str, Any]], Any]] = {
    "GetQueueUrl": FakeSqs._get_queue_url,
    "GetQueueAttributes": FakeSqs._get_queue_attributes,
    "ReceiveMessage": FakeSqs._receive_message,
    "SendMessageBatch": FakeSqs._send_message_batch,
    "ChangeMessageVisibilityBatch": FakeSqs._change_visibility_batch,
    "DeleteMessageBatch": FakeSqs._delete_message_batch,
}


async def _run(sqs: FakeSqs) -> None:
    ends = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, ends.set)
    async with sqs:
        print(sqs.setting, flush=True)
        await ends.wait()


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; prints the setting of `server.queue` first."""
    parser = argparse.ArgumentParser(
        prog="python -m frontdesk.testing.fake_sqs", description="A standard queue of SQS."
    )
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1; 0: a free port")
    parser.add_argument("--repeat", type=float, default=0.0, help="how likely a message comes twice, 0 to 1")
    parser.add_argument("--max-receives", type=int, default=5, help="how often it comes before it is a dead letter")
    parser.add_argument("--seed", type=int, help="the same seed makes the same mischief")
    asyncio.run(_run(FakeSqs(**vars(parser.parse_args(arguments)))))


if __name__ == "__main__":
    main()
