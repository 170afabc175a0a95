"""`frontdesk serve`: a real process, told to stop in every way."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from frontdesk.app import create_server
from frontdesk.testing.process import ServerProcess, free_port

from .conftest import Run, until

QUICK = 5.0
"""Seconds in which a process that has nothing to wait for has ended, on a loaded machine."""


@pytest.fixture
async def server(tmp_path: Path, example: dict[str, Any]) -> AsyncIterator[ServerProcess]:
    """The example, served on a free port."""
    async with ServerProcess(tmp_path, example["tenants"]) as process:
        yield await process.start()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def test_it_is_alive_and_ready_and_says_where_to_go(server: ServerProcess, http: aiohttp.ClientSession) -> None:
    for page in ("/healthz", "/readyz", "/", "/plugins/simulator/lotus-school/"):
        async with http.get(server.url + page) as answer:
            assert answer.status == 200, page
    told = server.tail(100)
    assert f"serves {server.file} on {server.url}" in told
    assert f"{server.url}/plugins/simulator/lotus-school/" in told
    assert "NOT READY" not in told


async def test_a_secret_that_is_missing_is_told_at_the_start_and_the_other_tenants_are_served(
    tmp_path: Path, example: dict[str, Any], http: aiohttp.ClientSession
) -> None:
    twilio = {
        "account_sid": f"AC{'0' * 32}",
        "auth_token": {"env": "NOT_SET_ANYWHERE"},
        "numbers": ["whatsapp:+14155238886"],
    }
    example["tenants"]["riverside-dental"]["plugins"].append({"twilio_whatsapp": twilio})
    async with ServerProcess(tmp_path, example["tenants"]) as process:
        server = await process.start()
        told = server.tail(100)
        why = "plugins[3].twilio_whatsapp.auth_token: the environment variable NOT_SET_ANYWHERE is not set"
        assert f"    twilio_whatsapp    NOT READY: {why}" in told
        assert "1 secret missing" in told
        assert any("secret_missing" in line and "riverside-dental" in line for line in told.splitlines())
        assert await _status(http, f"{server.url}/plugins/simulator/lotus-school/") == 200


async def test_ctrl_c_ends_it_quickly_though_browsers_hold_connections(
    server: ServerProcess, http: aiohttp.ClientSession
) -> None:
    async with http.get(server.url + "/healthz") as answer:
        await answer.read()
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.sendall(b"POST /webhooks/simulator/lotus-school HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert await _stop(server, signal.SIGINT) == 0
    assert "Traceback" not in server.tail(200)
    assert "CancelledError" not in server.tail(200)


async def test_sigterm_says_it_leaves_serves_on_and_ends(
    tmp_path: Path, example: dict[str, Any], http: aiohttp.ClientSession
) -> None:
    off = 2.0
    times = {"readiness_off": off, "balancer_detection": off}
    port = free_port()
    section = {"bind": f"0.0.0.0:{port}", "times": times}
    async with ServerProcess(tmp_path, example["tenants"], server=section) as process:
        process.port = port
        await process.start()
        assert process.process is not None
        began = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        url = f"http://127.0.0.1:{port}"

        async def leaving() -> bool:
            return await _status(http, url + "/readyz") == 503

        await until(leaving, QUICK)
        assert await _status(http, url + "/healthz") == 200, "it serves on while the load balancer looks away"
        assert await process.ended(off + QUICK) == 0
        assert time.monotonic() - began >= off
        assert "Traceback" not in process.tail(200)


async def test_sigterm_on_a_loopback_bind_does_not_wait(server: ServerProcess) -> None:
    assert await _stop(server, signal.SIGTERM) == 0


async def test_sigterm_on_a_loopback_bind_waits_if_a_proxy_of_this_machine_is_named(
    tmp_path: Path, example: dict[str, Any], http: aiohttp.ClientSession
) -> None:
    off = 1.0
    section = {"trusted_proxies": ["127.0.0.2"], "times": {"readiness_off": off, "balancer_detection": off}}
    async with ServerProcess(tmp_path, example["tenants"], server=section) as process:
        await process.start()
        assert process.process is not None
        began = time.monotonic()
        process.process.send_signal(signal.SIGTERM)

        async def leaving() -> bool:
            return await _status(http, process.url + "/readyz") == 503

        await until(leaving, QUICK)
        assert await process.ended(off + QUICK) == 0
        assert time.monotonic() - began >= off


async def test_a_second_ctrl_c_ends_it_at_once(tmp_path: Path, example: dict[str, Any]) -> None:
    port = free_port()
    section = {"bind": f"0.0.0.0:{port}"}
    async with ServerProcess(tmp_path, example["tenants"], server=section) as process:
        process.port = port
        await process.start()
        assert process.process is not None
        process.process.send_signal(signal.SIGTERM)

        async def stopping() -> bool:
            return "stopping" in process.tail(5)

        await until(stopping, QUICK)
        began = time.monotonic()
        process.process.send_signal(signal.SIGINT)
        assert await process.ended(QUICK) == 128 + signal.SIGINT
        assert time.monotonic() - began < QUICK


def test_a_port_in_use_is_one_line(frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]) -> None:
    write(example)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = frontdesk("serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"cannot listen on 127.0.0.1:{port}: address already in use; choose another with --port, or stop who uses it\n"
    )


@pytest.mark.parametrize(
    ("bind", "words"),
    [
        ("fd://77", "bad file descriptor"),
        ("no-such-host.invalid:80", "cannot listen on"),
    ],
)
def test_a_bind_that_cannot_be_is_one_line(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path], bind: str, words: str
) -> None:
    write(example)
    done = frontdesk("serve", "--bind", bind)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_broken_tenants_file_stops_the_start_without_a_traceback(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["tenants"]["lotus-school"]["languge"] = "vi"
    example["tenants"]["riverside-dental"]["plugins"] = ["simulatr"]
    write(example)
    for arguments in ((), ("--port", "0")):
        done = frontdesk("serve", *arguments)
        assert done.returncode == 1
        assert "tenant lotus-school: languge" in done.stderr
        assert "simulatr is not installed" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_store_that_can_never_work_stops_the_start_without_a_traceback(
    frontdesk: Run, example: dict[str, Any], write: Callable[..., Path]
) -> None:
    example["server"]["store"] = "sqlite:////proc/no/such/folder.db"
    example["server"]["bind"] = f"127.0.0.1:{free_port()}"
    write(example)
    done = frontdesk("serve")
    assert done.returncode == 1
    assert "/proc/no/such/folder.db" in done.stderr
    assert "Traceback" not in done.stderr


async def test_while_the_store_is_away_it_says_so_keeps_trying_and_ends_when_told(
    tmp_path: Path, example: dict[str, Any]
) -> None:
    section = {"store": f"mongodb://127.0.0.1:{free_port()}/frontdesk"}
    async with ServerProcess(tmp_path, example["tenants"], server=section) as process:
        await process.start(wait=False)

        async def told() -> bool:
            assert process.alive, process.tail()
            return "store_away" in process.tail(50)

        await until(told, 30)
        assert await _stop(process, signal.SIGINT) == 128 + signal.SIGINT
        assert "Traceback" not in process.tail(50)


def test_another_port_takes_the_local_public_url_along(example: dict[str, Any], write: Callable[..., Path]) -> None:
    declared = write(example)
    port = free_port()
    server = create_server(declared, bind=f"127.0.0.1:{port}")
    assert (server.config.bind, server.config.public_url) == (f"127.0.0.1:{port}", f"http://localhost:{port}")
    example["server"]["public_url"] = f"http://localhost:{port}"
    server = create_server(write(example), bind="fd://3")
    assert (server.config.bind, server.config.public_url) == ("fd://3", f"http://localhost:{port}")
    example["server"]["public_url"] = "https://desk.example.com"
    server = create_server(write(example), bind=f"127.0.0.1:{port}")
    assert server.config.public_url == "https://desk.example.com"


async def test_it_listens_on_a_socket_it_was_given(tmp_path: Path, example: dict[str, Any]) -> None:
    """As systemd does it: the socket is there before the server, and after it."""
    path = tmp_path / "desk.sock"
    section = {"bind": f"unix:{path}", "public_url": "http://localhost"}
    async with (
        ServerProcess(tmp_path, example["tenants"], server=section) as process,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
    ):
        await process.start(wait=False)

        async def alive() -> bool:
            assert process.alive, process.tail()
            return await _status(http, "http://localhost/healthz") == 200

        await until(alive, 30)
        assert f"on unix:{path}" in process.tail(50)


async def test_logs_are_json_where_the_file_says_so(tmp_path: Path, example: dict[str, Any]) -> None:
    section = {"log": {"format": "json"}}
    async with ServerProcess(tmp_path, example["tenants"], server=section) as process:
        await process.start()
        await _stop(process, signal.SIGTERM)
        events = re.findall(r'^\{.*"event": "(\w+)".*\}$', process.log.read_text("utf-8"), re.MULTILINE)
        assert events == ["started", "stopping", "stopped"]


async def _stop(server: ServerProcess, sent: signal.Signals) -> int | None:
    assert server.process is not None
    server.process.send_signal(sent)
    return await server.ended(QUICK)


async def _status(http: aiohttp.ClientSession, url: str) -> int:
    try:
        async with http.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0
