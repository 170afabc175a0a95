"""Who changed what, and when: one entry for every change through a screen or the API."""

from __future__ import annotations

import uuid
from typing import Any

from ..store import Store
from ..store.collections import AUDIT, SERVER_AUDIT
from ..stored_operators import AuditEntry
from .principal import Principal


class Audit:
    """Writes and reads the audit log, of each tenant and of the server."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def wrote(self, tenant: str, who: Principal | str, what: str, about: str = "", **details: Any) -> None:
        """Note a change. *tenant*: empty for what is the server's. *what*: `noun.verb`. *details* are JSON: no secrets,
        nothing that a contact wrote."""
        entry = AuditEntry(
            id=uuid.uuid4().hex,
            at=self._store.now(),
            who=who if isinstance(who, str) else who.name,
            what=what,
            about=about,
            details=details,
        )
        if tenant:
            await self._store.for_tenant(tenant).insert(AUDIT, entry)
        else:
            await self._store.shared.insert(SERVER_AUDIT, entry)

    async def entries(
        self, tenant: str, *, who: str = "", what: str = "", limit: int = 50, after: AuditEntry | None = None
    ) -> list[AuditEntry]:
        """The newest first; of one person, or of one kind of change."""
        where = {"who": who} if who else {"what": what} if what else {}
        if tenant:
            return await self._store.for_tenant(tenant).find(
                AUDIT, where, order_by="at", descending=True, limit=limit, after=after
            )
        return await self._store.shared.find(
            SERVER_AUDIT, where, order_by="at", descending=True, limit=limit, after=after
        )

    async def entry(self, tenant: str, id: str) -> AuditEntry | None:
        """One of them, e.g. the one behind which a page begins."""
        if tenant:
            return await self._store.for_tenant(tenant).get(AUDIT, id)
        return await self._store.shared.get(SERVER_AUDIT, id)
