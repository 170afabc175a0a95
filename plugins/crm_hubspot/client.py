"""HubSpot's REST API: one request, one answer, one error for each thing that can be done about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp

from frontdesk import NeedsAttention, RetryLater, SecretUnavailable

from .errors import AWAY, error_of
from .paths import Paths
from .settings import HubspotSettings

T = TypeVar("T")

BATCH = 100
"""Records of one batch (HubSpot: batch endpoints)."""
ASSOCIATIONS = 100
NONSENSE_PAUSE = 60.0


@dataclass(frozen=True)
class Account:
    """The account as HubSpot tells it (account information)."""

    portal: str = ""
    ui: str = "app.hubspot.com"
    zone: str = "UTC"


@dataclass(frozen=True)
class Batch:
    """A batch's answer: what was done, and what was not (207)."""

    results: list[dict[str, Any]]
    errors: dict[str, str] = field(default_factory=dict)
    """Id as it was asked for → why."""
    missing: frozenset[str] = frozenset()
    """Ids that there are none of."""
    locked: frozenset[str] = frozenset()
    """Ids of errors that pass by themselves."""


class HubSpot:
    """A client of one tenant's account.

    Every call raises RetryLater (busy, away, no answer, nonsense), NeedsAttention (token, scopes) or Answered (the request
    itself is refused).
    """

    def __init__(self, http: aiohttp.ClientSession, settings: HubspotSettings, now: Any) -> None:
        self._http = http
        self._settings = settings
        self._now = now
        self.paths = Paths(settings.api_version)
        self.trouble = ""
        """Why HubSpot took nothing the last time, if a person has to do something; empty: it does."""
        self._account: Account | None = None

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        return await self._ask("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", path, body)

    async def account(self) -> Account:
        """What the account is called and in which zone its days are; asked once by each instance."""
        if self._account is None:
            told = await self.get(self.paths.account())
            self._account = Account(
                portal=str(told.get("portalId", "")),
                ui=str(told.get("uiDomain") or Account.ui),
                zone=str(told.get("timeZone") or "UTC"),
            )
        return self._account

    async def read(self, kind: str, ids: Sequence[str], properties: Sequence[str], *, by: str = "") -> Batch:
        """Records by HubSpot's ids, or *by* a unique property."""
        return await self._batches(
            self.paths.objects(kind, "batch/read"),
            [{"id": id} for id in ids],
            properties=list(properties),
            propertiesWithHistory=[],
            **({"idProperty": by} if by else {}),
        )

    async def upsert(self, kind: str, by: str, records: Mapping[str, Mapping[str, str]]) -> Batch:
        """Write records by a unique property: its value → properties. Those that are new have `new: true`."""
        inputs = [
            {"id": id, "idProperty": by, "properties": {**properties, by: id}, "objectWriteTraceId": id}
            for id, properties in records.items()
        ]
        return await self._batches(self.paths.objects(kind, "batch/upsert"), inputs)

    async def update(self, kind: str, records: Mapping[str, Mapping[str, str]]) -> Batch:
        """Write records by HubSpot's ids."""
        inputs = [
            {"id": id, "properties": dict(properties), "objectWriteTraceId": id} for id, properties in records.items()
        ]
        return await self._batches(self.paths.objects(kind, "batch/update"), inputs)

    async def archive(self, kind: str, ids: Sequence[str]) -> None:
        for part in chunks(ids, BATCH):
            await self.post(self.paths.objects(kind, "batch/archive"), {"inputs": [{"id": id} for id in part]})

    async def associate(self, of: str, to: str, pairs: Sequence[tuple[str, str]]) -> None:
        """Make the default association of each pair of HubSpot's ids; those that are there stay."""
        for part in chunks(pairs, ASSOCIATIONS):
            inputs = [{"from": {"id": one}, "to": {"id": other}} for one, other in part]
            await self.post(self.paths.associations(of, to, "batch/associate/default"), {"inputs": inputs})

    async def associated(self, of: str, to: str, id: str) -> list[str]:
        """HubSpot's ids of what a record is associated with."""
        path = self.paths.associations(of, to, "batch/read")
        told = await self.post(path, {"inputs": [{"id": id}]})
        results = [each for each in told.get("results", []) if isinstance(each, dict)]
        return [str(other["toObjectId"]) for each in results for other in each.get("to", [])]

    async def search(
        self, kind: str, groups: Sequence[Mapping[str, Any]], properties: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The oldest first, at most 200. What was written in the last seconds may be missing."""
        body = {
            "filterGroups": list(groups),
            "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
            "properties": list(properties),
            "limit": 200,
            "after": "0",
        }
        found = (await self.post(self.paths.objects(kind, "search"), body)).get("results", [])
        return [each for each in found if isinstance(each, dict)]

    async def _batches(self, path: str, inputs: Sequence[Mapping[str, Any]], **more: Any) -> Batch:
        results: list[dict[str, Any]] = []
        errors: dict[str, str] = {}
        missing: set[str] = set()
        locked: set[str] = set()
        for part in chunks(inputs, BATCH):
            told = await self.post(path, {"inputs": list(part), **more})
            results += [each for each in told.get("results", []) if isinstance(each, dict) and "id" in each]
            for id, category, said in _partial(told):
                if category == "OBJECT_NOT_FOUND":
                    missing.add(id)
                    continue
                errors[id] = said
                if category in ("CONFLICT", "LOCKED", "RATE_LIMITS", "RATE_LIMIT"):
                    locked.add(id)
        return Batch(results, errors, frozenset(missing), frozenset(locked))

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        for fresh in (False, True):
            status, headers, told = await self._once(method, path, body, query, fresh=fresh)
            if status != 401:
                break
        if 200 <= status < 300:
            self.trouble = ""
            if status == 204 or told == {}:
                return {}
            if not isinstance(told, dict):
                raise RetryLater(f"HubSpot answered {method} {path} with nonsense", after=NONSENSE_PAUSE)
            return told
        zone = _zone(self._account.zone if self._account is not None else "UTC")
        error = error_of(status, headers, told, self._now(), zone)
        if isinstance(error, NeedsAttention):
            self.trouble = error.what
        raise error

    async def _once(
        self, method: str, path: str, body: Any, query: Mapping[str, str] | None, *, fresh: bool
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers, JSON (None: it is none). *fresh*: with the token as it is now, not as it was read before."""
        try:
            secret = self._settings.access_token
            token = await asyncio.to_thread(secret.reveal, fresh=True) if fresh else secret.reveal()
        except SecretUnavailable as err:
            self.trouble = str(err)
            raise NeedsAttention(f"access_token: {err}") from err
        url = f"{self._settings.api_base_url}{path}"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        try:
            async with self._http.request(method, url, json=body, params=query, headers=headers) as answer:
                raw = await answer.read()
                return answer.status, answer.headers, _json(raw)
        except TimeoutError as err:
            raise RetryLater("HubSpot did not answer in time", after=AWAY) from err
        except aiohttp.ClientError as err:
            raise RetryLater(f"HubSpot cannot be reached ({type(err).__name__})", after=AWAY) from err


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _json(raw: bytes) -> Any:
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _partial(told: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """(id, category, words) of each record that a batch did not do (207: `errors`, with the ids in `context`)."""
    for error in told.get("errors") or ():
        if not isinstance(error, dict):
            continue
        context = error.get("context") or {}
        ids = [str(id) for name in ("ids", "id", "objectWriteTraceId") for id in context.get(name) or ()]
        said = f"HubSpot: {' '.join(str(error.get('message') or 'refused').split())[:300]}"
        for id in dict.fromkeys(ids):
            yield id, str(error.get("category", "")), said


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def milliseconds(moment: datetime) -> str:
    """As HubSpot's date-time properties are written."""
    return str(int(moment.timestamp() * 1000))
