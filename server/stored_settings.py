"""What operators have set besides the tenants file, as it is stored; the rest of what is stored is in model.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class StoredSecret:
    """A secret that was typed in. `id` is its name, as `{stored: NAME}` refers to it."""

    id: str
    version: int = 1
    token: str = field(repr=False)
    """Encrypted (services/secrets.py)."""
    set_at: datetime
    set_by: str


@dataclass(frozen=True, kw_only=True)
class OverlayChange:
    """One change of a setting over the tenants file."""

    key: str
    value: str
    """As JSON."""
    at: datetime
    by: str
    reverted: bool = False
    """The file's value counts again from here on."""


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What operators have changed over the tenants file; each tenant has one, its version rises with each change."""

    id: str
    version: int = 1
    current: list[OverlayChange] = field(default_factory=list)
    """What stands before the file, in the order of the keys."""
    history: list[OverlayChange] = field(default_factory=list)
    """The last changes, oldest first."""
    effective: str = ""
    """The tenant's last effective configuration, as JSON."""


@dataclass(frozen=True, kw_only=True)
class OverlayMark:
    """That a tenant's overlay may have changed. `id` is the tenant's."""

    id: str
    version: int = 1
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class Suspension:
    """A tenant that has left the tenants file, and may be back in it. `id` is the tenant's."""

    id: str
    version: int = 1
    since: datetime
    raw: str
    """How it was declared last, with what was stored over the file, as JSON."""
    folder: str
    """Where relative secret files start from; empty: there are none."""
    purged_at: datetime | None = None
    """When its purge has begun: nothing is taken for it any more. The row goes when the purge ends."""


@dataclass(frozen=True, kw_only=True)
class PersonaVersion:
    """The persona and the facts as they were published from the workshop."""

    no: int
    at: datetime
    by: str
    raw: str
    """Both as in the file, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is being tried in the workshop, in force for nobody; each tenant has one. `id` is always the same."""

    id: str
    version: int = 1
    sets: str = "{}"
    """Key → value that would stand before the file, as JSON."""
    reverts: list[str] = field(default_factory=list)
    """Keys of which the file's value would count again."""
    seen: str = ""
    """The overlay's version that it was begun on; empty: there is no draft."""
    at: datetime | None = None
    by: str = ""
    versions: list[PersonaVersion] = field(default_factory=list)
    """What was published, oldest first."""
