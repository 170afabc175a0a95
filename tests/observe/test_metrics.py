"""What a server's life leaves on /metrics."""

from __future__ import annotations

import pytest

from frontdesk import Plugin, Refused, RetryLater, hookimpl, tool
from frontdesk.mind import ModelReply, ToolCall, Usage
from frontdesk.testing.desk import start_desk
from frontdesk.testing.plugins import ScriptedModel


class Clumsy(Plugin):
    """Fails in a hook, and books."""

    @hookimpl
    async def prompt_section(self):
        raise ValueError("oh")

    @tool(deed=True, repeatable=True)
    async def book(self, day: str) -> str:
        """Book a visit."""
        if day == "Sunday":
            raise Refused("closed")
        return f"booked {day}"


PLUGINS = {"model": ScriptedModel, "clumsy": Clumsy}


def books(day: str) -> ModelReply:
    return ModelReply(tool_calls=(ToolCall(id=day, name="book", arguments={"day": day}),))


async def test_a_conversation_is_counted_from_the_message_to_the_provider(desk, read):
    async with desk(plugins=PLUGINS) as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        usage = Usage(input_tokens=70, output_tokens=5, cost=0.25)
        model.script = [books("Sunday"), books("Monday"), ModelReply(text="Đã đặt.", usage=usage)]
        await lan.says("Đặt giúp mình thứ Hai.")
        assert await lan.hears() == "Đã đặt."
        await server.quiet()
        found = await read(server)
    assert found['frontdesk_inbound_messages_total{kind="text"}'] == 1
    assert found['frontdesk_outbound_messages_total{state="queued"}'] == 1
    assert found['frontdesk_outbound_messages_total{state="accepted"}'] == 1
    assert found["frontdesk_outbox_wait_seconds_count"] == 1
    assert found['frontdesk_turns_total{ending="committed"}'] == 1
    assert found['frontdesk_turn_seconds_sum{part="settle"}'] == pytest.approx(2.5, abs=0.1)
    assert found['frontdesk_deeds_total{outcome="done"}'] == 1
    assert found['frontdesk_deeds_total{outcome="failed"}'] == 1
    assert found['frontdesk_model_calls_total{outcome="answered",plugin="model"}'] == 3
    assert found['frontdesk_model_tokens_total{direction="input",plugin="model"}'] == 70
    assert found['frontdesk_model_cost_total{currency="USD",plugin="model"}'] == 0.25
    assert found['frontdesk_hook_failures_total{hook="prompt_section",plugin="clumsy"}'] == 3
    assert found['frontdesk_store_call_seconds_count{call="write"}'] > 3
    assert found["process_resident_memory_bytes"] > 1_000_000


async def test_the_model_s_time_is_not_the_turn_s_overhead(desk, read):
    async with desk() as server:
        model, lan = await server.plugin("model"), server.contact("Lan")

        def slow(_):
            server.clock.advance(3)
            return "There."

        model.script = [slow]
        await lan.says("Hello.")
        await lan.hears()
        found = await read(server)
    assert found['frontdesk_turn_seconds_sum{part="model"}'] >= 3
    assert found['frontdesk_turn_seconds_sum{part="overhead"}'] < 1


async def test_a_turn_that_no_model_answers_is_parked_and_waits_for_a_person(desk, read):
    async with desk() as server:
        model, lan = await server.plugin("model"), server.contact("Lan")
        model.script = [RuntimeError("away")]
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        server.clock.advance(60)
        found = await read(server)
    assert found['frontdesk_turns_total{ending="parked"}'] == 1
    assert found['frontdesk_turns_total{ending="committed"}'] == 0
    assert found['frontdesk_model_calls_total{outcome="failed",plugin="model"}'] == 1
    assert found['frontdesk_parked{what="turn"}'] == 1
    assert found["frontdesk_conversations_waiting"] == 1


async def test_what_waits_in_a_lane_has_its_age(desk, read):
    async with desk() as server:
        phone, lan = await server.plugin("phone"), server.contact("Lan")

        def busy(_):
            raise RetryLater("busy", after=600)

        phone.on_send = busy
        await lan.says("Hello.")

        async def tried():
            return [message for message in await lan.messages() if message.attempts]

        await server.until("it was tried", tried)
        await server.quiet()
        server.clock.advance(120)
        found = await read(server)
    assert found["frontdesk_outbox_oldest_seconds"] >= 120
    assert found['frontdesk_outbound_messages_total{state="queued"}'] == 2


async def test_a_plugin_that_keeps_failing_is_shown_as_switched_off(desk, read):
    async with desk(plugins=PLUGINS) as server:
        lan = server.contact("Lan")
        for _ in range(5):
            await lan.says("Hello.")
            await lan.hears()
        found = await read(server)
    assert found['frontdesk_breakers_open{hook="prompt_section",plugin="clumsy"}'] == 1


class Absent(Plugin):
    """Does not start."""

    @hookimpl
    async def start(self):
        raise ValueError("no")


async def test_a_plugin_that_does_not_start_is_shown(desk, read):
    async with desk(plugins={"model": ScriptedModel, "absent": Absent}) as server:
        await server.plugin("model")
        found = await read(server)
    assert found['frontdesk_plugins_not_running{plugin="absent",state="not_started"}'] == 1


@pytest.mark.parametrize("label", [False, True])
async def test_tenants_are_told_apart_only_where_that_is_asked_for(desk, read, label):
    two = {"clinic": {}, "school": {}}
    async with desk(tenants=two, server={"metrics": {"tenant_label": label}}) as server:
        for tenant in two:
            contact = server.contact(tenant=tenant)
            await contact.says("Hello.")
            await contact.hears()
        found = await read(server)
    if label:
        assert found['frontdesk_turns_total{ending="committed",tenant="clinic"}'] == 1
        assert found['frontdesk_parked{tenant="school",what="turn"}'] == 0
    else:
        assert found['frontdesk_turns_total{ending="committed"}'] == 2
        assert not [name for name in found if "clinic" in name or "school" in name]


async def test_two_servers_of_one_process_do_not_share_a_count(desk, tmp_path, read):
    (tmp_path / "other").mkdir()
    async with desk() as first:
        lan = first.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        assert (await read(first))['frontdesk_turns_total{ending="committed"}'] == 1
        async with start_desk(tmp_path / "other") as second:
            assert (await read(second))['frontdesk_turns_total{ending="committed"}'] == 0
