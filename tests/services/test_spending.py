"""What a tenant's models may cost on a day: never more than the ceiling, told once, the cheaper models last."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from frontdesk import CeilingReached, Plugin, alerts, hookimpl
from frontdesk.clock import milliseconds
from frontdesk.store import StoreUnavailable
from frontdesk.testing.plugins import ScriptedModel

DAY = 86400.0


class Bell(Plugin):
    """Keeps what operators are told."""

    rung: ClassVar[list[tuple[str, str]]] = []
    answering: ClassVar[asyncio.Event]

    @hookimpl
    async def alert_operator(self, title: str, text: str) -> None:
        self.rung.append((title, text))
        await self.answering.wait()


@pytest.fixture
def desk_with(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Bell, "rung", [])
    monkeypatch.setattr(Bell, "answering", asyncio.Event(), raising=False)
    Bell.answering.set()

    def make(**spending: Any) -> Any:
        tenants = {"clinic": {"spending": spending}, "school": {"spending": spending}}
        return desk(plugins={"model": ScriptedModel, "bell": Bell}, tenants=tenants)

    return make


async def room(plugin: Any, most: float, **more: Any) -> bool:
    """Whether a call was let through; it is then spent."""
    try:
        (await plugin.spending.reserve(most, **more)).settle(most)
    except CeilingReached:
        return False
    return True


async def told(server: Any, times: int) -> list[str]:
    """What operators have been told, once it is so often."""
    async with asyncio.timeout(30):
        while len(Bell.rung) < times:
            server.clock.advance(1)
            await asyncio.sleep(0.01)
    await server.quiet()
    return [text for _, text in Bell.rung]


async def test_without_a_ceiling_everything_has_room(desk_with):
    async with desk_with() as server:
        plugin = await server.plugin("model")
        assert not plugin.spending.limited
        assert await room(plugin, 1_000_000)


async def test_whoever_is_cancelled_while_they_reserve_holds_nothing(desk_with, monkeypatch):
    async with desk_with(per_day=1.0, first_models=0.5) as server:
        plugin = await server.plugin("model")
        budgets = plugin.spending._budgets
        real = budgets.reserve

        async def reserve(tenant, key, *more, **named):
            if key == "models":
                await asyncio.Event().wait()  # a store that does not answer
            return await real(tenant, key, *more, **named)

        monkeypatch.setattr(budgets, "reserve", reserve)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await plugin.spending.reserve(0.4, first=True)
        monkeypatch.setattr(budgets, "reserve", real)
        assert await room(plugin, 0.5, first=True)


async def test_what_is_reserved_counts_until_it_is_settled_with_what_it_came_to(desk_with):
    async with desk_with(per_day=1.0) as server:
        plugin, other = await server.plugin("model"), await server.plugin("model", "school")
        assert plugin.spending.limited
        first = await plugin.spending.reserve(0.9)
        assert not await room(plugin, 0.2)
        assert await room(other, 0.2), "every tenant has its own"
        first.settle(0.3)
        first.settle(0.3)
        assert await room(plugin, 0.7)
        assert not await room(plugin, 0.000001)


async def test_calls_at_the_same_time_never_have_more_than_there_is(desk_with):
    async with desk_with(per_day=1.0) as server:
        plugin = await server.plugin("model")
        let_through = await asyncio.gather(*(room(plugin, 0.15) for _ in range(20)))
        assert sum(let_through) == 6


async def test_the_first_model_leaves_its_share_to_the_cheaper_ones_and_each_step_is_told_once(desk_with):
    async with desk_with(per_day=1.0) as server:
        plugin = await server.plugin("model")
        (await plugin.spending.reserve(0.8, first=True)).settle(0.8)
        for _ in range(3):
            assert not await room(plugin, 0.01, first=True)
        assert len(await told(server, 1)) == 1
        held = await plugin.spending.reserve(0.2)
        assert not await room(plugin, 0.01)
        server.clock.advance(60)
        assert len(await told(server, 1)) == 1, "it may yet come to less"
        held.settle(0.2)
        for _ in range(3):
            assert not await room(plugin, 0.01)
        assert [text.partition(":")[0] for text in await told(server, 2)] == [
            "the first model's share (80%) of today's ceiling for models (1 USD) has no room for this call",
            "today's ceiling for models (1 USD) has no room for this call",
        ]


async def test_who_tells_the_operators_does_not_keep_the_contact_waiting(desk_with):
    async with desk_with(per_day=1.0) as server:
        plugin = await server.plugin("model")
        Bell.answering.clear()
        assert await room(plugin, 1.0)
        async with asyncio.timeout(8):  # a hook may take 10
            assert not await room(plugin, 0.01)
        Bell.answering.set()
        assert len(await told(server, 1)) == 1


async def test_what_could_not_be_told_is_told_with_the_next_call_that_is_refused(desk_with, monkeypatch):
    async with desk_with(per_day=1.0) as server:
        plugin = await server.plugin("model")
        assert await room(plugin, 1.0)
        with monkeypatch.context() as away:

            async def no_answer(*_: Any, **__: Any) -> None:
                raise StoreUnavailable("no answer")

            away.setattr(alerts, "alert", no_answer)
            assert not await room(plugin, 0.01)
        assert not await room(plugin, 0.01)
        assert len(await told(server, 1)) == 1


async def test_what_was_reserved_and_let_go_of_is_spent(desk_with):
    async with desk_with(per_day=1.0) as server:
        plugin = await server.plugin("model")
        for _ in range(10):
            await plugin.spending.reserve(0.1)
        assert not await room(plugin, 0.1)
        assert len(await told(server, 1)) == 1


async def test_a_new_day_of_the_tenant_begins_at_its_midnight(desk_with):
    async with desk_with(per_day=1.0) as server:
        plugin = await server.plugin("model")
        (await plugin.spending.reserve(1.0)).settle(1.0)
        with pytest.raises(CeilingReached) as err:
            await plugin.spending.reserve(0.5)
        # The desk's clock begins at 02:00 in London.
        assert err.value.after == pytest.approx(22 * 3600, abs=60)
        server.clock.advance(err.value.after - 1)
        assert not await room(plugin, 0.5)
        server.clock.advance(1)
        (await plugin.spending.reserve(0.5)).settle(0.5)
        assert not await room(plugin, 0.6)
        assert len(await told(server, 2)) == 2, "it is told anew each day"
        document = await server.repository().get(_collection(), "core/spending-told")
        assert len(document.data["steps"]) == 1, "yesterday's is forgotten"
        assert milliseconds(server.server.store.now()).hour == 0


def _collection() -> Any:
    from frontdesk.store.collections import PLUGIN_DATA

    return PLUGIN_DATA
