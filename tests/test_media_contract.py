"""What every store of media does, whatever is behind it: a folder, a bucket of S3 (moto's server) by boto3 itself."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from frontdesk.aws.client import make_client
from frontdesk.errors import StartupError
from frontdesk.media import MediaStore, open_media
from frontdesk.testing.process import free_port

BUCKET = "frontdesk-media"
REGION = "ap-southeast-1"
LARGE = 16 * 1024 * 1024


@pytest.fixture
def s3(bucket: Any) -> str:
    """The setting of a bucket that is there, and empty."""
    return str(bucket.address("desk/1"))


@pytest.fixture(params=["folder", "s3"])
def setting(request: pytest.FixtureRequest) -> str:
    return "folder" if request.param == "folder" else request.getfixturevalue("s3")


@pytest.fixture
async def files(setting: str, tmp_path: Path) -> AsyncIterator[MediaStore]:
    made = open_media(setting, tmp_path, 100_000)
    await made.start()
    yield made
    await made.stop()


async def test_the_same_content_has_the_same_key_and_comes_back_with_its_type(files: MediaStore) -> None:
    content = bytes(range(256)) * 300
    (key,) = {await files.put("clinic", content, "image/jpeg") for _ in range(2)}
    assert await files.get("clinic", key) == ("image/jpeg", content)


async def test_many_files_come_and_go_at_once(files: MediaStore) -> None:
    contents = [bytes([number]) * 1000 for number in range(12)]
    keys = await asyncio.gather(*(files.put("clinic", content, "image/png") for content in contents))
    assert await asyncio.gather(*(files.get("clinic", key) for key in keys)) == [("image/png", c) for c in contents]


async def test_an_empty_file_and_a_long_type_are_kept(files: MediaStore) -> None:
    key = await files.put("clinic", b"", 'audio/ogg; codecs="opus"')
    assert await files.get("clinic", key) == ('audio/ogg; codecs="opus"', b"")


async def test_a_file_is_its_tenants_alone(files: MediaStore) -> None:
    key = await files.put("clinic", b"a picture of one tenant", "image/png")
    assert await files.get("school", key) is None


@pytest.mark.parametrize("key", ["a" * 64, "", "..", "../clinic/" + "a" * 64, "A" * 64, "a" * 64 + "\n"])
async def test_what_is_not_there_and_what_is_no_key_is_nothing(files: MediaStore, key: str) -> None:
    assert await files.get("clinic", key) is None


async def test_a_file_that_is_too_large_is_not_kept(files: MediaStore) -> None:
    with pytest.raises(OSError, match=r"100001 bytes; server\.media\.max_bytes allows 100000") as refused:
        await files.put("clinic", b"x" * 100_001, "image/png")
    assert refused.value.errno == errno.EFBIG


@pytest.mark.parametrize("setting", ["s3"], indirect=True)
async def test_a_desk_gives_a_file_of_the_bucket_out_by_its_own_url(desk, setting: str) -> None:
    async with desk(server={"media": {"store": setting}}) as server:
        phone = await server.plugin("phone")
        split = urlsplit(phone.media.url(await phone.media.put(b"GIF89a", "image/gif"), seconds=60))
        client = server.server.quart.test_client()
        answer = await client.get(f"{split.path}?{split.query}")
        assert (answer.status_code, await answer.get_data()) == (200, b"GIF89a")
        assert (answer.headers["Content-Type"], answer.headers["Content-Length"]) == ("image/gif", "6")
        head = await client.head(f"{split.path}?{split.query}")
        assert (head.status_code, head.headers["Content-Type"], await head.get_data()) == (200, "image/gif", b"")
        assert (await client.get(split.path)).status_code == 404
        assert not (server.server.file.data_dir / "media").exists()


async def test_a_bucket_that_is_not_there_stops_the_start(s3_service: Any, aws_keys: None, tmp_path: Path) -> None:
    files = open_media(f"s3://nobody-has-this?region={REGION}&endpoint={s3_service.url}", tmp_path, 100)
    with pytest.raises(StartupError, match=r"^server\.media\.store: nobody-has-this: it is not there .*use-aws\.md"):
        await files.start()
    await files.stop()


async def test_a_bucket_that_is_away_is_an_error_of_the_file_and_not_of_the_start(
    aws_keys: None, tmp_path: Path, unused_tcp_port: int
) -> None:
    files = open_media(f"s3://{BUCKET}?region={REGION}&endpoint=http://127.0.0.1:{unused_tcp_port}", tmp_path, 100)
    await files.start()
    with pytest.raises(OSError, match=f"the bucket {BUCKET}: Could not connect") as refused:
        await files.put("clinic", b"x", "image/png")
    assert refused.value.errno == errno.EIO
    await files.stop()


@pytest.mark.parametrize(
    "wrong",
    ["s3://", "s3://B", "s3://media?regoin=x", "s3://media//a", "s3://media/a?endpoint=127.0.0.1", "s3://a@media"],
)
def test_what_is_no_place_in_s3_stops_the_start_with_what_would_be_right(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"is no place in S3; write s3://BUCKET/PREFIX\?region="):
        open_media(wrong, tmp_path, 100)


async def test_a_file_is_read_piece_by_piece(files: MediaStore) -> None:
    content = bytes(range(256)) * 300
    medium = await files.open("clinic", await files.put("clinic", content, "image/jpeg"))
    assert medium is not None and (medium.content_type, medium.size) == ("image/jpeg", len(content))
    assert await medium.read() == content
    assert await medium.read() == b""
    await medium.close()


async def test_a_file_that_is_not_read_to_its_end_can_be_closed(files: MediaStore) -> None:
    key = await files.put("clinic", b"x" * 90_000, "image/jpeg")
    for _ in range(10):
        medium = await files.open("clinic", key)
        assert medium is not None
        await medium.close()
    assert await files.open("clinic", "a" * 64) is None


@pytest.mark.parametrize("setting", ["s3"], indirect=True)
async def test_a_bucket_that_has_gone_away_gives_503_and_when_to_come_again(desk, setting: str) -> None:
    async with desk(server={"media": {"store": setting}}) as server:
        phone = await server.plugin("phone")
        split = urlsplit(phone.media.url(await phone.media.put(b"GIF89a", "image/gif"), seconds=60))
        store: Any = server.server.media
        real, store._s3 = store._s3, make_client("s3", region=REGION, endpoint="http://127.0.0.1:9")
        try:
            answer = await server.server.quart.test_client().get(f"{split.path}?{split.query}")
        finally:
            store._s3.close()
            store._s3 = real
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.fixture(scope="module")
def moto_apart() -> Iterator[str]:
    """The stand-in as a process of its own: its memory is not ours."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.mark.parametrize("engine", ["folder", "s3"])
async def test_a_large_file_that_is_fetched_takes_no_memory(desk, engine: str, moto_apart: str, aws_keys: None) -> None:
    """Three providers fetch 16 MB at once: in memory is a piece of each."""
    setting = "folder"
    if engine == "s3":
        client = make_client("s3", region=REGION, endpoint=moto_apart)
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.close()
        setting = f"s3://{BUCKET}?region={REGION}&endpoint={moto_apart}"
    async with desk(server={"media": {"store": setting, "max_bytes": LARGE}}) as server:
        phone = await server.plugin("phone")
        key = await phone.media.put(os.urandom(LARGE), "video/mp4")
        query = urlsplit(phone.media.url(key, seconds=60)).query
        tracemalloc.start()
        try:
            got = await asyncio.gather(*(_fetched(server.server, f"/media/clinic/{key}", query) for _ in range(3)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert got == [(200, str(LARGE), LARGE)] * 3
    assert peak < 6 * 1024 * 1024


async def _fetched(application: Any, path: str, query: str) -> tuple[int, str, int]:
    """(status, Content-Length, bytes that came), by ASGI, keeping nothing."""
    status, length, came = 0, "", 0

    async def receive() -> dict[str, Any]:
        if not asked:
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError("nobody hangs up")

    async def send(event: dict[str, Any]) -> None:
        nonlocal status, length, came
        if event["type"] == "http.response.start":
            status = event["status"]
            length = dict(event["headers"])[b"content-length"].decode()
        else:
            came += len(event["body"])
        await asyncio.sleep(0)

    asked: list[bool] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": {},
    }
    await application(scope, receive, send)
    return status, length, came


async def test_a_purge_deletes_the_files_of_one_tenant_and_of_none_whose_id_begins_alike(files: MediaStore) -> None:
    keys = [await files.put("clinic", bytes([number]), "image/png") for number in range(3)]
    kept = await files.put("clinic-2", b"another's", "image/png")
    assert await files.purge("clinic") == 3
    assert [await files.get("clinic", key) for key in keys] == [None] * 3
    assert await files.get("clinic-2", kept) == ("image/png", b"another's")
    assert await files.purge("clinic") == 0


async def test_one_file_is_deleted_and_no_other(files: MediaStore) -> None:
    key, other = [await files.put("clinic", content, "image/png") for content in (b"one", b"other")]
    assert await files.put("clinic-2", b"one", "image/png") == key
    for _ in range(2):
        await files.delete("clinic", key)
    await files.delete("clinic", "../clinic-2/" + key)
    assert await files.get("clinic", key) is None
    assert await files.get("clinic", other) == ("image/png", b"other")
    assert await files.get("clinic-2", key) == ("image/png", b"one")
