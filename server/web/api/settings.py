"""What is changed over the tenants file, stored secrets, and plugins."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ...services.settings_keys import SecretInUse
from .problems import ApiProblem
from .routes import Routes, call

KEY = r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+|\[[0-9]+\])*$"


class Setting(BaseModel):
    """A value that stands before the file's."""

    key: str = Field(description="Dotted; `plugins.NAME.KEY` is a plugin's.")
    declared: Any = Field(description="What the file says; null: nothing.")
    value: Any
    at: datetime
    by: str


class Settings(BaseModel):
    """Everything that stands before the file's values, in the order of the keys."""

    items: list[Setting]


class Change(BaseModel):
    """A change of a setting."""

    key: str
    value: Any = Field(description="Null when it was reverted.")
    reverted: bool = Field(description="From then on the file's value counts again.")
    at: datetime
    by: str


class History(BaseModel):
    """The last changes, oldest first."""

    items: list[Change]


class Value(BaseModel):
    """A new value."""

    model_config = ConfigDict(extra="forbid")

    value: Any = Field(description='As it would stand in the file. A secret is named: `{"stored": "NAME"}`.')


class Whole(BaseModel):
    """The tenant as it would stand in the tenants file with every change in it."""

    tenants: dict[str, Any]


class SecretName(BaseModel):
    """A stored secret. Its value is never told."""

    name: str
    set_at: datetime
    set_by: str


class Secrets(BaseModel):
    """Stored secrets, by name."""

    items: list[SecretName]


class SecretValue(BaseModel):
    """The secret itself; it is never told again."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(min_length=1, max_length=65_536)


class Plugin(BaseModel):
    """A plugin of the tenant."""

    name: str
    distribution: str = Field(description="The package that it comes from; empty: not known.")
    hooks: list[str]
    tools: list[str] = Field(description="What the model may call.")
    running: bool = Field(description="Whether this process runs it at the moment; it starts when it is needed.")
    trouble: str = Field(description="Why it does not run, or is not well; empty: nothing is known.")
    switched_off: list[str] = Field(description="Hooks that are not called for a while, after repeated failures.")


class Plugins(BaseModel):
    """The tenant's plugins, in the order in which they are asked."""

    items: list[Plugin]


def _stored(value: Any) -> None:
    """Raise ApiProblem for what a store cannot hold."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as err:
        raise ApiProblem("invalid", "the value: it has a number or a character that JSON in UTF-8 cannot hold") from err


def add(routes: Routes) -> None:
    desk = routes.office.settings_keys

    @routes.get("/settings", tags="settings", role="manager", gives=Settings)
    async def list_settings() -> Settings:
        """What stands before the file's values."""
        found = await desk.shadows(call().tenant)
        return Settings(
            items=[
                Setting(key=each.key, declared=each.declared, value=each.value, at=each.at, by=each.by)
                for each in found
            ]
        )

    @routes.get("/settings/history", tags="settings", role="manager", gives=History)
    async def list_changes_of_settings() -> History:
        """Who changed what, when."""
        found = await desk.history(call().tenant)
        return History(
            items=[
                Change(key=each.key, value=json.loads(each.value), reverted=each.reverted, at=each.at, by=each.by)
                for each in found
            ]
        )

    @routes.get("/settings/export", tags="settings", role="manager", gives=Whole)
    async def export_settings() -> Whole:
        """The tenant as it would stand in the file; secrets are named, not told."""
        return Whole(tenants=await desk.export(call().tenant))

    @routes.put("/settings/<key>", tags="settings", role="manager", takes=Value, status=204)
    async def set_setting(key: str, data: Value) -> tuple[str, int]:
        """Have a value stand before the file's, within seconds on every instance; one that is not right is refused."""
        _stored(data.value)
        await desk.set(call().principal, call().tenant, key, data.value)
        return "", 204

    @routes.delete("/settings/<key>", tags="settings", role="manager", problems=("invalid",))
    async def revert_setting(key: str) -> tuple[str, int]:
        """Have the file's value count again, of the key and of what is below it."""
        if not await desk.revert(call().principal, call().tenant, key):
            raise ApiProblem("not-found", f"nothing stands before the file at {key[:80]}; GET settings lists what does")
        return "", 204

    @routes.get("/secrets", tags="settings", role="manager", gives=Secrets)
    async def list_secrets() -> Secrets:
        """The names of stored secrets."""
        found = await desk.secrets(call().tenant)
        return Secrets(items=[SecretName(name=name, set_at=at, set_by=by) for name, at, by in found])

    @routes.put(
        "/secrets/<name>", tags="settings", role="manager", takes=SecretValue, status=204, problems=("conflict",)
    )
    async def set_secret(name: str, data: SecretValue) -> tuple[str, int]:
        """Store a secret, in place of the one that has the name."""
        try:
            await desk.set_secret(call().principal, call().tenant, name, data.value)
        except ValueError as err:
            raise ApiProblem("invalid", str(err)) from err
        return "", 204

    @routes.delete("/secrets/<name>", tags="settings", role="manager", problems=("conflict",))
    async def delete_secret(name: str) -> tuple[str, int]:
        """Forget a stored secret to which nothing refers any more."""
        try:
            if not await desk.delete_secret(call().principal, call().tenant, name):
                raise ApiProblem("not-found", f"there is no stored secret {name[:80]}; GET secrets lists the names")
        except SecretInUse as err:
            raise ApiProblem("conflict", str(err)) from err
        return "", 204

    @routes.get("/plugins", tags="plugins", role="viewer", gives=Plugins)
    async def list_plugins() -> Plugins:
        """The tenant's plugins with their state at this process."""
        return Plugins(
            items=[
                Plugin(
                    name=each.name,
                    distribution=each.distribution,
                    hooks=list(each.hooks),
                    tools=list(each.tools),
                    running=each.state not in ("not running", "quarantined", "idle"),
                    trouble=each.why,
                    switched_off=[circuit.hook for circuit in each.circuits if circuit.state == "open"],
                )
                for each in await routes.office.plugins.lines(call().tenant)
                if each.listed
            ]
        )
