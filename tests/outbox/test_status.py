"""What a provider says later: late, twice, out of order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.channel import StatusUpdate
from frontdesk.outbox import status
from frontdesk.outbox.record import RANK, _news, outbound_id
from frontdesk.testing.clock import MovableClock

STATES = ("accepted", "sent", "delivered", "read", "failed")


async def answered(server):
    lan = server.contact("Lan")
    await lan.says("Hello.")
    await lan.hears()
    await server.quiet()
    (message,) = await lan.received()
    return lan, message


async def report(server, *states, provider_id="SM1", message="", **more):
    updates = [StatusUpdate(provider_id=provider_id, state=state, message=message, **more) for state in states]
    await server.server.status.take("clinic", updates)


@pytest.mark.parametrize("order", list(itertools.permutations(("sent", "delivered", "read"))))
async def test_a_status_never_goes_back_whatever_the_order(start, order):
    async with start() as server:
        lan, _ = await answered(server)
        await report(server, *order, *order)
        assert (await lan.received())[0].state == "read"


@given(st.lists(st.sampled_from(STATES), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_reports_ends_at_the_furthest(states):
    from frontdesk.model import Message

    now = MovableClock().now()
    message = Message(id="m", conversation="c", direction="outbound", state="sending", at=now)
    ranks = [RANK[message.state]]
    from dataclasses import replace

    for state in states:
        message = replace(message, **_news(message, "SM1", state, "", now))
        ranks.append(RANK[message.state])
    assert ranks == sorted(ranks)
    assert message.state == max(("sending", *states), key=lambda state: RANK[state])


async def test_reports_are_found_by_our_id_and_by_the_providers(start):
    async with start() as server:
        lan, message = await answered(server)
        await report(server, "sent")
        assert (await lan.received())[0].state == "sent"
        await report(server, "delivered", message=message.id)
        assert (await lan.received())[0].state == "delivered"


async def test_a_report_of_a_message_nobody_knows_changes_nothing(start):
    async with start() as server:
        lan, message = await answered(server)
        await report(server, "read", provider_id="SM404")
        await report(server, "read", provider_id="SM405", message="no-such-message")
        assert await lan.received() == [message]


async def test_a_report_cannot_change_an_inbound_message(start):
    async with start() as server:
        lan, _ = await answered(server)
        inbound = await lan.message("Lan-1")
        await report(server, "failed", provider_id=inbound.provider_id)
        await report(server, "failed", provider_id="SM5", message=inbound.id)
        assert await lan.message("Lan-1") == inbound


async def test_a_report_at_one_tenant_does_not_reach_another(desk, vendor):
    async with desk(tenants={"clinic": {"settle": {"quiet_seconds": 0}}, "school": {}}) as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        (message,) = await lan.received()
        await server.server.status.take(
            "school", [StatusUpdate(provider_id=message.provider_id, state="failed", message=message.id)]
        )
        assert await lan.received() == [message]


async def test_failed_is_told_with_its_reason_and_gives_way_to_delivered(start, listener):
    async with start(plugins={"listener": listener}) as server:
        lan, message = await answered(server)
        await report(server, "failed", code="30008", reason="unknown error")
        (failed,) = [m for m in await lan.messages() if m.id == message.id]
        assert (failed.state, failed.error) == ("failed", "30008: unknown error")
        told_of = (await server.plugin("listener")).failed

        async def told():
            return told_of

        assert [(m.id, m.error) for m in await server.until("told", told)] == [(message.id, "30008: unknown error")]
        await report(server, "delivered")
        (message,) = await lan.received()
        assert (message.state, message.error) == ("delivered", "")


async def test_delivered_while_a_failure_that_may_be_repeated_is_written_takes_the_repetition_back(start, monkeypatch):
    async with start() as server:
        lan, message = await answered(server)
        find = status.find

        async def then_it_fails(*arguments):
            found = await find(*arguments)
            monkeypatch.setattr(status, "find", find)
            await report(server, "failed", code="63018", reason="Too fast.", again_after=5.0)
            return found

        monkeypatch.setattr(status, "find", then_it_fails)
        await report(server, "delivered")
        server.clock.advance(10)
        await server.quiet()
        assert [m.id for m in await lan.received()] == [message.id]


async def test_two_of_the_providers_messages_under_our_one_id_are_counted_and_shown(start):
    async with start() as server:
        lan, message = await answered(server)
        for _ in range(2):
            await report(server, "delivered", provider_id="SM2", message=message.id)
        (message,) = await lan.received()
        assert (message.possible_duplicate, message.state, message.provider_id) == (True, "accepted", "SM1")


@given(st.text(max_size=100), st.text(max_size=100))
def test_ids_made_from_keys_can_stand_in_a_url_and_tell_the_keys_apart(one, other):
    ids = [outbound_id("op", key) for key in (one, other)]
    assert (ids[0] == ids[1]) == (one == other)
    for id in ids:
        assert id.isascii() and not set(id) & set("/?#% &")
