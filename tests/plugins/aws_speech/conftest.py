"""An instance of the plugin as the core makes it, boto3 in it; before it the stand-in of Transcribe and Polly, and moto's S3
and STS."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
import structlog

from frontdesk import CeilingReached, Media, Services
from frontdesk.clock import SystemClock
from frontdesk.config import TenantConfig
from frontdesk.plugins.aws_speech import AwsSpeech
from frontdesk.plugins.aws_speech import client as of_boto3
from frontdesk.services.blocking import BlockingCalls
from frontdesk.testing.audio import voice_note
from frontdesk.testing.fake_speech import FakeSpeech
from frontdesk.testing.fake_speech.server import REGION

TENANT = {"id": "hoa-sen", "name": "Hoa Sen", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}


class Purse:
    """A ceiling without a store."""

    limited = True

    def __init__(self) -> None:
        self.left = 100.0
        self.settled: list[float] = []

    async def reserve(self, most: float, *, first: bool = False) -> Any:
        if most > self.left:
            raise CeilingReached("no room", after=3600)
        return SimpleNamespace(settle=lambda cost: self.settled.append(round(cost, 8)))


class Files(dict[str, tuple[str, bytes]]):
    async def get(self, key: str) -> Any:  # type: ignore[override]
        return super().get(key)


class Tasks:
    """What was scheduled: (name, key, data)."""

    def __init__(self) -> None:
        self.scheduled: list[tuple[str, str, Any]] = []

    async def schedule(self, name: str, key: str, at: Any, data: Any) -> bool:
        self.scheduled.append((name, key, data))
        return True


class Shared:
    """Clients by key, for all tests: making one takes a third of a second and more."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    async def __call__(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self.made:
            self.made[key] = await make()
        return self.made[key]


class Desk:
    """The plugin with what is around it."""

    def __init__(self, plugin: AwsSpeech, purse: Purse, files: Files, tasks: Tasks, bucket: Any) -> None:
        self.plugin, self.purse, self.files, self.tasks, self.bucket = plugin, purse, files, tasks, bucket

    def note(self, words: str = "em muốn đặt lịch", *, content: bytes | None = None, kind: str = "audio/ogg") -> Media:
        """A voice note that is kept."""
        content = voice_note(2, words=words) if content is None else content
        key = uuid.uuid4().hex * 2
        self.files[key] = (kind, content)
        return Media(content_type=kind, key=key, size=len(content))

    def objects(self) -> list[str]:
        """The keys in its part of the bucket."""
        prefix = self.plugin.settings.prefix
        listed = self.bucket.client.list_objects_v2(Bucket=self.bucket.name, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", ())]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """S3 and STS."""
    from moto.server import ThreadedMotoServer  # it takes long to import

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(scope="session")
def bucket(moto: str) -> Iterator[Any]:
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "any"}
    client: Any = boto3.session.Session(region_name=REGION, **keys).client("s3", endpoint_url=moto)
    client.create_bucket(Bucket="frontdesk-speech", CreateBucketConfiguration={"LocationConstraint": REGION})
    yield SimpleNamespace(name="frontdesk-speech", client=client)
    client.close()


@pytest.fixture(scope="session")
def shared() -> Iterator[Shared]:
    shared = Shared()
    yield shared
    for each in shared.made.values():
        each.close()


@pytest.fixture(scope="session")
def port() -> int:
    """The same for all tests, so that they can share clients."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
async def speech(bucket: Any, port: int, aws_keys: None) -> AsyncIterator[FakeSpeech]:
    async with FakeSpeech(bucket.client, port=port) as running:
        yield running


@pytest.fixture
async def make(speech: FakeSpeech, moto: str, bucket: Any, shared: Shared) -> AsyncIterator[Callable[..., Desk]]:
    """`make(**settings)`: the plugin with a part of the bucket of its own."""
    calls, unused = BlockingCalls(), cast(Any, None)

    def made(*, tenant: dict[str, Any] | None = None, **settings: Any) -> Desk:
        config = TenantConfig.model_validate({**TENANT, **(tenant or {})})
        purse, files, tasks = Purse(), Files(), Tasks()
        services = Services(
            tenant=config,
            clock=SystemClock(),
            store=unused,
            tasks=cast(Any, tasks),
            media=cast(Any, files),
            model=unused,
            conversations=unused,
            leads=unused,
            appointments=unused,
            days=unused,
            secrets=unused,
            tell_operators=unused,
            post_signed=unused,
            spending=cast(Any, purse),
            http=unused,
            shared=cast(Any, shared),
            call_blocking=calls.of(config.id, "aws_speech", 5, 4),
            log=structlog.get_logger(),
            public_url="https://desk.example.com",
            count=lambda event: None,
        )
        endpoints = {
            "transcribe_endpoint": speech.url,
            "polly_endpoint": speech.url,
            "storage_endpoint": moto,
            "sts_endpoint": moto,
        }
        own = {"region": REGION, "bucket": bucket.name, "prefix": f"{uuid.uuid4().hex}/"}
        given = {**own, **endpoints, **settings}
        plugin = AwsSpeech("aws_speech", AwsSpeech.settings_class().model_validate(given), services)
        return Desk(plugin, purse, files, tasks, bucket)

    yield made
    await calls.close(5)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings with which clients are made that wait for an answer for a second only."""
    monkeypatch.setattr(of_boto3, "READ_SECONDS", 1.0)
    return {"sts_endpoint": "http://localhost:1"}
