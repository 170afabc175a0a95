"""How much strangers may write to the phone in the browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from frontdesk import WebhookRefused, WebhookRequest
from frontdesk.plugins.simulator import Simulator, limits
from frontdesk.testing.plugins import ScriptedModel

LAN = "1a4" * 8
MINH = "b2c" * 8
ELSEWHERE = "9.9.9.9"
HEADERS = {"x-frontdesk-simulator": "1", "content-type": "application/json", "host": "localhost"}


def phone_of(desk: Any, **settings: Any) -> Any:
    """A running server whose phone has these settings."""
    return desk(
        plugins={"simulator": Simulator, "model": ScriptedModel},
        settings={"simulator": {"open_to": "everyone", **settings}},
    )


async def post(server: Any, contact: str = LAN, peer: str = ELSEWHERE, **more: Any) -> str:
    """Post a message and have it stored; why it was refused, or nothing."""
    simulator = await server.plugin("simulator")
    body = {"id": f"{server.clock.monotonic():016.0f}", "from": contact, "text": "hi", **more}
    request = WebhookRequest(method="POST", url="", headers=HEADERS, body=json.dumps(body).encode(), peer=peer)
    try:
        (inbound,) = await simulator.parse_webhook(request)
    except WebhookRefused as err:
        return f"{err.status}: {err.reason}"
    await server.server.inbox.accept(simulator.tenant, "simulator", inbound)
    return ""


async def test_one_visitor_may_write_so_much_in_a_minute_and_another_as_well(desk: Any) -> None:
    async with phone_of(desk, messages_per_minute=2) as server:
        refused = "429: more than 2 messages in a minute from one address; wait a minute"
        assert [await post(server) for _ in range(3)] == ["", "", refused]
        assert await post(server, peer="8.8.8.8") == ""
        server.clock.advance(59)
        assert await post(server) == refused
        server.clock.advance(1)
        assert await post(server) == ""


async def test_all_visitors_begin_so_many_conversations_in_an_hour_and_may_go_on_in_theirs(desk: Any) -> None:
    async with phone_of(desk, conversations_per_hour=1) as server:
        assert await post(server) == ""
        refused = "429: more than 1 new conversations in an hour; try again in an hour"
        assert await post(server, MINH, peer="8.8.8.8") == refused
        assert await post(server) == ""


async def test_whoever_sits_at_the_machine_is_not_counted(desk: Any) -> None:
    few = {"messages_per_minute": 1, "conversations_per_hour": 1, "megabytes_per_hour": 1}
    async with phone_of(desk, open_to="loopback", **few) as server:
        for contact in (LAN, MINH):
            assert [await post(server, contact, peer="127.0.0.1") for _ in range(3)] == [""] * 3
        simulator = await server.plugin("simulator")
        for _ in range(3):
            simulator.count_upload(1024 * 1024)


async def test_the_longest_text_fits_into_the_largest_body_and_a_larger_one_is_refused(desk: Any) -> None:
    async with phone_of(desk) as server:
        assert await post(server, text="👋" * 4096) == ""  # escaped: 12 bytes each
        assert await post(server, name="x" * 65536) == "413: larger than max_body_bytes of the simulator (65536)"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2600:db8:1:2:3:4:5:6", "2600:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_visitor_is_an_address_or_the_network_that_is_his_to_vary(peer: str, expected: str) -> None:
    assert limits.visitor(peer) == expected
