"""What people do with tokens of the API: make, list and end them, each with its line in the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from ..auth import Accounts, Audit, Principal, Role
from ..store import Store
from ..stored_operators import ApiToken

Scope = Literal["read", "write", "manage"]
SCOPES: Mapping[Scope, Role] = MappingProxyType({"read": "viewer", "write": "agent", "manage": "owner"})
"""What a token may, as an operator with this role."""
SERVER = ""
"""In place of a tenant: a token of the whole server, which reads how it is and nothing of any tenant."""
LIFETIMES = (30, 90, 365, 0)
"""Days for which a token may be made; 0: until it is ended."""


class TokenDesk:
    """Of any tenant."""

    def __init__(self, accounts: Accounts, audit: Audit, store: Store) -> None:
        self._accounts = accounts
        self._audit = audit
        self._store = store

    async def make(self, who: Principal, tenant: str, name: str, scope: Scope, days: int) -> tuple[ApiToken, str]:
        """A token, and its text, which is told this once. Raises auth.Refused for an empty name."""
        expires_at = self._store.now() + timedelta(days=days) if days else None
        token, text = await self._accounts.make_token(tenant, name, SCOPES[scope], who, expires_at)
        await self._audit.wrote(tenant, who, "token.made", token.hint, name=token.name, scope=scope)
        return token, text

    async def list(self, tenant: str) -> Sequence[ApiToken]:
        """The newest first, also those that have run out."""
        return await self._accounts.tokens(tenant)

    async def end(self, who: Principal, tenant: str, id: str) -> bool:
        """From now on it opens nothing; False: there is none of this id."""
        done = await self._accounts.end_token(tenant, id)
        if done:
            await self._audit.wrote(tenant, who, "token.ended", id[:12])
        return done


def scope_of(token: ApiToken) -> str:
    """The scope that a role stands for; the role, if somebody gave it another."""
    return next((scope for scope, role in SCOPES.items() if role == token.role), token.role)
