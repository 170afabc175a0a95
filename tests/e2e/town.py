"""One real server for many businesses, with a fake Twilio and a fake Bedrock: what the tests of pains share.

A module starts it once. Each test has contacts of its own, and says what the models answer.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from frontdesk import leases
from frontdesk.model import Message, Turn
from frontdesk.store.collections import MESSAGES, TURNS
from frontdesk.testing.fake_bedrock import FakeBedrock
from frontdesk.testing.fake_bedrock.server import REGION
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, FakeTwilio
from frontdesk.testing.fake_twilio.account import FakeSender
from frontdesk.testing.nursery import nursery

from .conftest import BOOKING, PLUGINS, Phone, Served, until
from .contacts import QUICK, SETTLE
from .models import BIG, SMALL
from .rolling_run import AWS_KEYS

EXAMPLE = Path(__file__).parents[2] / "tenants.example.yaml"
HOLDING = "Thầy cô tư vấn"
"""The school's own words for "a person will come back to you" have this in them."""
PATIENT = {"quiet_seconds": 1.0, "fragment_seconds": 1.0, "media_seconds": 1.0, "cap_seconds": 5}
"""For a thought in several messages, also on a busy machine."""
TIMES = {**QUICK, "think_deadline": 10.0, "turn_deadline": 25.0, "graceful_stop": 30.0, "supervisor_kill": 35.0}
"""The first of two models has 3 s, of which it may think."""
OF_A_POOL = "whatsapp:+14155239999"
"""A sender that no business has listed."""
_phones = itertools.count(1_000_000)


def school(**changes: Any) -> dict[str, Any]:
    """The language school of the example, in Hanoi, at any time of the day; *changes* as in the tenants file, `models` (what
    bedrock_llm is given), `more` (plugins behind it) and `channel` (settings of twilio_whatsapp) besides."""
    tenant: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))["tenants"]["lotus-school"]
    tenant.pop("opening_hours", None)
    return {**tenant, "settle": SETTLE, **changes}


class Town(Served):
    """`async with Town.open(folder, {"school": school()}) as town:`; each business has a number and a hook of its own."""

    def __init__(
        self,
        folder: Path,
        twilio: FakeTwilio,
        bedrock: FakeBedrock,
        businesses: Mapping[str, Mapping[str, Any]],
        name: str = "tenants",
        **server: Any,
    ) -> None:
        self.numbers = {id: f"whatsapp:+1415523{8800 + place}" for place, id in enumerate(businesses)}
        self._heard, self._journal = folder / "heard.jsonl", folder / "journal.jsonl"
        tenants = {id: self._tenant(id, dict(business), twilio, bedrock) for id, business in businesses.items()}
        super().__init__(
            folder,
            tenants,
            server={"log": {"format": "json"}, "times": TIMES, "metrics": {"tenant_label": True}, **server},
            environment={**AWS_KEYS, "TWILIO_TOKEN": AUTH_TOKEN, "PYTHONPATH": f"{PLUGINS}:{BOOKING}"},
            name=name,
        )
        self.twilio = twilio
        self.bedrock = bedrock

    def _tenant(self, id: str, business: dict[str, Any], twilio: FakeTwilio, bedrock: FakeBedrock) -> dict[str, Any]:
        channel = {
            "account_sid": ACCOUNT_SID,
            "auth_token": {"env": "TWILIO_TOKEN"},
            "numbers": [self.numbers[id]],
            "api_base_url": twilio.url,
            "media_hosts": ["localhost"],
            **business.pop("channel", {}),
        }
        models = {"models": [BIG, SMALL], "region": REGION, "endpoint": bedrock.url, **business.pop("models", {})}
        plugins = [
            {"twilio_whatsapp": channel},
            {"bedrock_llm": models},
            *business.pop("more", []),
            {"booking": {"journal": str(self._journal)}},
            {"bell": {"heard": str(self._heard)}},
        ]
        return {**business, "plugins": plugins}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, businesses: Mapping[str, Mapping[str, Any]], **server: Any
    ) -> AsyncIterator[Town]:
        """Started, with both fakes."""
        async with (
            FakeTwilio() as twilio,
            FakeBedrock() as bedrock,
            cls(folder, twilio, bedrock, businesses, **server) as town,
        ):
            twilio.state.senders = frozenset((*town.numbers.values(), OF_A_POOL))
            twilio.state.service_window = timedelta(hours=24)
            twilio.account.senders += [_sender(town, id) for id in businesses]
            yield await town.start()

    def new_day(self) -> None:
        """Before each test: nothing is left of what the one before it wanted."""
        self.bedrock.script.clear()
        self.bedrock.faults.clear()
        self.bedrock.otherwise = "Dạ em nghe ạ."
        self.bedrock.requests.clear()
        self.bedrock.answered = 0
        self.twilio.faults.clear()
        self.twilio.typing.clear()

    def is_right(self) -> None:
        """After each test: every request that left was one that the vendors take."""
        assert self.bedrock.refused == [], "a request that AWS would refuse"
        assert self.twilio.violations == []

    def phone(self, tenant: str = "school", *, number: str = "", user: str = "", name: str = "Nguyễn Thị Lan") -> Phone:
        """Somebody new who writes to *tenant*; *number* (E.164) or *user* (a business-scoped user id) instead of a new
        number."""
        address = user or number or f"+8490{next(_phones):07d}"
        return Phone(self, f"whatsapp:{address}", name, tenant, self.numbers[tenant])

    def deeds(self, phone: Phone) -> list[str]:
        """What the booking plugin did to the world for this contact, in order."""
        return [line["did"] for line in _lines(self._journal) if line["contact"] == phone.conversation_id]

    def heard(self, what: str, **told: Any) -> list[dict[str, Any]]:
        """What the operators were told, by kind (plugins/bell.py) and whatever else is to fit."""
        found = [line for line in _lines(self._heard) if line["what"] == what]
        return [line for line in found if all(line[name] == value for name, value in told.items())]

    async def hears(self, what: str, **told: Any) -> dict[str, Any]:
        """The same, once the operators have been told."""

        async def told_so() -> list[dict[str, Any]]:
            return self.heard(what, **told)

        first: dict[str, Any] = (await until(f"operators hear of {what} {told}", told_so))[0]
        return first

    async def run(self, *command: str) -> str:
        """What `frontdesk COMMAND` prints; it has to succeed."""
        environment = {**os.environ, **self.environment}
        given = (*command, "--file", str(self.file))
        ended = await asyncio.to_thread(lambda: nursery().run(*given, folder=self.folder, environment=environment))
        assert ended.returncode == 0, ended.stderr or ended.stdout
        return ended.stdout

    async def answered(self, phone: Phone, *texts: str) -> None:
        """Wait until nothing is due for this contact; everything written is answered, and *texts* are all that was heard."""
        async with self.store() as store:

            async def done() -> bool:
                rows = [await store.due.get(kind, phone.tenant, phone.conversation_id) for kind in ("turn", "lane")]
                return rows == [None, None]

            await until(f"nothing is due for {phone.name}", done)
        inbound = [message for message in await phone.messages() if message.direction == "inbound"]
        assert [message.state for message in inbound] == ["answered"] * len(inbound)
        assert [message.body for message in phone.received()] == list(texts)

    async def outbound(self, phone: Phone) -> list[Message]:
        """What the store has of what was to be said, in order."""
        return sorted(
            (one for one in await phone.messages() if one.direction == "outbound"), key=lambda one: (one.place, one.at)
        )

    async def becomes(self, phone: Phone, place: int, *states: str) -> Message:
        """The outbound message at *place* (as in a list), once it is in one of *states*."""

        async def there() -> Message | None:
            found = await self.outbound(phone)
            if len(found) < (place + 1 if place >= 0 else -place):
                return None
            return found[place] if found[place].state in states else None

        message: Message = await until(f"message {place} of {phone.name} is {' or '.join(states)}", there)
        return message

    async def turns(self, phone: Phone) -> list[Turn]:
        async with self.store() as store:
            where = {"conversation": phone.conversation_id}
            return await store.for_tenant(phone.tenant).find(TURNS, where, order_by="no", limit=100)

    async def hours_pass(self, phone: Phone, hours: float = 25) -> None:
        """The contact wrote last so much earlier: the conversation and its messages are so much older."""
        ago = timedelta(hours=hours)
        async with self.store() as store:
            repository = store.for_tenant(phone.tenant)
            for message in await phone.messages():
                await repository.update(MESSAGES, message, at=message.at - ago)

            for known in self.twilio.state.messages.values():
                if (known.from_, known.to) == (phone.address, phone.to):
                    known.created_at -= ago

            def older(current: Any) -> Mapping[str, Any]:
                return {"last_inbound_at": current.last_inbound_at - ago}

            await leases.change(repository, phone.conversation_id, older)

    async def write_first(self, phone: Phone, key: str, text: str = "", **template: Any) -> None:
        """The business writes to the contact of its own accord (plugins/bell.py); *key*: once for each contact."""
        asked = {
            "conversation": phone.conversation_id,
            "key": f"{phone.conversation_id}-{key}",
            "text": text,
            **template,
        }
        url = f"{self.url}/plugins/bell/{phone.tenant}/write"
        async with aiohttp.ClientSession() as http, http.post(url, json=asked) as answer:
            assert answer.status == 204, (answer.status, self.tail())

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/metrics") as answer:
            return await answer.text()

    def asked(self) -> str:
        """All that the newest call of a model was given."""
        return json.dumps(self.bedrock.requests[-1], ensure_ascii=False, default=repr)


def _sender(town: Town, id: str) -> FakeSender:
    """Entered at Twilio as docs/how-to/connect-twilio.md says."""
    hook = town.hook_of(id)
    entered = {"callback_url": f"{hook}#rc=3&rp=ct,rt,5xx&ct=2000&rt=4000", "callback_method": "POST"}
    return FakeSender(number=town.numbers[id], webhook={**entered, "fallback_url": hook, "fallback_method": "POST"})


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
