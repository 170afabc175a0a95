"""Two businesses on three server processes, one of them killed: what is written to one never shows in the other.

The same people write to both at once, some webhooks to the address that all tenants share, some twice.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pymongo
import pytest

from frontdesk.clock import SystemClock
from frontdesk.config import load
from frontdesk.store.opening import open_store
from frontdesk.testing.fake_sqs import FakeSqs
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio, InboundSpec
from frontdesk.testing.process import ServerProcess
from frontdesk.testing.wire_store import WireStore

from .conftest import PLUGINS, until
from .contacts import MESSAGE_ID, UNHURRIED, contact, parrot_tenant
from .rolling_run import AWS_KEYS

pytestmark = pytest.mark.wire

NUMBERS = {"school": "whatsapp:+14155238886", "clinic": "whatsapp:+14155238887"}
PEOPLE, MESSAGES, COPIES = 5, 4, 0.3
WORDS = ("say", "book")


def said_to(tenant: str, person: int, n: int) -> str:
    """The id of a message; the clinic's people have numbers from 100 on in it."""
    return f"m{person + (100 if tenant == 'clinic' else 0)}x{n}"


def business_of(id: str) -> str:
    return "clinic" if int(id[1:].partition("x")[0]) >= 100 else "school"


@pytest.fixture
async def three(tmp_path: Path, twilio: FakeTwilio, wire: WireStore) -> AsyncIterator[list[ServerProcess]]:
    """Three servers of both businesses, that were not started, on one store and SQS."""
    tenants = {}
    for tenant, number in NUMBERS.items():
        (world := tmp_path / tenant).mkdir()
        account = {"account_sid": ACCOUNT_SID, "auth_token": {"env": "TWILIO_TOKEN"}, "numbers": [number]}
        channel = {"twilio_whatsapp": {**account, "api_base_url": twilio.url}}
        parrot = parrot_tenant(world)
        tenants[tenant] = {**parrot, "name": tenant, "plugins": [channel, *parrot["plugins"]]}
    environment = {**AWS_KEYS, "TWILIO_TOKEN": AUTH_TOKEN, "PYTHONPATH": str(PLUGINS)}
    async with FakeSqs(repeat=0.2, seed=1) as sqs, AsyncExitStack() as stack:
        server = {"log": {"format": "json"}, "store": wire.url("frontdesk"), "queue": sqs.setting, "times": UNHURRIED}
        yield [
            await stack.enter_async_context(
                ServerProcess(tmp_path, tenants, server=server, environment=environment, name=name)
            )
            for name in ("one", "two", "three")
        ]


class Writers:
    """Everybody writes to both businesses, at any server that takes it."""

    def __init__(self, servers: list[ServerProcess], twilio: FakeTwilio) -> None:
        self._servers = servers
        self._twilio = twilio
        self._random = random.Random(1)
        self.taken = 0

    async def run(self) -> None:
        await asyncio.gather(*(self._writes(tenant, person) for tenant in NUMBERS for person in range(PEOPLE)))

    async def _writes(self, tenant: str, person: int) -> None:
        for n in range(MESSAGES):
            body = f"{WORDS[n % len(WORDS)]} {said_to(tenant, person, n)}"
            form = self._twilio.compose(InboundSpec(body=body, from_=contact(person), to=NUMBERS[tenant], name="Lan"))
            for _ in range(2 if self._random.random() < COPIES else 1):
                await until(f"{body} is taken", partial(self._taken, tenant, form), 60)
            await asyncio.sleep(self._random.uniform(0.1, 0.4))

    async def _taken(self, tenant: str, form: list[tuple[str, str]]) -> bool:
        address = self._random.choice(("", f"/{tenant}"))
        server = self._random.choice(self._servers)
        answer = await self._twilio.post(f"{server.url}/webhooks/twilio_whatsapp{address}", form)
        self.taken += answer.status == 204
        return answer.status == 204


async def quiet(server: ServerProcess) -> None:
    """Wait until no turn and no lane is left."""
    store = open_store(load(server.file).store_url(), SystemClock())
    await store.open()
    try:

        async def nothing_due() -> bool:
            return await store.due.next_at("turn", "lane") is None

        await until("nothing is due", nothing_due, 60)
    finally:
        await store.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_what_is_written_to_one_business_never_shows_in_the_other(
    tmp_path: Path, three: list[ServerProcess], twilio: FakeTwilio, wire: WireStore
) -> None:
    await asyncio.gather(*(server.start() for server in three))
    writers = Writers(three, twilio)
    writing = asyncio.gather(writers.run())

    async def half() -> bool:
        return writers.taken > PEOPLE * MESSAGES

    await until("half is taken", half, 60)
    await three[0].kill()
    await three[0].start()
    await writing
    await quiet(three[1])

    assert twilio.violations == []
    everything = {said_to(tenant, person, n) for tenant in NUMBERS for person in range(PEOPLE) for n in range(MESSAGES)}
    answers: dict[str, list[str]] = defaultdict(list)
    for message in twilio.sent:
        for id in MESSAGE_ID.findall(message.body):
            answers[id].append(message.from_)
    assert answers == {id: [NUMBERS[business_of(id)]] for id in everything}, "each once, by whom it was written to"
    for tenant in NUMBERS:
        journal = (tmp_path / tenant / "journal.jsonl").read_text("utf-8").splitlines()
        booked = {said_to(tenant, person, n) for person in range(PEOPLE) for n in range(1, MESSAGES, len(WORDS))}
        assert sorted(json.loads(line)["what"] for line in journal) == sorted(booked)
    assert _strays(wire) == []


def _strays(wire: WireStore) -> list[str]:
    """What in the store speaks of a message of another business than the one whose document it is."""
    with pymongo.MongoClient[dict[str, object]](wire.url("frontdesk")) as client:
        database = client["frontdesk"]
        return [
            f"{name} {document['_id']} of {document.get('tenant')} has {id}"
            for name in database.list_collection_names()
            for document in database[name].find()
            for id in MESSAGE_ID.findall(repr(document))
            if document.get("tenant") != business_of(id)
        ]
