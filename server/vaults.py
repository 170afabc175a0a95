"""Secrets that are kept elsewhere (AWS, the store): read where nobody waits, remembered for a while, read again when old."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import structlog

from frontdesk.config import Secret, SecretKind, SecretUnavailable, Settings, secrets_in

from .clock import Clock
from .errors import RetryLater
from .services.blocking import BlockingCalls

log = structlog.get_logger(__name__)

KEPT = {"aws_secret": 300.0, "ssm": 300.0, "stored": 10.0}
"""Seconds for which what was read is not asked for again; a rotation is seen within them."""
AGAIN = 5.0
"""Seconds between two readings, whoever asks: what makes us read can be sent by anybody, such as a wrong signature."""
USED = 3600.0
"""Seconds for which what nobody looks up is still kept new."""
SECONDS = 8.0
"""The longest one reading may take; longer than AWS's time-outs (aws/secrets.py) and the store's."""
AT_ONCE = 8
"""How many of them the background reads at a time."""

ReadStored = Callable[[str, str], Awaitable[str]]
"""Tenant and name to the secret. Raises SecretUnavailable, StoreError."""


async def no_store(tenant: str, name: str) -> str:
    """Where the store has not been opened."""
    raise SecretAway(f"the stored secret {name} of tenant {tenant} was not looked up: the store is not open")


class SecretAway(SecretUnavailable):
    """Where it is kept does not answer now: what was read before still counts."""


class _Place(NamedTuple):
    kind: SecretKind
    tenant: str
    name: str

    def __str__(self) -> str:
        return f"{{{self.kind}: {self.name}}}"

    @property
    def source(self) -> _Place:
        """What is asked for: of one secret of Secrets Manager all keys of its JSON come together."""
        if self.kind != "aws_secret":
            return self
        id, _, rest = self.name.partition("#")
        return self._replace(name=f"{id}##{rest.partition('#')[2]}")


@dataclass
class _Known:
    """What is known of one secret."""

    value: str | None = field(default=None, repr=False)
    trouble: str = ""
    """Why it could not be read the last time."""
    read_at: float = float("-inf")
    used_at: float = float("-inf")
    readings: int = 0
    reading: threading.Lock = field(default_factory=threading.Lock)


class Vaults:
    """The process's door to AWS and the store for secrets (`use_vault`)."""

    def __init__(self, clock: Clock, blocking: BlockingCalls, stored: ReadStored) -> None:
        self._monotonic = clock.monotonic
        self._blocking = blocking
        self._stored = stored
        self._known: dict[_Place, _Known] = {}
        self._turns: dict[_Place, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By source: one reading at a time on the loop."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def look_up(self, kind: SecretKind, tenant: str, name: str, *, fresh: bool) -> str:
        """See `frontdesk.config.Vault`."""
        place = _Place(kind, tenant, name)
        known = self._known.setdefault(place, _Known())
        known.used_at = self._monotonic()
        if fresh or not _on_a_loop():
            with known.reading:
                if self._is_old(place, known, AGAIN if fresh else KEPT[kind]):
                    self._note(place, known, partial(self._read, place))
        if known.value is None:
            raise SecretUnavailable(known.trouble or f"the secret {place} has not been read yet; try again in a moment")
        return known.value

    def attach(self) -> None:
        """From now on threads have the store read by the loop that runs here."""
        self._loop = asyncio.get_running_loop()

    async def prepare(self, settings: Settings) -> None:
        """Read what *settings* refer to and nobody has read of late, so that a plugin finds it without waiting. Raises
        nothing: what is missing is told to whoever looks it up."""
        self.attach()
        places = {_place(secret) for _, secret in secrets_in(settings) if secret.is_remote}
        for place in places:
            self._known.setdefault(place, _Known()).used_at = self._monotonic()
        old = [place for place in places if self._known[place].value is None or self._is_due(place)]
        await asyncio.gather(*map(self._renew, _by_source(old)))

    async def refresh(self) -> None:
        """Read again what is old and in use; for the background."""
        self.attach()
        used = [place for place, known in self._known.items() if self._monotonic() - known.used_at < USED]
        bound = asyncio.Semaphore(AT_ONCE)

        async def renew(places: Sequence[_Place]) -> None:
            async with bound:
                await self._renew(places)

        await asyncio.gather(*map(renew, _by_source(filter(self._is_due, used))))

    async def _renew(self, places: Sequence[_Place]) -> None:
        """*places* of one source. What somebody else has read while we waited is not asked for again."""
        before = {place: self._known[place].readings for place in places}
        async with self._turns[places[0].source]:
            left = [place for place in places if self._known[place].readings == before[place]]
            if left:
                await self._ask(left)

    async def _ask(self, places: Sequence[_Place]) -> None:
        # Who asks in a thread meanwhile reads, too: harmless, and nobody waits for a thread's lock on the loop.
        owner = (places[0].tenant, f"secrets {places[0].kind}")
        outcomes: Mapping[_Place, str | SecretUnavailable]
        try:
            outcomes = await self._blocking.call(owner, partial(self._read_together, places), SECONDS)
        except (RetryLater, TimeoutError):
            outcomes = {
                place: SecretAway(f"the secret {place} could not be read within {SECONDS:g} s; it is tried again")
                for place in places
            }
        for place, outcome in outcomes.items():
            self._note(place, self._known[place], partial(_replay, outcome))

    def _is_due(self, place: _Place) -> bool:
        return self._is_old(place, self._known[place], KEPT[place.kind])

    def _is_old(self, place: _Place, known: _Known, seconds: float) -> bool:
        return self._monotonic() - known.read_at >= (AGAIN if known.trouble else seconds)

    def _note(self, place: _Place, known: _Known, read: Callable[[], str]) -> None:
        before, trouble = known.trouble, ""
        try:
            known.value = read()
        except SecretAway as err:
            trouble = str(err)
        except SecretUnavailable as err:
            known.value, trouble = None, str(err)
        known.read_at, known.trouble = self._monotonic(), trouble
        known.readings += 1
        if trouble and trouble != before:
            log.warning("secret_not_read", tenant=place.tenant, reference=str(place), reason=trouble)

    def _read_together(self, places: Sequence[_Place]) -> Mapping[_Place, str | SecretUnavailable]:
        """Of one source. In a thread: it blocks."""
        if len(places) == 1:
            return {places[0]: _outcome(partial(self._read, places[0]))}
        from .aws.secrets import SecretReader  # only Secrets Manager has several in one

        reader = SecretReader()
        return {place: _outcome(partial(reader.read, place.name)) for place in places}

    def _read(self, place: _Place) -> str:
        """In a thread: it blocks."""
        match place.kind:
            case "aws_secret":
                from .aws.secrets import read_secret  # boto3 takes 0.3 s to import: only who uses it pays

                return read_secret(place.name)
            case "ssm":
                from .aws.secrets import read_parameter

                return read_parameter(place.name)
        return self._read_stored(place)

    def _read_stored(self, place: _Place) -> str:
        if self._loop is None or self._loop is _running_loop():
            raise SecretAway(f"the secret {place} is read by the server's loop; look it up in a thread")
        reading = asyncio.run_coroutine_threadsafe(_of_store(self._stored, place), self._loop)
        try:
            return reading.result(SECONDS)
        except TimeoutError:
            reading.cancel()
            raise SecretAway(f"the store did not give the secret {place} within {SECONDS:g} s") from None


async def _of_store(stored: ReadStored, place: _Place) -> str:
    from .store import StoreError

    try:
        return await stored(place.tenant, place.name)
    except StoreError as err:
        raise SecretAway(f"the secret {place} could not be read: {err}") from err


def _by_source(places: Iterable[_Place]) -> list[list[_Place]]:
    found: dict[_Place, list[_Place]] = defaultdict(list)
    for place in places:
        found[place.source].append(place)
    return list(found.values())


def _outcome(read: Callable[[], str]) -> str | SecretUnavailable:
    try:
        return read()
    except SecretUnavailable as err:
        return err


def _replay(outcome: str | SecretUnavailable) -> str:
    if isinstance(outcome, SecretUnavailable):
        raise outcome
    return outcome


def _place(secret: Secret) -> _Place:
    ((_, name),) = secret.reference.items()
    return _Place(secret.kind, secret.tenant, name)


def _on_a_loop() -> bool:
    return _running_loop() is not None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def revealed(secret: Secret | None, key: str) -> str:
    """Raises SecretUnavailable, or ValueError if it is there and empty: an empty token would be no lock."""
    if secret is None:
        return ""
    value = secret.reveal(fresh=True)
    if not value:
        raise ValueError(f"{key}: {secret} is empty; write what who reads it shall send, or leave the key out")
    return value
