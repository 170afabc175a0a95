"""Who is who: ids that tell nothing, and one conversation for whoever writes, whatever key they were met under."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from frontdesk.channel import Inbound
from frontdesk.clock import SystemClock
from frontdesk.config import TenantConfig
from frontdesk.model import Conversation
from frontdesk.people import People
from frontdesk.services.erasure import remember
from frontdesk.store import Insert, Repository, Store, StoreError
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, IDENTITIES
from frontdesk.store.sqlite import SqliteStore

LAN = Inbound(provider_id="SM1", external_id="whatsapp:+84901234567", address="whatsapp:+14155238886", text="Chào")
ACME = TenantConfig.model_validate({"id": "acme", "name": "Acme", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"})
OURS, THEIRS = People(b"the key of this installation"), People(b"another key, before or beside")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "store.db", SystemClock())
    await store.open()
    yield store
    await store.close()


def test_an_id_is_made_of_a_key_and_a_tenant_besides_the_number():
    def id_of(people: People, tenant: str) -> str:
        return people.id_of(tenant, "twilio_whatsapp", LAN.external_id)

    assert id_of(OURS, "acme") == id_of(People(b"the key of this installation"), "acme")
    assert len({id_of(OURS, "acme"), id_of(OURS, "clinic"), id_of(THEIRS, "acme")}) == 3
    for known in (f"twilio_whatsapp\0{LAN.external_id}", f"acme\0twilio_whatsapp\0{LAN.external_id}"):
        assert id_of(OURS, "acme") != hashlib.sha256(known.encode()).hexdigest()[:24]


async def test_whoever_was_met_under_another_key_is_the_same(store: Store):
    repository = store.for_tenant("acme")
    met = await THEIRS.meet(repository, ACME, "twilio_whatsapp", LAN, store.now())
    again = await OURS.meet(repository, ACME, "twilio_whatsapp", LAN, store.now())
    assert again == met
    assert await OURS.known(repository, "acme", "twilio_whatsapp", LAN.external_id) == met


async def test_two_processes_with_different_keys_meet_one_contact_at_once(store: Store):
    repository = store.for_tenant("acme")
    met = await asyncio.gather(
        *(each.meet(repository, ACME, "twilio_whatsapp", LAN, store.now()) for each in (OURS, THEIRS) * 5)
    )
    assert len({one.id for one in met}) == 1
    assert await repository.count(CONVERSATIONS, {}) == 1


@pytest.mark.parametrize("written", [1, 2])
async def test_a_beginning_under_another_key_is_completed(store: Store, written: int):
    """As on DocumentDB, where the three are written one after the other, by a process that died in between."""
    repository = store.for_tenant("acme")
    whole = await THEIRS.meet(store.for_tenant("elsewhere"), ACME, "twilio_whatsapp", LAN, store.now())
    elsewhere = store.for_tenant("elsewhere")
    identity = await elsewhere.get(IDENTITIES, f"twilio_whatsapp:{LAN.external_id}")
    contact = await elsewhere.get(CONTACTS, whole.id)
    assert identity is not None and contact is not None
    await repository.write(*[Insert(IDENTITIES, identity), Insert(CONTACTS, contact)][:written])
    met = await OURS.meet(repository, ACME, "twilio_whatsapp", LAN, store.now())
    assert met.id == whole.id
    assert (await repository.get(CONTACTS, whole.id)) is not None


async def test_a_new_number_is_noted_also_if_the_contact_changes_in_that_moment(store: Store):
    repository = store.for_tenant("acme")
    met = await OURS.meet(repository, ACME, "twilio_whatsapp", LAN, store.now())

    class ChangedMeanwhile:
        """Somebody else changes the contact between its first reading and what follows."""

        def __getattr__(self, name: str) -> Any:
            return getattr(repository, name)

        async def get(self, collection: Any, id: str) -> Any:
            found = await repository.get(collection, id)
            if collection is CONTACTS and found is not None and not found.name:
                await repository.update(CONTACTS, found, name="Lan")
            return found

    moved = replace(LAN, phone="+84907654321")
    await OURS.link(cast(Repository, ChangedMeanwhile()), "acme", "twilio_whatsapp", moved, met)
    contact = await repository.get(CONTACTS, met.contact)
    assert (contact.name, contact.phone) == ("Lan", "+84907654321")


USER_ID = "whatsapp:VN.1234"


async def being_erased(repository: Repository, store: Store, **wish: Any) -> Conversation:
    """Whoever LAN is, with a second name: marked, so that no name leads to them but one that was linked too late."""
    both = replace(LAN, also=(USER_ID,))
    old = await OURS.meet(repository, ACME, "twilio_whatsapp", both, store.now())
    await OURS.link(repository, "acme", "twilio_whatsapp", both, old)
    contact = await repository.get(CONTACTS, old.contact)
    if wish:
        await repository.update(CONTACTS, contact, **wish)
    (late,) = [one for one in await repository.find(IDENTITIES, {"contact": old.id}) if one.external_id == USER_ID]
    await repository.update(CONVERSATIONS, await repository.get(CONVERSATIONS, old.id), erased_at=store.now())
    await remember(repository, OURS, "acme", (old.id,), store.now(), again=True)
    await repository.insert(IDENTITIES, late)
    return old


async def test_who_writes_while_they_are_erased_is_one_new_contact_under_all_their_names(store: Store):
    repository = store.for_tenant("acme")
    old = await being_erased(repository, store)
    both = replace(LAN, also=(USER_ID,))
    new = await OURS.meet(repository, ACME, "twilio_whatsapp", both, store.now())
    await OURS.link(repository, "acme", "twilio_whatsapp", both, new)
    assert new.id != old.id
    for name in (LAN.external_id, USER_ID):
        known = await OURS.known(repository, "acme", "twilio_whatsapp", name)
        assert known is not None and known.id == new.id, name


async def test_the_wish_for_no_more_messages_outlives_a_crash_while_it_is_carried_over(store: Store):
    repository = store.for_tenant("acme")
    await being_erased(repository, store, opted_out=True, opted_out_by="stop")
    other = replace(LAN, provider_id="SM2", external_id="whatsapp:+84907654321")
    met = await OURS.meet(repository, ACME, "twilio_whatsapp", other, store.now())
    turned_out = replace(other, also=(LAN.external_id,))

    class Dies:
        """At the second thing that is written."""

        writes = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(repository, name)

        async def update(self, *arguments: Any, **changes: Any) -> Any:
            self.writes += 1
            if self.writes == 2:
                raise StoreError("gone")
            return await repository.update(*arguments, **changes)

    with pytest.raises(StoreError):
        await OURS.link(cast(Repository, Dies()), "acme", "twilio_whatsapp", turned_out, met)
    again = await OURS.known(repository, "acme", "twilio_whatsapp", other.external_id)
    await OURS.link(repository, "acme", "twilio_whatsapp", turned_out, again)
    assert (await repository.get(CONTACTS, met.contact)).opted_out
