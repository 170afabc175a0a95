"""Whether a request comes from this machine: what nobody else may see is shown to whoever sits here."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address

_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PASSED_ON = ("forwarded", "via", "x-real-ip")


def is_local(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine, asked for under its own name, and nobody passed it on.

    The name matters because a site's name can be made to lead to 127.0.0.1 (DNS rebinding); the rest because a proxy on
    this machine is a loopback peer, too. *headers* have lower-case names.
    """
    passed_on = any(name in _PASSED_ON or name.startswith("x-forwarded-") for name in headers)
    return not passed_on and _host(headers.get("host", "")) in _HOSTS and _is_loopback(peer)


def _host(value: str) -> str:
    name, _, port = value.rpartition(":")
    return (name if port.isdigit() else value).lower()


def _is_loopback(peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
