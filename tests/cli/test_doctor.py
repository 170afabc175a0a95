"""`frontdesk doctor` beside a running server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from frontdesk.app import create_server
from frontdesk.cli import cli
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio
from frontdesk.testing.fake_twilio.account import FakeSender

NUMBER = "whatsapp:+14155230001"


async def command(*arguments: str, answer: str = "") -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments, answer)


async def test_it_finds_asks_sets_and_then_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serving: Any, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("TWILIO_TOKEN", AUTH_TOKEN)
    async with FakeTwilio() as twilio:
        settings = {
            "account_sid": ACCOUNT_SID,
            "auth_token": {"env": "TWILIO_TOKEN"},
            "numbers": [NUMBER],
            "api_base_url": twilio.url,
        }
        plugins = [{"twilio_whatsapp": settings}, "rehearsal_llm"]
        tenant = {"name": "Clinic", "time_zone": "Europe/London", "language": "en", "plugins": plugins}
        public = f"http://127.0.0.1:{unused_tcp_port}"
        path = tmp_path / "tenants.yaml"
        path.write_text(yaml.safe_dump({"server": {"public_url": public}, "tenants": {"clinic": tenant}}), "utf-8")
        twilio.account.senders = [FakeSender(number=NUMBER, webhook={"callback_url": "https://old.example.com"})]
        doctor = ("doctor", "clinic", "--file", str(path))
        alone = await command(*doctor)
        assert alone.exit_code == 1 and "does not answer" in alone.output
        async with create_server(path).running() as server, serving(server, unused_tcp_port):
            found = await command(*doctor)
            assert found.exit_code == 1
            assert f"PROBLEM  clinic: twilio_whatsapp: {NUMBER} does not send messages here" in found.output
            assert f"{public}/webhooks/twilio_whatsapp/clinic#rc=3" in found.output
            refused = await command(*doctor, "--fix", answer="n\n")
            assert refused.exit_code == 1 and "done" not in refused.output
            assert twilio.account.senders[0].webhook == {"callback_url": "https://old.example.com"}
            with monkeypatch.context() as broken:
                broken.setattr("frontdesk.plugins.twilio_whatsapp.diagnosis.repaired", None)
                failed = await command(*doctor, "--fix", "--yes")
            assert failed.exit_code == 1 and isinstance(failed.exception, SystemExit), failed.exception
            assert "could not be done" in failed.output
            fixed = await command(*doctor, "--fix", answer="y\n")
            assert fixed.exit_code == 0 and "twilio_whatsapp: done" in fixed.output, fixed.output
            twilio.account.senders[0].webhook = {"callback_url": f"{public}/webhooks/twilio_whatsapp/clinic"}
            once = await command(*doctor, "--fix", answer="y\n")
            assert once.exit_code == 0 and once.output.count("WARNING") == 2 and once.output.count("done") == 1, (
                once.output
            )
            well = await command("doctor", "--file", str(path))
            assert well.exit_code == 0 and "PROBLEM" not in well.output and "WARNING" not in well.output, well.output
