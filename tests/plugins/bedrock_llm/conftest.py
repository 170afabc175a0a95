"""An instance of the plugin as the core makes it, boto3 in it, the stand-in of Bedrock before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import structlog

from frontdesk import CeilingReached, Contact, ModelMessage, ModelRequest, Services, ToolSpec
from frontdesk.clock import SystemClock
from frontdesk.config import TenantConfig
from frontdesk.plugins.bedrock_llm import BedrockLlm
from frontdesk.services.blocking import BlockingCalls
from frontdesk.testing.fake_bedrock import FakeBedrock
from frontdesk.testing.fake_bedrock.server import REGION

BIG = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
SMALL = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
READ_SECONDS = {1, 2, *range(3, 301, 3)}
NOW = datetime(2026, 11, 24, 2, 15, tzinfo=UTC)
TENANT = TenantConfig.model_validate(
    {
        "id": "hoa-sen",
        "name": "Hoa Sen",
        "time_zone": "Asia/Ho_Chi_Minh",
        "language": "vi",
        "facts": [{"topic": f"topic {n}", "answer": "Một khóa 3.600.000đ cho 24 buổi. " * 5} for n in range(18)],
    }
)
HOURS = ToolSpec(name="hours", description="When.", schema={"type": "object", "properties": {}})
BOOK = ToolSpec(name="book", description="Books.", schema={"type": "object", "properties": {}}, deed=True)


class QuickClock(SystemClock):
    """Who sleeps wakes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Purse:
    """A ceiling without a store: `left` US dollars; what is settled is kept in `settled`."""

    def __init__(self) -> None:
        self.left: float | None = None
        self.reserved: list[tuple[float, bool]] = []
        self.settled: list[float] = []

    @property
    def limited(self) -> bool:
        return self.left is not None

    async def reserve(self, most: float, *, first: bool = False) -> Any:
        if self.left is not None and most > self.left:
            raise CeilingReached("no room")
        self.reserved.append((most, first))
        purse = self

        class Reserved:
            def settle(self, cost: float) -> None:
                purse.settled.append(cost)

        return Reserved()


class Files(dict[str, tuple[str, bytes]]):
    async def get(self, key: str) -> Any:  # type: ignore[override]
        return super().get(key)


class Shared:
    """Objects by key, closed at the end."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    async def __call__(self, key: str, make: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self.made:
            self.made[key] = await make()
        return self.made[key]


@pytest.fixture
async def bedrock() -> AsyncIterator[FakeBedrock]:
    async with FakeBedrock() as running:
        yield running


@pytest.fixture
async def make(bedrock: FakeBedrock, aws_keys: None) -> AsyncIterator[Callable[..., BedrockLlm]]:
    """`make(**settings)`: an instance of the two models, big and small."""
    shared, calls, unused = Shared(), BlockingCalls(), cast(Any, None)
    purses: list[Purse] = []

    def made(**settings: Any) -> BedrockLlm:
        purses.append(Purse())
        services = Services(
            tenant=TENANT,
            clock=QuickClock(),
            store=unused,
            tasks=unused,
            media=cast(Any, Files()),
            model=unused,
            conversations=unused,
            leads=unused,
            appointments=unused,
            days=unused,
            secrets=unused,
            tell_operators=unused,
            post_signed=unused,
            spending=purses[-1],
            http=unused,
            shared=cast(Any, shared),
            call_blocking=calls.of("hoa-sen", "bedrock_llm", 5, 16),
            log=structlog.get_logger(),
            public_url="https://desk.example.com",
            count=lambda event: None,
        )
        given = {"models": [BIG, SMALL], "region": REGION, "endpoint": bedrock.url, **settings}
        return BedrockLlm("bedrock_llm", BedrockLlm.settings_class()(**given), services)

    yield made
    await calls.close(5)
    for client in shared.made.values():
        client.close()
    assert not bedrock.refused, "a request that AWS would refuse"
    assert [len(purse.settled) for purse in purses] == [len(purse.reserved) for purse in purses], (
        "not settled, or twice"
    )
    kept = {client.meta.config.read_timeout for client in shared.made.values()}
    assert kept <= READ_SECONDS, "a client that hardly another call will have a use for"


def user(text: str = "", **more: Any) -> ModelMessage:
    return ModelMessage(role="user", text=text, **more)


def bot(text: str = "", **more: Any) -> ModelMessage:
    return ModelMessage(role="assistant", text=text, **more)


def request(*messages: ModelMessage, **more: Any) -> ModelRequest:
    """A turn's request; the newest message is the contact's."""
    given: dict[str, Any] = {
        "tenant": TENANT,
        "contact": Contact(id="c", name="Lan", created_at=NOW),
        "now": NOW.astimezone(TENANT.zone),
        "messages": messages or (user("Học phí bao nhiêu?"),),
        "tools": (HOURS, BOOK),
        "seconds": 20.0,
        **more,
    }
    return ModelRequest(**given)
