"""Promise 4: tenants cannot meet. Two tenants have the same contacts, ids and numbers of everything; then every route there
is gets tried with the other's references, and every collection is read for the other's words.

The lists are generated: a new route, webhook, channel or collection fails this file until it is tried here.
(tests/store/test_isolation.py tries every collection through the wrong tenant's repository, on every back end.)
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from frontdesk import Channel, ModelReply, Plugin, Taken, hookimpl
from frontdesk.clock import SystemClock
from frontdesk.config import Secret
from frontdesk.model import Consent, Note, Summary
from frontdesk.people import People
from frontdesk.services.secrets import SecretDesk, new_key
from frontdesk.store.collections import (
    AUDIT,
    COLLECTIONS,
    CONSENTS,
    CONVERSATIONS,
    DELIVERIES,
    DRAFTS,
    MESSAGES,
    NOTES,
    ONLOOKERS,
    SUBSCRIPTIONS,
    SUMMARIES,
    SYNCS,
)
from frontdesk.stored_events import Delivery, Subscription
from frontdesk.stored_onlookers import Onlooker
from frontdesk.stored_operators import AuditEntry
from frontdesk.stored_settings import Draft
from frontdesk.stored_syncs import Sync
from frontdesk.testing.desk import TestDesk
from frontdesk.testing.fake_twilio import FakeTwilio, InboundSpec
from frontdesk.web import webhooks

PUBLIC = "https://desk.example.com"
PERSON = "1a4" * 8
"""The same contact of the simulator in both tenants."""
LAN = "whatsapp:+84901234567"
ACCOUNTS = {"alpha": "AC" + "a" * 32, "beta": "AC" + "b" * 32}
TOKENS = {"alpha": "token-of-alpha", "beta": "token-of-beta"}
NUMBERS = {"alpha": "whatsapp:+14155230001", "beta": "whatsapp:+14155230002"}
WORDS = {"alpha": "ALPHA-WORDS", "beta": "BETA-WORDS"}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
OURS = {"X-Frontdesk-Simulator": "1"}
SID = "SM" + "0" * 32


class Parrot(Plugin):
    """Repeats what was said, and remembers."""

    @hookimpl
    async def think(self, request: Any) -> ModelReply:
        return ModelReply(text=f"{WORDS[self.tenant.id]}: {request.messages[-1].text}")

    @hookimpl
    async def on_message(self, message: Any) -> None:
        await self.store.put("notes", "same-key", {"text": WORDS[self.tenant.id]})
        await self.tasks.schedule("same", "key", datetime(2100, 1, 1, tzinfo=UTC), {"text": WORDS[self.tenant.id]})


@dataclass
class World:
    """Two tenants that have the same of everything, and everybody's way to them."""

    desk: TestDesk
    twilio: FakeTwilio
    http: aiohttp.ClientSession
    url: str
    files: dict[str, str]
    heard: dict[str, list[Any]]
    """What each tenant's phones heard: kept here, because what is changed over the file gives a tenant new plugins."""
    """Tenant → the key of a file that only it has."""

    def path(self, path: str) -> str:
        return f"{self.url}{path}"

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with self.http.get(self.path(path), **more) as answer:
            return answer.status, await answer.text(errors="replace")

    async def post(self, path: str, **more: Any) -> int:
        async with self.http.post(self.path(path), headers=OURS, **more) as answer:
            return answer.status

    async def everything(self, tenant: str) -> dict[str, list[Any]]:
        """Collection → all documents of a tenant."""
        repository = self.desk.repository(tenant)
        tenant_data = [collection for collection in COLLECTIONS if collection.tenant_data]
        return {collection.name: await repository.find(collection, {}, limit=1000) for collection in tenant_data}

    async def outbound(self, tenant: str, channel: str) -> Any:
        """The first message the desk sent on a channel."""
        repository = self.desk.repository(tenant)
        for conversation in await repository.find(CONVERSATIONS, {}):
            if conversation.channel == channel:
                where = {"conversation": conversation.id, "direction": "outbound"}
                return (await repository.find(MESSAGES, where, order_by="place", limit=1))[0]
        raise AssertionError(f"nothing was sent on {channel}")


@pytest.fixture
async def world(desk, serving, monkeypatch) -> AsyncIterator[World]:
    for tenant, token in TOKENS.items():
        monkeypatch.setenv(f"{tenant.upper()}_TOKEN", token)
    # A contact's id is made of the tenant, too. Here it is not: the store alone has to keep the two apart.
    id_of = People.id_of
    monkeypatch.setattr(People, "id_of", lambda people, _, *identity: id_of(people, "any", *identity))
    mark_of = People.mark_of
    monkeypatch.setattr(People, "mark_of", lambda people, _, message: mark_of(people, "any", message))
    async with FakeTwilio(reach={}) as twilio, aiohttp.ClientSession() as http:
        for tenant, sid in ACCOUNTS.items():
            twilio.add_account(sid, TOKENS[tenant])
        tenants = {tenant: _declared(tenant, twilio) for tenant in ACCOUNTS}
        plugins = {"parrot": Parrot}
        server = {"public_url": PUBLIC}
        async with desk(plugins=plugins, tenants=tenants, server=server, clock=SystemClock()) as running:
            async with serving(running.server) as url:
                twilio.world.reach[PUBLIC] = url
                yield await _lived_in(World(running, twilio, http, url, {}, {}))


def _declared(tenant: str, twilio: FakeTwilio) -> dict[str, Any]:
    settings = {
        "account_sid": ACCOUNTS[tenant],
        "auth_token": {"env": f"{tenant.upper()}_TOKEN"},
        "numbers": [NUMBERS[tenant]],
        "api_base_url": twilio.url,
    }
    plugins = ["phone", "simulator", {"twilio_whatsapp": settings}, "parrot"]
    return {"name": f"Name of {tenant}", "plugins": plugins, "settle": {"quiet_seconds": 0}}


async def _lived_in(world: World) -> World:
    """The same has happened in both: messages with the same ids on every channel, a file, a note, a task, a document."""
    for tenant, words in WORDS.items():
        async with world.http.post(
            world.path(f"/plugins/simulator/{tenant}/media"), data=PNG + words.encode(), headers=OURS
        ) as answer:
            world.files[tenant] = (await answer.json())["key"]
        message = {"id": "message-" + "0" * 16, "from": PERSON, "kind": "text", "text": words}
        assert await world.post(f"/webhooks/simulator/{tenant}", json=message) == 204
        spec = InboundSpec(body=words, from_=LAN, to=NUMBERS[tenant], sid=SID)
        form = world.twilio.compose(spec, ACCOUNTS[tenant])
        url = f"{PUBLIC}/webhooks/twilio_whatsapp/{tenant}"
        assert (await world.twilio.post(url, form, account_sid=ACCOUNTS[tenant])).status == 204
        contact = world.desk.contact("Lan", tenant=tenant)
        await contact.says(words, id="same-id")
        assert words in await contact.hears()
        world.heard[tenant] = (await world.desk.plugin("phone", tenant)).sent
        note = Note(id="same-note", conversation=contact.id, text=words, author="bot", at=world.desk.clock.now())
        assert await world.desk.repository(tenant).insert(NOTES, note)
        consent = Consent(
            id="same-consent", contact=contact.id, by="contact", what="start", at=note.at, channel="phone",
            message="same-id", text=words,
        )  # fmt: skip
        assert await world.desk.repository(tenant).insert(CONSENTS, consent)
        now = world.desk.clock.now()
        summary = Summary(id="same-summary", conversation=contact.id, text=words, until=now, made_at=now)
        assert await world.desk.repository(tenant).insert(SUMMARIES, summary)
        core = world.desk.server
        await core.leads.change(tenant, contact.id, key="same-key", by="bot", temperature="hot", stage=words)
        times = {"starts_at": now, "ends_at": now + timedelta(hours=1), "zone": "Europe/London"}
        await core.appointments.book(tenant, contact.id, key="same-key", by="bot", words=words, **times)
        taken = Taken(
            key="same-key", owner="same-key", begins=now, ends=times["ends_at"], state="booked", data={"words": words}
        )
        assert await (await world.desk.plugin("parrot", tenant)).days.take("same-resource", "Europe/London", taken)
        entry = AuditEntry(id="same-entry", at=now, who="lan", what="setting.changed", about=words)
        assert await world.desk.repository(tenant).insert(AUDIT, entry)
        onlooker = Onlooker(id="same-onlooker", conversation=contact.id, name="hoa", seen_at=now)
        assert await world.desk.repository(tenant).insert(ONLOOKERS, onlooker)
        subscription = Subscription(id="same-subscription", url=words, enabled=False, created_at=now, created_by=words)
        assert await world.desk.repository(tenant).insert(SUBSCRIPTIONS, subscription)
        delivery = Delivery(
            id="same-delivery", subscription=subscription.id, event="e", type="handoff", at=now, data={"words": words}
        )
        assert await world.desk.repository(tenant).insert(DELIVERIES, delivery)
        sync = Sync(id="same-sync", plugin="parrot", contact=contact.id, since=now, at=now, state="synced", link=words)
        assert await world.desk.repository(tenant).insert(SYNCS, sync)
        await core.office.insights.of(tenant, 7)
        draft = Draft(id="same-draft", sets=words, at=now, by="lan")
        assert await world.desk.repository(tenant).insert(DRAFTS, draft)
        gone = world.desk.contact("Gone", tenant=tenant)
        await gone.says(words, id="gone-id")
        await gone.hears()
        erasing = world.desk.server.erasing
        task = await erasing.begin(tenant, gone.id)
        async with asyncio.timeout(30):
            while await erasing.step(tenant, task) is not None:
                await asyncio.sleep(0.05)
        await world.desk.server.overlays.set(world.desk.server.written, tenant, "persona.role", words, "lan")
        await SecretDesk(world.desk.server.store, Secret.from_text(new_key())).set(tenant, "SAME_NAME", words, "lan")
    await world.desk.quiet()
    await world.twilio.idle()
    return world


@pytest.fixture
async def alphas(world: World) -> AsyncIterator[dict[str, list[Any]]]:
    """What alpha has; a test that tries to reach it as beta leaves it exactly so."""
    before = await world.everything("alpha")
    yield before
    assert await world.everything("alpha") == before


# Every route, tried as beta with what is alpha's.


async def media(world: World) -> None:
    link = urlsplit(world.desk.server.urls.make("alpha", world.files["alpha"], 60))
    signed = f"{link.path}?{link.query}"
    assert (await world.get(signed))[0] == 200
    assert (await world.get(signed.replace("alpha", "beta")))[0] == 404
    # Also for a file that both have: the signature is alpha's.
    content_type, content = await world.desk.server.media.get("alpha", world.files["alpha"])
    assert await world.desk.server.media.put("beta", content, content_type) == world.files["alpha"]
    assert (await world.get(signed.replace("alpha", "beta")))[0] == 404


async def simulator_page(world: World) -> None:
    status, text = await world.get("/plugins/simulator/beta/")
    assert status == 200
    assert "Name of beta" in text and "alpha" not in text.casefold()


async def simulator_static(world: World) -> None:
    path = "/plugins/simulator/{}/static/phone.js"
    assert (await world.get(path.format("alpha")))[1] == (await world.get(path.format("beta")))[1]


async def simulator_events(world: World) -> None:
    async with world.http.get(world.path(f"/plugins/simulator/beta/events?contact={PERSON}")) as answer:
        assert answer.status == 200
        seen = b""
        async with asyncio.timeout(5):
            while WORDS["beta"].encode() not in seen:
                seen += await answer.content.readany()
    assert WORDS["alpha"].encode() not in seen


async def simulator_receipts(world: World) -> None:
    ours = (await world.outbound("alpha", "simulator")).id
    body = {"contact": PERSON, "delivered": [ours], "read": [ours]}
    assert await world.post("/plugins/simulator/beta/receipts", json=body) == 204


async def simulator_give_back(world: World) -> None:
    phone = await world.desk.plugin("simulator", "beta")
    theirs = await phone.conversations.of("simulator", PERSON)
    handed_off = await world.desk.server.ownership.hand_off("beta", theirs.id, "asked for a person")
    body = {"contact": PERSON, "epoch": handed_off.owner_epoch}
    assert await world.post("/plugins/simulator/alpha/give-back", json=body) == 204, "alpha's bot has it"
    assert (await phone.conversations.get(theirs.id)).owner == "nobody"
    assert await world.post("/plugins/simulator/beta/give-back", json=body) == 204
    assert (await phone.conversations.get(theirs.id)).owner == "bot"


async def simulator_upload(world: World) -> None:
    async with world.http.post(world.path("/plugins/simulator/beta/media"), data=PNG + b"new", headers=OURS) as answer:
        key = (await answer.json())["key"]
    assert (await world.get(f"/plugins/simulator/beta/media/{key}"))[0] == 200
    assert await world.desk.server.media.get("alpha", key) is None


async def simulator_file(world: World) -> None:
    assert (await world.get(f"/plugins/simulator/alpha/media/{world.files['alpha']}"))[0] == 200
    for key in (world.files["alpha"], f"..%2Falpha%2F{world.files['alpha']}"):
        assert (await world.get(f"/plugins/simulator/beta/media/{key}"))[0] == 404


async def simulator_webhook(world: World) -> None:
    picture = {"id": "message-" + "1" * 16, "from": PERSON, "kind": "image", "media": {"key": world.files["alpha"]}}
    assert await world.post("/webhooks/simulator/beta", json=picture) == 400


async def twilio_webhook(world: World) -> None:
    """Alpha's own message, signed by alpha, posted to beta's address; then a forgery in alpha's name."""
    form = world.twilio.compose(InboundSpec(body="x", from_=LAN, to=NUMBERS["alpha"]), ACCOUNTS["alpha"])
    before = await world.everything("beta")
    for url in (f"{PUBLIC}/webhooks/twilio_whatsapp/beta", f"{PUBLIC}/webhooks/twilio_whatsapp/beta?tenant=alpha"):
        assert (await world.twilio.post(url, form, account_sid=ACCOUNTS["alpha"])).status == 403
    url = f"{PUBLIC}/webhooks/twilio_whatsapp/alpha"
    assert (await world.twilio.post(url, form, account_sid=ACCOUNTS["beta"])).status == 403
    assert await world.everything("beta") == before


async def twilio_shared_webhook(world: World) -> None:
    url = f"{PUBLIC}/webhooks/twilio_whatsapp"
    before = await world.everything("beta")
    form = world.twilio.compose(InboundSpec(body="x", from_=LAN, to=NUMBERS["alpha"]), ACCOUNTS["alpha"])
    assert (await world.twilio.post(url, form, account_sid=ACCOUNTS["beta"])).status == 403
    mixed = world.twilio.compose(InboundSpec(body="x", from_=LAN, to=NUMBERS["alpha"]), ACCOUNTS["beta"])
    assert (await world.twilio.post(url, mixed, account_sid=ACCOUNTS["beta"])).status in (403, 404)
    assert await world.everything("beta") == before


async def twilio_status(world: World) -> None:
    sent = await world.outbound("alpha", "twilio_whatsapp")
    form = [
        ("MessageSid", sent.provider_id),
        ("MessageStatus", "failed"),
        ("ErrorCode", "63016"),
        ("AccountSid", ACCOUNTS["beta"]),
        ("From", NUMBERS["beta"]),
        ("To", LAN),
    ]
    theirs = f"{PUBLIC}/webhooks/twilio_whatsapp/beta/status/{sent.id}"
    assert (await world.twilio.post(theirs, form, account_sid=ACCOUNTS["beta"])).status == 204
    url = f"{PUBLIC}/webhooks/twilio_whatsapp/alpha/status/{sent.id}"
    assert (await world.twilio.post(url, form, account_sid=ACCOUNTS["beta"])).status == 403


async def nobody_listens(world: World, path: str) -> None:
    assert await world.post(path, json={"id": "message-" + "2" * 16, "from": PERSON, "text": "x"}) in (404, 503)


def unheard(path: str) -> Callable[[World], Awaitable[None]]:
    return lambda world: nobody_listens(world, path)


TRIED: dict[str, Callable[[World], Awaitable[None]]] = {
    "GET /media/<tenant>/<key>": media,
    "GET /plugins/simulator/<tenant>/": simulator_page,
    "GET /plugins/simulator/<tenant>/static/<path:filename>": simulator_static,
    "GET /plugins/simulator/<tenant>/events": simulator_events,
    "POST /plugins/simulator/<tenant>/receipts": simulator_receipts,
    "POST /plugins/simulator/<tenant>/give-back": simulator_give_back,
    "POST /plugins/simulator/<tenant>/media": simulator_upload,
    "GET /plugins/simulator/<tenant>/media/<key>": simulator_file,
    "POST /webhooks/simulator/TENANT": simulator_webhook,
    "POST /webhooks/simulator": unheard("/webhooks/simulator"),
    "POST /webhooks/simulator/TENANT/status/MESSAGE": unheard("/webhooks/simulator/beta/status/same-id"),
    "POST /webhooks/phone": unheard("/webhooks/phone"),
    "POST /webhooks/phone/TENANT": unheard("/webhooks/phone/beta"),
    "POST /webhooks/phone/TENANT/status/MESSAGE": unheard("/webhooks/phone/beta/status/same-id"),
    "POST /webhooks/twilio_whatsapp": twilio_shared_webhook,
    "POST /webhooks/twilio_whatsapp/TENANT": twilio_webhook,
    "POST /webhooks/twilio_whatsapp/TENANT/status/MESSAGE": twilio_status,
}
"""Route → how it is tried."""

BEHIND_THE_DOOR = ("admin_ui.", "api.")
"""The operators' pages and the API: tests/admin_ui/test_isolation.py tries each of them with every role."""

OF_NO_TENANT = {
    "GET /healthz": "the process",
    "GET /metrics": "the process, the names of plugins, and sums over tenants",
    "GET /readyz": "the process, and the names of plugins",
}


def routes(desk: TestDesk) -> set[str]:
    """Every route of the server but the operators' own: Quart's map, and the webhooks' routes for each channel."""
    found = {
        f"{method} {rule.rule}"
        for rule in desk.server.quart.url_map.iter_rules()
        if not rule.endpoint.startswith(BEHIND_THE_DOOR)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    channels = [kind.name for kind in desk.server.registry.loaded() if kind.is_channel]
    return found | {f"POST {path.replace('CHANNEL', channel)}" for path, _ in webhooks.ROUTES for channel in channels}


async def test_every_route_there_is_gets_tried(world):
    assert routes(world.desk) == set(TRIED) | set(OF_NO_TENANT), (
        "write into TRIED how a new route is tried with another tenant's references (or why it has no tenant)"
    )


@pytest.mark.parametrize("route", TRIED)
async def test_a_route_never_reaches_the_other_tenant(world, alphas, route):
    await TRIED[route](world)
    await world.desk.quiet()


@pytest.mark.parametrize("route", [route for route in OF_NO_TENANT if "<" not in route])
async def test_what_belongs_to_no_tenant_shows_nothing_of_theirs(world, route):
    status, text = await world.get(route.removeprefix("GET "))
    assert status == 200
    assert not any(words in text for words in (*WORDS.values(), *TOKENS.values(), *ACCOUNTS.values(), LAN))


# Every collection, read for what is not its tenant's.


async def test_every_collection_has_the_same_ids_in_both_and_only_its_own_words(world):
    alpha, beta = await world.everything("alpha"), await world.everything("beta")
    for name in alpha:
        assert alpha[name] and beta[name], f"{name} is empty: let _lived_in write into it, so that this test sees it"
        assert {document.id for document in alpha[name]} & {document.id for document in beta[name]}, (
            f"{name}: no id is in both tenants, so nothing is proven"
        )
    for own, foreign, documents in (("alpha", "beta", alpha), ("beta", "alpha", beta)):
        text = str([dataclasses.asdict(document) for found in documents.values() for document in found])
        assert WORDS[own] in text
        for never in (WORDS[foreign], ACCOUNTS[foreign], TOKENS[foreign], NUMBERS[foreign], world.files[foreign]):
            assert never not in text


async def test_what_reached_the_contacts_came_from_the_tenant_they_wrote_to(world):
    for tenant in ACCOUNTS:
        sent = [message for message in world.twilio.sent if message.account_sid == ACCOUNTS[tenant]]
        assert sent and all(WORDS[tenant] in message.body and message.from_ == NUMBERS[tenant] for message in sent)
        heard = world.heard[tenant]
        assert heard and all(WORDS[tenant] in message.text for message in heard)


async def test_a_plugins_services_reach_its_own_tenant_and_its_own_documents(world, alphas):
    beta = await world.desk.plugin("parrot", "beta")
    simulator = await world.desk.plugin("simulator", "beta")
    assert await beta.store.get("notes", "same-key") == {"text": WORDS["beta"]}
    assert await simulator.store.get("notes", "same-key") is None
    assert await beta.media.get(world.files["alpha"]) is None
    only_alphas = world.desk.contact("Only alpha's", tenant="alpha")
    assert await beta.conversations.get(only_alphas.id) is None
    conversation = await beta.conversations.of("phone", "phone:Lan")
    assert WORDS["alpha"] not in str(await beta.conversations.messages(conversation.id))
    assert await beta.tasks.cancel("same", "key")
    await beta.store.put("notes", "same-key", {"text": "changed"})
    assert await beta.store.delete("notes", "same-key")


def test_channels_of_this_test_are_all_there_are():
    from importlib.metadata import entry_points

    bundled = [
        point.load() for point in entry_points(group="frontdesk.plugins") if point.value.startswith("frontdesk.")
    ]
    channels = {kind.__name__ for kind in bundled if issubclass(kind, Channel)}
    assert channels == {"Simulator", "TwilioWhatsapp"}, "list a new channel for both tenants, and try its webhooks"
