"""Who works at the screens, as it is stored: operators, their sessions, invitations, API tokens, and what they changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A person who signs in."""

    id: str
    version: int = 1
    email: str
    """Case-folded; unique on the server."""
    name: str
    """What conversations' owners and notes' authors carry; unique on the server, never changed."""
    display_name: str
    language: str = "en"
    password: str = field(default="", repr=False)
    """As argon2 writes its hashes; empty: signs in elsewhere (OpenID Connect)."""
    admin: bool = False
    """May everything on this server."""
    roles: dict[str, str] = field(default_factory=dict)
    """Tenant → role."""
    totp: str = field(default="", repr=False)
    """The second factor's secret, encrypted; empty: none is asked for."""
    totp_step: int = 0
    """The last time step that was used: a code opens once."""
    recovery: tuple[str, ...] = field(default=(), repr=False)
    """Hashes of the recovery codes that are left."""
    subject: str = ""
    """`issuer subject` at the OpenID provider."""
    disabled: bool = False
    created_at: datetime
    signed_in_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser in which somebody is signed in. `id` is the hash of the cookie's value, which is stored nowhere."""

    id: str
    version: int = 1
    operator: str
    csrf: str = field(repr=False)
    created_at: datetime
    seen_at: datetime
    """Within a minute."""
    expires_at: datetime
    peer: str = ""
    agent: str = ""
    """As the browser calls itself."""
    waits_for_code: bool = False
    """The password was right; the second factor is still asked for."""
    method: str = "password"


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A link by which somebody becomes an operator. `id` is the hash of what is in the link."""

    id: str
    version: int = 1
    purpose: str
    """`first_run`, `invitation` or `reset`."""
    tenant: str = ""
    """Empty: the first run's, or a reset of a password."""
    role: str = ""
    admin: bool = False
    email: str = ""
    operator: str = ""
    """Whose password it resets."""
    made_by: str = ""
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A program's way in. `id` is the hash of the token, which is shown once and stored nowhere."""

    id: str
    version: int = 1
    tenant: str
    name: str
    role: str
    """What it may, as an operator with this role."""
    hint: str
    """Its first characters, by which people tell it from others."""
    made_by: str
    made_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    """Within a minute."""


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """How often it was tried to sign in, of an account or from an address, since the window began. `id` says whose."""

    id: str
    version: int = 1
    count: int = 0
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """A change that somebody made through a screen or the API; never changed. No secrets and nothing contacts wrote."""

    id: str
    version: int = 1
    at: datetime
    who: str
    """The operator's name, or `token:NAME`."""
    what: str
    """`noun.verb`: conversation.taken, setting.changed."""
    about: str = ""
    """The id of what was changed."""
    details: dict[str, Any] = field(default_factory=dict)
