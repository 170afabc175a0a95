"""Outbound webhooks: what happens is told to who subscribes, signed, at least once, and to nobody in our own network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from quart import Quart, request

from frontdesk.auth import Principal
from frontdesk.events import types
from frontdesk.events.delivering import BACK_OFF
from frontdesk.events.post import BadUrl, check_url, post
from frontdesk.services.secrets import new_key
from frontdesk.services.subscriptions import SubscriptionError
from frontdesk.store.collections import DELIVERIES, SUBSCRIPTIONS, TASKS
from frontdesk.testing.death import Died
from frontdesk.work import Again, Finished

AT_ONCE = {"settle": {"quiet_seconds": 0}}
EVERYTHING = tuple(types.EVENTS)
DAY = 86_400
HOA = Principal(id="hoa", name="Hoa", display_name="Hoa", roles={"clinic": "owner"})


@dataclass
class Receiver:
    """What a business runs: keeps what came, verified or not, and answers what it is told to."""

    url: str = ""
    came: list[dict[str, Any]] = field(default_factory=list)
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: Any = 204

    def app(self) -> Quart:
        app = Quart("receiver")

        @app.post("/")
        async def take():
            body = await request.get_data()
            event = json.loads(body)
            self.raw.append((dict(request.headers), body))
            answer = self.answers(event) if callable(self.answers) else self.answers
            if answer == 204:
                self.came.append({"id": request.headers["webhook-id"], **event})
            return ("no room for you <b>here</b>" if answer != 204 else ""), answer

        return app

    @property
    def told(self):
        return [event["type"] for event in self.came]


def verified(secret, headers, body):
    """As the specification of Standard Webhooks says, in the words of who receives."""
    head = {name.lower(): value for name, value in headers.items()}
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in head["webhook-signature"].split(" ")


@pytest.fixture
def subscribed(desk, serving, monkeypatch):
    """`async with subscribed() as (server, desk_of, receiver, made)`: a desk whose events go to a receiver."""
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())

    @asynccontextmanager
    async def start(events=EVERYTHING, *, private=True, **more):
        receiver = Receiver()
        settings = {"webhooks": {"private_addresses": private}}
        tenants = {"clinic": AT_ONCE, "other": AT_ONCE}
        async with serving(receiver.app()) as url, desk(tenants=tenants, server=settings) as server:
            receiver.url = f"{url}/"
            here = server.server
            desk_of = here.office.subscriptions
            made = await desk_of.make("clinic", HOA, receiver.url, events, **more) if private else None
            yield server, desk_of, receiver, made

    return start


async def heard(server, receiver, *wanted):
    async def all_of_them():
        return all(receiver.told.count(type) >= wanted.count(type) for type in wanted)

    await server.until(f"the receiver hears of {wanted}; it heard {receiver.told}", all_of_them)


async def test_a_conversation_is_told_signed_and_without_a_word_of_it(subscribed):
    async with subscribed() as (server, _, receiver, made):
        lan = server.contact("Lân", phone="+84901234567")
        await lan.says("Tôi muốn đặt lịch.")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await server.server.ownership.hand_off("clinic", lan.id, "chị ấy giận")
        wanted = ["message.received", "turn.committed", "message.sent", "conversation.taken"]
        await heard(server, receiver, *wanted, "conversation.released", "handoff")
        assert receiver.told.index("message.received") < receiver.told.index("message.sent")
        assert receiver.told.index("conversation.taken") < receiver.told.index("conversation.released")
        for headers, body in receiver.raw:
            assert verified(made.secret, headers, body)
            assert not verified("whsec_" + "A" * 44, headers, body)
            assert all(word not in body.decode() for word in ("Lân", "đặt lịch", "giận", "+8490", "You said"))
        first = receiver.came[0]
        assert first["data"]["tenant"] == "clinic" and first["data"]["conversation"] == lan.id
        await server.quiet()
        assert len({event["id"] for event in receiver.came}) == len(receiver.came), "each is told once"
        assert await server.repository().find(TASKS, {"state": "waiting", "at": server.server.store.now()}) == []


async def test_with_content_it_says_what_was_said(subscribed):
    async with subscribed(["message.received"], content=True) as (server, _, receiver, _made):
        lan = server.contact("Lân", phone="+84901234567")
        await lan.says("Tôi muốn đặt lịch.")
        await heard(server, receiver, "message.received")
        data = receiver.came[0]["data"]
        assert data["message"]["text"] == "Tôi muốn đặt lịch."
        assert data["contact"] == {"id": lan.id, "name": "Lân", "phone": "+84901234567"}
        assert receiver.told == ["message.received"]


async def test_who_does_not_subscribe_costs_and_hears_nothing(subscribed):
    async with subscribed() as (server, _, receiver, _made):
        other = server.contact("Minh", tenant="other")
        await other.says("Hello.")
        await other.hears()
        await server.quiet()
        assert receiver.raw == []
        runtime = await server.server.runtimes.get("other")
        assert runtime.hook("on_message") == (), "no hook, so that nothing is written beside a message"
        assert await server.repository("other").find(DELIVERIES, {}) == []


async def test_another_process_hears_of_a_subscription_within_seconds(subscribed):
    async with subscribed() as (server, desk_of, _, _made):
        (there,) = await desk_of.list("clinic")
        server.server.subscribers._known.clear()  # as in a process that did not make it
        assert not server.server.subscribers.wants("clinic", "handoff")

        async def known():
            return server.server.subscribers.wants("clinic", "handoff")

        began = server.clock.monotonic()
        await server.until("it is known", known)
        assert server.clock.monotonic() - began < 5
        assert there.events == EVERYTHING


async def test_a_receiver_that_is_away_holds_up_its_line_and_hears_all_in_order(subscribed):
    async with subscribed(["conversation.taken", "conversation.released"]) as (server, desk_of, receiver, made):
        receiver.answers = 503
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        for _ in range(2):
            await server.server.ownership.take("clinic", lan.id, "Hoa")
            await server.server.ownership.release("clinic", lan.id, "Hoa")

        async def tried_twice():
            return len(receiver.raw) >= 2

        await server.until("it is tried twice", tried_twice)
        assert len({headers["Webhook-Id"] for headers, _ in receiver.raw}) == 1, "the others wait behind the first"
        receiver.answers = 204
        await heard(server, receiver, *["conversation.taken", "conversation.released"] * 2)
        assert receiver.told == ["conversation.taken", "conversation.released"] * 2
        await server.quiet()
        log = await desk_of.log("clinic", made.subscription.id)
        assert [each.state for each in log] == ["delivered"] * 4
        assert log[-1].attempts >= 3 and log[-1].tried[0].said == "no room for you <b>here</b>"


async def test_one_event_that_is_refused_steps_aside(subscribed):
    async with subscribed(["conversation.taken", "conversation.released"]) as (server, _, receiver, _made):
        receiver.answers = lambda event: 500 if event["type"] == "conversation.taken" else 204
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        await server.server.ownership.release("clinic", lan.id, "Hoa")
        await heard(server, receiver, "conversation.released")
        assert len(receiver.raw) == 4, "three times the one, then the other"


async def test_after_three_days_it_is_disabled_and_enabled_again_it_goes_on(subscribed):
    async with subscribed(["conversation.taken"]) as (server, desk_of, receiver, made):
        receiver.answers = 503
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await server.server.ownership.take("clinic", lan.id, "Hoa")
        began = server.clock.monotonic()

        async def disabled():
            (waiting,) = await server.repository().find(DELIVERIES, {"conversation": lan.id})
            idle = server.server.worker.busy == 0  # else the claim of who is at it would run out
            if idle and waiting.next_at is not None and waiting.next_at > server.clock.now():
                server.clock.advance((waiting.next_at - server.clock.now()).total_seconds())
            return not (await desk_of.get("clinic", made.subscription.id)).enabled

        await server.until("it is disabled", disabled)
        assert len(receiver.raw) == len(BACK_OFF) + 1
        assert 2.9 * DAY < server.clock.monotonic() - began < 3.4 * DAY, server.clock.monotonic() - began
        found = await desk_of.get("clinic", made.subscription.id)
        assert "not taken in three days" in found.disabled_reason
        assert not server.server.subscribers.wants("clinic", "conversation.taken")
        with pytest.raises(SubscriptionError, match="enable it first"):
            await desk_of.send_again("clinic", HOA, found.id, (await desk_of.log("clinic", found.id))[0].id)
        receiver.answers = 204
        await desk_of.change("clinic", HOA, found.id, enabled=True)
        await desk_of.send_again("clinic", HOA, found.id, (await desk_of.log("clinic", found.id))[0].id)
        await heard(server, receiver, "conversation.taken")


async def test_gone_ends_it_at_once(subscribed):
    async with subscribed(["conversation.taken"]) as (server, desk_of, receiver, made):
        receiver.answers = 410
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await server.server.ownership.take("clinic", lan.id, "Hoa")

        async def disabled():
            return not (await desk_of.get("clinic", made.subscription.id)).enabled

        await server.until("it is disabled", disabled)
        assert len(receiver.raw) == 1


async def test_whoever_dies_between_the_change_and_the_event_has_it_told_all_the_same(subscribed, monkeypatch):
    async with subscribed(["conversation.taken", "message.sent"]) as (server, _, receiver, _made):
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        subscribers = server.server.subscribers

        async def dies(*_):
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(subscribers, "owner_changed", dies)
            with pytest.raises(Died):
                await server.server.ownership.take("clinic", lan.id, "Hoa")
        await heard(server, receiver, "message.sent", "conversation.taken")
        taken = next(event for event in receiver.came if event["type"] == "conversation.taken")
        assert taken["data"]["owner"] == "operator:Hoa"


async def test_what_is_written_while_the_line_ends_is_sent(subscribed, monkeypatch):
    async with subscribed(["handoff"]) as (server, _, receiver, _made):
        here = server.server
        ended = here.deliveries._ended
        came = []

        async def one_more_comes(repository, task):
            # Nothing was there when the line was looked at; one more comes before its task is taken away.
            if not came:
                came.append(task)
                await here.subscribers.tell("clinic", "handoff", "two")
            outcome = await ended(repository, task)
            came.append(outcome)
            return outcome

        monkeypatch.setattr(here.deliveries, "_ended", one_more_comes)
        await here.subscribers.tell("clinic", "handoff", "one")
        await heard(server, receiver, "handoff", "handoff")
        await server.quiet()
        assert isinstance(came[1], Again) and isinstance(came[2], Finished)


async def test_an_erased_contact_leaves_the_deliveries_and_is_told(subscribed):
    async with subscribed() as (server, _, receiver, _made):
        lan = server.contact("Lan")
        await lan.says("Hello.")
        await lan.hears()
        await heard(server, receiver, "message.received", "message.sent")
        await server.server.erasing.begin("clinic", lan.id)
        await heard(server, receiver, "contact.erased")
        assert await server.repository().find(DELIVERIES, {"conversation": lan.id}) == []
        assert receiver.came[-1]["data"] == {"tenant": "clinic", "contact": lan.id}


async def test_for_a_day_a_new_secret_stands_beside_the_old_one(subscribed):
    async with subscribed(["handoff"]) as (server, desk_of, receiver, made):
        new = await desk_of.new_secret("clinic", HOA, made.subscription.id)
        await server.server.subscribers.tell("clinic", "handoff", "one")
        await heard(server, receiver, "handoff")
        assert all(verified(secret, *receiver.raw[-1]) for secret in (made.secret, new.secret))
        server.clock.advance(DAY + 1)
        await server.server.subscribers.tell("clinic", "handoff", "two")
        await heard(server, receiver, "handoff", "handoff")
        assert verified(new.secret, *receiver.raw[-1]) and not verified(made.secret, *receiver.raw[-1])


async def test_the_test_button_says_what_came_of_it(subscribed):
    async with subscribed(["handoff"]) as (server, desk_of, receiver, made):
        assert (await desk_of.test("clinic", HOA, made.subscription.id)).status == 204
        receiver.answers = 500
        attempt = await desk_of.test("clinic", HOA, made.subscription.id)
        assert (attempt.status, attempt.said) == (500, "no room for you <b>here</b>")
        assert [each.type for each in await desk_of.log("clinic", made.subscription.id)] == ["test", "test"]
        await server.quiet()
        assert len(receiver.raw) == 2, "a test is not repeated"


async def test_an_ended_subscription_leaves_nothing(subscribed):
    async with subscribed() as (server, desk_of, receiver, made):
        receiver.answers = 503
        await server.server.subscribers.tell("clinic", "handoff", "one")
        await desk_of.delete("clinic", HOA, made.subscription.id)
        await server.quiet()
        repository = server.repository()
        assert await repository.find(SUBSCRIPTIONS, {}) == await repository.find(DELIVERIES, {}) == []
        assert await server.server.secrets.names("clinic") == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://crm.example.com/", "only https"),
        ("https://127.0.0.1/", "private network"),
        ("https://[::1]/", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
        ("https://10.0.0.8/", "private network"),
        ("https://[::ffff:10.0.0.8]/", "private network"),
        ("https://[64:ff9b::a00:8]/", "private network"),
        ("https://[fd00::1]/", "private network"),
        ("https://localhost/", "private network"),
        ("https://hoa:secret@crm.example.com/", "name or password"),
        ("https://crm.example.com/#x", "never sent"),
        ("ftp://crm.example.com/", "only https"),
        ("https:///x", "names no host"),
        ("https://crm.example.com:99999/", "no URL"),
    ],
)
async def test_a_url_that_leads_home_is_not_taken(subscribed, url, why):
    async with subscribed(private=False) as (_, desk_of, _receiver, _made):
        with pytest.raises(SubscriptionError, match=why):
            await desk_of.make("clinic", HOA, url, ["handoff"])


@pytest.mark.parametrize(
    "host",
    [
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "[::127.0.0.1]",
        "[64:ff9b:1::a00:8]",
        "[fec0::1]",
    ],
)
async def test_an_address_in_disguise_is_not_connected_to(host):
    """What the connection would take for an address is not asked of the resolver: it is looked at as an address."""
    with pytest.raises(BadUrl, match="private network"):
        check_url(f"https://{host}:9/", private=False)
    # Nor is what was stored before it was looked at.
    assert "private network" in (await post(f"https://{host}:9/", b"{}", {}, private=False)).said


def test_a_public_address_is_taken_as_it_is():
    check_url("https://93.184.216.34/", private=False)
    check_url("https://[2606:2800:220:1::1]/", private=False)
    check_url("https://nhàhàng.example.com/", private=False)


async def test_a_name_that_leads_home_is_not_connected_to(subscribed, monkeypatch):
    """A name may be pointed at us after it was checked: the address that is connected to is the checked one."""
    async with subscribed(private=False) as (_, desk_of, receiver, _made):
        loop = asyncio.get_running_loop()
        port = int(receiver.url.rsplit(":", 1)[1].strip("/"))

        async def home(host, port, **_):
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(loop, "getaddrinfo", home)
        made = await desk_of.make("clinic", HOA, f"https://crm.example.com:{port}/", ["handoff"])
        attempt = await desk_of.test("clinic", HOA, made.subscription.id)
        assert attempt.status == 0 and "private network" in attempt.said
        assert receiver.raw == []


async def test_a_redirect_is_not_followed(subscribed, serving):
    async with subscribed(["handoff"]) as (_, desk_of, receiver, made):
        elsewhere = Quart("elsewhere")

        @elsewhere.post("/")
        async def away():
            return "", 307, {"location": receiver.url}

        async with serving(elsewhere) as url:
            await desk_of.change("clinic", HOA, made.subscription.id, url=f"{url}/")
            assert (await desk_of.test("clinic", HOA, made.subscription.id)).status == 307
        assert receiver.raw == []


async def test_two_who_change_it_at_once_do_not_overwrite_each_other(subscribed):
    async with subscribed(["handoff"]) as (_, desk_of, _receiver, made):
        id, version = made.subscription.id, made.subscription.version
        assert await desk_of.change("clinic", HOA, id, version=version, description="CRM") is not None
        assert await desk_of.change("clinic", HOA, id, version=version, description="Other") is None
        assert (await desk_of.get("clinic", id)).description == "CRM"
