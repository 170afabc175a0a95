"""A real server process, started, killed and started again by a test."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from .nursery import Child, nursery

START_SECONDS = 30.0
_POLL = 0.05


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """`frontdesk serve` on a tenants file in *folder*; its log is `tenants.log` there, after *name*.

    It is forked from a process that has imported Frontdesk already (nursery.py). *fresh*: it is started by a new
    interpreter instead, whose environment may lead it to another Frontdesk than ours.
    """

    def __init__(
        self,
        folder: Path,
        tenants: Mapping[str, Any],
        *,
        server: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        name: str = "tenants",
        fresh: bool = False,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.file = folder / f"{name}.yaml"
        self.serves = str(self.file)
        """What the command is given: the file, or an address at which a test has put its content."""
        self.log = folder / f"{name}.log"
        self.environment = dict(environment or {})
        self.fresh = fresh
        section = {"bind": f"127.0.0.1:{self.port}", "public_url": self.url, **(server or {})}
        self.file.write_text(
            yaml.safe_dump({"server": section, "tenants": dict(tenants)}, allow_unicode=True, sort_keys=False), "utf-8"
        )
        self.inherited: tuple[int, ...] = ()
        """Descriptors of ours that a *fresh* one gets, too: a listening socket, say, as from systemd."""
        self.process: asyncio.subprocess.Process | Child | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self, *, wait: bool = True, **environment: str) -> Self:
        """Start it; with *wait*, until it says it is ready. Raises RuntimeError with the end of its log if it ends."""
        environment = {**os.environ, **self.environment, **environment}
        with self.log.open("ab") as log:
            self.process = await self._begin(log.fileno(), environment)
        if wait:
            await self.ready()
        return self

    async def _begin(self, log: int, environment: dict[str, str]) -> asyncio.subprocess.Process | Child:
        if not self.fresh:
            return await asyncio.to_thread(self._fork, log, environment)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "frontdesk", "serve", self.serves),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            pass_fds=self.inherited,
            env=environment,
        )

    def _fork(self, log: int, environment: dict[str, str]) -> Child:
        with Path(os.devnull).open("rb") as nothing:
            files = (nothing.fileno(), log, log)
            return nursery().start("serve", self.serves, folder=self.folder, files=files, environment=environment)

    async def ready(self) -> None:
        """Wait until /readyz answers 200."""
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await self._is_ready(session):
                if not self.alive:
                    raise RuntimeError(f"the server ended: {self.tail()}")
                await asyncio.sleep(_POLL)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def ended(self, seconds: float) -> int | None:
        """Wait for it to end by itself; its exit code, or None if it still runs."""
        assert self.process is not None
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            return None

    async def kill(self, sent: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal and wait for the end."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(sent)
            await self.process.wait()

    def freeze(self) -> None:
        """It stands still (SIGSTOP) until `thaw`: connections stay open and nothing is answered."""
        assert self.process is not None, "it is not started"
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on (SIGCONT) where it stood still."""
        assert self.process is not None, "it is not started"
        self.process.send_signal(signal.SIGCONT)

    @property
    def frozen(self) -> bool:
        """Whether it stands still: by `freeze`, or at the point named in FRONTDESK_FREEZE_AT."""
        assert self.process is not None, "it is not started"
        state = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
        return state == "T"

    def tail(self, lines: int = 20) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
