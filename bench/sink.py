"""The part of Twilio's REST API that a reply needs, and no more: it answers 201 and notes who was sent what, when.

`frontdesk.testing.fake_twilio` validates, remembers and calls back; that costs it more than a server under test spends on
a reply. Here the fake runs in the load generator's process and must not be what is measured.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from time import perf_counter
from typing import Self
from urllib.parse import parse_qs

from workload import ACCOUNT

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

Heard = Callable[[str, float], None]
"""Called with the contact's address and the moment its reply was there (perf_counter)."""


class Sink:
    """A server on a port of the loopback interface. `heard` may be replaced at any time."""

    def __init__(self) -> None:
        self.heard: Heard = lambda to, at: None
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()


class _Session(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(rest) < length:
            return
        at = perf_counter()
        self._received = rest[length:]
        assert self._transport is not None
        form = parse_qs(rest[:length].decode())
        if "To" not in form:
            self._transport.write(_OTHER)
            return
        to = form["To"][0]
        self._transport.write(_created(to))
        self._sink.heard(to, at)


_OTHER_BODY = b'{"success":true,"sid":"HX%s"}' % (b"0" * 32)
_OTHER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_OTHER_BODY),
    _OTHER_BODY,
)
"""To a request for the typing indicator, or for the content of buttons."""


def _created(to: str) -> bytes:
    """Twilio's answer to a message it has queued (Message resource, 2010-04-01)."""
    sid = "SM" + secrets.token_hex(16)
    uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}"
    body = json.dumps(
        {
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "body": "",
            "date_created": "Sun, 22 Nov 2026 12:00:00 +0000",
            "date_sent": None,
            "date_updated": "Sun, 22 Nov 2026 12:00:00 +0000",
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": sid,
            "status": "queued",
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": to,
            "uri": f"{uri}.json",
        }
    ).encode()
    head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
