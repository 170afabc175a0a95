"""`frontdesk catch-up` beside a server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from frontdesk.cli import cli
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio, InboundSpec


@pytest.fixture
def tenants_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TWILIO_TOKEN", AUTH_TOKEN)

    def write(url: str) -> str:
        settings = {
            "account_sid": ACCOUNT_SID,
            "auth_token": {"env": "TWILIO_TOKEN"},
            "numbers": ["whatsapp:+14155238886"],
            "api_base_url": url,
        }
        tenant = {
            "name": "Clinic",
            "time_zone": "Europe/London",
            "language": "en",
            "plugins": [{"twilio_whatsapp": settings}, "rehearsal_llm"],
        }
        path = tmp_path / "tenants.yaml"
        path.write_text(yaml.safe_dump({"tenants": {"clinic": tenant}}), "utf-8")
        return str(path)

    return write


async def command(*arguments: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


async def test_it_tells_how_much_it_found_and_what_kept_it_from_more(tenants_file: Any) -> None:
    async with FakeTwilio() as twilio:
        path = tenants_file(twilio.url)
        twilio.compose(InboundSpec(body="Xin chào."))
        done = await command("catch-up", "clinic", "--hours", "1", "--file", path)
        assert done.output.startswith("0 messages of contacts"), "younger than a minute"
        for message in twilio.state.messages.values():
            message.sent_at = message.created_at - timedelta(minutes=5)
        done = await command("catch-up", "clinic", "--hours", "1", "--file", path)
        assert done.output.startswith("1 messages of contacts"), done.output
        twilio.world.accounts[ACCOUNT_SID] = "rotated"
        done = await command("catch-up", "--hours", "1", "--file", path)
        assert done.exit_code == 1 and "does not let this account in" in done.output
    done = await command("catch-up", "--hours", "73", "--file", path)
    assert done.exit_code == 2 and "from 1 to 72" in done.output
