"""Leads: what is known of a contact's interest, who changed it and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from .. import leases
from ..model import Conversation
from ..people import followed
from ..queue import Queue
from ..records import KEPT, Change, Evidence
from ..records import TEMPERATURES as TEMPERATURES
from ..records import Lead as Lead
from ..records import Temperature as Temperature
from ..runtime import Runtimes
from ..store import In, Store
from ..store.collections import LEADS
from .recording import Conflict as Conflict
from .recording import Recorder
from .recording import Unknown as Unknown


class LeadDesk:
    """Leads of any tenant."""

    def __init__(self, store: Store, queue: Queue, runtimes: Callable[[], Runtimes]) -> None:
        self._store = store
        self._recorder = Recorder(store, queue, runtimes, LEADS)

    async def get(self, tenant: str, contact: str) -> Lead | None:
        """The lead of a contact, also of one that is a part of another now."""
        repository = self._store.for_tenant(tenant)
        conversation = await followed(repository, contact)
        return await repository.get(LEADS, conversation.contact if conversation is not None else contact)

    async def of(self, tenant: str, contacts: Sequence[str]) -> dict[str, Lead]:
        """Those of at most 100 contacts, by contact."""
        found = await self._store.for_tenant(tenant).find(LEADS, {"id": In(list(contacts))}) if contacts else []
        return {each.contact: each for each in found}

    async def each(self, tenant: str) -> AsyncIterator[Sequence[Lead]]:
        """Every lead once, however they change meanwhile, 100 at a time."""
        repository, last = self._store.for_tenant(tenant), None
        while leads := await repository.find(LEADS, {}, limit=100, after=last):
            yield leads
            last = leads[-1]

    async def list(
        self, tenant: str, temperature: Temperature | None = None, *, limit: int = 50, after: Lead | None = None
    ) -> list[Lead]:
        """Those that changed last first; of one temperature, or all."""
        where = {"temperature": temperature} if temperature else {}
        return await self._store.for_tenant(tenant).find(
            LEADS, where, order_by="changed_at", descending=True, limit=limit, after=after
        )

    async def count(self, tenant: str, temperature: Temperature) -> int:
        """How many are of a temperature."""
        return await self._store.for_tenant(tenant).count(LEADS, {"temperature": temperature})

    async def change(
        self,
        tenant: str,
        contact: str,
        *,
        key: str,
        by: str,
        what: str = "changed",
        cause: str = "",
        temperature: Temperature | None = None,
        score: int | None = None,
        stage: str | None = None,
        owner: str | None = None,
        fields: Mapping[str, str] | None = None,
        evidence: Sequence[Evidence] = (),
        pinned: bool | None = None,
        version: int | None = None,
    ) -> Lead:
        """Change what is given; a contact without a lead gets one. *fields* are added to those that are there; an empty
        value takes one away. A temperature that an operator has pinned is left by everybody else.

        Raises Unknown (no such contact), Conflict (*version* is not the record's any more), ValueError (score not 0 to 100).
        """
        if score is not None and not 0 <= score <= 100:
            raise ValueError(f"a score is 0 to 100; found {score}")
        conversation = await followed(self._store.for_tenant(tenant), contact)
        if conversation is None:
            raise Unknown(f"there is no contact {contact} at this tenant")
        id = conversation.contact
        person = by.startswith("operator:")

        def decide(lead: Lead) -> Mapping[str, Any]:
            told = {"score": score, "stage": stage, "owner": owner, "pinned": pinned if person else None}
            changes: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
            if temperature is not None and (person or not lead.pinned):
                changes["temperature"] = temperature
            if fields:
                changes["fields"] = {name: value for name, value in {**lead.fields, **fields}.items() if value}
            known = {(each.quote, each.field) for each in lead.evidence}
            if more := [each for each in evidence if (each.quote, each.field) not in known]:
                changes["evidence"] = (*lead.evidence, *more)[-KEPT:]
            return changes

        await self._begin(tenant, id, by)
        changed: Lead = await self._recorder.change(tenant, id, key, by, what, cause, decide, version)
        # The inbox is filtered by it. Who died between the two repeats the change.
        await self._show(tenant, id, changed.temperature)
        return changed

    async def _show(self, tenant: str, id: str, temperature: Temperature) -> None:
        def same(conversation: Conversation) -> Mapping[str, Any]:
            return {} if conversation.temperature == temperature else {"temperature": temperature}

        try:
            await leases.change_kept(self._store.for_tenant(tenant), id, same)
        except leases.ConversationGone as err:
            raise Unknown(f"the contact {id} was erased meanwhile") from err

    async def _begin(self, tenant: str, contact: str, by: str) -> None:
        repository = self._store.for_tenant(tenant)
        if await repository.get(LEADS, contact) is None:
            now = self._store.now()
            first = Change(key=f"{contact}/new", at=now, by=by, what="new")
            lead = Lead(id=contact, contact=contact, history=(first,), created_at=now, changed_at=now)
            await repository.insert(LEADS, lead)
