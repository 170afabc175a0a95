"""Contacts who write one message after another to any of several servers, and what came of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from frontdesk.testing.fake_twilio import FakeTwilio, InboundSpec

from .conftest import Front, until
from .contacts import MESSAGE_ID, NUMBER, echoed

PATIENCE = 45.0


class Load:
    """*contacts* write *messages* each, to a parrot (`m3x0` is the first message of the fourth contact).

    Twilio tries again, at any of the servers, what was not taken; *copies* of the webhooks (0 to 1) come twice, to two of
    them at once. *halves*: having written half of it, each waits for `go_on`.
    """

    def __init__(
        self,
        desks: Sequence[Front],
        *,
        contacts: int,
        messages: int,
        copies: float = 0.0,
        halves: bool = False,
        seed: int = 1,
    ) -> None:
        self._desks = desks
        self._twilio: FakeTwilio = desks[0].twilio
        self._contacts = contacts
        self._messages = messages
        self._copies = copies
        self._random = random.Random(seed)
        self.go_on = asyncio.Event()
        if not halves:
            self.go_on.set()
        self.answers: list[tuple[int, float]] = []
        """(status, seconds) of every webhook; status 0: no answer."""

    async def run(self) -> None:
        """Return when every message was taken."""
        await asyncio.gather(*(self._writes(contact) for contact in range(self._contacts)))

    @property
    def taken(self) -> int:
        return sum(status == 204 for status, _ in self.answers)

    async def _writes(self, contact: int) -> None:
        for n in range(self._messages):
            if n == self._messages // 2:
                await self.go_on.wait()
            spec = InboundSpec(body=f"say m{contact}x{n}", from_=_address(contact), to=NUMBER)
            form = self._twilio.compose(spec)
            deliveries = 2 if self._random.random() < self._copies else 1
            await asyncio.gather(
                *(until(f"m{contact}x{n} is taken", partial(self._taken, form), PATIENCE) for _ in range(deliveries))
            )
            await asyncio.sleep(self._random.uniform(0.1, 0.5))

    async def _taken(self, form: list[tuple[str, str]]) -> bool:
        began = time.monotonic()
        answer = await self._twilio.post(self._random.choice(self._desks).hook, form)
        self.answers.append((answer.status, time.monotonic() - began))
        return answer.status == 204

    def _heard(self, contact: int) -> list[str]:
        """The ids that were repeated to a contact, in order."""
        bodies = [message.body for message in self._twilio.sent if message.to == _address(contact)]
        return [id for body in bodies for id in MESSAGE_ID.findall(body)]

    def wrong(self) -> dict[str, list[str]]:
        """`lost` and `twice`: messages; `out_of_order`: contacts who heard the answers (each for the first time) in
        another order than they wrote."""
        said: Counter[str] = echoed(self._twilio)
        ids = [f"m{contact}x{n}" for contact in range(self._contacts) for n in range(self._messages)]
        order = {contact: list(dict.fromkeys(self._heard(contact))) for contact in range(self._contacts)}
        return {
            "lost": [id for id in ids if not said[id]],
            "twice": [id for id in ids if said[id] > 1],
            "out_of_order": [
                f"{contact}: {heard}"
                for contact, heard in order.items()
                if heard != sorted(heard, key=lambda id: int(id.partition("x")[2]))
            ],
        }


ALL_WELL: dict[str, list[str]] = {"lost": [], "twice": [], "out_of_order": []}


def _address(contact: int) -> str:
    return f"whatsapp:+849{contact:08d}"
