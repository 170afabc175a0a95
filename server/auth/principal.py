"""Who asks, and what they may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Role = Literal["viewer", "agent", "manager", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: each may what those before it may."""


def at_least(role: str, wanted: Role) -> bool:
    """Whether *role* may what *wanted* may; a role that this release does not know may nothing."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(wanted)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """An operator who is signed in, or a program with a token."""

    id: str
    """The operator's, or `token:ID`."""
    name: str
    """What owners of conversations and authors carry."""
    display_name: str
    language: str = "en"
    admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)
    session: str = ""
    """The session's id; empty for a program."""
    csrf: str = field(default="", repr=False)

    def may(self, tenant: str, role: Role) -> bool:
        """Whether they have at least this role in the tenant."""
        return self.admin or at_least(self.roles.get(tenant, ""), role)
