"""What is known of a contact: operators see it, correct it, and have it forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..model import Contact, Memory
from ..store import Repository, Store
from ..store.collections import CONTACTS
from .ownership import operator

LONGEST = 200
Memories = tuple[Memory, ...]


class NotChanged(Exception):
    """There is none with this number, or the text will not do; says what would be right."""


class MemoryDesk:
    """Of any tenant. Memories are numbered from 1, the oldest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def known(self, tenant: str, contact: str) -> Memories:
        found = await self._repository(tenant).get(CONTACTS, contact)
        return found.memories if found is not None else ()

    async def correct(self, tenant: str, contact: str, no: int, text: str, by: str, *, was: str | None = None) -> None:
        """Put *text* in its place; the contact's words stay with it. *was*: the text that was looked at: if another has the
        number by now, nothing is changed. Raises NotChanged."""
        text = " ".join(text.split())
        if not text or len(text) > LONGEST:
            raise NotChanged(f"a memory is one sentence of at most {LONGEST} characters")
        now = self._store.now()

        def changed(memories: Memories) -> Memories:
            new = replace(memories[no - 1], text=text, author=operator(by), at=now)
            return (*memories[: no - 1], new, *memories[no:])

        await self._change(tenant, contact, no, was, changed)

    async def forget(self, tenant: str, contact: str, no: int, *, was: str | None = None) -> None:
        """Delete it; *was* as in `correct`. Raises NotChanged."""
        await self._change(tenant, contact, no, was, lambda memories: (*memories[: no - 1], *memories[no:]))

    async def _change(
        self, tenant: str, contact: str, no: int, was: str | None, change: Callable[[Memories], Memories]
    ) -> None:
        repository = self._repository(tenant)
        while True:
            found: Contact | None = await repository.get(CONTACTS, contact)
            count = len(found.memories) if found is not None else 0
            if found is None or not 1 <= no <= count:
                which = f"1 to {count}" if count else "none"
                raise NotChanged(f"number {no} is not among what is known of this contact ({which})")
            if was is not None and was.split() != found.memories[no - 1].text.split():
                raise NotChanged(f"number {no} is another one by now; look again")
            if await repository.update(CONTACTS, found, memories=change(found.memories)) is not None:
                return

    def _repository(self, tenant: str) -> Repository:
        return self._store.for_tenant(tenant)
