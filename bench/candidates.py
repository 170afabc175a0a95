"""The server processes that are compared: Frontdesk as `frontdesk serve` starts it, and the baselines."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import yaml
from workload import ACCOUNT, TEXT, TOKEN, business, contact, request

from frontdesk.testing.process import free_port

HERE = Path(__file__).parent
START_SECONDS = 300.0
TENANTS = 40
"""Twilio takes 80 messages a second from one sender, and Frontdesk paces itself by that: one tenant alone would show this
limit and nothing else."""
SIGNING_KEY = "one key for all processes on a store, or each calls a contact by another id"
AT_ONCE = {"quiet_seconds": 0, "fragment_seconds": 0, "media_seconds": 0, "cap_seconds": 0}
LATER = {"quiet_seconds": 60, "fragment_seconds": 60, "media_seconds": 60, "cap_seconds": 60}
"""No turn begins while acknowledgements are measured."""


class Candidate:
    """A server process. `to_ready`: how long it took until /readyz answered 200 (seconds)."""

    def __init__(
        self, name: str, paths: Sequence[str], command: list[str], port: int, environment: Mapping[str, str]
    ) -> None:
        """*paths*: of the webhook of each tenant; a contact always writes to the same one."""
        self.name = name
        self._paths = paths
        self.port = port
        self.to_ready = 0.0
        self._command = command
        self._environment = environment
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        began = perf_counter()
        with (self.folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=log, stderr=log, cwd=self.folder, env={**os.environ, **self._environment}
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                while await get(self.port, "/readyz") != 200:
                    if self._process.returncode is not None:
                        raise RuntimeError(f"{self.name} ended: {self.log()}")
                    await asyncio.sleep(0.005)
        except BaseException:
            await self.__aexit__()
            raise
        self.to_ready = perf_counter() - began
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._folder.cleanup()

    def webhook(self, number: int, text: str = TEXT) -> bytes:
        """A new message of the *number*-th contact."""
        tenant = number % len(self._paths)
        return request(self.port, self._paths[tenant], contact(number), business(tenant), text)

    def log(self) -> str:
        """The end of what it printed."""
        return (self.folder / "log").read_text("utf-8", "replace")[-3000:]

    def megabytes(self) -> float:
        """Resident memory (VmRSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def frontdesk(
    *,
    twilio: str = "http://127.0.0.1:9",
    settle: Mapping[str, float] = AT_ONCE,
    store: str = "sqlite:///data/frontdesk.db",
    queue: str = "local",
    tenants: Mapping[str, Any] | None = None,
    prefix: tuple[str, ...] = (),
    more: Mapping[str, str] | None = None,
) -> Candidate:
    """Frontdesk with TENANTS tenants (or with *tenants*), a model that answers at once, SQLite in a new folder.

    *prefix*: what the command line begins with, e.g. a profiler; *more* of its environment.
    """
    port = free_port()
    command = [*prefix, sys.executable, "-m", "frontdesk", "serve", "tenants.yaml"]
    environment = {
        "TWILIO_TOKEN": TOKEN,
        "SIGNING_KEY": SIGNING_KEY,
        "PYTHONPATH": str(HERE / "plugins"),
        **(more or {}),
    }
    server = {"bind": f"127.0.0.1:{port}", "store": store, "queue": queue, "log": {"level": "warning"}}
    server["signing_key"] = {"env": "SIGNING_KEY"}
    paths = [f"/webhooks/twilio_whatsapp/school-{number}" for number in range(TENANTS)]
    candidate = Candidate("frontdesk", paths, command, port, environment)
    declared = tenants or {f"school-{number}": _school(number, twilio, settle) for number in range(TENANTS)}
    file = {"server": server, "tenants": dict(declared)}
    (candidate.folder / "tenants.yaml").write_text(yaml.safe_dump(file, allow_unicode=True), "utf-8")
    return candidate


def _school(number: int, twilio: str, settle: Mapping[str, float]) -> dict[str, Any]:
    """A tenant on WhatsApp."""
    account = {
        "account_sid": ACCOUNT,
        "auth_token": {"env": "TWILIO_TOKEN"},
        "numbers": [business(number)],
        "api_base_url": twilio,
        "typing_indicator": False,
        # Contacts write again as soon as they have their reply.
        "seconds_per_contact": 0,
    }
    return {
        "name": "Trung tâm Hoa Sen",
        "time_zone": "Asia/Ho_Chi_Minh",
        "language": "vi",
        "settle": dict(settle),
        # Who writes here is a program, and is answered all the same.
        "limits": {"answers_in_two_minutes": 1000, "answers_in_an_hour": 10_000, "answers_in_a_day": 100_000},
        "plugins": [{"twilio_whatsapp": account}, "instant"],
    }


def baseline(name: str, *, twilio: str = "") -> Candidate:
    """One of bench/baselines."""
    port = free_port()
    command = [sys.executable, str(HERE / "baselines" / f"{name}.py"), str(port)]
    environment = {"TWILIO_TOKEN": TOKEN, "TWILIO_ACCOUNT": ACCOUNT, "TWILIO_API": twilio}
    return Candidate(name, ["/webhook"], command, port, environment)


async def get(port: int, path: str) -> int:
    """The status of a GET; 0 if nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return 0
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        await reader.read()
    except OSError:
        return 0
    finally:
        writer.close()
    return int(line[9:12] or 0)
