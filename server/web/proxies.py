"""Proxies in front of the server: what they say of a request is believed of the ones that are named, and of nobody else.

Hypercorn's own middleware does not do: it gives WebSockets the scheme `https`, which Quart refuses, and it takes the host
from whoever sends one. The host is nobody's to choose here: links and signatures are made of `server.public_url`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from frontdesk.config import UNIX_SOCKET

from .asgi import Scope

Address = IPv4Address | IPv6Address

_SECURE = {"http": "https", "websocket": "wss"}
_PLAIN = {"http": "http", "websocket": "ws"}


class Proxies:
    """The proxies of `server.trusted_proxies`."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = [ip_network(each) for each in trusted if each != UNIX_SOCKET]
        self._socket = UNIX_SOCKET in trusted

    def seen_through(self, scope: Scope) -> Scope:
        """The request or WebSocket as who asks made it: scheme and client's address as a trusted proxy tells them.

        A client that cannot be told is None, which is nobody's address: least of all this machine's.
        """
        client = scope.get("client")
        if not self._passed_on(client):
            return {**scope, "client": None} if _is_old_proxy(scope, client) else scope
        scheme = _last(scope, b"x-forwarded-proto").lower()
        address = self._who(_listed(scope, b"x-forwarded-for"))
        seen = {**scope, "client": None if address is None else (str(address), 0)}
        if scheme in ("https", "wss"):
            seen["scheme"] = _SECURE[scope["type"]]
        elif scheme in ("http", "ws"):
            seen["scheme"] = _PLAIN[scope["type"]]
        return seen

    def _passed_on(self, client: tuple[str, int] | None) -> bool:
        if client is None:
            return self._socket
        if not self._networks:
            return False
        address = _address(client[0])
        return address is not None and self._is_proxy(address)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _who(self, hops: list[str]) -> Address | None:
        """The last of *hops* that is no proxy of ours: what stands before it anybody may have written."""
        address: Address | None = None
        for hop in reversed(hops):
            address = _address(hop)
            if address is None or not self._is_proxy(address):
                return address
        return address


def _is_old_proxy(scope: Scope, client: tuple[str, int] | None) -> bool:
    """Whether a request comes from this machine and yet from no program that anybody sits at.

    No browser speaks HTTP/1.0. nginx does unless it is told otherwise (before 1.29.7), and it then says neither whom it asks
    for nor under which name it was asked: without this, every stranger would be at this machine.
    """
    if client is None or scope.get("http_version") != "1.0":
        return False
    address = _address(client[0])
    return address is not None and address.is_loopback


def _address(written: str) -> Address | None:
    """An address as proxies write it, some with a port: `203.0.113.9`, `203.0.113.9:4711`, `[2001:db8::1]:4711`."""
    host = written
    if written.startswith("["):
        host = written[1:].partition("]")[0]
    elif written.count(":") == 1:
        host = written.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _listed(scope: Scope, name: bytes) -> list[str]:
    """All values of a header that is a list, over all the lines it stands on."""
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]
    return [value.strip() for line in lines for value in line.split(",") if value.strip()]


def _last(scope: Scope, name: bytes) -> str:
    return (_listed(scope, name) or [""])[-1]
