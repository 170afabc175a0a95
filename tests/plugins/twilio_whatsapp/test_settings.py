from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from frontdesk import Secret
from frontdesk.config import Place, validate_settings
from frontdesk.plugins.twilio_whatsapp.catalogue import CATALOGUE
from frontdesk.plugins.twilio_whatsapp.settings import TwilioSettings

TOKEN = "0123456789abcdef-not-shown"


def settings(**changes: Any) -> TwilioSettings:
    values = {
        "account_sid": "AC" + "0" * 32,
        "auth_token": Secret.from_text(TOKEN),
        "numbers": ["whatsapp:+14155238886"],
    }
    return TwilioSettings(**(values | changes))


def test_what_is_asked_for_is_account_token_and_number() -> None:
    given = settings()
    assert (given.signature, given.api_base_url) == ("enforce", "https://api.twilio.com")
    assert given.messaging_base_url == "https://messaging.twilio.com"
    assert TOKEN not in repr(given)
    assert TOKEN not in given.model_dump_json()


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("account_sid", "AC123", "AC"),
        ("numbers", [], "at least 1"),
        ("numbers", ["+14155238886"], "whatsapp:\\+14155238886"),
        ("numbers", ["whatsapp:0901234567"], "whatsapp:\\+14155238886"),
        ("numbers", ["whatsapp:"], "whatsapp:\\+14155238886"),
        ("numbers", ["whatsapp:+1"], "whatsapp:\\+14155238886"),
        ("numbers", ["whatsapp:+1 415 523 8886"], "whatsapp:\\+14155238886"),
        ("signature", "maybe", "enforce"),
        ("api_base_url", "http://api.twilio.com", "https"),
        ("api_base_url", "api.twilio.com", "https"),
        ("api_key_sid", "SK" + "1" * 32, "belong together"),
        ("api_key_secret", Secret.from_text("x"), "belong together"),
        ("messaging_service_sid", "MG1", "MG"),
        ("max_media_bytes", 0, "greater than or equal to 1"),
        ("number", "whatsapp:+14155238886", "number"),
    ],
)
def test_a_wrong_setting_says_what_would_be_right(key: str, value: Any, right: str) -> None:
    with pytest.raises(ValidationError, match=right):
        settings(**{key: value})


@pytest.mark.parametrize(
    ("api", "messaging"),
    [
        ("https://api.dublin.ie1.twilio.com/", "https://messaging.dublin.ie1.twilio.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("https://twilio-proxy.example.com", "https://twilio-proxy.example.com"),
    ],
)
def test_the_messaging_api_is_beside_the_configured_one(api: str, messaging: str) -> None:
    assert settings(api_base_url=api).messaging_base_url == messaging


PAGE = (Path(__file__).parents[3] / "docs/reference/twilio_whatsapp.md").read_text("utf-8")


@pytest.mark.parametrize("key", ["account_sid", "api_key_sid", "messaging_service_sid"])
def test_what_a_sid_looks_like_is_told_in_words(key: str) -> None:
    _, problems = validate_settings(TwilioSettings, {key: "AC-not-one"}, Place("shop.yaml"))
    (told,) = [problem.right for problem in problems if problem.key == key]
    assert "and 32 digits 0-9 a-f" in told and "0123456789abcdef" in told and "^" not in told


@pytest.mark.parametrize("name", TwilioSettings.model_fields)
def test_every_setting_is_on_the_reference_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_is_on_the_reference_page_in_the_row_of_its_class(code: int) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {CATALOGUE[code].kind}")]
    assert str(code) in row
