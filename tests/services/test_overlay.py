"""What is changed over the tenants file: checked before it is written, in force until reverted, never in a start's way."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from frontdesk import Plugin, Secret, Settings
from frontdesk.config import ConfigError
from frontdesk.services import overlay, purge
from frontdesk.services.overlay import ID, OverlayConflict, Overlays
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import OVERLAYS
from frontdesk.tenants import read_tenants
from frontdesk.testing.desk import TENANT, TestDesk
from frontdesk.testing.plugins import Phone, ScriptedModel


class Account(Settings):
    city: str = "Hanoi"
    token: Secret | None = None


class Weather(Plugin):
    """Has settings of its own."""

    settings: Account


class Number(Settings):
    number: str = ""


class Line(Phone):
    """A phone with numbers of its own."""

    settings: Number

    @classmethod
    def addresses(cls, settings: Any) -> tuple[str, ...]:
        return (settings.number,)


LINES = {"model": ScriptedModel, "line": Line}
PLUGINS = {"model": ScriptedModel, "weather": Weather}
CLINIC = {**TENANT, "plugins": ["phone", "model", {"weather": {"token": {"env": "OURS"}}}]}


def with_number(number: str) -> dict[str, Any]:
    return {**TENANT, "plugins": ["phone", "model", {"line": {"number": number}}]}


async def change(desk: TestDesk, key: str, value: Any, tenant: str = "clinic") -> None:
    await desk.server.overlays.set(desk.server.written, tenant, key, value, "lan")


async def revert(desk: TestDesk, key: str, tenant: str = "clinic") -> bool:
    return await desk.server.overlays.revert(desk.server.written, tenant, key, "an")


async def taken(desk: TestDesk) -> None:
    """The next look of a server."""
    if await desk.server.overlays.look():
        desk.server.adopt(desk.server.written)


def write(desk: TestDesk, tenant: dict[str, Any]) -> None:
    """Another file, read and adopted."""
    path = desk.server.file.path
    path.write_text(json.dumps({"tenants": {"clinic": tenant}}), "utf-8")
    _, declared, problems = read_tenants(path, desk.server.registry)
    assert problems == []
    desk.server.adopt(declared)


async def test_a_change_wins_is_shown_beside_the_file_and_is_reverted(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "persona.name", "Minh")
        await change(server, "plugins.weather.city", "Huế")
        await taken(server)
        runtime = await server.server.runtimes.get("clinic")
        assert runtime.tenant.persona.name == "Minh"
        assert (await server.plugin("weather")).settings.city == "Huế"
        shadows = await server.server.overlays.shadows(server.server.written, "clinic")
        assert [(each.key, each.declared, each.value, each.by) for each in shadows] == [
            ("persona.name", None, "Minh", "lan"),
            ("plugins.weather.city", None, "Huế", "lan"),
        ]
        exported = await server.server.overlays.export(server.server.written, "clinic")
        assert exported["persona"] == {"name": "Minh"}
        assert exported["plugins"][2]["weather"] == {"token": {"env": "OURS"}, "city": "Huế"}
        assert await server.server.overlays.revert(server.server.written, "clinic", "persona.name", "an")
        assert not await server.server.overlays.revert(server.server.written, "clinic", "persona.name", "an")
        await taken(server)
        assert (await server.server.runtimes.get("clinic")).tenant.persona.name == "Frontdesk"
        history = await server.server.overlays.history("clinic")
        assert [(each.key, each.reverted, each.by) for each in history] == [
            ("persona.name", False, "lan"),
            ("plugins.weather.city", False, "lan"),
            ("persona.name", True, "an"),
        ]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("time_zone", "Europe/Lodon", "stored changes: tenant clinic: time_zone: .*did you mean"),
        ("persona.nam", "x", "persona.nam: unknown key; did you mean name?"),
        ("name.first", "x", "there is no such place; name a key"),
        ("plugins.wether.city", "x", "there is no such place; name a key"),
        ("", {}, "there is no such place"),
        ("persona.", "x", "there is no such place"),
        ("plugins.weather", 5, "there is no such place"),
        ("plugins.weather.city", 5, "plugins.2..weather.city: found the number 5; write text"),
        (
            "plugins.weather.token",
            {"env": "FRONTDESK_SECRET_KEYS"},
            "is not this tenant's to name; write `{stored: NAME}`",
        ),
        ("plugins", ["simulatr"], "plugin simulatr is not installed"),
    ],
)
async def test_a_bad_change_is_refused_like_the_file_and_nothing_is_written(desk, key, value, said):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        with pytest.raises(ConfigError, match=said):
            await change(server, key, value)
        assert await server.repository("clinic").get(OVERLAYS, ID) is None


async def test_a_tenants_own_stored_secret_may_be_named(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "plugins.weather.token", {"stored": "TOKEN"})
        await taken(server)
        settings = (await server.server.runtimes.get("clinic")).declared.plugins[2][1]
        assert settings.token == Secret("stored", "TOKEN", tenant="clinic")


async def test_a_change_survives_a_reload_and_the_last_configuration_that_fitted_one_that_breaks_it(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "plugins.weather.city", "Huế")
        await taken(server)
        write(server, {**CLINIC, "name": "New Clinic"})
        runtime = await server.server.runtimes.get("clinic")
        assert (runtime.tenant.name, runtime.declared.plugins[2][1].city) == ("New Clinic", "Huế")
        await server.server.overlays.save()
        write(server, {**CLINIC, "name": "Newest Clinic", "plugins": ["phone", "model"]})
        runtime = await server.server.runtimes.get("clinic")
        assert (runtime.tenant.name, runtime.declared.plugins[2][1].city) == ("New Clinic", "Huế")
        assert "plugins.weather.city: there is no such place" in server.server.overlays.banners["clinic"]
        assert await server.server.overlays.revert(server.server.written, "clinic", "plugins.weather.city", "an")
        await taken(server)
        assert (await server.server.runtimes.get("clinic")).tenant.name == "Newest Clinic"
        assert server.server.overlays.banners == {}


async def test_when_the_last_configuration_does_not_fit_either_the_file_counts(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "plugins.weather.city", "Huế")
        repository = server.repository("clinic")
        stored = await repository.get(OVERLAYS, ID)
        old = json.dumps({**json.loads(stored.effective), "of_an_older_release": 1})
        gone = [type(stored.current[0])(key="of_an_older_release", value="1", at=stored.current[0].at, by="lan")]
        await repository.update(OVERLAYS, stored, current=gone, effective=old)
        await taken(server)
        assert (await server.server.runtimes.get("clinic")).declared.plugins[2][1].city == "Hanoi"
        assert "of_an_older_release: unknown key" in server.server.overlays.banners["clinic"]
        assert "the file alone is in force" in server.server.overlays.banners["clinic"]


async def test_a_change_that_was_read_before_the_store_went_away_is_taken_when_it_is_back(desk, monkeypatch):
    async with desk(plugins=PLUGINS, tenants={"a": {}, "b": {}}) as server:
        overlays = server.server.overlays
        await change(server, "name", "New A", "a")
        await change(server, "name", "New B", "b")
        read, seen = overlays._read, []

        async def away(tenant: str) -> Any:
            seen.append(tenant)
            if len(seen) == 2:
                raise StoreUnavailable("away")
            return await read(tenant)

        monkeypatch.setattr(overlays, "_read", away)
        with pytest.raises(StoreUnavailable):
            await overlays.look()
        monkeypatch.undo()
        assert await overlays.look()
        assert await overlays.look(), "until it was adopted"
        await taken(server)
        assert not await overlays.look()
        assert {id: server.server.declared[id].tenant.name for id in "ab"} == {"a": "New A", "b": "New B"}


async def test_a_number_that_another_tenants_change_has_claimed_is_refused_and_one_given_up_is_free(desk):
    async with desk(plugins=LINES, tenants={"a": with_number("1"), "b": with_number("2")}) as server:
        await change(server, "plugins.line.number", "9", "a")
        with pytest.raises(ConfigError, match="9 is claimed by tenant a too"):
            await change(server, "plugins.line.number", "9", "b")
        await change(server, "plugins.line.number", "1", "b")
        with pytest.raises(ConfigError, match="1 is claimed by tenant b too"):
            await revert(server, "plugins.line.number", "a")
        await taken(server)
        assert server.server.declared.addresses == {("line", "9"): "a", ("line", "1"): "b"}
        assert server.server.overlays.banners == {}


async def test_of_two_that_claimed_a_number_at_once_every_process_gives_it_to_the_first(desk):
    async with desk(plugins=LINES, tenants={"a": with_number("1"), "b": with_number("2")}) as server:
        await change(server, "plugins.line.number", "9", "b")
        await change(server, "name", "New A", "a")
        repository = server.repository("a")
        stored = await repository.get(OVERLAYS, ID)
        later = stored.current[0].at + timedelta(seconds=1)
        raced = replace(stored.current[0], key="plugins.line.number", value='"9"', at=later)
        await repository.update(OVERLAYS, stored, current=[raced])
        for first in ("a", "b"):
            process = Overlays(server.server.store, server.server.file.folder)
            process._known[first] = await server.repository(first).get(OVERLAYS, ID)
            await process.look()
            assert process.over(server.server.written).addresses == {("line", "9"): "b", ("line", "1"): "a"}
            assert "9 is claimed by tenant b too" in process.banners["a"]


async def test_a_purged_tenants_changes_do_not_come_back_with_it(desk, monkeypatch):
    monkeypatch.setattr("frontdesk.services.overlay.OVERLAP", timedelta())  # the change itself is long ago
    async with desk(plugins=PLUGINS, tenants={"clinic": {}, "b": {}}) as server:
        await change(server, "name", "Stored")
        await taken(server)
        both = server.server.written
        server.server.adopt(both.only(["b"]))
        monkeypatch.setattr(purge, "PAUSE", 0.0)
        core = server.server
        await core.presence.write()
        await purge.purge(core.store, core.media, core.clock, "clinic", core.declared)
        await taken(server)
        server.server.adopt(both)
        assert (await server.server.runtimes.get("clinic")).tenant.name == TENANT["name"]


async def test_changes_that_no_longer_fit_are_reverted_one_by_one_or_all_below_a_key(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "plugins.weather.city", "Huế")
        await change(server, "plugins.weather.token", {"stored": "TOKEN"})
        await change(server, "persona.name", "Minh")
        await taken(server)
        write(server, {**CLINIC, "plugins": ["phone", "model"]})
        with pytest.raises(ConfigError, match=r"plugins\.weather\.city: there is no such place"):
            await change(server, "name", "x")
        assert await revert(server, "plugins.weather.city")
        await taken(server)
        runtime = await server.server.runtimes.get("clinic")
        assert runtime.declared.plugins[2][1].city == "Huế", "what fitted last is in force until all of it fits"
        assert await revert(server, "plugins")
        await taken(server)
        runtime = await server.server.runtimes.get("clinic")
        assert (len(runtime.declared.plugins), runtime.tenant.persona.name) == (2, "Minh")
        assert server.server.overlays.banners == {}


async def test_a_secret_file_of_a_tenant_in_the_folder_starts_from_the_folder(desk):
    async with desk(plugins=PLUGINS) as server:
        folder = server.server.file.path.with_suffix(".d")
        folder.mkdir()
        (folder / "token").write_text("s3cret")
        tenant = {**TENANT, "plugins": ["phone", "model", {"weather": {"token": {"file": "token"}}}]}
        (folder / "x.yaml").write_text(json.dumps({"tenants": {"x": tenant}}))
        _, declared, problems = read_tenants(server.server.file.path, server.server.registry)
        assert problems == []
        server.server.adopt(declared)
        await change(server, "persona.name", "Minh", "x")
        await taken(server)
        assert server.server.declared["x"].tenant.persona.name == "Minh"
        assert server.server.declared["x"].plugins[2][1].token.reveal() == "s3cret"


async def test_only_what_has_changed_is_judged_and_told_and_not_on_the_loop(desk, monkeypatch):
    tenants = {id: {**TENANT, "plugins": ["phone", "model"]} for id in "abc"}
    async with desk(plugins={"model": ScriptedModel}, tenants=tenants) as server:
        judge, judged = Overlays._verdict, []

        def seen(overlays: Overlays, declared: Any, id: str, overlay: Any) -> Any:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            judged.append(id)
            return judge(overlays, declared, id, overlay)

        monkeypatch.setattr(Overlays, "_verdict", seen)
        for id in "abc":
            await change(server, "plugins", ["phone", "model", "simulator"], id)
        await server.server.take_changes()
        assert sorted(judged) == ["a", "b", "c"]
        judged.clear()
        await change(server, "persona.name", "Minh", "b")
        with capture_logs() as logs:
            await server.server.take_changes()
        assert judged == ["b"]
        assert [each["tenant"] for each in logs if each["event"] == "overlay_shadows"] == ["b"]
        judged.clear()
        assert await server.server.reloader.reload()
        assert sorted(judged) == ["a", "b", "c"]


@pytest.mark.parametrize("meanwhile", [False, True])
async def test_what_all_changes_make_of_a_new_file_is_worked_out_beside_the_loop(desk, monkeypatch, meanwhile):
    async with desk(plugins=PLUGINS, tenants={id: {} for id in "abc"}) as server:
        for id in "abc":
            await server.server.overlays.set(server.server.written, id, "name", f"Stored {id}", "lan")
        await taken(server)
        on_the_loop: list[bool] = []

        def note(of: Any, name: str) -> None:
            done = getattr(of, name)

            def noted(*arguments: Any) -> Any:
                on_the_loop.append(threading.current_thread() is threading.main_thread())
                if meanwhile and len(on_the_loop) == 3:  # as `save` does
                    known = server.server.overlays._known
                    known["a"] = replace(known["a"], effective="{}", version=9)
                return done(*arguments)

            monkeypatch.setattr(of, name, noted)

        note(Overlays, "_verdict")
        note(overlay, "resolve")
        assert await server.server.reloader.reload()
        assert len(on_the_loop) >= 4 and not any(on_the_loop)
        assert server.server.declared["c"].tenant.name == "Stored c"


async def test_others_have_their_turn_while_it_is_told_what_is_in_force(desk):
    async with desk(plugins=PLUGINS, tenants={id: {} for id in "abc"}) as server:
        core = server.server
        for id in "abc":
            await core.overlays.set(core.written, id, "name", "Stored", "lan")
        await core.overlays.look()
        await core.overlays.prepare(core.written)
        core.overlays.over(core.written)
        told: list[int] = []
        with capture_logs() as logs:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(core.overlays.tell())
                while not telling.done():
                    told.append(len([each for each in logs if each["event"] == "overlay_shadows"]))
                    await asyncio.sleep(0)
        assert {1, 2} <= set(told), told


async def test_what_this_process_runs_on_is_not_stored_beside_changes_that_it_has_not_read(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "persona.name", "Minh")
        await taken(server)
        write(server, {**CLINIC, "name": "New Clinic"})
        other = Overlays(server.server.store, server.server.file.folder)
        await other.set(server.server.written, "clinic", "persona.name", "Lan", "lan")
        await server.server.overlays.save()
        stored = await server.repository("clinic").get(OVERLAYS, ID)
        assert json.loads(stored.effective)["persona"] == {"name": "Lan"}


async def test_several_keys_change_at_once_or_not_at_all(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        overlays, written = server.server.overlays, server.server.written
        assert await overlays.change(written, "clinic", "lan", sets={"persona.name": "Minh", "name": "Clinic"})
        with pytest.raises(ConfigError, match="time_zone"):
            await overlays.change(
                written, "clinic", "lan", sets={"name": "x", "time_zone": "no"}, reverts=["persona.name"]
            )
        assert [each.key for each in await overlays.check(written, "clinic", {"time_zone": "no"})] == ["time_zone"]
        assert [each.key for each in await overlays.shadows(written, "clinic")] == ["name", "persona.name"]
        assert await overlays.change(written, "clinic", "an", sets={"persona.role": "nurse"}, reverts=["name", "staff"])
        assert [each.key for each in await overlays.shadows(written, "clinic")] == ["persona.name", "persona.role"]
        last = (await overlays.history("clinic"))[-2:]
        assert [(each.key, each.reverted) for each in last] == [("name", True), ("persona.role", False)]
        assert not await overlays.change(written, "clinic", "an", reverts=["name"])


async def test_who_saves_over_what_they_have_not_seen_is_told_whose_it_is(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        overlays, written = server.server.overlays, server.server.written
        scope = ("plugins.weather",)
        seen = await overlays.version("clinic", scope)
        await overlays.change(written, "clinic", "lan", sets={"persona.name": "Minh"})  # another form
        assert await overlays.version("clinic", scope) == seen
        await overlays.change(written, "clinic", "lan", sets={"plugins.weather.city": "Huế"}, seen=seen, scope=scope)
        with pytest.raises(OverlayConflict) as refused:
            await overlays.change(
                written, "clinic", "an", sets={"plugins.weather.city": "Hà Nội"}, seen=seen, scope=scope
            )
        assert [(each.key, each.by) for each in refused.value.changes] == [("plugins.weather.city", "lan")]
        await taken(server)
        assert (await server.plugin("weather")).settings.city == "Huế"
        # What a server notes of its own accord is no operator's change.
        seen = await overlays.version("clinic", scope)
        write(server, {**CLINIC, "name": "Newer Clinic"})
        await overlays.save()
        assert await overlays.version("clinic", scope) == seen


async def test_a_list_of_names_orders_plugins_and_leaves_their_settings(desk):
    async with desk(plugins=PLUGINS, tenants={"clinic": CLINIC}) as server:
        await change(server, "plugins.weather.city", "Huế")
        await change(server, "plugins", ["weather", "phone", "model"])
        exported = await server.server.overlays.export(server.server.written, "clinic")
        assert exported["plugins"] == [{"weather": {"token": {"env": "OURS"}, "city": "Huế"}}, "phone", "model"]
        await change(server, "plugins", ["phone", "model"])
        await taken(server)
        assert list((await server.server.runtimes.get("clinic")).plugins) == ["phone", "model"]
        await change(server, "plugins", ["phone", "weather", "model"])
        await taken(server)
        assert (await server.plugin("weather")).settings.city == "Huế"
        await revert(server, "plugins")
        exported = await server.server.overlays.export(server.server.written, "clinic")
        assert exported["plugins"] == CLINIC["plugins"]


async def test_an_id_that_a_fact_has_by_its_place_is_no_part_of_what_is_written(desk):
    facts = [{"topic": str(no), "answer": "x"} for no in range(3)]
    async with desk(plugins=PLUGINS, tenants={"clinic": {**CLINIC, "facts": facts}}) as server:
        exported = await server.server.overlays.export(server.server.written, "clinic")
        assert exported["facts"] == facts
        await change(server, "facts", [*exported["facts"][1:], {"topic": "new", "answer": "y"}])
        await taken(server)
        assert [fact.id for fact in server.server.declared["clinic"].tenant.facts] == ["fact-1", "fact-2", "fact-3"]


async def test_the_history_is_no_longer_than_a_document_may_be(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has many facts, and mends them often, must not come to where nothing can be changed any more."""
    monkeypatch.setattr(overlay, "KEPT_CHARACTERS", 900)
    async with desk(plugins=PLUGINS, tenants={"clinic": TENANT}) as server:
        for number in range(6):
            await change(server, "facts", [{"topic": f"no {number}", "answer": "x" * 300}])
        history = await server.server.overlays.history("clinic")
        assert [json.loads(each.value)[0]["topic"] for each in history] == ["no 4", "no 5"]
        await change(server, "facts", [{"topic": "long", "answer": "x" * 1500}])
        (newest,) = await server.server.overlays.history("clinic")
        assert json.loads(newest.value)[0]["topic"] == "long"
