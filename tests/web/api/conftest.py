"""A desk whose API is asked over loopback by a program with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from frontdesk.auth import Principal
from frontdesk.services.secrets import new_key

LAN = Principal(id="lan", name="lan", display_name="Lan", admin=True, roles={"clinic": "owner", "other": "owner"})
AT_ONCE = {"settle": {"quiet_seconds": 0}}


@dataclass
class Answer:
    """What the API said."""

    status: int
    body: Any
    headers: Any


@dataclass
class Api:
    """A program that uses the API."""

    desk: Any
    url: str
    http: aiohttp.ClientSession
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    async def token(self, scope: str = "manage", tenant: str = "clinic") -> str:
        if (scope, tenant) not in self.tokens:
            made = self.desk.server.office.tokens.make(LAN, tenant, f"{scope} of {tenant or 'server'}", scope, 30)
            self.tokens[scope, tenant] = (await made)[1]
        return self.tokens[scope, tenant]

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        scope: str = "manage",
        tenant: str = "clinic",
        token: str | None = None,
        **more: Any,
    ) -> Answer:
        """*path* below /api/v1; `~` stands for /tenants/clinic."""
        text = await self.token(scope, tenant) if token is None else token
        headers = {"Authorization": f"Bearer {text}", **more.pop("headers", {})}
        address = f"{self.url}/api/v1{path.replace('~', '/tenants/clinic')}"
        async with self.http.request(method, address, headers=headers, **more) as answer:
            body = await answer.json(content_type=None) if answer.status != 204 else None
            return Answer(answer.status, body, answer.headers)


@pytest.fixture
def api(desk, serving, monkeypatch) -> Callable[..., Any]:
    """`async with api() as ask: await ask("GET", "~/contacts")`; `ask.desk` is the desk."""
    monkeypatch.setenv("FRONTDESK_SECRET_KEYS", new_key())

    @asynccontextmanager
    async def start(**more: Any) -> AsyncIterator[Api]:
        server = {"webhooks": {"private_addresses": True}, **more.pop("server", {})}
        tenants = {"clinic": AT_ONCE, "other": AT_ONCE}
        async with desk(tenants=tenants, server=server, **more) as running, aiohttp.ClientSession() as http:
            async with serving(running.server) as url:
                yield Api(running, url, http)

    return start
