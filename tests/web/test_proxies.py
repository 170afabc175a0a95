"""What is believed of a proxy, of which one, and that nobody becomes somebody at this machine by way of it."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import aiohttp
import pytest

from frontdesk import Plugin, hookimpl, is_local
from frontdesk.web.proxies import Proxies

NGINX = ("127.0.0.1", 50000)
HERE, BALANCER = "127.0.0.1/32", "10.0.0.0/16"


def scope(client: tuple[str, int] | None = NGINX, kind: str = "http", version: str = "1.1", **headers: str) -> Any:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scheme = "ws" if kind == "websocket" else "http"
    return {"type": kind, "client": client, "scheme": scheme, "http_version": version, "headers": pairs}


def client_of(trusted: tuple[str, ...], asked: Any) -> str | None:
    client = Proxies(trusted).seen_through(asked)["client"]
    return client and client[0]


@pytest.mark.parametrize(
    ("passed_on", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.0.3.4", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.3.4, 127.0.0.1", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("10.0.3.5, 10.0.3.4", "10.0.3.5"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(passed_on: str, client: str) -> None:
    assert client_of((HERE, BALANCER), scope(x_forwarded_for=passed_on)) == client


def test_what_stands_on_several_lines_is_one_list() -> None:
    asked = scope()
    asked["headers"] = [(b"x-forwarded-for", b"6.6.6.6"), (b"X-Forwarded-For", b"203.0.113.9")]
    assert client_of((HERE,), asked) == "203.0.113.9"


@pytest.mark.parametrize("passed_on", ["", "unknown", "203.0.113.9, unknown", "_hidden", "localhost", "999.1.1.1"])
def test_a_client_that_a_proxy_does_not_name_is_nobody(passed_on: str) -> None:
    assert client_of((HERE,), scope(x_forwarded_for=passed_on)) is None


@pytest.mark.parametrize("trusted", [(), ("127.0.0.2/32",), (BALANCER,), ("unix",)])
def test_nobody_else_is_believed(trusted: tuple[str, ...]) -> None:
    asked = scope(x_forwarded_for="203.0.113.9", x_forwarded_proto="https", x_forwarded_host="evil.example")
    assert Proxies(trusted).seen_through(asked) is asked


def test_who_comes_by_a_unix_socket_is_believed_if_it_is_named() -> None:
    assert client_of(("unix",), scope(None, x_forwarded_for="203.0.113.9")) == "203.0.113.9"
    assert client_of((HERE,), scope(None, x_forwarded_for="203.0.113.9")) is None


@pytest.mark.parametrize(
    ("kind", "told", "scheme"),
    [
        ("http", "https", "https"),
        ("http", "HTTPS", "https"),
        ("http", "http, https", "https"),
        ("http", "https, http", "http"),
        ("websocket", "https", "wss"),
        ("websocket", "wss", "wss"),
        ("websocket", "http", "ws"),
        ("http", "gopher", "http"),
        ("websocket", "", "ws"),
    ],
)
def test_the_scheme_is_the_browsers_in_the_words_of_its_protocol(kind: str, told: str, scheme: str) -> None:
    asked = scope(kind=kind, x_forwarded_for="203.0.113.9", x_forwarded_proto=told)
    assert Proxies((HERE,)).seen_through(asked)["scheme"] == scheme


def test_the_host_is_nobodys_to_choose() -> None:
    asked = scope(host="desk.example.com", x_forwarded_for="203.0.113.9", x_forwarded_host="evil.example")
    seen = Proxies((HERE,)).seen_through(asked)
    assert dict(seen["headers"])[b"host"] == b"desk.example.com"


def local(trusted: tuple[str, ...], asked: Any) -> bool:
    seen = Proxies(trusted).seen_through(asked)
    headers = {name.decode(): value.decode() for name, value in seen["headers"]}
    return is_local((seen["client"] or ("",))[0], headers)


@pytest.mark.parametrize("passed_on", ["203.0.113.9", "127.0.0.1", "::1", "unknown", ""])
@pytest.mark.parametrize("trusted", [(HERE,), ("127.0.0.0/8",), (HERE, "::1/128")])
def test_what_came_through_a_proxy_is_never_local(trusted: tuple[str, ...], passed_on: str) -> None:
    assert not local(trusted, scope(host="localhost:8000", x_forwarded_for=passed_on))


def test_a_proxy_that_names_nobody_is_not_this_machine() -> None:
    # nginx without any proxy_set_header, on HTTP/1.1: it asks for us under our own name.
    silent = scope(host="127.0.0.1:8000")
    assert local((), silent), "undeclared it cannot be told from a browser here"
    assert not local((HERE,), silent)


def test_nobody_at_this_machine_speaks_http_1_0() -> None:
    # nginx as Debian 12 has it, without a line beyond `proxy_pass http://127.0.0.1:8000`.
    assert not local((), scope(version="1.0", host="127.0.0.1:8000"))


def test_a_proxy_with_an_address_of_its_own_leaves_local_who_is() -> None:
    assert local(("127.0.0.2/32",), scope(host="localhost:8000"))
    assert not local(("127.0.0.2/32",), scope(("127.0.0.2", 50000), host="localhost:8000"))


class Echo(Plugin):
    seen: ClassVar[list[Any]] = []

    @classmethod
    @hookimpl
    def routes(cls, blueprint: Any) -> None:
        from quart import request, websocket

        from frontdesk import current_plugin

        async def page() -> str:
            return f"{request.scheme} {request.remote_addr} {request.host}"

        async def line() -> None:
            await websocket.accept()
            await websocket.send(f"{current_plugin().tenant.id} {websocket.scheme} {websocket.remote_addr}")

        blueprint.add_url_rule("/", "page", page)
        blueprint.add_websocket("/line", "line", line)


FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


async def test_pages_and_websockets_of_plugins_see_through_a_trusted_proxy(desk: Any, serving: Any) -> None:
    async with (
        desk(plugins={"echo": Echo}, server={"trusted_proxies": [HERE]}) as server,
        serving(server.server) as url,
        aiohttp.ClientSession(headers=FORWARDED) as http,
    ):
        async with http.get(f"{url}/plugins/echo/clinic/") as answer:
            assert await answer.text() == f"https 203.0.113.9 {url.removeprefix('http://')}"
        async with asyncio.timeout(5), http.ws_connect(f"{url}/plugins/echo/clinic/line") as line:
            assert await line.receive_str() == "clinic wss 203.0.113.9"
        for unknown in ("/plugins/echo/nobody/line", "/plugins/echo/shop/line"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{url}{unknown}")
            assert refused.value.status == 404


async def test_server_sent_events_are_neither_held_back_nor_ended_by_the_servers_own_deadline(
    desk: Any, serving: Any
) -> None:
    async with (
        desk(plugins={}, tenants={"clinic": {"plugins": ["simulator"]}}) as server,
        serving(server.server) as url,
    ):
        server.server.quart.config["RESPONSE_TIMEOUT"] = 0.05
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{url}/plugins/simulator/clinic/events", params={"contact": "a" * 32}) as stream,
        ):
            assert stream.headers["X-Accel-Buffering"] == "no"
            await stream.content.readuntil(b"\n\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    raise AssertionError(f"it went on, or it ended: {await stream.content.readline()!r}")


async def test_from_anybody_else_pages_take_nothing(desk: Any, serving: Any) -> None:
    async with (
        desk(plugins={"echo": Echo}) as server,
        serving(server.server) as url,
        aiohttp.ClientSession(headers=FORWARDED) as http,
        http.get(f"{url}/plugins/echo/clinic/") as answer,
    ):
        assert await answer.text() == f"http 127.0.0.1 {url.removeprefix('http://')}"
