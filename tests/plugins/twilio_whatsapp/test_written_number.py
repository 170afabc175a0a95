"""A contact as people and programs write one down becomes the identity under which Twilio tells of them."""

from __future__ import annotations

import pytest

from frontdesk.plugins.twilio_whatsapp.inbound import understand, written_number

ACCOUNT = "AC" + "0" * 32
OURS = "whatsapp:+14155238886"


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("whatsapp:+84901234567", "VN"),
        ("+84 90 123 45 67", ""),
        ("+84-901-234-567", "GB"),
        ("0901234567", "VN"),
        ("0901 234 567", "VN"),
        ("(090) 123.4567", "VN"),
        ("901234567", "VN"),
        ("84901234567", "VN"),
        ("84901234567", "GB"),
        ("84901234567", ""),
        ("0084901234567", "VN"),
        (" whatsapp: +84901234567 ", "VN"),
    ],
)
def test_every_form_is_the_sender_that_twilio_names(written: str, region: str) -> None:
    sender = "whatsapp:+84901234567"
    pairs = [("AccountSid", ACCOUNT), ("MessageSid", "SM" + "0" * 32), ("From", sender), ("To", OURS), ("Body", "x")]
    inbound = understand(pairs, ACCOUNT, [OURS])
    assert written_number(written, region) == (inbound.external_id, inbound.phone)


def test_a_contact_without_a_number_is_known_by_its_name() -> None:
    name = "whatsapp:US.13491208655302741918"
    assert written_number(name, "VN") == (name, "")


@pytest.mark.parametrize("written", ["", "Lan", "test-user-1", "user 0901234567", "12", "web:5f3c", "0901234567890123"])
def test_anything_else_is_nobody(written: str) -> None:
    assert written_number(written, "VN") is None


def test_a_national_number_needs_its_country() -> None:
    assert written_number("0901234567", "") is None
