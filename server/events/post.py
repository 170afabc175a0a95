"""Speaks to a receiver: signed as Standard Webhooks says, and never into a network of our own.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (version 1.0.0): the signature is
the base64 of HMAC-SHA256 over `id.timestamp.body`, with `v1,` in front; several are separated by spaces; the secret is
`whsec_` and the base64 of 24 to 64 bytes; 410 means that nothing more is wanted.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ..errors import Refused, RetryLater

PREFIX = "whsec_"
TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5, sock_read=10)
ANSWER_BYTES = 4096
"""So much of an answer is read."""
SNIPPET = 300
"""So many characters of it are kept."""
MAX_URL = 2000
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_PUBLIC = (IPv6Network("::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("fec0::/10"))
"""Not in the internet either, though Python says so: IPv4 in disguise (RFC 4291, 2.5.5.1; RFC 8215), and site-local."""


class BadUrl(ValueError):
    """A receiver's URL cannot be used; says what would be right."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said. `status` 0: nothing, and `said` is why."""

    status: int
    said: str
    retry_after: float | None = None
    """Seconds that it asks us to wait."""

    @property
    def took(self) -> bool:
        return 200 <= self.status < 300


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """One signature, with its `v1,`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def headers(keys: Sequence[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Everything that a request carries. *keys*: secrets, the newest first."""
    return {
        "content-type": "application/json",
        "user-agent": "Frontdesk-Webhooks/1",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, id, timestamp, body) for key in keys),
    }


def check_url(url: str, *, private: bool) -> None:
    """Raise BadUrl unless events may be sent there, as far as can be told without asking for its address.

    *private*: whether http, and addresses of our own networks, are allowed (server.webhooks.private_addresses).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        # As the connection will have it: to it, `１２７.０.０.１` is an address and not a name.
        host = URL(url).raw_host or ""
    except ValueError as err:
        raise BadUrl("it is no URL; write one such as https://crm.example.com/frontdesk") from err
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise BadUrl("only https is taken; write a URL such as https://crm.example.com/frontdesk")
    if not parts.hostname or port == 0 or len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise BadUrl("it names no host; write a URL such as https://crm.example.com/frontdesk")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("a name or password does not belong into it: each request is signed, check the signature instead")
    if parts.fragment:
        raise BadUrl("what stands behind `#` is never sent; leave it out")
    if not private and (host.rstrip(".").endswith("localhost") or not _may_be_public(host)):
        raise BadUrl("that address is in a private network; events go to public ones only")


def _may_be_public(host: str) -> bool:
    """Whether *host* is a public address, or a name, whose addresses the resolver looks at."""
    if not (":" in host or host.replace(".", "").isdigit()):
        return True  # aiohttp asks the resolver for everything else, and for nothing else
    try:
        return is_public(ip_address(host))
    except ValueError:
        return False


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is in the internet: no loopback, private, link-local or metadata address, also not in disguise."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if any(address in network for network in _NOT_PUBLIC):
            return False
    return address.is_global and not address.is_multicast


class _PublicOnly(AbstractResolver):
    """Finds addresses, and gives the connection none but public ones: what was checked is what is connected to."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [each for each in found if is_public(ip_address(each["host"].partition("%")[0]))]
        if not public:
            raise OSError(errno.EACCES, f"{host} leads into a private network, where no events are sent")
        return public

    async def close(self) -> None:
        await self._inner.close()


async def post(url: str, body: bytes, headers: dict[str, str], *, private: bool) -> Answer:
    """Send it once. Raises nothing that a receiver could cause. Redirects are not followed."""
    try:
        check_url(url, private=private)
    except BadUrl as err:
        return Answer(0, str(err))
    resolver: dict[str, Any] = {} if private else {"resolver": _PublicOnly()}
    connector = aiohttp.TCPConnector(use_dns_cache=False, force_close=True, **resolver)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            said = await _beginning(response)
            return Answer(response.status, said, _wait(response.headers.get("retry-after", "")))
    except TimeoutError:
        return Answer(0, f"no answer within {TIMEOUT.total:g} s")
    except aiohttp.ClientConnectorError as err:
        return Answer(0, _snippet(f"cannot connect to {err.host}: {err.os_error.strerror or err.os_error}"))
    except (aiohttp.ClientError, OSError, ValueError) as err:
        return Answer(0, _snippet(str(err) or type(err).__name__))


async def post_signed(
    now: Callable[[], datetime], private: bool, url: str, secret: str, id: str, data: Mapping[str, Any]
) -> None:
    """`self.post_signed` of a plugin; *now*: the store's time. Raises RetryLater, Refused."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        check_url(url, private=private)
        signed = headers([secret], id, int(now().timestamp()), body)
    except ValueError as err:
        raise Refused(f"{url}: {err}") from err
    answer = await post(url, body, signed, private=private)
    if not answer.took:
        wait = answer.retry_after if answer.retry_after is not None else 30.0
        raise RetryLater(f"{url} did not take it: {answer.status or ''} {answer.said}".strip(), after=wait)


async def _beginning(response: aiohttp.ClientResponse) -> str:
    read = b""
    while len(read) < ANSWER_BYTES and (chunk := await response.content.read(ANSWER_BYTES - len(read))):
        read += chunk
    return _snippet(read.decode("utf-8", "replace"))


def _snippet(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:SNIPPET].strip()


def _wait(value: str) -> float | None:
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
