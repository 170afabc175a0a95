"""Other tenants without a restart: everybody has the new ones at once, and work that has begun ends with the old ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from quart import websocket
from structlog.testing import capture_logs

from frontdesk import Plugin, hookimpl, reload
from frontdesk.reading import Reading, ReadingFailed
from frontdesk.runtime import UnknownTenant
from frontdesk.sources import SourceAway, fetch, location, source_of
from frontdesk.store.collections import DUE
from frontdesk.tenants import read_tenants
from frontdesk.testing.desk import TENANT, TestDesk
from frontdesk.testing.plugins import Phone, ScriptedModel
from frontdesk.work import SUSPENDED_PAUSE

PLUGINS = ["phone", "model"]
CLINIC = {**TENANT, "plugins": PLUGINS}


class Numbered(Phone):
    """A phone that belongs to whoever claims its number."""

    @classmethod
    def addresses(cls, settings: Any) -> tuple[str, ...]:
        return ("one",)


class Paged(Plugin):
    """Has a page."""

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Any) -> None:
        @blueprint.get("/")
        async def page() -> str:
            return "hello"

        @blueprint.websocket("/line")
        async def line() -> None:
            await websocket.accept()
            await websocket.send("hello")
            await websocket.receive()


class Listed(Plugin):
    """Notes when its instances come and go."""

    events: list[str] = []  # noqa: RUF012  emptied by the fixture

    @hookimpl
    async def start(self) -> None:
        self.events.append(f"started for {self.tenant.name}")

    @hookimpl
    async def stop(self) -> None:
        self.events.append(f"stopped for {self.tenant.name}")


@pytest.fixture
def events() -> list[str]:
    Listed.events.clear()
    return Listed.events


def declare(desk: TestDesk, tenants: Mapping[str, Mapping[str, Any]]) -> None:
    """Have the desk's file say this, and the server adopt it."""
    path = desk.server.file.path
    path.write_text(yaml.safe_dump({"tenants": dict(tenants)}, allow_unicode=True), "utf-8")
    _, declared, problems = read_tenants(path, desk.server.registry)
    assert problems == []
    desk.server.adopt(declared)


async def nothing_more(desk: TestDesk, condition: Callable[[], bool]) -> None:
    async def seen() -> bool:
        return condition()

    await desk.until("it happened", seen)


async def test_a_changed_tenant_gets_new_instances_and_the_old_ones_stop_after_their_last_use(desk, events):
    listed = {**TENANT, "plugins": [*PLUGINS, "listed"]}
    async with desk(plugins={"model": ScriptedModel, "listed": Listed}, tenants={"clinic": listed}) as server:
        runtimes = server.server.runtimes
        async with runtimes.use("clinic") as old:
            declare(server, {"clinic": {**listed, "name": "New Clinic"}})
            async with runtimes.use("clinic") as new:
                assert new is not old
                assert (old.tenant.name, new.tenant.name) == ("Test Clinic", "New Clinic")
                await runtimes.tend()
                assert events == ["started for Test Clinic", "started for New Clinic"]
        await nothing_more(server, lambda: events[2:] == ["stopped for Test Clinic"])
        assert await runtimes.get("clinic") is new


async def test_a_tenant_that_did_not_change_keeps_its_instances_though_it_moved_in_the_file(desk):
    async with desk(tenants={"clinic": CLINIC, "school": CLINIC}) as server:
        clinic = await server.server.runtimes.get("clinic")
        school = await server.server.runtimes.get("school")
        declare(server, {"new": CLINIC, "school": {**CLINIC, "name": "School"}, "clinic": CLINIC})
        assert await server.server.runtimes.get("clinic") is clinic
        assert await server.server.runtimes.get("school") is not school


async def test_what_nobody_uses_after_the_change_is_replaced_by_the_next_look(desk, events):
    listed = {**TENANT, "plugins": [*PLUGINS, "listed"]}
    async with desk(plugins={"model": ScriptedModel, "listed": Listed}, tenants={"clinic": listed}) as server:
        await server.server.runtimes.get("clinic")
        declare(server, {"clinic": CLINIC})
        await server.server.runtimes.tend()
        await nothing_more(server, lambda: events == ["started for Test Clinic", "stopped for Test Clinic"])
        assert server.server.runtimes.in_use() == {}


async def test_who_was_being_started_when_the_change_came_is_not_used_by_who_asks_after_it(desk):
    gate = asyncio.Event()

    class Slow(Plugin):
        @hookimpl
        async def start(self) -> None:
            await gate.wait()

    slow = {**TENANT, "plugins": [*PLUGINS, "slow"]}
    async with desk(plugins={"model": ScriptedModel, "slow": Slow}, tenants={"clinic": slow}) as server:
        first = asyncio.create_task(server.server.runtimes.get("clinic"))  # noqa: TID251
        await asyncio.sleep(0)
        declare(server, {"clinic": {**slow, "name": "New Clinic"}})
        gate.set()
        assert (await server.server.runtimes.get("clinic")).tenant.name == "New Clinic"
        assert (await first).tenant.name == "New Clinic"


async def test_a_turn_ends_with_what_it_began_with_and_the_next_has_the_new(desk):
    async with desk() as server:
        model, lan = await server.plugin("model"), server.contact("Lan")

        def changes(request: Any) -> str:
            declare(server, {"clinic": {**CLINIC, "name": "New Clinic"}})
            return f"from {request.tenant.name}"

        model.script = [changes]
        await lan.says("Hello.")
        assert await lan.hears() == "from Test Clinic"
        (await server.plugin("model")).script = [lambda request: f"from {request.tenant.name}"]
        await lan.says("Hello again.")
        assert await lan.hears() == "from New Clinic"


async def test_a_suspended_tenant_loses_nothing_says_nothing_and_goes_on_when_it_is_back(desk):
    async with desk(tenants={"clinic": CLINIC, "school": CLINIC}) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        await server.quiet()

        declare(server, {"school": CLINIC})
        with pytest.raises(UnknownTenant):
            await server.server.runtimes.get("clinic")
        async with server.server.runtimes.use("clinic", suspended=True) as runtime:
            assert runtime.suspended
            accept = server.server.inbox.accept
            inbound = lan.inbound("Anybody there?")
            assert await accept(runtime.tenant, "phone", inbound)
        looked = server.server.store.now()

        async def paused() -> bool:
            (row,) = await server.server.store.shared.find(DUE, {"kind": "turn"}, order_by="due_at")
            return row.due_at > looked + SUSPENDED_PAUSE

        await server.until("the row was looked at and put off", paused)
        assert [message.text for message in await lan.received()] == ["You said: Hello."]

        declare(server, {"clinic": CLINIC, "school": CLINIC})
        assert await lan.hears() == "You said: Anybody there?"


async def test_a_suspended_tenants_webhooks_are_taken_by_its_own_channel_and_an_unknown_ones_are_not(desk):
    async with desk(tenants={"clinic": CLINIC, "school": CLINIC}) as server:
        declare(server, {"school": CLINIC})
        runtimes = server.server.runtimes
        assert runtimes.knows("clinic") and not runtimes.knows("nobody")
        with pytest.raises(UnknownTenant):
            await runtimes.get("nobody", suspended=True)
        declare(server, {"clinic": CLINIC})
        declare(server, {"school": CLINIC})
        assert sorted(server.server.suspended) == ["clinic"]


async def test_a_number_leads_to_whom_it_belongs_now(desk):
    numbered = {**TENANT, "plugins": ["numbered", "model"]}
    plugins = {"model": ScriptedModel, "numbered": Numbered}
    async with desk(plugins=plugins, tenants={"clinic": numbered, "school": CLINIC}) as server:
        assert server.server.declared.addresses == {("numbered", "one"): "clinic"}
        declare(server, {"clinic": CLINIC, "school": numbered})
        assert server.server.declared.addresses == {("numbered", "one"): "school"}
        declare(server, {"clinic": CLINIC})
        assert server.server.suspended.addresses == {("numbered", "one"): "school"}


async def test_a_plugin_that_comes_with_the_change_has_its_pages(desk):
    async with desk() as server:
        client = server.server.quart.test_client()
        assert (await client.get("/healthz")).status_code == 200
        server.server.registry.register("paged", Paged)
        declare(server, {"clinic": {**TENANT, "plugins": [*PLUGINS, "paged"]}})
        answer = await server.server.quart.test_client().get("/plugins/paged/clinic/")
        assert await answer.get_data(as_text=True) == "hello"
        assert (await server.server.runtimes.get("clinic")).uses == 0


async def test_pages_that_are_made_anew_are_started_and_the_old_ones_end_as_the_new_ones_do(desk):
    events: list[str] = []

    class Prepared(Plugin):
        @classmethod
        @hookimpl
        def routes(cls, blueprint: Any) -> None:
            @blueprint.before_app_serving
            async def begin() -> None:
                events.append("begin")

            @blueprint.after_app_serving
            async def end() -> None:
                events.append("end")

    async with desk(plugins={"model": ScriptedModel, "prepared": Prepared}) as server:
        await server.server.start_pages()
        assert events == ["begin"]
        server.server.registry.register("paged", Paged)
        declare(server, {"clinic": {**TENANT, "plugins": [*PLUGINS, "prepared", "paged"]}})
        await nothing_more(server, lambda: events == ["begin", "begin", "end"])
        await server.server.stop_pages()
        assert events == ["begin", "begin", "end", "end"]


async def test_an_open_websocket_keeps_its_instances_and_a_closed_one_lets_them_go(desk, events):
    listed = {**TENANT, "plugins": [*PLUGINS, "listed", "paged"]}
    plugins = {"model": ScriptedModel, "listed": Listed, "paged": Paged}
    async with desk(plugins=plugins, tenants={"clinic": listed}) as server:
        client = server.server.quart.test_client()
        async with client.websocket("/plugins/paged/clinic/line") as line:
            assert await line.receive() == "hello"
            declare(server, {"clinic": {**listed, "name": "New Clinic"}})
            await server.server.runtimes.get("clinic")
            assert events == ["started for Test Clinic", "started for New Clinic"]
            await line.send("bye")
        await nothing_more(server, lambda: events[2:] == ["stopped for Test Clinic"])


async def test_the_page_of_a_suspended_tenant_is_not_there(desk):
    tenants = {"clinic": {**TENANT, "plugins": ["paged"]}, "school": CLINIC}
    async with desk(plugins={"model": ScriptedModel, "paged": Paged}, tenants=tenants) as server:
        declare(server, {"school": CLINIC})
        answer = await server.server.quart.test_client().get("/plugins/paged/clinic/")
        assert answer.status_code == 404


def write(desk: TestDesk, tenants: Mapping[str, Mapping[str, Any]], **server: Any) -> None:
    said = yaml.safe_dump({"server": server, "tenants": dict(tenants)}, allow_unicode=True)
    desk.server.file.path.write_text(said, "utf-8")


async def test_a_bad_file_is_refused_as_a_whole_and_what_runs_goes_on(desk, read):
    async with desk(tenants={"clinic": CLINIC}) as server:
        clinic = await server.server.runtimes.get("clinic")
        write(server, {"clinic": {**CLINIC, "name": "New"}, "school": {**CLINIC, "time_zone": "Hanoi", "nam": "x"}})
        with capture_logs() as logs:
            assert not await server.server.reloader.reload()
        (refused,) = logs
        assert (refused["event"], len(refused["problems"])) == ("reload_refused", 2)
        assert "tenant school: nam: unknown key; did you mean name?" in str(refused["problems"])
        assert await server.server.runtimes.get("clinic") is clinic
        assert not server.server.runtimes.knows("school")
        _, found = await server.server.readiness.look()
        assert (found["status"], found["tenants_file"]) == ("ready", "refused")
        shown = await read(server)
        assert shown["frontdesk_reload_refused"] == 1
        assert shown['frontdesk_reloads_total{outcome="refused"}'] == 1

        write(server, {"school": CLINIC})
        assert await server.server.reloader.reload()
        shown = await read(server)
        assert shown["frontdesk_reload_refused"] == 0
        assert shown['frontdesk_tenants{state="declared"}'] == shown['frontdesk_tenants{state="suspended"}'] == 1


async def test_what_is_told_of_a_reload_is_who_came_who_left_and_what_needs_a_restart(desk):
    async with desk(tenants={"clinic": CLINIC}) as server:
        write(server, {"school": CLINIC}, bind="127.0.0.1:9999", log={"level": "debug"})
        with capture_logs() as logs:
            assert await server.server.reloader.reload()
        assert logs == [
            {"event": "reloaded", "log_level": "info", "tenants": 1, "new": ["school"], "suspended": ["clinic"]},
            {
                "event": "reload_needs_restart",
                "log_level": "warning",
                "keys": ["server.bind", "server.public_url", "server.log"],
            },
        ]


async def test_a_change_is_noticed_once_whoever_writes_it_is_done(desk):
    async with desk(tenants={"clinic": CLINIC}) as server:
        server.server.watch_file()
        write(server, {"clinic": {**CLINIC, "name": "New Clinic"}})

        async def adopted() -> bool:
            return (await server.server.runtimes.get("clinic")).tenant.name == "New Clinic"

        await server.until("the change was noticed", adopted)


async def test_a_file_that_could_not_be_read_for_a_while_is_tried_again_and_no_change_is_missed(
    desk, read, monkeypatch
):
    monkeypatch.setattr(reload, "AGAIN", 0.01)
    async with desk(tenants={"clinic": CLINIC}) as server:
        reloader = server.server.reloader
        monkeypatch.setattr(reloader, "_every", 0.01)
        good, ways = reloader._read, iter([ReadingFailed("killed"), OSError(12, "Cannot allocate memory")])

        async def reading(path: Path) -> Reading:
            if (failure := next(ways, None)) is not None:
                raise failure
            return await good(path)

        monkeypatch.setattr(reloader, "_read", reading)
        write(server, {"clinic": {**CLINIC, "name": "New Clinic"}})
        with capture_logs() as logs:
            while server.server.declared["clinic"].tenant.name != "New Clinic":
                await reloader.step()
        assert [each["event"] for each in logs] == ["reload_failed", "reload_failed", "reloaded"]
        assert "Cannot allocate memory" in logs[1]["reason"]
        shown = await read(server)
        assert shown['frontdesk_reloads_total{outcome="failed"}'] == 2
        assert shown["frontdesk_reload_refused"] == 0


async def test_a_source_that_is_away_is_told_once_and_what_changed_meanwhile_is_adopted(desk, read, monkeypatch):
    monkeypatch.setattr(reload, "AGAIN", 0.01)
    async with desk(tenants={"clinic": CLINIC}) as server:
        reloader = server.server.reloader
        monkeypatch.setattr(reloader, "_every", 0.01)
        look, there = reloader._source.look, [False]

        async def looking() -> object:
            if not there[0]:
                raise SourceAway("Could not connect")
            return await look()

        monkeypatch.setattr(reloader._source, "look", looking)
        write(server, {"clinic": {**CLINIC, "name": "New Clinic"}})
        with capture_logs() as logs:
            await reloader.step()
            reloader.tell()
            await reloader.step()
            await reloader.step()
            _, found = await server.server.readiness.look()
            shown = await read(server)
            there[0] = True
            while server.server.declared["clinic"].tenant.name != "New Clinic":
                await reloader.step()
        assert [each["event"] for each in logs] == ["tenants_file_away", "tenants_file_back", "reloaded"]
        assert logs[0]["reason"] == "Could not connect"
        assert (found["status"], found["tenants_file"]) == ("ready", "away")
        assert (shown["frontdesk_reload_refused"], shown['frontdesk_reloads_total{outcome="failed"}']) == (1, 3)
        assert ((await read(server))["frontdesk_reload_refused"], reloader.state) == (0, "ok")


async def test_who_asks_for_a_reload_while_the_source_is_away_gets_it_when_it_is_back_though_nothing_changed(
    desk, monkeypatch
):
    monkeypatch.setattr(reload, "AGAIN", 0.01)
    async with desk(tenants={"clinic": CLINIC}) as server:
        reloader = server.server.reloader
        monkeypatch.setattr(reloader, "_every", 0)
        look, ways = reloader._source.look, iter([SourceAway("Could not connect")])

        async def looking() -> object:
            if (failure := next(ways, None)) is not None:
                raise failure
            return await look()

        monkeypatch.setattr(reloader._source, "look", looking)
        reloader.tell()
        with capture_logs() as logs:
            for _ in range(2):
                await reloader.step()
        assert [each["event"] for each in logs] == ["tenants_file_away", "tenants_file_back", "reloaded"]


async def on_s3(desk: TestDesk, bucket: Any) -> Callable[[str], str]:
    """Have the desk's tenants file be an object in the bucket from now on; what writes it there gives the version."""
    home = desk.server.file.folder
    sqlite, reloader = f"sqlite:///{home}/data/frontdesk.db", desk.server.reloader

    def put(name: str) -> str:
        section = {"data_dir": f"{home}/data", "store": sqlite}
        tenants = {"clinic": {**CLINIC, "name": name}}
        return str(bucket.put(yaml.safe_dump({"server": section, "tenants": tenants})))

    put("Test Clinic")
    reloader._source = source_of(await asyncio.to_thread(fetch, location(bucket.address())))
    reloader._mark, reloader._every = reloader._source.mark, 0.01
    return put


async def test_an_object_in_s3_is_reloaded_rolled_back_and_what_runs_outlives_its_deletion(desk, bucket):
    async with desk(tenants={"clinic": CLINIC}) as server:
        put = await on_s3(server, bucket)
        name = f"s3://{bucket.name}/tenants.yaml"

        async def steps_until(event: str) -> Any:
            with capture_logs() as logs:
                while not (told := [each for each in logs if each["event"] != "reload_needs_restart"]):
                    await server.server.reloader.step()
            assert [each["event"] for each in told] == [event]
            return told[0]

        good = put("New Clinic")
        await steps_until("reloaded")
        assert server.server.declared["clinic"].tenant.name == "New Clinic"
        bucket.put("tenants:\n  clinic: {nam: x}")
        refused = await steps_until("reload_refused")
        assert f"{name}:2: tenant clinic: nam: unknown key; did you mean name?" in refused["problems"]
        assert (refused["file"], server.server.reloader.state) == (bucket.address(), "refused")
        bucket.put_back(good)
        await steps_until("reloaded")
        marker = bucket.delete()
        refused = await steps_until("reload_refused")
        assert refused["problems"][0].startswith(f"{name}: no such object; ")
        assert server.server.declared["clinic"].tenant.name == "New Clinic"
        bucket.delete(marker)
        await steps_until("reloaded")
        assert server.server.reloader.state == "ok"
