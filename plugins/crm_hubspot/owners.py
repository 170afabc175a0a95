"""Who owns what: operators' names here, owners' ids at HubSpot, and the addresses that connect them."""

from __future__ import annotations

from typing import Any

from .client import HubSpot
from .settings import HubspotSettings

KEPT = 3600.0
"""Seconds for which what HubSpot said of its owners is believed."""


class Owners:
    """Both ways."""

    def __init__(self, client: HubSpot, settings: HubspotSettings, clock: Any) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._ids: dict[str, str] = {}
        """Address → id."""
        self._until = 0.0

    @property
    def wanted(self) -> bool:
        """Whether the settings name any."""
        return bool(self._settings.owners or self._settings.default_owner)

    async def id_of(self, operator: str) -> str:
        """The owner's id for what *operator* (empty: nobody) looks after; empty: the settings or HubSpot know none."""
        address = self._settings.owners.get(operator, "") or self._settings.default_owner
        return (await self.ids()).get(address.casefold(), "") if address else ""

    async def operator_of(self, id: str) -> str:
        """The operator whose the owner with this id is; empty: nobody's."""
        addresses = {known: address for address, known in (await self.ids()).items()}
        address = addresses.get(id, "")
        return (
            next((name for name, of in self._settings.owners.items() if of.casefold() == address), "")
            if address
            else ""
        )

    async def ids(self) -> dict[str, str]:
        """Address, in small letters → id, of all owners of the account."""
        if not self.wanted:
            return {}
        if self._clock.monotonic() >= self._until:
            ids: dict[str, str] = {}
            after = ""
            while True:
                query = {"limit": "500", **({"after": after} if after else {})}
                told = await self._client.get(self._client.paths.owners(), **query)
                for each in told.get("results", []):
                    ids[str(each.get("email", "")).casefold()] = str(each.get("id", ""))
                after = str(((told.get("paging") or {}).get("next") or {}).get("after") or "")
                if not after:
                    break
            self._ids, self._until = ids, self._clock.monotonic() + KEPT
        return self._ids
