"""Webhooks are counted by what was answered; a stranger's path makes no label."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.testing.desk import TestDesk


async def post(desk: TestDesk, path: str, body: bytes = b"", *, hangs_up: bool = False) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": body}

    async def send(_: dict[str, Any]) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "client": None}
    await desk.server(scope, receive, send)


@pytest.mark.parametrize(
    ("path", "hangs_up", "labels"),
    [
        ("/webhooks/phone/clinic", False, 'channel="phone",kind="message",outcome="unavailable"'),
        ("/webhooks/phone/nobody", False, 'channel="phone",kind="message",outcome="refused"'),
        ("/webhooks/phone/clinic/status/m", False, 'channel="phone",kind="status",outcome="unavailable"'),
        ("/webhooks/phone/clinic", True, 'channel="phone",kind="message",outcome="cut_off"'),
        ("/webhooks/made-up-1234/clinic", False, 'channel="unknown",kind="message",outcome="refused"'),
    ],
)
async def test_a_webhook_is_counted_once_by_its_outcome(desk, read, path, hangs_up, labels):
    async with desk() as server:
        await post(server, path, hangs_up=hangs_up)
        found = await read(server)
    counted = {name: value for name, value in found.items() if name.startswith("frontdesk_webhooks_total")}
    assert counted == {f"frontdesk_webhooks_total{{{labels}}}": 1}
    timed = [name for name in found if name.startswith("frontdesk_webhook_seconds_count")]
    assert bool(timed) is not hangs_up
