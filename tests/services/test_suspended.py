"""Who left the tenants file is known to servers that start later, as it was declared last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
from structlog.testing import capture_logs

from frontdesk import Inbound, Plugin, Secret, Settings, StatusUpdate, WebhookRequest, hookimpl
from frontdesk.app import Server, create_server
from frontdesk.cli.tenants import _stored
from frontdesk.services import purge
from frontdesk.services.suspended import SuspendedDesk
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import MESSAGES, SUSPENSIONS
from frontdesk.testing.desk import TENANT, TestDesk
from frontdesk.testing.plugins import Phone, ScriptedModel


class Account(Settings):
    number: str
    token: Secret


class Line(Phone):
    """A phone with a number that belongs to whoever claims it, and a secret."""

    settings: Account

    @classmethod
    def addresses(cls, settings: Any) -> tuple[str, ...]:
        return (settings.number,)


class Weather(Plugin):
    """Comes and goes."""


PLUGINS = {"model": ScriptedModel, "line": Line, "weather": Weather}
SCHOOL = {**TENANT, "plugins": ["phone", "model"]}
CLINIC = {**TENANT, "plugins": ["phone", "model", {"line": {"number": "one", "token": {"file": "token"}}}]}
BOTH = {"clinic": CLINIC, "school": SCHOOL}


def write(server: Server, tenants: dict[str, Any]) -> None:
    path = server.file.path
    assert isinstance(path, Path)
    path.write_text(json.dumps({"tenants": tenants}), "utf-8")


async def suspended(desk: TestDesk) -> None:
    """The clinic leaves the file, and the server reads it."""
    write(desk.server, {"school": SCHOOL})
    assert await desk.server.reloader.reload()


async def test_who_left_the_file_is_served_by_nobody_and_heard_by_a_server_that_starts_later(desk, tmp_path):
    (tmp_path / "token").write_text("s3cret")
    async with desk(plugins=PLUGINS, tenants=BOTH) as server:
        await server.server.overlays.set(server.server.written, "clinic", "persona.name", "Minh", "lan")
        await server.server.take_changes()
        was = server.server.declared["clinic"]
        await suspended(server)
        await server.server.reloader.reload()

    async with desk(plugins=PLUGINS, tenants={"school": SCHOOL}) as server:
        again = server.server
        assert (list(again.declared), list(again.suspended)) == (["school"], ["clinic"])
        assert again.suspended.addresses == {("line", "one"): "clinic"}
        async with again.runtimes.use("clinic", suspended=True) as runtime:
            assert runtime.suspended and runtime.troubles == {}
            assert (runtime.tenant.name, runtime.tenant.persona.name) == (was.tenant.name, "Minh")
            assert runtime.plugins["line"].settings.token.reveal() == "s3cret"
            lan = server.contact("Lan", tenant="clinic")
            assert await again.inbox.accept(runtime.tenant, "phone", lan.inbound("Anybody there?"))
        write(again, BOTH)
        assert await again.reloader.reload()
        assert list(again.suspended) == []
        assert await lan.hears() == "You said: Anybody there?"

    async with desk(plugins=PLUGINS, tenants=BOTH) as server:
        assert list(server.server.suspended) == []


async def test_a_server_that_read_the_new_file_first_hears_of_who_left_it_from_the_others(desk):
    async with desk(plugins=PLUGINS, tenants=BOTH) as server:
        other = create_server(server.server.file.path, registry=server.server.registry, clock=server.clock)
        write(other, {"school": SCHOOL})
        early = create_server(server.server.file.path, registry=server.server.registry, clock=server.clock)
        async with early.running():
            assert list(early.suspended) == []
            await suspended(server)
            await early._take_suspended()
            assert list(early.suspended) == ["clinic"]
            assert early.runtimes.knows("clinic")
            webhooks = early._webhooks
            await early._take_suspended()
            assert early._webhooks is webhooks, "nothing new"


async def test_the_last_declaration_counts_and_a_purge_forgets_it(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(purge, "PAUSE", 0.0)
    (tmp_path / "token").write_text("s3cret")
    async with desk(plugins=PLUGINS, tenants=BOTH) as server:
        await suspended(server)
        write(server.server, {**BOTH, "clinic": {**CLINIC, "name": "New Clinic"}})
        assert await server.server.reloader.reload()
        await suspended(server)
    async with desk(plugins=PLUGINS, tenants={"school": SCHOOL}) as server:
        assert server.server.suspended["clinic"].tenant.name == "New Clinic"
        assert await server.server.store.bulk.tenants() == []
        assert await server.server.suspensions.ids() == await _stored(server.server) == ["clinic"]
        core = server.server
        await purge.purge(core.store, core.media, core.clock, "clinic", core.declared)
        assert await core.store.shared.get(SUSPENSIONS, "clinic") is None
        await core._take_suspended()
        assert list(core.suspended) == [] and not core.runtimes.knows("clinic"), "the server forgets it, too"
    async with desk(plugins=PLUGINS, tenants={"school": SCHOOL}) as server:
        assert list(server.server.suspended) == []


async def test_who_leaves_the_file_while_the_store_is_away_stays_until_it_is_back(desk, monkeypatch):
    async with desk(plugins=PLUGINS, tenants=BOTH) as server:
        with monkeypatch.context() as away, capture_logs() as logs:
            away.setattr(SuspendedDesk, "_write", _away)
            write(server.server, {"school": SCHOOL})
            assert not await server.server.reloader.reload()
        assert [(each["event"], each["reason"]) for each in logs] == [("reload_failed", "no answer")]
        assert list(server.server.declared) == ["clinic", "school"]
        assert await server.server.reloader.reload()
        assert list(server.server.suspended) == await server.server.suspensions.ids() == ["clinic"]


async def test_nothing_is_taken_for_a_tenant_from_the_begin_of_its_purge_on(desk, serving, tmp_path):
    (tmp_path / "token").write_text("s3cret")

    class Post(Line):
        @hookimpl
        async def parse_webhook(self, request: WebhookRequest) -> tuple[Inbound, ...]:
            return (Inbound(provider_id=request.body.decode(), external_id="lan", address="desk", text="Hello?"),)

        @hookimpl
        async def parse_status(self, request: WebhookRequest) -> tuple[StatusUpdate, ...]:
            return (StatusUpdate(provider_id=request.body.decode(), state="delivered"),)

    async with desk(plugins={**PLUGINS, "line": Post}, tenants=BOTH) as server:
        core = server.server
        await suspended(server)
        async with serving(core) as url, aiohttp.ClientSession() as http:

            async def posted(body: str, status: str = "") -> int:
                answer = await http.post(f"{url}/webhooks/line/clinic{status}", data=body)
                return answer.status

            assert (await posted("one"), await posted("one", "/status/m")) == (204, 204)
            assert len(await core.store.for_tenant("clinic").find(MESSAGES, {}, limit=9)) == 1
            assert await core.suspensions.close("clinic")
            assert (await posted("two"), await posted("two", "/status/m")) == (404, 404)
            await core.suspensions.forget("clinic")
            assert (await posted("three"), await posted("three", "/status/m")) == (404, 404)
            assert len(await core.store.for_tenant("clinic").find(MESSAGES, {}, limit=9)) == 1
            write(core, BOTH)
            assert await core.reloader.reload()
            assert await posted("four") == 204, "it is in the file again"


async def test_a_purge_that_was_cut_off_is_not_served_by_who_starts_then_and_ended_by_who_goes_on(desk, tmp_path):
    (tmp_path / "token").write_text("s3cret")
    async with desk(plugins=PLUGINS, tenants=BOTH) as server:
        await suspended(server)
        assert await server.server.suspensions.close("clinic")
        assert not await server.server.suspensions.close("never was"), "its media may be all there is"
    async with desk(plugins=PLUGINS, tenants={"school": SCHOOL}) as server:
        assert list(server.server.suspended) == []
        assert await _stored(server.server) == ["clinic", "never was"]
        write(server.server, BOTH)
        assert await server.server.reloader.reload()
        await suspended(server)
        assert await server.server.suspensions.takes("clinic"), "it was declared anew"
        await server.server.suspensions.forget("clinic")
        assert await server.server.suspensions.takes("clinic")


async def _away(*_: Any) -> None:
    raise StoreUnavailable("no answer")


async def test_who_cannot_be_heard_any_more_is_told_and_stops_no_start(desk):
    weather = {**TENANT, "plugins": ["phone", "model", "weather"]}
    async with desk(plugins=PLUGINS, tenants={"clinic": weather, "school": SCHOOL}) as server:
        await suspended(server)
    with capture_logs() as logs:
        async with desk(plugins={"model": ScriptedModel}, tenants={"school": SCHOOL}) as server:
            assert list(server.server.suspended) == []
    (told,) = [each for each in logs if each["event"] == "suspended_unknown"]
    assert told["tenant"] == "clinic"
    assert "plugin weather is not installed" in told["problems"][0]
