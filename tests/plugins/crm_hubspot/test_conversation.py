"""A whole server with the offline model: who writes is in HubSpot, with deal and conversation, whatever HubSpot does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from frontdesk.auth import Principal
from frontdesk.plugins.crm_hubspot import CrmHubspot
from frontdesk.plugins.rehearsal_llm import RehearsalLlm
from frontdesk.store.collections import SYNCS, TASKS
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_hubspot import FakeHubspot, Fault, event, signed

from .conftest import LAN, SECRET

HOA = Principal(id="hoa", name="hoa", display_name="Hoa", roles={"clinic": "owner"})
PLACE = {
    "vi": {
        "language": "vi",
        "time_zone": "Asia/Ho_Chi_Minh",
        "persona": {"name": "Sen"},
        "facts": [{"topic": "giá niềng răng", "answer": "Niềng răng từ 30.000.000đ."}],
    },
    "en": {
        "language": "en",
        "time_zone": "Europe/London",
        "persona": {"name": "Grace"},
        "facts": [{"topic": "price of braces", "answer": "Braces cost £2,000."}],
    },
}
SAID = {
    "vi": ("Nguyễn Thị Lan", LAN, "giá niềng răng bao nhiêu vậy em", "30.000.000đ", ("Lan", "Nguyễn Thị")),
    "en": ("Tom Baker", "+447700900123", "what is the price of braces?", "£2,000", ("Tom", "Baker")),
}
Start = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def place(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Start:
    """`async with place("vi") as (server, hubspot):`; both have the same clock."""

    @asynccontextmanager
    async def start(language: str, **settings: Any) -> AsyncIterator[Any]:
        clock = MovableClock()
        monkeypatch.setenv("HUBSPOT_SECRET", SECRET)
        async with FakeHubspot(clock=clock) as hubspot:
            monkeypatch.setenv("HUBSPOT_TOKEN", hubspot.account.token)
            given = {
                "access_token": {"env": "HUBSPOT_TOKEN"},
                "client_secret": {"env": "HUBSPOT_SECRET"},
                "api_base_url": hubspot.url,
                "push_after": 3,
                **settings,
            }
            tenants = {"clinic": {**PLACE[language], "settle": {"quiet_seconds": 0}}}
            plugins = {"model": RehearsalLlm, "crm_hubspot": CrmHubspot}
            public = {"public_url": "https://desk.example.com", "times": {"sdk_timeout": 0.6}}
            more = {"settings": {"crm_hubspot": given}, "tenants": tenants, "server": public, "clock": clock}
            async with desk(plugins=plugins, **more) as server:
                yield server, hubspot
            assert not hubspot.refused, "a request that HubSpot would refuse"

    return start


async def state_of(server: Any, contact: Any) -> Any:
    return await server.repository().get(SYNCS, f"crm_hubspot.{contact.id}")


async def synced(server: Any, contact: Any) -> Any:
    async def there() -> Any:
        found = await state_of(server, contact)
        return found if found is not None and found.state == "synced" else None

    return await server.until("the contact is at HubSpot", there)


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_from_the_first_message_to_a_deal_that_comes_back(place: Start, language: str) -> None:
    name, phone, asks, answer, (first, last) = SAID[language]
    async with place(language, owners={"hoa": "hoa@example.com"}) as (server, hubspot):
        hubspot.account.owners = {"hoa@example.com": "11"}
        account, core = hubspot.account, server.server
        lan = server.contact(name, phone=phone)
        await lan.says(asks)
        assert answer in await lan.hears()
        done = await synced(server, lan)
        record = account.one("contacts")
        assert (record.properties["firstname"], record.properties["lastname"]) == (first, last)
        assert record.properties["phone"] == phone and done.link.endswith(f"/record/0-1/{record.id}")
        said = account.one("communications").properties["hs_communication_body"]
        assert asks in said and answer in said and account.all("deals") == []

        await core.leads.change(
            "clinic", lan.id, key="hot", by="plugin:x", temperature="hot", fields={"need": "braces"}
        )
        start = core.store.now() + timedelta(days=1)
        visit = {"starts_at": start, "ends_at": start + timedelta(hours=1), "zone": PLACE[language]["time_zone"]}
        booked = await core.appointments.book("clinic", lan.id, key="b", by="bot", service="X", **visit)
        await server.until("there is a deal", lambda: _truth(account.all("deals")))
        await synced(server, lan)
        deal = account.one("deals")
        assert deal.properties["dealstage"] == "appointmentscheduled" and len(account.all("contacts")) == 1
        assert account.linked("deals", deal.id, "contacts") == [record.id]
        await core.appointments.become("clinic", booked.id, "cancelled", key="c", by="operator:hoa")
        await server.until("it follows", lambda: _truth(deal.properties["dealstage"] == "qualifiedtobuy"))
        await synced(server, lan)

        # A salesperson moves the deal and takes it over; HubSpot tells; nothing goes back there.
        account.write(deal, {"dealstage": "contractsent", "hubspot_owner_id": "11"})
        calls = hubspot.calls["deals/batch/upsert"]
        url = "https://desk.example.com/plugins/crm_hubspot/clinic/webhook"
        told = [event("deal.propertyChange", deal.id, core.clock.now(), propertyName="dealstage")]
        headers, body = signed(url, told, SECRET, core.clock.now())
        client = core.quart.test_client()
        assert (await client.post("/plugins/crm_hubspot/clinic/webhook", data=body, headers=headers)).status_code == 204
        wrong = {**headers, "X-HubSpot-Signature-v3": "x"}
        assert (await client.post("/plugins/crm_hubspot/clinic/webhook", data=body, headers=wrong)).status_code == 403

        async def taken_back() -> bool:
            lead = await core.leads.get("clinic", lan.id)
            return lead is not None and (lead.stage, lead.owner) == ("Contract Sent", "hoa")

        await server.until("it comes back", taken_back)
        await server.quiet()
        assert hubspot.calls["deals/batch/upsert"] == calls, "and goes no further"


async def _truth(value: Any) -> Any:
    return value


SLOW = Fault(kind="hang", seconds=2, path="batch")
FAULTS = {
    "slow": SLOW,
    "down": Fault(kind="error", status=503, times=3),
    "throttling": Fault(kind="limit", times=2),
    "nonsense": Fault(kind="garbage", path="batch", times=2),
    "accept-then-drop": Fault(kind="accept_then_drop", path="batch/upsert", times=2),
    "locked": Fault(kind="error", status=423, path="batch", times=2),
    "expired": Fault(kind="expired", times=2),
}


ORDINARY = ("down", "accept-then-drop", "expired")
"""Those that the ordinary run has, too; of the others test_contacts.py has the errors that the plugin raises."""


@pytest.mark.parametrize(
    "fault",
    [each if each in ORDINARY else pytest.param(each, marks=pytest.mark.slow) for each in FAULTS],
)
async def test_whatever_hubspot_does_nothing_is_lost_nothing_is_twice_and_it_is_seen(place: Start, fault: str) -> None:
    async with place("en", match_phones=False) as (server, hubspot):
        tom = server.contact("Tom Baker", phone="+447700900123")
        hubspot.faults.add(FAULTS[fault])
        await tom.says("what is the price of braces?")
        assert "£2,000" in await tom.hears(), "the contact notices nothing"

        async def seen() -> Any:
            found = await state_of(server, tom)
            return found if found is not None and found.error else None

        trouble = await server.until("it is seen", seen)
        assert trouble.error.startswith("HubSpot")

        async def shown() -> Any:
            return (await server.server.office.failures.causes("clinic")).causes

        if fault == "expired":
            causes = await server.until("it is among the failures", shown)
            assert [cause.cure for cause in causes] == ["credentials"] and "access_token" in causes[0].text
            await server.server.office.failures.retry("clinic", HOA, causes[0].together("retry"))
        else:
            assert await shown() == ()
        await synced(server, tom)
        account = hubspot.account
        assert len(account.all("contacts")) == len(account.all("communications")) == 1
        assert account.linked("communications", account.one("communications").id, "contacts")

        async def mended() -> bool:
            return not await shown()

        await server.until("nothing is among the failures any more", mended)


async def test_who_is_erased_is_erased_there_too(place: Start) -> None:
    async with place("vi") as (server, hubspot):
        lan = server.contact("Lan", phone=LAN)
        await lan.says("giá niềng răng bao nhiêu vậy em")
        await lan.hears()
        await synced(server, lan)
        id = hubspot.account.one("contacts").id
        exported = await server.server.office.contacts.export("clinic", HOA, lan.id)
        assert exported["plugins"]["crm_hubspot"]["contacts"][0]["id"] == id and exported["troubles"] == []
        await server.server.office.contacts.erase("clinic", HOA, lan.id)

        async def gone() -> bool:
            state = await server.server.office.contacts.erasure("clinic", lan.id)
            return state is not None and state.state == "done"

        await server.until("they are erased", gone)
        assert hubspot.account.erased == {id} and hubspot.account.all("communications") == []
        left = [
            task for task in await server.repository().find(TASKS, {}) if lan.id in task.id and "erase" not in task.id
        ]
        assert left == [] and await server.repository().find(SYNCS, {}) == []
