"""`/readyz` fails for store and queue only; plugins are listed with their state, and with nothing anyone could misuse."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from frontdesk import VERSION, NeedsAttention, Plugin, Section, hookimpl
from frontdesk.store import StoreUnavailable
from frontdesk.testing.plugins import ScriptedModel

SECRET = "sk-live-123"


class Leaky(Plugin):
    """Puts a secret into every exception."""

    @hookimpl
    async def prompt_section(self) -> Section:
        raise ValueError(f"401 for key {SECRET}")


class NotStarting(Plugin):
    @hookimpl
    async def start(self) -> None:
        raise NeedsAttention(f"the key {SECRET} was refused")


class Unwell(Plugin):
    @hookimpl
    async def check_health(self) -> dict[str, Any]:
        return {"ok": False, "detail": "the calendar's token ends tomorrow"}


async def readyz(server: Any) -> tuple[int, dict[str, Any]]:
    page = await server.server.quart.test_client().get("/readyz")
    return page.status_code, await page.get_json()


async def test_a_server_that_can_take_messages_is_ready(desk):
    async with desk() as server:
        alive = await server.server.quart.test_client().get("/healthz")
        assert (alive.status_code, await alive.get_json()) == (200, {"status": "alive"})
        assert await readyz(server) == (
            200,
            {
                "store": "ok",
                "queue": "ok",
                "status": "ready",
                "tenants_file": "ok",
                "version": VERSION,
                "release": Path(sys.prefix).name,
                "plugins": {},
            },
        )


async def test_it_is_not_ready_once_it_leaves(desk):
    async with desk() as server:
        server.server.leave()
        status, found = await readyz(server)
        assert (status, found["status"]) == (503, "leaving")


@pytest.mark.parametrize(
    ("part", "method", "error"),
    [("store", "check", StoreUnavailable("no answer from the store")), ("queue", "check", OSError("refused"))],
)
async def test_it_is_not_ready_without_store_or_queue(desk, monkeypatch, part, method, error):
    async def fail(*_: object) -> None:
        raise error

    async with desk() as server:
        monkeypatch.setattr(getattr(server.server, part), method, fail)
        with capture_logs() as logs:
            for _ in range(3):
                status, found = await readyz(server)
                server.clock.advance(1.1)
        assert (status, found["status"], found[part]) == (503, "not ready", "not ok")
        assert str(error) not in str(found)
        told = [(entry["part"], entry["reason"]) for entry in logs if entry["event"] == "not_ready"]
        assert told == [(part, str(error))], "the log says why, once"
        monkeypatch.undo()
        server.clock.advance(1.1)
        assert (await readyz(server))[0] == 200


async def test_however_often_it_is_asked_the_store_is_looked_at_once_a_second(desk, monkeypatch):
    async with desk() as server:
        looks = []
        check = server.server.store.check

        async def counted(*arguments: Any) -> None:
            looks.append(1)
            await check(*arguments)

        monkeypatch.setattr(server.server.store, "check", counted)
        for _ in range(20):
            await readyz(server)
        assert len(looks) == 1
        server.clock.advance(1)
        await readyz(server)
        assert len(looks) == 2


async def test_plugins_are_listed_by_name_and_state_and_never_counted(desk):
    plugins = {"leaky": Leaky, "not_starting": NotStarting, "unwell": Unwell, "model": ScriptedModel}
    async with desk(plugins=plugins) as server:
        lan = server.contact("Lan")
        for number in range(5):
            await lan.says(f"{number}")
            await lan.hears()
        server.server.quarantine.add("clinic", "model", "x")
        with capture_logs() as logs:
            await server.server.runtimes.tend()
            await server.server.runtimes.tend()
        page = await server.server.quart.test_client().get("/readyz")
        assert page.status_code == 200
        assert SECRET not in await page.get_data(as_text=True)
        assert (await page.get_json())["plugins"] == {
            "clinic": {
                "phone": "ok",
                "leaky": "switched off",
                "not_starting": "not started",
                "unwell": "not well",
                "model": "ok",
            }
        }
    told = [(entry["plugin"], entry["detail"]) for entry in logs if entry["event"] == "plugin_not_well"]
    assert told == [("unwell", "the calendar's token ends tomorrow")], "once while it says the same"
