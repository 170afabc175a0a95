"""A tenant's instances: made once when they are needed, in the order of its list, each one's trouble its own."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from frontdesk import ModelReply, Plugin, RetryLater, Section, Settings, hookimpl, tool
from frontdesk.dispatch import HookFailed
from frontdesk.runtime import UnknownTenant
from frontdesk.testing.plugins import ScriptedModel

QUICK = {"times": {"hook_deadline": 0.3, "sdk_timeout": 0.2, "send_timeout": 0.3}}


class Counted(Plugin):
    """Counts what happens to its instances."""

    made: list[str] = []  # noqa: RUF012  emptied by the fixture

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.made.append(f"made {self.tenant.id}")

    @hookimpl
    async def start(self) -> None:
        await asyncio.sleep(0.01)
        self.made.append(f"started {self.tenant.id}")

    @hookimpl
    async def stop(self) -> None:
        self.made.append(f"stopped {self.tenant.id}")


@pytest.fixture
def events() -> list[str]:
    Counted.made.clear()
    return Counted.made


class Moody(Plugin):
    """Starts when its day is good."""

    good_day = False

    @hookimpl
    async def start(self) -> None:
        if not Moody.good_day:
            raise RetryLater("not today")

    @hookimpl
    async def prompt_section(self) -> Section:
        return Section(name=self.name, text="")

    @tool
    async def mood(self) -> str:
        """How it is."""
        return "good"


class SlowStart(Plugin):
    """Never gets up."""

    @hookimpl
    async def start(self) -> None:
        await asyncio.Event().wait()


class SlowStartToo(SlowStart):
    """Neither does this one."""


class Sectioned(Plugin):
    """Adds its name to the prompt."""

    @hookimpl
    async def prompt_section(self) -> Section:
        return Section(name=self.name, text="")


class Ill(Plugin):
    """Says how it is."""

    class IllSettings(Settings):
        answer: dict[str, Any] = {"ok": False, "detail": "the calendar's token ends tomorrow"}  # noqa: RUF012  frozen

    settings: IllSettings

    @hookimpl
    async def check_health(self) -> dict[str, Any]:
        return self.settings.answer


async def test_fifty_who_ask_at_once_get_one_instance(desk, events):
    async with desk(plugins={"counted": Counted}) as server:
        runtimes = await asyncio.gather(*(server.server.runtimes.get("clinic") for _ in range(50)))
        assert len({id(runtime) for runtime in runtimes}) == 1
        assert events == ["made clinic", "started clinic"]
    assert events[2:] == ["stopped clinic"]


async def test_the_start_goes_on_when_who_asked_first_is_gone(desk, events):
    async with desk(plugins={"counted": Counted}) as server, asyncio.TaskGroup() as group:
        asked_first = group.create_task(server.server.runtimes.get("clinic"))
        asked_next = group.create_task(server.server.runtimes.get("clinic"))
        await asyncio.sleep(0)
        asked_first.cancel()
        assert (await asked_next).tenant.id == "clinic"
        assert events == ["made clinic", "started clinic"]


async def test_nobody_is_made_before_somebody_needs_them(desk, events):
    tenants = {"clinic": {}, "school": {}}
    async with desk(plugins={"counted": Counted, "model": ScriptedModel}, tenants=tenants) as server:
        assert events == []
        await server.contact("Lan", tenant="school").says("Chào")
        assert events == ["made school", "started school"]


async def test_an_unknown_tenant_is_an_answer(desk):
    async with desk() as server:
        with pytest.raises(UnknownTenant):
            await server.server.runtimes.get("nobody")


async def test_idle_tenants_are_stopped_and_made_again_when_needed(desk, events):
    async with desk(plugins={"counted": Counted}) as server:
        runtimes = server.server.runtimes
        busy = await runtimes.get("clinic")
        busy.uses += 1
        server.clock.advance(901)
        await runtimes.tend()
        assert events == ["made clinic", "started clinic"]
        busy.uses -= 1
        await runtimes.tend()
        assert events[2:] == ["stopped clinic"]
        assert await runtimes.get("clinic") is not busy
        assert events[3:] == ["made clinic", "started clinic"]


async def test_hooks_are_called_in_the_order_of_the_tenants_list(desk):
    names = ["gamma", "alpha", "beta"]
    plugins = dict.fromkeys(["alpha", "beta", "gamma"], Sectioned)
    tenants = {"clinic": {"plugins": names}, "school": {"plugins": names[::-1]}}
    async with desk(plugins=plugins, tenants=tenants) as server:
        for tenant, order in (("clinic", names), ("school", names[::-1])):
            runtime = await server.server.runtimes.get(tenant)
            assert [bound.label.plugin for bound in runtime.hook("prompt_section")] == order
            assert list(runtime.plugins) == order


async def test_a_plugin_that_did_not_start_is_left_out_and_tried_again(desk, monkeypatch):
    monkeypatch.setattr(Moody, "good_day", False)
    plugins = {"first": Sectioned, "moody": Moody, "last": Sectioned, "counted": Counted}
    async with desk(plugins=plugins) as server:
        runtime = await server.server.runtimes.get("clinic")
        assert list(runtime.troubles) == ["moody"]
        assert [bound.label.plugin for bound in runtime.hook("prompt_section")] == ["first", "last"]
        assert runtime.tools == {}
        with pytest.raises(HookFailed, match="tenant clinic: plugin moody: prompt_section: not started: RetryLater at"):
            await runtime.ask("prompt_section", "moody")
        first = runtime.plugins["first"]
        with capture_logs() as logs:
            await server.server.runtimes.tend()
        assert logs == []  # the same trouble is told once

        monkeypatch.setattr(Moody, "good_day", True)
        await server.server.runtimes.tend()
        assert runtime.troubles == {}
        assert [bound.label.plugin for bound in runtime.hook("prompt_section")] == ["first", "moody", "last"]
        assert list(runtime.tools) == ["mood"]
        assert runtime.plugins["first"] is first


async def test_one_plugins_trouble_does_not_stop_and_start_the_others(desk, events, sample):
    async with desk(plugins={"counted": Counted, "broken": sample("raises_in_init")}) as server:
        runtime = await server.server.runtimes.get("clinic")
        for _ in range(3):
            await server.server.runtimes.tend()
        (trouble,) = runtime.troubles.values()
        assert re.fullmatch(r"not started: KeyError at raises_in_init\.py:\d+ in RaisesInInit\.__init__", trouble)
        assert await server.server.runtimes.get("clinic") is runtime
        assert events == ["made clinic", "started clinic"]


async def test_a_tenants_start_takes_no_longer_than_one_deadline(desk):
    plugins = {"slow": SlowStart, "slower": SlowStartToo, "model": ScriptedModel}
    async with desk(plugins=plugins, server=QUICK) as server:
        loop = asyncio.get_running_loop()
        began = loop.time()
        runtime = await server.server.runtimes.get("clinic")
        assert loop.time() - began < 0.5
        assert set(runtime.troubles) == {"slow", "slower"}
        assert "no answer within its deadline of 0.3 s" in runtime.troubles["slow"]
        assert list(runtime.plugins) == ["phone", "model"]


async def test_a_quarantined_plugin_is_left_out_for_its_tenant_until_it_is_released(desk):
    tenants = {"clinic": {}, "school": {}}
    async with desk(plugins={"sectioned": Sectioned}, tenants=tenants) as server:
        server.server.quarantine.add("clinic", "sectioned", "start blocked the server for 30 s")
        clinic = await server.server.runtimes.get("clinic")
        school = await server.server.runtimes.get("school")
        assert clinic.troubles == {"sectioned": "quarantined: start blocked the server for 30 s"}
        assert "sectioned" in school.plugins
        assert server.server.quarantine.release("clinic", "sectioned")
        await server.server.runtimes.tend()
        assert "sectioned" in clinic.plugins
        assert clinic.troubles == {}


async def test_plugins_are_asked_how_they_are_now_and_then(desk):
    async with desk(plugins={"ill": Ill}) as server:
        runtime = await server.server.runtimes.get("clinic")
        assert runtime.health == {}

        async def asked():
            return runtime.health

        assert await server.until("the plugins are asked", asked) == {
            "ill": {"ok": False, "detail": "the calendar's token ends tomorrow"}
        }


async def test_what_dispatch_may_call_is_known_with_its_breakers(desk, booking_plugin):
    async with desk(plugins={"booking": booking_plugin}) as server:
        runtime = await server.server.runtimes.get("clinic")
        tools = ["free_times", "book", "find_booking", "my_bookings", "cancel"]
        labels = [bound.label.hook for bound in runtime.bound()]
        assert labels[-5:] == [f"tool {name}" for name in tools]
        assert set(labels[:-5]) == {"send", "find_sent", "show_typing", "erase_message", "list_templates"}


async def test_a_model_that_wants_the_model_while_it_starts_is_told_so_and_the_desk_answers(desk):
    class Impatient(Plugin):
        @hookimpl
        async def start(self) -> None:
            await self.model.complete("Translate.", "Chào")

        @hookimpl
        async def think(self) -> ModelReply:
            return ModelReply(text="from the impatient one")

    async with desk(plugins={"impatient": Impatient, "model": ScriptedModel}, server=QUICK) as server:
        lan = server.contact("Lan")
        await lan.says("Chào")
        assert await lan.hears() == "You said: Chào"
        runtime = await server.server.runtimes.get("clinic")
        assert "deadline" in runtime.troubles["impatient"]
