"""What stands in `server.queue: sqs://…`, and what is refused with what would be right."""

from __future__ import annotations

import pytest

from frontdesk.aws.sqs_address import SqsAddress, parse

HOST = "sqs.ap-southeast-1.amazonaws.com"


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        (
            f"sqs://{HOST}/123456789012/wakes",
            SqsAddress("wakes", f"https://{HOST}/123456789012/wakes", "ap-southeast-1", f"https://{HOST}"),
        ),
        (
            "sqs://vpce-0a1b.sqs.eu-west-1.vpce.amazonaws.com/123456789012/wakes",
            SqsAddress(
                "wakes",
                "https://vpce-0a1b.sqs.eu-west-1.vpce.amazonaws.com/123456789012/wakes",
                "eu-west-1",
                "https://vpce-0a1b.sqs.eu-west-1.vpce.amazonaws.com",
            ),
        ),
        (
            "sqs://sqs-fips.us-gov-east-1.amazonaws.com/123456789012/w?endpoint=https://10.0.0.7",
            SqsAddress(
                "w",
                "https://sqs-fips.us-gov-east-1.amazonaws.com/123456789012/w",
                "us-gov-east-1",
                "https://10.0.0.7",
            ),
        ),
        (
            "sqs://wakes?scheduler_role=arn:aws:iam::123456789012:role/s&scheduler_group=g&scheduler_endpoint=http://x",
            SqsAddress("wakes", "", "", "", "arn:aws:iam::123456789012:role/s", "g", "http://x"),
        ),
        ("sqs://wakes", SqsAddress("wakes", "", "", "")),
        ("sqs://wakes?region=eu-west-1", SqsAddress("wakes", "", "eu-west-1", "")),
        (
            "sqs://Wakes_2?region=eu-west-1&endpoint=http://127.0.0.1:8200",
            SqsAddress("Wakes_2", "", "eu-west-1", "http://127.0.0.1:8200"),
        ),
    ],
)
def test_a_queue_is_told_by_its_url_or_by_its_name(setting, address):
    assert parse(setting) == address


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("", "is no address of a queue; write sqs://sqs.ap-southeast-1.amazonaws.com/"),
        ("sqs://", "is no address"),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/w", "is no address"),
        ("sqs://wakes?regoin=eu-west-1", "is no address"),
        ("sqs://key:secret@wakes", "is no address"),
        (f"sqs://{HOST}/wakes", "has a path that is not /ACCOUNT/NAME"),
        ("sqs://wakes?endpoint=127.0.0.1:8200", "endpoint='127.0.0.1:8200' is no URL"),
        ("sqs://wakes?scheduler_role=frontdesk", "scheduler_role is no ARN .*write scheduler_role=arn:aws:iam"),
        ("sqs://wakes?scheduler_group=g", "scheduler_role is no ARN"),
        ("sqs://wakes?scheduler_rule=g", "is no address"),
        ("sqs://wa.kes", "'wa.kes' is no name of a queue"),
        ("sqs://wakes.fifo", "wakes.fifo is a FIFO queue.*make a standard queue"),
        (f"sqs://{HOST}/123456789012/wakes.fifo", "is a FIFO queue"),
    ],
)
def test_anything_else_is_refused_with_what_would_be_right(setting, said):
    with pytest.raises(ValueError, match=f"^server.queue: .*{said}") as refused:
        parse(setting)
    assert "secret" not in str(refused.value)
