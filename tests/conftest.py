"""Fixtures for tests of every room."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from prometheus_client.parser import text_string_to_metric_families

from frontdesk import Plugin
from frontdesk.store import Delete, Insert, Repository, Update, Write
from frontdesk.store.codec import changed_copy
from frontdesk.tasks import Owner
from frontdesk.testing.death import Died
from frontdesk.testing.desk import plain_tracebacks

FIRST = 2
THINNED = (
    "admin_ui/",
    "plugins/aws_speech/",
    "plugins/crm_hubspot/",
    "plugins/gcal_scheduler/",
    "plugins/http_speech/",
    "plugins/lead_scoring/test_lead_scoring.py",
    "plugins/reminders/test_reminders.py",
    "services/test_pushing.py",
    "store/test_days.py",
    "testing/test_fake_google.py",
    "testing/test_fake_speech.py",
    "turn/test_speak.py",
)
WHOLE = frozenset({"test_isolation.py", "test_shell.py", "test_when.py", "test_rules.py"})
"""Of those, what starts nothing, and what keeps tenants apart."""


def pytest_configure() -> None:
    plain_tracebacks()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for whole seconds comes first in each worker's part, the longest at its very start: others compute,
    and at the end none is left with it. `--dist worksteal` hands out equal parts of the list, and steals from their ends."""
    _thin_out(items)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    waiting = [item for item in items if _waits(item)]
    waiting.sort(key=lambda item: item.path.name not in ("test_crash.py", "test_tutorial.py"))
    others = [item for item in items if not _waits(item)]
    size, rest = len(items) // workers, iter(others)
    parts = []
    for number in range(workers):
        first = waiting[number::workers]
        parts.append([*first, *islice(rest, max(0, size - len(first)))])
    items[:] = [*chain.from_iterable(parts), *rest]


def _thin_out(items: list[pytest.Item]) -> None:
    """Of each file in THINNED the ordinary run has the first tests, the slow one the others too: nearly each of them starts
    a whole server in process, and together they would take as long as everything else."""
    seen: Counter[Path] = Counter()
    for item in items:
        if item.path.name not in WHOLE and _below_tests(item).startswith(THINNED):
            seen[item.path] += 1
            if seen[item.path] > FIRST:
                item.add_marker(pytest.mark.slow)


def _below_tests(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


def _waits(item: pytest.Item) -> bool:
    return item.path.parent.name == "e2e" or item.path.name == "test_tutorial.py"


@asynccontextmanager
async def _served(app: Any, port: int = 0) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]  # hypercorn closes it
    config.graceful_timeout = 0.2
    config.errorlog = None
    ends = asyncio.Event()
    owner = Owner("served")
    owner.start(serve(app, config, shutdown_trigger=ends.wait), "hypercorn")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        ends.set()
        await owner.drain(5)


@pytest.fixture
def serving() -> Callable[..., AbstractAsyncContextManager[str]]:
    """`async with serving(app) as url`: an ASGI application answers at *url* on loopback, on a free port or *port*."""
    return _served


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractAsyncContextManager[str]]:
    """`serving`, for fixtures that live longer than a test."""
    return _served


class _DiesAfter:
    """A tenant's documents without transactions, as in DocumentDB, in a process that dies after so many writes."""

    def __init__(self, repository: Repository, writes: int) -> None:
        self._repository = repository
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    async def write(self, *writes: Write) -> int:
        took = 0
        for write in writes:
            if self._left == 0:
                raise Died
            self._left -= 1
            if not await self._repository.write(write):
                break
            took += 1
        return took

    async def insert(self, collection: Any, document: Any) -> bool:
        return await self.write(Insert(collection, document)) == 1

    async def update(self, collection: Any, document: Any, /, **changes: Any) -> Any:
        return changed_copy(document, changes) if await self.write(Update(collection, document, changes)) else None

    async def delete(self, collection: Any, document: Any) -> bool:
        return await self.write(Delete(collection, document)) == 1


@pytest.fixture(scope="session")
def dies_after() -> Callable[[Repository, int], Any]:
    """`dies_after(repository, 2)`: these documents, which whoever uses them dies over instead of the third write."""
    return _DiesAfter


_PLUGINS = Path(__file__).parent / "plugins"


@lru_cache
def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"{path.stem}_of_tests", path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def sample() -> Callable[[str], type[Plugin]]:
    """`sample("raises_in_hook")` is the plugin class in tests/plugins/samples/raises_in_hook.py."""

    def load(name: str) -> type[Plugin]:
        module = _module(_PLUGINS / "samples" / f"{name}.py")
        (cls,) = (
            found
            for found in vars(module).values()
            if isinstance(found, type) and issubclass(found, Plugin) and found.__module__ == module.__name__
        )
        return cls

    return load


@pytest.fixture(scope="session")
def booking_plugin() -> type[Plugin]:
    """The class of tests/plugins/projects/frontdesk-plugin-booking."""
    module = _module(_PLUGINS / "projects" / "frontdesk-plugin-booking" / "frontdesk_plugin_booking.py")
    cls: type[Plugin] = module.Booking
    return cls


@pytest.fixture
def aws_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that a stand-in accepts; nothing of this machine's own, and no look for a role."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an example of a secret key")


class S3Service:
    """S3 (moto's server), which can be away and come back with what it had."""

    def __init__(self) -> None:
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        from moto.server import ThreadedMotoServer  # it takes long to import

        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        self._server.stop()


class Bucket:
    """A bucket of its own that keeps versions, and a tenants file in it."""

    region = "ap-southeast-1"

    def __init__(self, service: S3Service, client: Any) -> None:
        self.service = service
        self.client = client
        self.name = f"bucket-{uuid.uuid4().hex}"
        client.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": self.region})
        self.keep_versions("Enabled")

    def keep_versions(self, status: str) -> None:
        client: Any = self.client
        client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def address(self, key: str = "tenants.yaml") -> str:
        return f"s3://{self.name}/{key}?region={self.region}&endpoint={self.service.url}"

    def put(self, text: str, key: str = "tenants.yaml") -> str:
        """The version's id; empty if none is kept."""
        answer = self.client.put_object(Bucket=self.name, Key=key, Body=text.encode())
        return str(answer.get("VersionId", ""))

    def put_back(self, version: str, key: str = "tenants.yaml") -> None:
        """Make an older version current, as AWS's console does."""
        source = {"Bucket": self.name, "Key": key, "VersionId": version}
        self.client.copy_object(Bucket=self.name, Key=key, CopySource=source)

    def delete(self, version: str = "", key: str = "tenants.yaml") -> str:
        """Delete a version for good; without one, put a delete marker before them. Its id."""
        which = {"VersionId": version} if version else {}
        return str(self.client.delete_object(Bucket=self.name, Key=key, **which).get("VersionId", ""))


@pytest.fixture(scope="module")
def s3_service() -> Iterator[S3Service]:
    service = S3Service()
    yield service
    service.stop()


@pytest.fixture
def bucket(s3_service: S3Service, aws_keys: None) -> Iterator[Bucket]:
    from frontdesk.aws.client import make_client

    client = make_client("s3", region=Bucket.region, endpoint=s3_service.url)
    yield Bucket(s3_service, client)
    client.close()


@pytest.fixture
def read() -> Callable[..., Awaitable[dict[str, float]]]:
    """`await read(desk)`: `name{label="value"}` (labels by name) → value, of a request from this machine."""

    async def reading(desk: Any) -> dict[str, float]:
        client = desk.server.quart.test_client()
        page = await client.get("/metrics", headers={"host": "localhost"}, scope_base={"client": ("127.0.0.1", 1)})
        assert page.status_code == 200
        text = (await page.get_data()).decode()
        return {
            _named(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    return reading


def _named(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{labels[label]}"' for label in sorted(labels))
    return f"{name}{{{inside}}}" if inside else name
