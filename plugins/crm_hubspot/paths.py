"""Where things are in HubSpot's API, in the version that is spoken.

HubSpot: "API versioning" (30 March 2026): dated versions have the version behind the product, `/crm/objects/2026-09/…`; the
ones before have it in front, `/crm/v3/objects/…`, and associations in v4.
"""

from __future__ import annotations

CONTACTS, DEALS, COMMUNICATIONS, NOTES = "contacts", "deals", "communications", "notes"


class Paths:
    """Of one version: `v3`, or a date such as `2026-09`."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._dated = version != "v3"

    def objects(self, kind: str, rest: str = "") -> str:
        base = f"/crm/objects/{self._version}/{kind}" if self._dated else f"/crm/v3/objects/{kind}"
        return f"{base}/{rest}" if rest else base

    def properties(self, kind: str, rest: str = "") -> str:
        base = f"/crm/properties/{self._version}/{kind}" if self._dated else f"/crm/v3/properties/{kind}"
        return f"{base}/{rest}" if rest else base

    def associations(self, of: str, to: str, rest: str) -> str:
        base = f"/crm/associations/{self._version}" if self._dated else "/crm/v4/associations"
        return f"{base}/{of}/{to}/{rest}"

    def owners(self) -> str:
        return f"/crm/owners/{self._version}" if self._dated else "/crm/v3/owners"

    def pipelines(self) -> str:
        return f"/crm/pipelines/{self._version}/deals" if self._dated else "/crm/v3/pipelines/deals"

    def account(self) -> str:
        return f"/account-info/{self._version}/details" if self._dated else "/account-info/v3/details"
