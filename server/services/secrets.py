"""Secrets that were typed in: encrypted in the store of their tenant, and never shown again.

Each is a Fernet token (cryptography's MultiFernet) over tenant, name and value: a token that was moved to another place
is refused. The first key encrypts, all of them decrypt.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from frontdesk.config import Place, Problem, Secret, SecretUnavailable, TenantsFile

from ..errors import StartupError
from ..store import Store
from ..store.collections import OVERLAYS, SECRETS, SUSPENSIONS
from ..stored_settings import StoredSecret
from .overlay import ID as OVERLAY

VARIABLE = "FRONTDESK_SECRET_KEYS"
NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
MAX_CHARACTERS = 65_536
"""As in Secrets Manager."""
PAGE = 100


class KeysMissing(StartupError):
    """The keys of stored secrets are not there, or are none. The message says what to do."""


@dataclass(frozen=True)
class Rotated:
    """What a rotation did with one tenant's secrets."""

    tenant: str
    encrypted: int
    """Encrypted anew, with the first key."""
    were_so: int
    """Those that the first key had encrypted already."""
    unreadable: Sequence[str]
    """Names of secrets of which no key is here; left as they are."""


class SecretDesk:
    """The stored secrets of every tenant."""

    def __init__(self, store: Store, keys: Secret | None) -> None:
        """*keys*: `server.secret_keys`; None: the environment variable FRONTDESK_SECRET_KEYS."""
        self._store = store
        self._keys = keys or Secret("env", VARIABLE)

    async def set(self, tenant: str, name: str, value: str, by: str) -> None:
        """Keep *value* under *name*, in place of what was there.

        Raises ValueError for a name or a value that cannot be kept, KeysMissing.
        """
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name of a stored secret; write capitals, digits and _, such as TWILIO_TOKEN"
            )
        if not value or len(value) > MAX_CHARACTERS:
            raise ValueError(f"the secret has {len(value)} characters; 1 to {MAX_CHARACTERS:,} can be kept")
        token = _sealed((await self._ring())[0], tenant, name, value)
        repository = self._store.for_tenant(tenant)
        while True:
            now = self._store.now()
            there = await repository.get(SECRETS, name)
            if there is None:
                new = StoredSecret(id=name, token=token, set_at=now, set_by=by)
                if await repository.insert(SECRETS, new):
                    return
            elif await repository.update(SECRETS, there, token=token, set_at=now, set_by=by):
                return

    async def names(self, tenant: str) -> list[tuple[str, datetime, str]]:
        """Name, when it was set and by whom, in the order of the names."""
        return [(each.id, each.set_at, each.set_by) for each in await self._all(tenant)]

    async def delete(self, tenant: str, name: str) -> bool:
        """Forget it; False if there is none."""
        repository = self._store.for_tenant(tenant)
        while (there := await repository.get(SECRETS, name)) is not None:
            if await repository.delete(SECRETS, there):
                return True
        return False

    async def is_there(self, tenant: str, name: str) -> bool:
        """Whether there is one of this name, whether or not it can be read."""
        return await self._store.for_tenant(tenant).get(SECRETS, name) is not None

    async def read(self, tenant: str, name: str) -> str:
        """The secret itself. Raises SecretUnavailable, which names what to do."""
        stored = await self._store.for_tenant(tenant).get(SECRETS, name)
        again = f"frontdesk secrets set {tenant} {name}"
        if stored is None:
            raise SecretUnavailable(f"tenant {tenant} has no stored secret {name}; `{again}` stores one")
        try:
            value = _opened(await self._ring(), tenant, stored)
        except KeysMissing as err:
            raise SecretUnavailable(str(err)) from err
        if value is None:
            raise SecretUnavailable(
                f"no key in {VARIABLE} fits the stored secret {name} of tenant {tenant}; add the key that it was "
                f"encrypted with, or store it again: {again}"
            )
        return value

    async def rotate(self) -> list[Rotated]:
        """Encrypt with the first key whatever another one has encrypted, of every tenant that the store knows.

        What is done stays done: after a failure it is simply called again. Raises KeysMissing.
        """
        ring = await self._ring()
        done = [await self._rotate(tenant, ring) for tenant in await self._store.bulk.tenants()]
        return [each for each in done if each.encrypted or each.were_so or each.unreadable]

    async def _rotate(self, tenant: str, ring: Sequence[Fernet]) -> Rotated:
        count: Counter[str] = Counter()
        unreadable = []
        for stored in await self._all(tenant):
            outcome = await self._rotate_one(tenant, stored, ring)
            count[outcome] += 1
            if outcome == "unreadable":
                unreadable.append(stored.id)
        return Rotated(tenant, count["encrypted"], count["was so"], unreadable)

    async def _rotate_one(
        self, tenant: str, found: StoredSecret, ring: Sequence[Fernet]
    ) -> Literal["encrypted", "was so", "unreadable", "gone"]:
        """Who sets it meanwhile may do so with another first key: it is looked at again."""
        repository = self._store.for_tenant(tenant)
        stored: StoredSecret | None = found
        while stored is not None:
            if _opened(ring[:1], tenant, stored) is not None:
                return "was so"
            if (value := _opened(ring, tenant, stored)) is None:
                return "unreadable"
            if await repository.update(SECRETS, stored, token=_sealed(ring[0], tenant, stored.id, value)):
                return "encrypted"
            stored = await repository.get(SECRETS, stored.id)
        return "gone"

    async def _all(self, tenant: str) -> list[StoredSecret]:
        repository = self._store.for_tenant(tenant)
        found: list[StoredSecret] = []
        while page := await repository.find(SECRETS, {}, after=found[-1] if found else None, limit=PAGE):
            found += page
        return found

    async def _ring(self) -> Sequence[Fernet]:
        try:
            # Keys that AWS has are asked for when they are old; that blocks.
            written = await asyncio.to_thread(self._keys.reveal) if self._keys.is_remote else self._keys.reveal()
        except SecretUnavailable as err:
            raise KeysMissing(
                f"stored secrets need a key: {err}. `frontdesk secrets key` prints a new one; if there are stored secrets "
                "already, it must be the key that they were encrypted with"
            ) from err
        keys = [key.strip() for key in written.split(",") if key.strip()]
        try:
            ring = [Fernet(key) for key in keys]
        except ValueError:
            ring = []
        if not ring:
            # Which one is not shown: what stands there may be a key all the same.
            raise KeysMissing(
                f"{self._keys}: one of its {len(keys)} parts is no key; write keys as `frontdesk secrets key` prints them, "
                "with commas between, the newest first"
            ) from None
        return ring


async def references(store: Store, file: TenantsFile, tenant: str, name: str) -> list[Problem]:
    """Each place that refers to the stored secret *name* of *tenant*: in the file, in what is stored over it, and in how a
    suspended tenant was declared last, which still verifies what contacts write to it."""
    found: list[Problem] = []

    def look(value: Any, place: Place, right: str = "") -> None:
        found.extend(place.at(*path).problem(f"refers to {name}", right) for path in _referring(value, name))

    if (declared := file.tenants.get(tenant)) is not None:
        for entry in declared.plugins:
            look(entry.settings, entry.place)
    elif (suspension := await store.shared.get(SUSPENSIONS, tenant)) is not None:
        last = Place("as it was declared last", tenant=tenant)
        look(json.loads(suspension.raw), last, f"frontdesk tenants purge {tenant} forgets it")
    overlay = await store.for_tenant(tenant).get(OVERLAYS, OVERLAY)
    if overlay is not None and overlay.current:
        for change in overlay.current:
            stored = Place("stored changes", tenant=tenant, key=change.key)
            look(json.loads(change.value), stored, f"frontdesk overlay revert {tenant} {change.key}")
        if not found:
            # It is in force if the changes do not fit any more.
            look(json.loads(overlay.effective or "{}"), Place("the last configuration that fitted", tenant=tenant))
    return found


def _referring(value: Any, name: str, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where `{stored: NAME}` stands in what is written; also in settings of a plugin that is not installed here."""
    if isinstance(value, Mapping):
        if dict(value) == {"stored": name}:
            yield path
        for key, item in value.items():
            yield from _referring(item, name, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _referring(item, name, (*path, place))


def new_key() -> str:
    """A key for FRONTDESK_SECRET_KEYS: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()


def _sealed(key: Fernet, tenant: str, name: str, value: str) -> str:
    return key.encrypt(json.dumps([tenant, name, value]).encode()).decode()


def _opened(ring: Sequence[Fernet], tenant: str, stored: StoredSecret) -> str | None:
    """None: no key of *ring* fits, or it is not this tenant's secret of this name."""
    try:
        owner, name, value = json.loads(MultiFernet(ring).decrypt(stored.token))
    except InvalidToken:
        return None
    return value if (owner, name) == (tenant, stored.id) else None
