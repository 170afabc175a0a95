"""The plugin of the proxies' tests: a WebSocket at `/plugins/lines/TENANT/line`, which repeats and says who seems to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import websocket

from frontdesk import Plugin, current_plugin, hookimpl

if TYPE_CHECKING:
    from quart import Blueprint


class Lines(Plugin):
    """Answers each line with what it knows."""

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Blueprint) -> None:
        blueprint.add_websocket("/line", "line", _line)


async def _line() -> None:
    await websocket.accept()
    while True:
        await websocket.send_json(
            {
                "said": await websocket.receive(),
                "scheme": websocket.scheme,
                "peer": websocket.remote_addr,
                "tenant": current_plugin().tenant.id,
            }
        )
