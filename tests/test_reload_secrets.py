"""Secrets that change with a reload: who referred to the old one does not go on with it."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager

from frontdesk import Plugin, Secret, Settings, hookimpl
from frontdesk.store import StoreUnavailable
from frontdesk.store.sqlite import SqliteRepository
from frontdesk.testing.desk import TENANT
from frontdesk.testing.plugins import ScriptedModel

from .test_reload import CLINIC, PLUGINS, write


class Keyed(Plugin):
    """Has a secret."""

    class KeyedSettings(Settings):
        key: Secret

    settings: KeyedSettings


async def test_a_secret_that_changed_while_its_plugin_started_is_not_left_with_the_old_one(desk, monkeypatch):
    monkeypatch.setattr(os, "environ", {**os.environ, "FD_KEY": "old"})
    begun, gate = asyncio.Event(), asyncio.Event()

    class Slow(Keyed):
        @hookimpl
        async def start(self) -> None:
            self.seen = self.settings.key.reveal()
            begun.set()
            await gate.wait()

    slow = {**TENANT, "plugins": [*PLUGINS, {"slow": {"key": {"env": "FD_KEY"}}}]}
    async with desk(plugins={"model": ScriptedModel, "slow": Slow}, tenants={"clinic": slow}) as server:
        runtimes = server.server.runtimes
        first = asyncio.create_task(runtimes.get("clinic"))  # noqa: TID251
        await begun.wait()
        os.environ["FD_KEY"] = "new"
        server.server.adopt(server.server.written, {"FD_KEY"})
        gate.set()
        assert (await runtimes.get("clinic")).plugins["slow"].seen == "new"
        assert (await first).plugins["slow"].seen == "new"


KEYED = {**TENANT, "plugins": [*PLUGINS, {"keyed": {"key": {"env": "FD_KEY"}}}]}


@asynccontextmanager
async def with_the_old_key(desk, monkeypatch):
    """The server, and its `.env`, which has been read."""
    monkeypatch.setattr(os, "environ", {**os.environ})
    plugins = {"model": ScriptedModel, "keyed": Keyed}
    async with desk(plugins=plugins, tenants={"clinic": KEYED, "school": CLINIC}) as server:
        env = server.server.file.folder / ".env"
        env.write_text("FD_KEY=old")
        assert await server.server.reloader.reload()
        yield server, env


async def test_a_changed_secret_of_the_env_file_makes_new_instances_of_who_refers_to_it(desk, monkeypatch):
    async with with_the_old_key(desk, monkeypatch) as (server, env):
        clinic = await server.server.runtimes.get("clinic")
        school = await server.server.runtimes.get("school")
        assert clinic.plugins["keyed"].settings.key.reveal() == "old"
        env.write_text("FD_KEY=new")
        assert await server.server.reloader.reload()
        assert clinic.plugins["keyed"].settings.key.reveal() == "new"
        assert await server.server.runtimes.get("clinic") is not clinic
        assert await server.server.runtimes.get("school") is school
        env.write_text("FD_KEY")
        assert not await server.server.reloader.reload()
        assert clinic.plugins["keyed"].settings.key.reveal() == "new"


async def test_a_changed_secret_is_not_forgotten_when_its_reload_was_put_off(desk, monkeypatch):
    async with with_the_old_key(desk, monkeypatch) as (server, env):
        clinic = await server.server.runtimes.get("clinic")
        env.write_text("FD_KEY=new")
        write(server, {"clinic": KEYED})  # that the school is suspended cannot be stored just now
        with monkeypatch.context() as patched:
            patched.setattr(SqliteRepository, "insert", away)
            assert not await server.server.reloader.reload()
        assert await server.server.reloader.reload()
        assert await server.server.runtimes.get("clinic") is not clinic


async def away(*_):
    raise StoreUnavailable("no answer")
