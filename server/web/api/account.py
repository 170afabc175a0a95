"""Whose token it is, and which businesses it knows."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .paging import Page
from .problems import ApiProblem
from .routes import Routes, call

Role = Literal["viewer", "agent", "manager", "owner"]


class Tenant(BaseModel):
    """One business."""

    id: str
    name: str
    language: str = Field(description="BCP 47.")
    time_zone: str


class Me(BaseModel):
    """Whose token it is."""

    id: str
    name: str = Field(description="What conversations' owner and notes' author carry.")
    display_name: str
    admin: bool = Field(description="Whether it may do everything, on the whole server.")
    roles: dict[str, Role] = Field(
        description="Tenant to role: `read` is a viewer, `write` an agent, `manage` an owner."
    )


def add(routes: Routes) -> None:
    office = routes.office

    def shown(id: str) -> Tenant:
        tenant = office.tenant(id)
        if tenant is None:
            raise ApiProblem("not-found", "the tenant has left the tenants file")
        return Tenant(id=id, name=tenant.name, language=tenant.language, time_zone=tenant.time_zone)

    @routes.get("/me", tags="me", gives=Me)
    async def get_me() -> Me:
        """Whose token this is."""
        who = call().principal
        return Me(id=who.id, name=who.name, display_name=who.display_name, admin=who.admin, roles=dict(who.roles))

    @routes.get("/tenants", tags="tenants", gives=Page[Tenant])
    async def list_tenants() -> Page[Tenant]:
        """The businesses that the token knows."""
        who = call().principal
        known = sorted(id for id in who.roles if id and office.tenant(id) is not None)
        return Page[Tenant](items=[shown(id) for id in known], next="")

    @routes.get("", tags="tenants", role="viewer", gives=Tenant)
    async def get_tenant() -> Tenant:
        """One business."""
        return shown(call().tenant)
