"""One attempt, and each way in which it can end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from frontdesk import NeedsAttention, Plugin, Refused, RetryLater, hookimpl, leases
from frontdesk.budget.limits import NotBefore, Reservation
from frontdesk.budget.service import Budgets
from frontdesk.errors import MaybeSent
from frontdesk.model import Commit, Lease, Media
from frontdesk.outbox import gates, sending
from frontdesk.store import StoreUnavailable
from frontdesk.store.collections import BUDGETS, CONVERSATIONS, MESSAGES


class Listener(Plugin):
    """Keeps what is told of failures."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.failed = []
        self.alerts = []

    @hookimpl
    async def on_message_failed(self, conversation, message):
        self.failed.append((message.id, message.state, message.error))

    @hookimpl
    async def alert_operator(self, title, text, conversation):
        self.alerts.append((title, text))


WITH_LISTENER = {"listener": Listener}


async def told(server):
    listener = await server.plugin("listener")

    async def something():
        return listener.failed

    return await server.until("the plugin is told", something)


async def test_the_intent_is_on_disk_before_anything_is_sent(start, vendor):
    async with start() as server:
        lan, seen = server.contact("Lan"), []

        async def look(message):
            (stored,) = [m for m in await lan.messages() if m.id == message.id]
            seen.append((stored.state, stored.attempts, stored.intent_at, stored.route.external_id))

        vendor.before = look
        await lan.says("Hello.")
        await lan.hears()
        ((state, attempts, intent_at, to),) = seen
        assert (state, attempts, to) == ("sending", 1, lan.external_id) and intent_at is not None
        (message,) = await lan.received()
        assert (message.provider_id, message.state, message.error) == ("SM1", "accepted", "")


async def test_retry_later_puts_it_back_at_the_head_with_a_growing_pause(start, vendor):
    async with start() as server:
        lan, times = server.contact("Lan"), []

        def busy(message):
            times.append(server.clock.monotonic())
            if len(times) < 5:
                raise RetryLater("busy", after=0.5)

        vendor.before = busy
        await lan.says("Hello.")
        await lan.hears()
        pauses = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
        assert all(pause >= least for pause, least in zip(pauses, (1, 2, 4, 8), strict=True)), pauses
        assert pauses[-1] < 12
        assert (await lan.received())[0].attempts == 5


async def test_the_vendors_own_pause_is_respected(start, vendor):
    async with start() as server:
        lan, times = server.contact("Lan"), []

        def busy(message):
            times.append(server.clock.monotonic())
            if len(times) == 1:
                raise RetryLater("rate limit", after=7)

        vendor.before = busy
        await lan.says("Hello.")
        await lan.hears()
        assert times[1] - times[0] >= 7


async def test_refused_is_final_and_told(start, vendor, outbound):
    async with start(plugins=WITH_LISTENER) as server:
        lan = server.contact("Lan")

        def refuse(message):
            raise Refused("the number is not on WhatsApp", code="63024")

        vendor.before = refuse
        await lan.says("Hello.")
        message = await outbound(server, lan, "failed")
        assert message.error == "63024: the number is not on WhatsApp"
        assert await told(server) == [(message.id, "failed", message.error)]
        await server.quiet()
        assert vendor.calls == 1


async def test_needs_attention_alerts_the_operators_and_is_tried_again_later(start, vendor, outbound):
    async with start(plugins=WITH_LISTENER) as server:
        lan, listener = server.contact("Lan"), await server.plugin("listener")

        def expired(message):
            raise NeedsAttention("the token has expired")

        vendor.before = expired
        await lan.says("Hello.")
        message = await outbound(server, lan, "queued")

        async def alerted():
            return listener.alerts

        assert await server.until("alert", alerted) == [("phone cannot send", "the token has expired")]
        vendor.before = None
        server.clock.advance(360)
        assert await lan.hears() == "You said: Hello."
        assert (await lan.received())[0].id == message.id


@pytest.mark.parametrize("error", [MaybeSent("timed out"), ValueError("a defect")])
async def test_nobody_can_tell_and_it_was_taken_so_it_is_found_and_not_sent_again(start, vendor, error):
    async with start() as server:
        lan = server.contact("Lan")

        def lost(message):
            vendor.after = None
            raise error

        vendor.after = lost
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        assert vendor.calls == 1 and (await lan.received())[0].provider_id == "SM1"


async def test_a_send_that_hangs_ends_at_its_time_out_and_is_ambiguous(desk, vendor, start, outbound):
    async with start() as server:
        lan = server.contact("Lan")
        runtime = await server.server.runtimes.get("clinic")
        (bound,) = runtime.hook("send")
        assert bound.seconds == runtime.times.send_timeout
        bound.seconds = 0.1
        vendor.after = lambda message: asyncio.Event().wait()
        await lan.says("Hello.")
        message = await outbound(server, lan, "sending")

        async def noted():
            return "no answer within its deadline" in (await outbound(server, lan, "sending", "accepted")).error

        await server.until("it is noted", noted)
        vendor.after = None
        assert await lan.hears() == "You said: Hello."
        assert vendor.calls == 1 and (await lan.received())[0].id == message.id


async def test_a_channel_that_does_not_run_keeps_the_message_in_its_lane(start, vendor, outbound):
    async with start() as server:
        lan = server.contact("Lan")
        runtime = await server.server.runtimes.get("clinic")
        hooks = runtime.hooks
        runtime.hooks = {name: bound for name, bound in hooks.items() if name != "send"}
        await lan.says("Hello.")
        message = await outbound(server, lan, "queued")
        assert message.not_before is None or message.not_before > server.clock.now()
        runtime.hooks = hooks
        assert await lan.hears() == "You said: Hello."
        assert vendor.asked == 0, "it was never handed to the vendor, so there was nothing to ask"


async def test_a_callback_before_the_send_returned_binds_the_providers_id(start, vendor):
    from frontdesk.channel import StatusUpdate

    async with start() as server:
        lan = server.contact("Lan")

        async def report_and_break(message):
            vendor.after = None
            update = StatusUpdate(provider_id="SM1", state="delivered", message=message.id)
            await server.server.status.take("clinic", [update])
            raise MaybeSent("timed out")

        vendor.after = report_and_break
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        await server.quiet()
        (message,) = await lan.received()
        assert (message.state, message.provider_id, message.possible_duplicate) == ("delivered", "SM1", False)
        assert vendor.asked == 0


async def test_media_goes_as_a_signed_url_of_our_own(start, vendor):
    async with start() as server:
        lan, plugin = server.contact("Lan"), await server.plugin("phone")
        await lan.says("Hello.")
        await lan.hears()
        key = await plugin.media.put(b"GIF89a", "image/gif")
        await plugin.conversations.send(lan.id, "picture", "a picture", media=[key])
        assert await lan.hears() == "a picture"
        (url,) = vendor.taken[-1][1].media_urls
        assert f"/media/clinic/{key}?" in url
        assert (await lan.received())[-1].media == (Media(content_type="", key=key),)


async def test_the_rate_is_one_of_a_tenants_sender(start):
    async with start() as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        (budget,) = await server.repository().find(BUDGETS, {}, limit=10)
        assert (budget.id, budget.limit) == ("send/phone/phone:desk", 10_000)
        assert list(budget.shares) == [server.server.instance]


async def test_a_message_that_has_to_wait_long_for_its_sender_waits_without_the_lease(start, vendor, monkeypatch):
    answers = [0.0, 30.0]

    async def reserve(budgets, tenant, key, limit, amount=1, *, patience=0.0):
        assert patience <= 1
        wait = answers.pop() if answers else 0.0
        return NotBefore(budgets._store.now() + timedelta(seconds=wait)) if wait else Reservation(None, 1)

    async with start() as server:
        monkeypatch.setattr(Budgets, "reserve", reserve)
        lan = server.contact("Lan")
        began = server.clock.monotonic()
        await lan.says("Hello.")

        async def put_off():
            due = await server.server.store.due.get("lane", "clinic", lan.id)
            conversation = await server.repository().get(CONVERSATIONS, lan.id)
            ahead = due is not None and due.due_at > server.clock.now() + timedelta(seconds=25)
            return ahead and conversation.lane_lease is None

        await server.until("the lane comes back later", put_off)
        assert vendor.calls == 0
        await lan.hears()
        assert server.clock.monotonic() - began >= 30 and vendor.calls == 1
        assert (await lan.received())[0].attempts == 1, "no attempt was made before"


async def test_waiting_for_the_rate_a_take_over_is_still_noticed(start, vendor, outbound, monkeypatch):
    """The bot's words wait for the sender's rate; an operator takes over meanwhile."""
    async with start() as server:
        lan, reserve = server.contact("Lan"), Budgets.reserve

        async def taking(*arguments, **named):
            answer = await reserve(*arguments, **named)
            await server.server.ownership.take("clinic", lan.id, "Hoa")
            return answer

        monkeypatch.setattr(Budgets, "reserve", taking)
        await lan.says("Hello.")
        message = await outbound(server, lan, "withdrawn")
        assert vendor.calls == 0 and "taken over" in message.error


async def test_an_attempt_is_not_made_with_a_lease_about_to_end(start, vendor, monkeypatch):
    from frontdesk.leases import Held

    async with start() as server:
        lan, left = server.contact("Lan"), Held.seconds_left
        calls = []

        def late_once(held):
            calls.append(1)
            return 5.0 if len(calls) == 1 else left(held)

        monkeypatch.setattr(Held, "seconds_left", late_once)
        await lan.says("Hello.")
        assert await lan.hears() == "You said: Hello."
        assert vendor.calls == 1 and (await lan.received())[0].attempts == 1
        assert len(calls) == 2


async def test_a_message_becomes_useless_while_it_is_retried(start, vendor, outbound):
    async with start(plugins=WITH_LISTENER, useful_for="1 min") as server:
        lan = server.contact("Lan")

        def busy(message):
            raise RetryLater("busy", after=20)

        vendor.before = busy
        await lan.says("Hello.")
        message = await outbound(server, lan, "expired")
        assert server.clock.now() - message.at >= timedelta(minutes=1)
        assert (await told(server))[0][1] == "expired"


async def test_a_store_that_is_away_between_intent_and_gate_is_asked_again(start, vendor, monkeypatch):
    """Nothing was sent: nobody need find that out from the provider."""
    closed, asked = gates.closed, []

    async def once_away(*arguments):
        asked.append(1)
        if len(asked) == 1:
            raise StoreUnavailable("fail-over")
        return await closed(*arguments)

    async with start() as server:
        lan = server.contact("Lan")
        monkeypatch.setattr(gates, "closed", once_away)
        began = server.clock.monotonic()
        await lan.says("Hello.")
        async with asyncio.timeout(10):
            while not asked:
                await asyncio.sleep(0.01)
        server.clock.advance(sending.STORE_PAUSE)
        await lan.hears()
        assert server.clock.monotonic() - began < 5 and vendor.asked == 0


async def test_waiting_for_an_earlier_commit_counts_as_no_attempt(start, vendor):
    async with start() as server:
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.quiet()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        # A process died right after its commit: for the rest of its lease nothing that follows is written.
        until = server.clock.now() + timedelta(seconds=20)
        await leases.change(
            server.repository(),
            lan.id,
            lambda _: {"turn_lease": Lease(token="dead", until=until), "last_commit": Commit(turn="x", first_place=1)},
        )

        def refuse(message):
            raise RetryLater("busy", after=3)

        vendor.before = refuse
        said = await server.server.ownership.say("clinic", lan.id, "Hoa", "Good morning.")

        async def refused():
            message = await server.repository().get(MESSAGES, said.id)
            return message if message.error == "busy" else None

        message = await server.until("it was refused once", refused)
        assert server.clock.now() > until - timedelta(seconds=1), "it waited"
        assert message.attempts == 1 and message.not_before - server.clock.now() < timedelta(seconds=10)
