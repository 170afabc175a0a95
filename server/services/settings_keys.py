"""What people change over the tenants file, and their stored secrets: with its line in the audit, which holds no value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from frontdesk.config import Problem

from ..auth import Audit, Principal
from ..stored_settings import OverlayChange
from .overlay import Shadow
from .secrets import references

if TYPE_CHECKING:
    from ..app import Server


class SecretInUse(Exception):
    """Something refers to the secret; says where, and what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))


class SettingsByKey:
    """Settings of any tenant that the file declares, one key at a time, as programs change them."""

    def __init__(self, server: Server, audit: Audit) -> None:
        self._server = server
        self._audit = audit

    async def shadows(self, tenant: str) -> Sequence[Shadow]:
        """What stands before the file's values."""
        return await self._server.overlays.shadows(self._server.written, tenant)

    async def history(self, tenant: str) -> Sequence[OverlayChange]:
        """The last changes, oldest first."""
        return await self._server.overlays.history(tenant)

    async def export(self, tenant: str) -> dict[str, Any]:
        """The tenant as it would stand in the file."""
        return {tenant: await self._server.overlays.export(self._server.written, tenant)}

    async def set(self, who: Principal, tenant: str, key: str, value: Any) -> None:
        """Raises ConfigError, with nothing written, if the tenant's configuration would not be right."""
        await self._server.overlays.set(self._server.written, tenant, key, value, who.name)
        await self._audit.wrote(tenant, who, "setting.changed", key)

    async def revert(self, who: Principal, tenant: str, key: str) -> bool:
        """False: nothing stands before the file there. Raises ConfigError."""
        done = await self._server.overlays.revert(self._server.written, tenant, key, who.name)
        if done:
            await self._audit.wrote(tenant, who, "setting.reverted", key)
        return done

    async def secrets(self, tenant: str) -> Sequence[tuple[str, datetime, str]]:
        """Name, when it was set, and by whom."""
        return await self._server.secrets.names(tenant)

    async def set_secret(self, who: Principal, tenant: str, name: str, value: str) -> None:
        """Raises ValueError for a name or a value that cannot be kept, KeysMissing."""
        await self._server.secrets.set(tenant, name, value, who.name)
        await self._audit.wrote(tenant, who, "secret.set", name)

    async def delete_secret(self, who: Principal, tenant: str, name: str) -> bool:
        """False: there is none. Raises SecretInUse."""
        used = await references(self._server.store, self._server.file, tenant, name)
        if used:
            raise SecretInUse(used)
        done = await self._server.secrets.delete(tenant, name)
        if done:
            await self._audit.wrote(tenant, who, "secret.deleted", name)
        return done
