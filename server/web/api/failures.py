"""What waits for a person, and what is to be done."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .paging import Page, Paged, after, page_of
from .problems import ApiProblem
from .routes import Routes, call

State = Literal["waiting", "done", "failed", "cancelled"]


class Failure(BaseModel):
    """Something that a person has to decide, or to know of."""

    id: str
    what: Literal["turn", "message", "undelivered", "sent twice"]
    conversation: str
    since: datetime
    reason: str
    channel: str = Field(description="Of a message; empty: none.")


class Shown(BaseModel):
    """How many."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=500, description="How many at most; the oldest come first.")


class Replay(BaseModel):
    """How it is started again."""

    model_config = ConfigDict(extra="forbid")

    take: bool = Field(
        default=False, description="Also if an operator answers the conversation: it goes back to the bot."
    )


class Failures(BaseModel):
    """What waits for a person, oldest first."""

    items: list[Failure]


class Task(BaseModel):
    """Something to do at a time."""

    id: str
    plugin: str = Field(description="Who does it; `core`: the server itself.")
    name: str
    at: datetime
    state: State
    conversation: str = Field(description="Empty: none.")
    attempts: int
    error: str


class Tasks(Paged):
    """Which tasks."""

    state: State = Field(default="waiting", description="Only those in this state.")


def _none(id: str) -> ApiProblem:
    return ApiProblem("not-found", f"nothing of that kind is called {id[:80]}; GET failures lists what there is")


def add(routes: Routes) -> None:
    desk = routes.office.failures

    @routes.get("/failures", tags="failures", role="viewer", query=Shown, gives=Failures)
    async def list_failures(query_args: Shown) -> Failures:
        """What waits for a person: parked turns and messages, what did not arrive, what may have been sent twice."""
        found = await desk.waiting(call().tenant, query_args.limit)
        return Failures(
            items=[
                Failure.model_validate(
                    {
                        "id": each.id,
                        "what": each.what,
                        "conversation": each.conversation,
                        "since": each.since,
                        "reason": each.reason,
                        "channel": each.channel,
                    }
                )
                for each in found
            ]
        )

    @routes.post(
        "/failures/<id>/replay",
        tags="failures",
        role="agent",
        takes=Replay,
        status=204,
        problems=("conflict",),
    )
    async def replay_failure(id: str, data: Replay) -> tuple[str, int]:
        """Answer a parked turn, or send a parked message, after all."""
        done = await desk.replay(call().tenant, call().principal, [id], take=data.take)
        if done.theirs:
            raise ApiProblem(
                "conflict", "an operator answers the conversation; send `take: true` to give it back to the bot"
            )
        if not done.done:
            raise _none(id)
        return "", 204

    @routes.post("/failures/<id>/dismiss", tags="failures", role="agent", status=204)
    async def dismiss_failure(id: str) -> tuple[str, int]:
        """Leave a message as it is, and list it no more. A parked turn waits for its answer and cannot be dismissed."""
        if not (await desk.dismiss(call().tenant, call().principal, [id])).done:
            raise _none(id)
        return "", 204

    @routes.get("/tasks", tags="tasks", role="viewer", query=Tasks, gives=Page[Task], problems=("bad-cursor",))
    async def list_tasks(query_args: Tasks) -> Page[Task]:
        """Tasks in one state; of the waiting ones the next comes first, of others the last."""
        behind = after(query_args.cursor, "at")
        found = await desk.tasks(call().tenant, query_args.state, limit=query_args.limit + 1, after=behind)
        shown, following = page_of(found, query_args.limit, "at")
        items = [
            Task(
                id=each.id,
                plugin=each.plugin,
                name=each.name,
                at=each.at,
                state=each.state,
                conversation=each.conversation,
                attempts=each.attempts,
                error=each.error,
            )
            for each in shown
        ]
        return Page[Task](items=items, next=following)
