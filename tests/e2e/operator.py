"""An operator beside servers that are killed: takes conversations, says something or not, and gives them back."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from frontdesk.app import create_server
from frontdesk.services.ownership import UnknownConversation
from frontdesk.store import Store
from frontdesk.store.collections import CONVERSATIONS

from .contacts import TENANT, contact

NAME = "Hoa"
PLUGINS = Path(__file__).parent / "plugins"


class Operator:
    """Acts through the service, as the command line does: what it changes leaves due rows, which the server finds."""

    def __init__(self, file: Path, chance: random.Random) -> None:
        self._file = file
        self._random = chance
        self.said: list[str] = []
        """Texts, each of them once."""
        self.taken = 0
        self._in_hand: set[str] = set()

    async def __aenter__(self) -> Self:
        sys.path.append(str(PLUGINS))
        self._server = create_server(self._file)
        await self._server.store.open()
        await self._server.queue.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.queue.stop()
        await self._server.store.close()
        sys.path.remove(str(PLUGINS))

    @property
    def store(self) -> Store:
        """The servers' store, while this is open."""
        return self._server.store

    async def meddle(self, numbers: Sequence[int], pause: float = 0.0) -> None:
        """Take over each of these contacts, and give them back after *pause* seconds at most; whoever has not written yet
        is left alone."""
        await asyncio.gather(*(self._take_over(self._conversation(number), pause) for number in numbers))

    async def leases(self, people: int) -> dict[str, int]:
        """Those that a process holds, or held when it died: each one's token, and the contact whose turn or lane it is."""
        numbers = {self._conversation(number): number for number in range(people)}
        found = await self.store.for_tenant(TENANT).find(CONVERSATIONS, {}, limit=1000)
        return {
            lease.token: numbers[one.id]
            for one in found
            for lease in (one.turn_lease, one.lane_lease)
            if lease is not None
        }

    async def _take_over(self, conversation: str, pause: float) -> None:
        await asyncio.sleep(self._random.random() * pause)
        if conversation in self._in_hand:
            return
        self._in_hand.add(conversation)
        try:
            await self._act(conversation, pause)
        except UnknownConversation:
            pass
        finally:
            self._in_hand.remove(conversation)

    async def _act(self, conversation: str, pause: float) -> None:
        ownership = self._server.ownership
        await ownership.take(TENANT, conversation, NAME)
        self.taken += 1
        await asyncio.sleep(self._random.random() * pause)
        if self._random.random() < 0.4:
            text = f"This is {NAME}, for the {len(self.said) + 1}. time."
            self.said.append(text)
            await ownership.say(TENANT, conversation, NAME, text)
        await asyncio.sleep(self._random.random() * pause)
        await ownership.release(TENANT, conversation, NAME)

    def _conversation(self, number: int) -> str:
        return self._server.people.id_of(TENANT, "twilio_whatsapp", contact(number))
