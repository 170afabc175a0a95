"""The JSON API under `/_fake/`, for tests that run the fake as a process of its own."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .callbacks import CallbackPlan
from .faults import Fault
from .inbound import InboundSpec

if TYPE_CHECKING:
    from .server import FakeTwilio


def routes(twilio: FakeTwilio) -> list[web.RouteDef]:
    """`GET state`; `POST faults | callbacks | settings | accounts | deliver`; `DELETE faults`."""
    return [
        web.get("/_fake/state", _Control(twilio).state),
        web.post("/_fake/faults", _Control(twilio).add_faults),
        web.delete("/_fake/faults", _Control(twilio).clear_faults),
        web.post("/_fake/callbacks", _Control(twilio).plan_callbacks),
        web.post("/_fake/settings", _Control(twilio).change_settings),
        web.post("/_fake/accounts", _Control(twilio).add_account),
        web.post("/_fake/deliver", _Control(twilio).deliver),
    ]


class _Control:
    """One method per route; wrong keys are answered with 400 and the reason."""

    def __init__(self, twilio: FakeTwilio) -> None:
        self._twilio = twilio

    async def state(self, request: web.Request) -> web.Response:
        return web.json_response(self._twilio.state.summary())

    async def add_faults(self, request: web.Request) -> web.Response:
        """A list of objects with the fields of Fault."""
        self._twilio.faults.add(*[_made(Fault, fields) for fields in await request.json()])
        return web.json_response({})

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._twilio.faults.clear()
        return web.json_response({})

    async def plan_callbacks(self, request: web.Request) -> web.Response:
        """`{"default": {…}}` and/or `{"next": [{…}]}` with the fields of CallbackPlan."""
        asked = await request.json()
        if "default" in asked:
            self._twilio.callbacks.default = _made(CallbackPlan, asked["default"])
        self._twilio.callbacks.add(*[_made(CallbackPlan, fields) for fields in asked.get("next", [])])
        return web.json_response({})

    async def change_settings(self, request: web.Request) -> web.Response:
        """Any of `list_lag` (seconds), `rate`, `fetch_media`, `reach` (public base URL → real one), `senders`."""
        asked = await request.json()
        state = self._twilio.state
        state.list_lag = asked.pop("list_lag", state.list_lag)
        state.rate = asked.pop("rate", state.rate)
        state.fetch_media = asked.pop("fetch_media", state.fetch_media)
        state.senders = frozenset(asked.pop("senders", state.senders))
        state.world.reach |= asked.pop("reach", {})
        if asked:
            known = "list_lag, rate, fetch_media, reach, senders"
            raise web.HTTPBadRequest(text=f"unknown: {sorted(asked)}; known: {known}")
        return web.json_response({})

    async def add_account(self, request: web.Request) -> web.Response:
        """`{"sid": "AC…", "auth_token": "…"}`."""
        asked = await request.json()
        self._twilio.world.accounts[asked["sid"]] = asked["auth_token"]
        return web.json_response({})

    async def deliver(self, request: web.Request) -> web.Response:
        """`{"url": …, "messages": [InboundSpec, …], "order": [1, 0, 1], "account_sid": …}` → the server's answers.

        `order` (default: as they are) repeats and reorders; `content` of a message is base64.
        """
        asked = await request.json()
        specs = []
        for fields in asked["messages"]:
            if "content" in fields:
                fields["content"] = base64.b64decode(fields["content"])
            specs.append(_made(InboundSpec, fields))
        answers = await self._twilio.deliver_all(
            asked["url"], specs, order=asked.get("order"), account_sid=asked.get("account_sid", "")
        )
        return web.json_response([{"sid": sid, **asdict(answer)} for sid, answer in answers])


def _made(cls: type[Any], fields: dict[str, Any]) -> Any:
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    try:
        return cls(**(fields | lists))
    except TypeError as err:
        raise web.HTTPBadRequest(text=f"{cls.__name__}: {err}; known: {sorted(cls.__dataclass_fields__)}") from err
