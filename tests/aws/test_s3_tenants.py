"""A tenants file in S3, by boto3 itself: fetched whole, and every change of it seen (moto's server)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from structlog.testing import capture_logs

from frontdesk.aws.s3_address import parse_object
from frontdesk.aws.s3_tenants import NOTHING, S3Source, fetch
from frontdesk.config import ConfigError, Remote
from frontdesk.sources import SourceAway, location, source_of
from frontdesk.sources import fetch as fetch_any


class Answers:
    """What S3 answers, where moto does not."""

    status = 403
    headers: dict[str, str] = {}  # noqa: RUF012  set by a test on the instance
    url = ""


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A service that permits nothing, unless a test says what it answers."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers.status)
            for name, value in {"Content-Length": "0", **answers.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        answers.url = f"http://127.0.0.1:{server.server_port}"
        yield answers
        server.shutdown()
        thread.join()


def test_it_is_fetched_whole_with_the_name_that_problems_give_it(bucket: Any) -> None:
    bucket.put("tenants: {} # Phòng khám", "desk/tenants.yaml")
    found = fetch(parse_object(bucket.address("desk/tenants.yaml")))
    assert found.content.decode() == "tenants: {} # Phòng khám"
    assert (str(found), found.address) == (
        f"s3://{bucket.name}/desk/tenants.yaml",
        bucket.address("desk/tenants.yaml"),
    )
    assert "Phòng" not in repr(found) and found.emptied().content == b""


async def test_every_change_is_seen_also_an_older_version_that_is_put_back(bucket: Any) -> None:
    first = bucket.put("tenants: {a: }")
    source = source_of(fetch_any(location(bucket.address())))  # type: ignore[arg-type]
    assert source.every == 30
    assert await source.look() == source.mark
    second = bucket.put("tenants: {b: }")
    changed = await source.look()
    assert changed not in (None, source.mark)
    bucket.put_back(first)
    assert await source.look() not in (source.mark, changed)
    marker = bucket.delete()
    assert await source.look() == NOTHING
    bucket.delete(marker)
    back = await source.look()
    assert back not in (NOTHING, source.mark, changed)
    assert second and source_of(fetch(parse_object(bucket.address()))).mark == back
    source.close()


@pytest.mark.parametrize("status", ["never", "Suspended"])
async def test_without_versions_the_content_tells_a_change_and_that_is_said_once(bucket: Any, status: str) -> None:
    if status == "Suspended":
        bucket.keep_versions(status)
    else:
        bucket.name += "-plain"
        bucket.client.create_bucket(Bucket=bucket.name, CreateBucketConfiguration={"LocationConstraint": bucket.region})
    bucket.put("tenants: {a: }")
    source = S3Source(fetch(parse_object(bucket.address())))
    with capture_logs() as logs:
        assert await source.look() == source.mark
        bucket.put("tenants: {a: }")
        assert await source.look() == source.mark
        bucket.put("tenants: {b: }")
        assert await source.look() != source.mark
    source.close()
    assert logs == [
        {
            "event": "tenants_file_without_versions",
            "log_level": "warning",
            "file": f"s3://{bucket.name}/tenants.yaml",
        }
    ]


async def test_a_version_called_null_is_none(answers: Answers, aws_keys: None) -> None:
    answers.status = 200
    answers.headers = {"ETag": '"a"', "x-amz-version-id": "null"}
    with capture_logs() as logs:
        assert await looked_at(f"s3://config/tenants.yaml?region=eu-west-1&endpoint={answers.url}") == ("", '"a"')
    assert [each["event"] for each in logs] == ["tenants_file_without_versions"]


async def test_what_is_not_there_is_a_problem_of_the_file(bucket: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^s3://{bucket.name}/other\.yaml: no such object; .*use-aws\.md"):
        fetch(parse_object(bucket.address("other.yaml")))
    with pytest.raises(ConfigError, match=r"^s3://nobody-has-this/tenants\.yaml: no such bucket; look at the name"):
        fetch(parse_object(bucket.address().replace(bucket.name, "nobody-has-this")))


async def looked_at(address: str) -> object:
    source = S3Source(Remote("tenants.yaml", b"", address))
    try:
        return await source.look()
    finally:
        source.close()


async def test_a_service_that_is_away_is_no_answer_about_the_file(
    bucket: Any, aws_keys: None, unused_tcp_port: int
) -> None:
    nowhere = bucket.address().replace(bucket.service.url, f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(SourceAway, match="Could not connect") as away:
        fetch(parse_object(nowhere))
    assert not away.value.lasting
    with pytest.raises(SourceAway, match="Could not connect"):
        await looked_at(nowhere)


async def test_what_a_person_must_mend_is_told_so(
    bucket: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = bucket.address().replace(bucket.service.url, answers.url)
    with pytest.raises(SourceAway, match=r"AWS does not permit it .*docs/how-to/use-aws\.md") as away:
        fetch(parse_object(refused))
    assert away.value.lasting
    with pytest.raises(SourceAway, match="AWS does not permit it"):
        await looked_at(refused)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SourceAway, match="no AWS credentials were found") as away:
        fetch(parse_object(bucket.address()))
    assert away.value.lasting
