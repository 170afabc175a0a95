"""Who signs in, and what they may do. (Placeholder, in memory, until branch `auth` replaces this file whole.)"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..clock import Clock
from ..store import Store

Role = Literal["viewer", "agent", "manager", "owner"]
ROLES: tuple[Role, ...] = ("viewer", "agent", "manager", "owner")


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks."""

    id: str
    name: str
    display_name: str
    language: str = "en"
    admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)
    session: str = ""
    csrf: str = ""

    def may(self, tenant: str, role: Role) -> bool:
        """Whether they have at least this role there."""
        if self.admin:
            return True
        return tenant in self.roles and ROLES.index(self.roles[tenant]) >= ROLES.index(role)


class Accounts:
    """Operators and their sessions."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._sessions: dict[str, Principal] = {}
        self._operators: dict[str, Principal] = {}

    async def signed_in(self, cookie: str) -> Principal | None:
        return self._sessions.get(cookie)

    async def create(self, email: str, display_name: str, password: str, **more: Any) -> Principal:
        made = Principal(id=email, name=email.partition("@")[0], display_name=display_name, **more)
        self._operators[made.id] = made
        return made

    async def open_session(self, operator_id: str, *, peer: str = "", agent: str = "") -> tuple[Principal, str]:
        cookie = secrets.token_urlsafe(32)
        session = replace(self._operators[operator_id], session=cookie[:8], csrf=secrets.token_urlsafe(16))
        self._sessions[cookie] = session
        return session, cookie


class Audit:
    """Who changed what."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def wrote(self, tenant: str, who: Principal, what: str, about: str = "", **details: Any) -> None:
        """Note a change."""
