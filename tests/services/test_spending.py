"""What a tenant's models may cost on a day: never more than the ceiling, told once, the cheaper models last."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from frontdesk import CeilingReached, Plugin, hookimpl
from frontdesk.clock import milliseconds
from frontdesk.testing.plugins import ScriptedModel

DAY = 86400.0


class Bell(Plugin):
    """Keeps what operators are told."""

    rung: ClassVar[list[tuple[str, str]]] = []

    @hookimpl
    async def alert_operator(self, title: str, text: str) -> None:
        self.rung.append((title, text))


@pytest.fixture
def desk_with(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Bell, "rung", [])

    def make(**spending: Any) -> Any:
        tenants = {"clinic": {"spending": spending}, "school": {"spending": spending}}
        return desk(plugins={"model": ScriptedModel, "bell": Bell}, tenants=tenants)

    return make


async def room(plugin: Any, most: float, **more: Any) -> bool:
    """Whether a call was let through; it stays reserved."""
    try:
        await plugin.spending.reserve(most, **more)
    except CeilingReached:
        return False
    return True


async def test_without_a_ceiling_everything_has_room(desk_with):
    async with desk_with() as server:
        plugin = await server.plugin("model")
        assert not plugin.spending.limited
        assert await room(plugin, 1_000_000)


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
        held = await plugin.spending.reserve(0.2)
        assert not await room(plugin, 0.01) and len(Bell.rung) == 1, "it may yet come to less"
        held.settle(0.2)
        for _ in range(3):
            assert not await room(plugin, 0.01)
        assert [text.partition(":")[0] for _, text in Bell.rung] == [
            "the first model's share (80%) of today's ceiling for models (1 USD) has no room for this call",
            "today's ceiling for models (1 USD) has no room for this call",
        ]


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
        assert len(Bell.rung) == 2, "it is told anew each day"
        document = await server.repository().get(_collection(), "core/spending-told")
        assert len(document.data["steps"]) == 1, "yesterday's is forgotten"
        assert milliseconds(server.server.store.now()).hour == 0


def _collection() -> Any:
    from frontdesk.store.collections import PLUGIN_DATA

    return PLUGIN_DATA
