"""What stands in `server.media.store: s3://…`; what is refused is in tests/test_media_contract.py."""

from __future__ import annotations

import pytest

from frontdesk.aws.s3_address import S3Address, parse


@pytest.mark.parametrize(
    ("setting", "address", "key"),
    [
        ("s3://my-media", S3Address("my-media", "", "", ""), "clinic/k"),
        ("s3://my-media/", S3Address("my-media", "", "", ""), "clinic/k"),
        (
            "s3://my.media/frontdesk/live?region=eu-west-1",
            S3Address("my.media", "frontdesk/live", "eu-west-1", ""),
            "frontdesk/live/clinic/k",
        ),
        ("s3://m-1/a?endpoint=http://127.0.0.1:9000", S3Address("m-1", "a", "", "http://127.0.0.1:9000"), "a/clinic/k"),
    ],
)
def test_a_bucket_a_prefix_and_where_they_are(setting, address, key):
    assert parse(setting) == address
    assert address.key("clinic", "k") == key
