"""Outbound webhooks: who is told of events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...services.subscriptions import EVENTS, SubscriptionError, UnknownSubscription
from ...stored_events import Delivery as StoredDelivery
from ...stored_events import Subscription as StoredSubscription
from .paging import Page, Paged, after, page_of
from .problems import ApiProblem
from .routes import IfMatch, Routes, call
from .versions import changed, tagged, wanted

if TYPE_CHECKING:
    Event = str
else:
    Event = Literal[tuple(EVENTS)]


class Subscription(BaseModel):
    """A receiver of events."""

    id: str
    url: str
    events: list[str]
    description: str
    content: bool = Field(description="Whether what was said, names and phone numbers are in the events.")
    enabled: bool
    disabled_reason: str = Field(description="Why the server has disabled it; empty: it did not.")
    created_at: datetime
    created_by: str


class New(BaseModel):
    """A receiver that is to be told of events."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2000, description="https, in the internet.")
    events: list[Event] = Field(min_length=1, max_length=len(EVENTS))
    description: str = Field(default="", max_length=200)
    content: bool = Field(
        default=False, description="Whether what was said, names and phone numbers are in the events."
    )


class Changes(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, min_length=1, max_length=2000)
    events: list[Event] | None = Field(default=None, min_length=1, max_length=len(EVENTS))
    description: str | None = Field(default=None, max_length=200)
    content: bool | None = None
    enabled: bool | None = None


class WithSecret(BaseModel):
    """A receiver, and its secret, which is told this once."""

    subscription: Subscription
    secret: str = Field(description="Verifies the signature (Standard Webhooks); begins with `whsec_`.")


class Tried(BaseModel):
    """One attempt."""

    at: datetime
    milliseconds: int
    status: int = Field(description="Of the answer; 0: there was none.")
    said: str = Field(description="The beginning of the answer, or why there was none.")


class Delivery(BaseModel):
    """What became of an event."""

    id: str
    event: str = Field(description="The event's id (webhook-id).")
    type: str
    at: datetime
    state: Literal["waiting", "delivered", "failed"]
    attempts: int
    next_at: datetime | None
    tried: list[Tried] = Field(description="The last few attempts.")


def _shown(found: StoredSubscription) -> Subscription:
    return Subscription(
        id=found.id,
        url=found.url,
        events=list(found.events),
        description=found.description,
        content=found.content,
        enabled=found.enabled,
        disabled_reason=found.disabled_reason,
        created_at=found.created_at,
        created_by=found.created_by,
    )


def _delivery(found: StoredDelivery) -> Delivery:
    tried = [Tried(at=e.at, milliseconds=e.milliseconds, status=e.status, said=e.said) for e in found.tried]
    return Delivery(
        id=found.id,
        event=found.event,
        type=found.type,
        at=found.at,
        state=found.state,
        attempts=found.attempts,
        next_at=found.next_at,
        tried=tried,
    )


class _Told:
    """What the desk raises, as problems."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, UnknownSubscription):
            raise ApiProblem("not-found", f"{error}; GET webhooks lists those there are") from error
        if isinstance(error, SubscriptionError):
            raise ApiProblem("invalid", str(error)) from error


def add(routes: Routes) -> None:
    desk = routes.office.subscriptions

    @routes.get("/webhooks", tags="webhooks", role="owner", gives=Page[Subscription])
    async def list_webhooks() -> Page[Subscription]:
        """The receivers of this tenant's events, oldest first."""
        return Page[Subscription](items=[_shown(each) for each in await desk.list(call().tenant)], next="")

    @routes.post(
        "/webhooks", tags="webhooks", role="owner", takes=New, gives=WithSecret, status=201, problems=("conflict",)
    )
    async def make_webhook(data: New) -> tuple[WithSecret, int]:
        """Have a receiver told of events. The answer holds the secret, which is told this once."""
        here = call()
        with _Told():
            made = await desk.make(
                here.tenant,
                here.principal,
                data.url,
                data.events,
                description=data.description,
                content=data.content,
            )
        return WithSecret(subscription=_shown(made.subscription), secret=made.secret), 201

    @routes.get("/webhooks/<id>", tags="webhooks", role="owner", gives=Subscription)
    async def get_webhook(id: str) -> Any:
        """One receiver. Its `ETag` changes when it does."""
        with _Told():
            found = await desk.get(call().tenant, id)
        return tagged(_shown(found), found.version)

    @routes.patch(
        "/webhooks/<id>",
        tags="webhooks",
        role="owner",
        takes=Changes,
        gives=Subscription,
        headers=IfMatch,
        problems=("changed",),
    )
    async def change_webhook(id: str, data: Changes) -> Any:
        """Change a receiver, or enable it again."""
        changes = data.model_dump(exclude_unset=True, exclude_none=True)
        with _Told():
            found = await desk.change(call().tenant, call().principal, id, version=wanted(), **changes)
        if found is None:
            raise changed()
        return tagged(_shown(found), found.version)

    @routes.delete("/webhooks/<id>", tags="webhooks", role="owner")
    async def delete_webhook(id: str) -> tuple[str, int]:
        """End it; what waits for it is not sent."""
        with _Told():
            await desk.delete(call().tenant, call().principal, id)
        return "", 204

    @routes.post("/webhooks/<id>/secret", tags="webhooks", role="owner", gives=WithSecret, problems=("conflict",))
    async def renew_secret(id: str) -> WithSecret:
        """Make a new secret. For a day each event carries both signatures."""
        with _Told():
            made = await desk.new_secret(call().tenant, call().principal, id)
        return WithSecret(subscription=_shown(made.subscription), secret=made.secret)

    @routes.post("/webhooks/<id>/test", tags="webhooks", role="owner", gives=Tried)
    async def test_webhook(id: str) -> Tried:
        """Send the made-up event `test` now, and tell what came of it."""
        with _Told():
            tried = await desk.test(call().tenant, call().principal, id)
        return Tried(at=tried.at, milliseconds=tried.milliseconds, status=tried.status, said=tried.said)

    @routes.get(
        "/webhooks/<id>/deliveries",
        tags="webhooks",
        role="owner",
        query=Paged,
        gives=Page[Delivery],
        problems=("bad-cursor",),
    )
    async def list_deliveries(id: str, query_args: Paged) -> Page[Delivery]:
        """What was sent and what waits, the newest first; kept for 30 days."""
        behind = after(query_args.cursor, "at")
        with _Told():
            await desk.get(call().tenant, id)
        found = await desk.log(call().tenant, id, limit=query_args.limit + 1, after=behind)
        shown, following = page_of(found, query_args.limit, "at")
        return Page[Delivery](items=[_delivery(each) for each in shown], next=following)

    @routes.post(
        "/webhooks/<id>/deliveries/<delivery>/send-again", tags="webhooks", role="owner", gives=Delivery, status=202
    )
    async def send_again(id: str, delivery: str) -> tuple[Delivery, int]:
        """Send an event once more, with the same id."""
        with _Told():
            found = await desk.send_again(call().tenant, call().principal, id, delivery)
        return _delivery(found), 202
