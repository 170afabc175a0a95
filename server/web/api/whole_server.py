"""The whole server, for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from .routes import Routes


class Health(BaseModel):
    """How this process is."""

    ready: bool
    found: dict[str, Any] = Field(description="As /readyz tells it.")


class Instance(BaseModel):
    """A server process."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime


class Instances(BaseModel):
    """The processes that were seen in the last 90 seconds."""

    items: list[Instance]


def add(routes: Routes) -> None:
    office = routes.office

    @routes.get("/server/health", tags="server", who="admin", gives=Health)
    async def get_health() -> Health:
        """Whether this process may be asked, and how store, queue and plugins are."""
        ready, found = await office.health()
        return Health(ready=ready, found=found)

    @routes.get("/server/instances", tags="server", who="admin", gives=Instances)
    async def list_instances() -> Instances:
        """The processes that share the store."""
        return Instances(
            items=[
                Instance(
                    id=each.id,
                    host=each.host,
                    pid=each.pid,
                    started_at=each.started_at,
                    seen_at=each.seen_at,
                )
                for each in await office.instances()
            ]
        )
