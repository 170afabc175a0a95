"""What is changed over the tenants file: checked before it is written, in force until reverted, never in a start's way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from frontdesk import Plugin, Secret, Settings
from frontdesk.config import ConfigError
from frontdesk.services.overlay import ID
from frontdesk.store.collections import OVERLAYS
from frontdesk.tenants import read_tenants
from frontdesk.testing.desk import TENANT, TestDesk
from frontdesk.testing.plugins import ScriptedModel


class Account(Settings):
    city: str = "Hanoi"
    token: Secret | None = None


class Weather(Plugin):
    """Has settings of its own."""

    settings: Account


PLUGINS = {"model": ScriptedModel, "weather": Weather}
CLINIC = {**TENANT, "plugins": ["phone", "model", {"weather": {"token": {"env": "OURS"}}}]}


async def change(desk: TestDesk, key: str, value: Any) -> None:
    await desk.server.overlays.set(desk.server.written, "clinic", key, value, "lan")


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
