"""The plugin over loopback against the fake Twilio; its services built by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
import structlog
from aiohttp import web

from frontdesk import Inbound, Secret, Services, StatusUpdate, WebhookRefused, WebhookRequest
from frontdesk.clock import SystemClock
from frontdesk.plugins.twilio_whatsapp import TwilioWhatsapp
from frontdesk.services.blocking import BlockingCalls
from frontdesk.testing.clock import MovableClock
from frontdesk.testing.fake_twilio import ACCOUNT_SID, AUTH_TOKEN, Answer, CallbackPlan, FakeTwilio
from frontdesk.testing.plugins import ScriptedModel

NUMBER = "whatsapp:+14155238886"
PUBLIC = "https://bot.example.com"
MakePlugin = Callable[..., TwilioWhatsapp]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio() as fake:
        yield fake


class Documents:
    """What the plugin keeps."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    async def get(self, collection: str, key: str) -> Any:
        return self.kept.get((collection, key))

    async def put(self, collection: str, key: str, data: Any) -> None:
        self.kept[collection, key] = data

    async def delete(self, collection: str, key: str) -> bool:
        return self.kept.pop((collection, key), None) is not None

    async def list(self, collection: str, *, after: str = "", limit: int = 100) -> list[tuple[str, Any]]:
        found = sorted(key for kind, key in self.kept if kind == collection and key > after)
        return [(key, self.kept[collection, key]) for key in found[:limit]]


class Tasks:
    """What the plugin wants done later: when, by name and key."""

    def __init__(self) -> None:
        self.scheduled: dict[tuple[str, str], datetime] = {}

    async def schedule(self, name: str, key: str, at: datetime) -> bool:
        return self.scheduled.setdefault((name, key), at) is at


@pytest.fixture
def clock() -> Any:
    """The plugin's; a test may have a movable one."""
    return SystemClock()


@pytest.fixture
def make_plugin(http: aiohttp.ClientSession, twilio: FakeTwilio, clock: Any) -> MakePlugin:
    """`make_plugin(**settings)`: an instance as the core makes it, its secrets read."""
    made: dict[str, Any] = {}
    counted: list[str] = []

    async def shared(key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        if key not in made:
            made[key] = await make()
        return made[key]

    unused = cast(Any, None)
    services = Services(
        tenant=cast(Any, SimpleNamespace(id="clinic", language="vi")),
        clock=cast(Any, clock),
        store=cast(Any, Documents()),
        tasks=cast(Any, Tasks()),
        media=unused,
        model=unused,
        conversations=unused,
        leads=unused,
        appointments=unused,
        days=unused,
        secrets=unused,
        tell_operators=unused,
        post_signed=unused,
        spending=unused,
        http=http,
        shared=cast(Any, shared),
        call_blocking=BlockingCalls().of("clinic", "twilio_whatsapp", 5),
        log=structlog.get_logger(),
        public_url=PUBLIC,
        count=counted.append,
    )

    def make(**settings: Any) -> TwilioWhatsapp:
        values = {
            "account_sid": ACCOUNT_SID,
            "auth_token": Secret.from_text(AUTH_TOKEN),
            "numbers": [NUMBER],
            "api_base_url": twilio.url,
            "media_hosts": ["localhost"],
            **settings,
        }
        return TwilioWhatsapp("twilio_whatsapp", TwilioWhatsapp.settings_class()(**values), services)

    return make


@pytest.fixture
async def plugin(make_plugin: MakePlugin) -> TwilioWhatsapp:
    plugin = make_plugin()
    await plugin.start()
    return plugin


class Door:
    """A server that hands webhooks to a plugin as the core does, at `PUBLIC` for Twilio."""

    def __init__(self, plugin: TwilioWhatsapp) -> None:
        self.plugin = plugin
        self.inbound: list[Inbound] = []
        self.statuses: list[StatusUpdate] = []
        self.refused: list[WebhookRefused] = []
        self.webhook_url = f"{PUBLIC}/webhooks/twilio_whatsapp/school"

    def status_url(self, message: str) -> str:
        return f"{self.webhook_url}/status/{message}"

    async def handle(self, request: web.Request) -> web.Response:
        asked = WebhookRequest(
            method=request.method,
            url=PUBLIC + request.raw_path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            message=request.match_info.get("message", ""),
        )
        try:
            if asked.message:
                self.statuses += await self.plugin.parse_status(asked)
            else:
                self.inbound += await self.plugin.parse_webhook(asked)
        except WebhookRefused as refused:
            self.refused.append(refused)
            return web.Response(status=refused.status)
        return web.Response(status=204)


@pytest.fixture
async def door(plugin: TwilioWhatsapp, twilio: FakeTwilio) -> AsyncIterator[Door]:
    door = Door(plugin)
    app = web.Application()
    app.add_routes(
        [
            web.post("/webhooks/twilio_whatsapp/school", door.handle),
            web.post("/webhooks/twilio_whatsapp/school/status/{message}", door.handle),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    twilio.world.reach[PUBLIC] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield door
    await runner.cleanup()


class Front:
    """A whole server, answering webhooks at `PUBLIC`, and the fake Twilio that calls it."""

    def __init__(self, server: Any, twilio: FakeTwilio) -> None:
        self.server = server
        self.twilio = twilio
        self.clock = server.clock

    async def writes(self, tenant: str = "clinic", **fields: Any) -> Answer:
        """A contact writes, by the shared URL if no *tenant* is named; fields are those of InboundSpec."""
        answer = await self.twilio.deliver(f"{PUBLIC}/webhooks/twilio_whatsapp/{tenant}".rstrip("/"), **fields)
        # Nobody answers in the millisecond in which the message comes.
        self.clock.advance(0.01)
        return answer

    async def all(self, collection: Any, tenant: str = "clinic") -> list[Any]:
        return cast(list[Any], await self.server.repository(tenant).find(collection, {}, limit=100))


@pytest.fixture
def front(desk: Any, serving: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`async with front(clinic={settings of the plugin}, …, plugins={…}) as it`: without a tenant it is `clinic`."""
    monkeypatch.setenv("TWILIO_TOKEN", AUTH_TOKEN)

    @asynccontextmanager
    async def start(
        *,
        plugins: Mapping[str, Any] | None = None,
        clock: Any = None,
        server: Any = None,
        port: int = 0,
        **tenants: Any,
    ) -> AsyncIterator[Front]:
        clock = clock or MovableClock()
        async with FakeTwilio(clock=clock) as twilio:
            twilio.callbacks.default = CallbackPlan(times=0, statuses=("sent", "delivered"))
            others: dict[str, Any] = {"model": ScriptedModel, **(plugins or {})}
            settings = {
                "account_sid": ACCOUNT_SID,
                "auth_token": {"env": "TWILIO_TOKEN"},
                "numbers": [NUMBER],
                "api_base_url": twilio.url,
                "media_hosts": ["localhost"],
            }
            declared = {
                id: {"plugins": [{"twilio_whatsapp": settings | own}, *({name: {}} for name in others)]}
                for id, own in (tenants or {"clinic": {}}).items()
            }
            classes = {"twilio_whatsapp": TwilioWhatsapp, **others}
            made = desk(plugins=classes, tenants=declared, clock=clock, server={"public_url": PUBLIC, **(server or {})})
            async with made as running, serving(running.server, port) as url:
                twilio.world.reach[PUBLIC] = url
                yield Front(running, twilio)

    return start
