"""Where a tenants file comes from, and how a change of it is seen. Objects in S3: tests/aws/test_s3_tenants.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.aws.s3_address import S3Object
from frontdesk.sources import FileSource, fetch, home, location


def test_what_is_written_is_a_path_or_the_address_of_an_object(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert location("folder/tenants.yaml") == Path("folder/tenants.yaml") == fetch(Path("folder/tenants.yaml"))
    assert home(location("folder/tenants.yaml")) == tmp_path / "folder"
    address = "s3://my-config/desk/tenants.yaml?region=ap-southeast-1&endpoint=http://127.0.0.1:9000"
    found = location(address)
    assert found == S3Object("my-config", "desk/tenants.yaml", "ap-southeast-1", "http://127.0.0.1:9000", address)
    assert isinstance(found, S3Object)
    assert (str(found), found.name) == (address, "s3://my-config/desk/tenants.yaml")
    assert location(str(found)) == found
    assert home(found) == tmp_path


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s3://my-config", r"names no object; one object is read.* write s3://my-config/tenants\.yaml$"),
        (
            "s3://my-config/desk/",
            r"names no object; .*not what is below a prefix.*: write s3://my-config/desk/tenants\.",
        ),
        ("s3:/my-config/tenants.yaml", r"is no object in S3; write s3://BUCKET/KEY\?region=ap-southeast-1"),
        ("S3:my-config", "is no object in S3"),
        ("s3://my-config/a.yaml?version=3", "is no object in S3"),
        ("s3://my-config/a.yaml?endpoint=localhost", "is no object in S3"),
    ],
)
def test_an_address_that_cannot_be_right_is_told_with_what_would_be(address, told):
    with pytest.raises(ValueError, match=told):
        location(address)


async def test_a_file_that_is_being_written_is_left_alone(tmp_path):
    path = tmp_path / "tenants.yaml"
    path.write_text("half")
    source = FileSource(path)
    assert await source.look() == source.mark
    path.write_text("half and")
    assert await source.look() is None
    path.write_text("half and half")
    assert await source.look() is None
    whole = await source.look()
    assert whole not in (None, source.mark)
    (tmp_path / ".env").write_text("A=1")
    assert await source.look() is None
    assert await source.look() not in (None, whole)


async def test_a_file_that_comes_or_goes_in_the_folder_is_a_change(tmp_path):
    path = tmp_path / "tenants.yaml"
    path.write_text("main")
    source = FileSource(path)
    (tmp_path / "tenants.d").mkdir()
    (tmp_path / "tenants.d" / "shop.yaml").write_text("a shop")
    assert await source.look() is None
    with_shop = await source.look()
    assert with_shop not in (None, source.mark)
    (tmp_path / "tenants.d" / "shop.yaml").unlink()
    assert await source.look() is None
    assert await source.look() == source.mark
