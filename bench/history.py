"""Makes a store with a long history, through the store's own write path."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from workload import business, contact

from frontdesk.clock import SystemClock
from frontdesk.keys import signing_key
from frontdesk.model import Contact, Conversation, Identity, Message
from frontdesk.people import People
from frontdesk.store import Insert, Write
from frontdesk.store.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES
from frontdesk.store.sqlite import SqliteStore

EACH = 50
"""Messages of one conversation."""
CHANNEL = "twilio_whatsapp"


async def make(path: Path, messages: int, tenant: str = "school-0") -> None:
    """Write *messages* answered messages of messages/EACH contacts to *path*."""
    store = SqliteStore(path, SystemClock())
    await store.open()
    repository, people = store.for_tenant(tenant), People(signing_key(None, path.parent))
    try:
        for first in range(0, messages // EACH, 100):
            writes = [
                _writes(store, people, tenant, number) for number in range(first, min(first + 100, messages // EACH))
            ]
            await asyncio.gather(*(repository.write(*one) for one in writes))
    finally:
        await store.close()


def _writes(store: SqliteStore, people: People, tenant: str, number: int) -> list[Write]:
    external = contact(number)
    id, now = people.id_of(tenant, CHANNEL, external), store.now()
    began = now - timedelta(days=number % 300 + 1)
    said: list[Write] = [
        Insert(
            MESSAGES,
            Message(
                id=f"{id}.{place}",
                conversation=id,
                direction="outbound" if place % 2 else "inbound",
                text="Dạ, lớp IELTS học tối thứ Hai và thứ Năm, từ 19:00 đến 20:30 ạ.",
                author="bot" if place % 2 else "contact",
                state="delivered" if place % 2 else "answered",
                at=began + timedelta(minutes=place),
                provider_id=f"SM{number:016x}{place:016x}",
                place=place // 2 + 1 if place % 2 else 0,
            ),
        )
        for place in range(EACH)
    ]
    conversation = Conversation(
        id=id,
        contact=id,
        channel=CHANNEL,
        address=business(0),
        external_id=external,
        inbound_seq=EACH // 2,
        outbox_seq=EACH // 2,
        last_inbound_at=began,
        created_at=began,
    )
    identity = Identity(id=f"{CHANNEL}:{external}", contact=id, channel=CHANNEL, external_id=external)
    person = Contact(id=id, name="Lan Nguyễn", phone=external.removeprefix("whatsapp:"), created_at=began)
    return [*said, Insert(CONTACTS, person), Insert(CONVERSATIONS, conversation), Insert(IDENTITIES, identity)]
