"""What only the DocumentDB store promises: lost answers, fail-over, the server's time, clear refusals."""

from __future__ import annotations

import asyncio
import secrets
import socketserver
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from frontdesk.clock import SystemClock
from frontdesk.store import StoreError, StoreUnavailable
from frontdesk.store.collections import CONTACTS, NOTES
from frontdesk.store.mongo import MongoStore
from frontdesk.testing.wire_store import WireStore, start_wire_store

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


class Proxy:
    """A line to the server that breaks once at a chosen command: before the server reads it, or before its answer."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._server: asyncio.Server | None = None
        self._command = b""
        self._answered = False
        self._meanwhile: Callable[[], Awaitable[Any]] | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.broken = 0

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()

    def break_at(
        self, command: str, *, answered: bool = True, meanwhile: Callable[[], Awaitable[Any]] | None = None
    ) -> None:
        """`answered`: the server does it and its answer is lost; else the command is lost. Then do *meanwhile*."""
        self._command, self._answered, self._meanwhile = command.encode() + b"\x00", answered, meanwhile

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        self._open |= {writer, upstream_writer}
        broken = asyncio.Event()

        async def up() -> None:
            while data := await reader.read(65_536):
                if self._command and self._command in data:
                    self._command = b""
                    broken.set()
                    if not self._answered:
                        await self._break(writer)
                        return
                upstream_writer.write(data)
                await upstream_writer.drain()
            upstream_writer.close()

        async def down() -> None:
            while data := await upstream_reader.read(65_536):
                if broken.is_set():
                    await self._break(writer)
                    return
                writer.write(data)
                await writer.drain()
            writer.close()

        try:
            await asyncio.gather(up(), down())
        except ConnectionError:
            writer.close()
        finally:
            upstream_writer.close()

    async def _break(self, writer: asyncio.StreamWriter) -> None:
        self.broken += 1
        if self._meanwhile is not None:
            await self._meanwhile()
        writer.close()


@pytest.fixture
async def line(wire_server: WireStore) -> AsyncIterator[tuple[MongoStore, Proxy, MongoStore]]:
    """A store behind a proxy, the proxy, and another store on the same data with a line that holds."""
    proxy = Proxy(wire_server.port)
    port = await proxy.start()
    database = f"test_{secrets.token_hex(6)}"
    url = f"mongodb://127.0.0.1:{port}/{database}?directConnection=true"
    ours = MongoStore(url, database, SystemClock())
    other = MongoStore(wire_server.url(database), database, SystemClock())
    await ours.open()
    await other.open()
    yield ours, proxy, other
    await ours.close()
    await other.close()
    await proxy.stop()


pytestmark = pytest.mark.wire
Line = tuple[MongoStore, Proxy, MongoStore]


@pytest.mark.parametrize("answered", [True, False])
async def test_an_insert_whose_answer_is_lost_is_done_once_and_known(line: Line, sample: Any, answered: bool) -> None:
    ours, proxy, _ = line
    proxy.break_at("insert", answered=answered)
    assert await ours.for_tenant("acme").insert(NOTES, sample(NOTES))
    assert proxy.broken == 1
    assert await ours.for_tenant("acme").find(NOTES, {}) == [sample(NOTES)]


async def test_an_insert_repeated_over_somebody_elses_document_does_not_take(line: Line, sample: Any) -> None:
    ours, proxy, other = line
    theirs = sample(NOTES, text="theirs")
    proxy.break_at("insert", answered=False, meanwhile=lambda: other.for_tenant("acme").insert(NOTES, theirs))
    assert not await ours.for_tenant("acme").insert(NOTES, sample(NOTES))
    assert proxy.broken == 1
    assert await ours.for_tenant("acme").get(NOTES, "one") == theirs


@pytest.mark.parametrize("answered", [True, False])
async def test_an_update_whose_answer_is_lost_is_done_once_and_known(line: Line, sample: Any, answered: bool) -> None:
    ours, proxy, _ = line
    acme = ours.for_tenant("acme")
    await acme.insert(CONTACTS, sample(CONTACTS))
    proxy.break_at("update", answered=answered)
    changed = await acme.update(CONTACTS, sample(CONTACTS), name="Hằng")
    assert proxy.broken == 1
    assert changed is not None and (changed.version, changed.name) == (2, "Hằng")
    assert await acme.get(CONTACTS, "one") == changed


async def test_the_same_claim_by_somebody_else_is_not_taken_for_ours(line: Line) -> None:
    ours, proxy, other = line
    due = await ours.due.put("turn", "acme", "c", NOON)
    taken: list[Any] = []

    async def they_claim() -> None:
        taken.append(await other.due.claim(due, LATER))

    proxy.break_at("update", answered=False, meanwhile=they_claim)
    assert await ours.due.claim(due, LATER) is None
    assert taken[0] is not None


async def test_a_delete_whose_answer_is_lost_is_known(line: Line, sample: Any) -> None:
    ours, proxy, _ = line
    acme = ours.for_tenant("acme")
    await acme.insert(NOTES, sample(NOTES))
    proxy.break_at("delete")
    assert await acme.delete(NOTES, sample(NOTES))
    assert proxy.broken == 1
    assert await acme.get(NOTES, "one") is None


async def test_a_put_whose_answer_is_lost_raises_the_version(line: Line) -> None:
    ours, proxy, _ = line
    due = await ours.due.put("turn", "acme", "c", NOON)
    proxy.break_at("findAndModify")
    again = await ours.due.put("turn", "acme", "c", LATER)
    assert proxy.broken == 1
    assert again.version > due.version
    assert await ours.due.get("turn", "acme", "c") == again


async def test_a_server_that_dies_and_comes_back_loses_nothing(sample: Any) -> None:
    with start_wire_store() as server:
        store = MongoStore(server.url("test"), "test", SystemClock())
        await store.open()
        acme = store.for_tenant("acme")
        for n in range(20):
            assert await acme.insert(NOTES, sample(NOTES, f"n{n}"))
        server.kill()
        _, took = await asyncio.gather(asyncio.to_thread(server.start), acme.insert(NOTES, sample(NOTES, "during")))
        assert took
        assert await acme.count(NOTES, {}) == 21
        await store.close()


async def test_no_server_is_unavailable_in_time_and_names_no_password() -> None:
    url = "mongodb://u:geheim@127.0.0.1:1/test?serverSelectionTimeoutMS=200"
    store = MongoStore(url, "test", SystemClock())
    async with asyncio.timeout(5):
        with pytest.raises(StoreUnavailable) as caught:
            await store.open()
    await store.close()
    assert "geheim" not in str(caught.value)


async def test_a_missing_ca_bundle_is_named(tmp_path: Path) -> None:
    store = MongoStore(f"mongodb://u:geheim@h/test?tls=true&tlsCAFile={tmp_path}/none.pem", "test", SystemClock())
    with pytest.raises(StoreError, match=r"none\.pem.*is not there.*global-bundle\.pem") as caught:
        await store.open()
    assert "geheim" not in str(caught.value)


async def test_a_ca_bundle_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_text("<html>404</html>", "utf-8")
    store = MongoStore(f"mongodb://u:geheim@h/test?tls=true&tlsCAFile={tmp_path}/bundle.pem", "test", SystemClock())
    with pytest.raises(StoreError, match=r"bundle\.pem.*server\.store.*no certificate.*global-bundle\.pem"):
        await store.open()


@contextmanager
def handshakes(context: ssl.SSLContext) -> Iterator[int]:
    """The port of a server that ends a connection once it has shaken hands, or not. At the end nothing of it is open.

    In threads: asyncio forgets the connections that are still shaking hands when its server is closed.
    """

    class Handshake(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), context.wrap_socket(self.request, server_side=True):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handshake) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            serving.join()


async def test_a_certificate_that_the_bundle_does_not_vouch_for_is_no_store_that_is_away(tmp_path: Path) -> None:
    theirs, ours = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "bundle.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.issue_cert("127.0.0.1").configure_cert(context)

    with handshakes(context) as port:
        host = f"u:geheim@127.0.0.1:{port}"
        url = f"mongodb://{host}/test?tls=true&tlsCAFile={tmp_path}/bundle.pem&serverSelectionTimeoutMS=200"
        store = MongoStore(url, "test", SystemClock())
        with pytest.raises(StoreError, match=r"not believed .*tlsCAFile") as caught:
            await store.open()
        await store.close()
    assert not isinstance(caught.value, StoreUnavailable)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("url", ["mongodb://u:geh:eim@h/x", "mongodb://h/x?journal=maybe", "mongodb://h:port/x"])
async def test_a_url_that_can_never_work_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="the store's URL") as caught:
        await MongoStore(url, "x", SystemClock()).open()
    assert "geh:eim" not in str(caught.value)


async def test_what_protects_acknowledged_writes_cannot_be_turned_off_in_the_url(wire_server: WireStore) -> None:
    url = f"mongodb://127.0.0.1:{wire_server.port}/x?retryWrites=true&w=1&journal=false&readPreference=secondary"
    store = MongoStore(url, "x", SystemClock())
    await store.open()
    client = store.raw(NOTES).database.client
    assert client.write_concern.document == {"w": "majority", "j": True}
    assert client.read_preference.mode == 0
    assert client.options.retry_writes is False
    await store.close()


class FastClock(SystemClock):
    """A machine whose clock is an hour ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


async def test_the_stores_time_is_the_servers_however_wrong_the_machines(wire_server: WireStore) -> None:
    store = MongoStore(wire_server.url("x"), "x", FastClock())
    assert store.now() - SystemClock().now() > timedelta(minutes=59)
    await store.open()
    assert abs(store.now() - SystemClock().now()) < timedelta(seconds=2)
    await store.close()


@pytest.mark.parametrize("answered", [True, False])
async def test_after_a_failover_the_new_primarys_time_is_measured(line: Line, sample: Any, answered: bool) -> None:
    ours, proxy, _ = line
    measured, at = time_of(ours)
    ours._synced = measured + timedelta(hours=1), at  # the old primary's clock was an hour ahead
    assert await ours.for_tenant("acme").insert(NOTES, sample(NOTES))
    assert ours.now() - SystemClock().now() > timedelta(minutes=59)
    proxy.break_at("insert", answered=answered)
    assert await ours.for_tenant("acme").insert(NOTES, sample(NOTES, "after"))
    assert abs(ours.now() - SystemClock().now()) < timedelta(seconds=2)


async def test_a_measurement_that_was_cut_off_is_made_with_the_next_call(line: Line, sample: Any) -> None:
    ours, proxy, _ = line
    measured, at = time_of(ours)
    ours._synced = measured + timedelta(hours=1), at

    async def cut_off() -> None:
        raise asyncio.CancelledError

    proxy.break_at("insert")
    ours.sync_time, sync_time = cut_off, ours.sync_time  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await ours.for_tenant("acme").insert(NOTES, sample(NOTES))
    ours.sync_time = sync_time  # type: ignore[method-assign]
    await ours.for_tenant("acme").count(NOTES, {})
    assert abs(ours.now() - SystemClock().now()) < timedelta(seconds=2)


class SlowTrips(SystemClock):
    """Stands still, but for the seconds in `trips`: so long each round trip takes that measures the time."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.trips: list[float] = []
        self._looks = 0

    def monotonic(self) -> float:
        self._looks += 1
        if self._looks % 2 == 0 and self.trips:
            self.elapsed += self.trips.pop(0)
        return self.elapsed


@pytest.fixture
async def slow(wire_server: WireStore) -> AsyncIterator[tuple[MongoStore, SlowTrips]]:
    clock = SlowTrips()
    name = f"time_{secrets.token_hex(6)}"
    store = MongoStore(wire_server.url(name), name, clock, collections=())
    clock.trips = [0.0]
    await store.open()
    yield store, clock
    await store.close()


def time_of(store: MongoStore) -> tuple[datetime, float]:
    assert store._synced is not None
    return store._synced


@pytest.mark.wire
async def test_a_slow_round_trip_is_measured_again(slow: tuple[MongoStore, SlowTrips]) -> None:
    store, clock = slow
    clock.trips = [5.0, 0.4, 5.0]
    await store.sync_time()
    assert clock.trips == [5.0]
    assert time_of(store)[1] == pytest.approx(5.2)


@pytest.mark.wire
async def test_slow_round_trips_leave_the_time_as_it_was_and_are_told(
    slow: tuple[MongoStore, SlowTrips], capsys: pytest.CaptureFixture[str]
) -> None:
    store, clock = slow
    before = time_of(store)
    clock.trips = [5.0, 9.0, 7.0]
    await store.sync_time()
    assert clock.trips == [] and time_of(store) == before
    told = capsys.readouterr().out
    assert "store_time_uncertain" in told and "seconds=5.0" in told


@pytest.mark.wire
async def test_without_an_earlier_time_the_best_of_slow_ones_counts(slow: tuple[MongoStore, SlowTrips]) -> None:
    store, clock = slow
    store._synced = None
    clock.trips = [5.0, 2.0, 7.0]
    await store.sync_time()
    assert time_of(store)[1] == pytest.approx(5.0 + 1.0)
